//! Rate limits: failed attempts are counted, and too many of them block further attempts for a while.
//!
//! Passwords (`open_attempt`) have three limits, which hold over all nodes: ten failures in 15 minutes block
//! one account for one network (/24, /48); a hundred in an hour block one account for networks that are new to
//! it; a hundred in 15 minutes block a network for accounts that are new to it. An attacker cannot block an
//! account for networks from which its user signed in before, and passkeys and emailed links are not limited
//! here. A blocked attempt is neither hashed nor counted (`docs/decisions/0004-throttle.md`).
//!
//! `limits` is the table of what is counted, `memory_counters` are the counters of this node. Nodes agree in
//! two ways: `flush_counters` writes gathered failures once a second, and each attempt reads what is written;
//! `database_counters` counts an attempt in the database before it is judged.

mod database_counters;
mod flush_counters;
mod limits;
mod memory_counters;
mod open_attempt;

use std::sync::Arc;

use aws_lc_rs::hmac;

use crate::clock::{UnixTime, in_words};
use crate::domain::base_key::BaseKeys;
use crate::domain::id::Id;
pub use crate::domain::known_network::prefix;
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::{Store, StoreError};
use flush_counters::ClosedAccounts;
pub use flush_counters::flush;
use limits::Kind;
pub use limits::RateLimits;
use memory_counters::{Counters, Entry, Key};
pub use open_attempt::{CountedAccount, OpenAttempt, RateLimitKeys, StoredFailures};

/// The rate limits with their counters.
pub struct Throttle {
    limits: RateLimits,
    names: hmac::Key,
    /// Counters that all nodes share.
    shared: Arc<Counters>,
    /// Counters of this node alone: a flood of them must not fill the memory of the shared ones.
    own: Counters,
    /// Accounts that were blocked, for their users' security logs.
    closed_accounts: Arc<ClosedAccounts>,
}

/// The purpose of an emailed link, with what it is counted by.
#[derive(Clone, Copy, Debug)]
pub enum LinkTo<'a> {
    /// Proving this folded email address.
    Prove(&'a str),
    /// Inviting this folded email address.
    Invite(&'a str),
    /// Setting a new password for an account.
    Reset(Id<User>),
}

/// Too many attempts; the seconds until the next one is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Too many tries. Wait {}, then try again.", in_words((*.0).max(60)))]
pub struct Throttled(pub i64);

impl Throttle {
    /// Makes a throttle without any counts. Nodes with the same base key give a counter the same name.
    pub fn new(limits: RateLimits, keys: &BaseKeys) -> Self {
        let key = keys.newest().derive::<32>("throttle", &[]);
        let names = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let (shared, own) = (Arc::new(Counters::new(true)), Counters::new(false));
        Self { limits, names, shared, own, closed_accounts: Arc::default() }
    }

    /// Returns the counter of `who` at `place`. Its name is a keyed digest that reveals neither.
    fn entry(&self, kind: Kind, who: &str, place: &str) -> Entry {
        let mut name = hmac::Context::with_key(&self.names);
        for part in [kind.name(), who, place] {
            name.update(&(part.len() as u64).to_be_bytes());
            name.update(part.as_bytes());
        }
        let mut key = [0; 16];
        key.copy_from_slice(&name.sign().as_ref()[..16]);
        let (most, window) = self.limits.of(kind);
        Entry { kind, key: Key(key), most, window, is_judged: true }
    }

    fn count<const N: usize>(&self, now: UnixTime, named: [(Kind, &str, &str); N]) -> Result<(), Throttled> {
        if !self.limits.is_enabled {
            return Ok(());
        }
        let counters = if named.iter().all(|(kind, ..)| kind.is_shared()) { &*self.shared } else { &self.own };
        let entries = named.map(|(kind, who, place)| self.entry(kind, who, place));
        counters.open(now, entries, None)?;
        counters.close(now, &entries, true);
        Ok(())
    }

    /// Counts a look-up that needs no authentication, per address prefix: a hundred in a window.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_look_up(&self, now: UnixTime, address: &str) -> Result<(), Throttled> {
        self.count(now, [(Kind::LookUp, "", &prefix(address))])
    }

    /// Counts a sign-up, per address prefix: each costs a hash.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub async fn attempt_sign_up(&self, store: &Store, now: UnixTime, address: &str) -> Result<(), Error<Throttled>> {
        self.count_over_all_nodes(store, now, self.entry(Kind::SignUp, "", &prefix(address))).await
    }

    /// Counts a report of leaked secrets, per address prefix, separately from look-ups.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_report(&self, now: UnixTime, address: &str) -> Result<(), Throttled> {
        self.count(now, [(Kind::Report, "", &prefix(address))])
    }

    /// Counts a client that registers itself, per address prefix.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_registration(&self, now: UnixTime, address: &str) -> Result<(), Throttled> {
        self.count(now, [(Kind::Registration, "", &prefix(address))])
    }

    /// Counts the fetch of a client ID metadata document: per address prefix, and per host that it is fetched
    /// from, so that this server cannot be used to flood that host.
    ///
    /// # Errors
    /// [`Throttled`] when a limit is reached.
    pub fn attempt_document(&self, now: UnixTime, address: &str, host: &str) -> Result<(), Throttled> {
        self.count(now, [(Kind::Document, "", &prefix(address))])?;
        self.count(now, [(Kind::DocumentHost, "", host)])
    }

    /// Counts the fetch of a file that proves that a user owns a host: per address prefix, and per user and
    /// host, so that other users cannot use up what the host's owner needs.
    ///
    /// # Errors
    /// [`Throttled`] when a limit is reached.
    pub fn attempt_host_file(
        &self,
        now: UnixTime,
        person: Id<User>,
        address: &str,
        host: &str,
    ) -> Result<(), Throttled> {
        self.count(now, [(Kind::Document, "", &prefix(address))])?;
        self.count(now, [(Kind::HostFile, &person.number().to_string(), host)])
    }

    /// Counts a repeated fetch of a known client ID metadata document: per address prefix and per document,
    /// separately from unknown documents, so that other callers cannot use up what a known client needs.
    ///
    /// # Errors
    /// [`Throttled`] when a limit is reached.
    pub fn attempt_known_document(&self, now: UnixTime, address: &str, url: &str) -> Result<(), Throttled> {
        self.count(now, [(Kind::KnownDocument, "", &prefix(address))])?;
        self.count(now, [(Kind::KnownDocumentUrl, "", url)])
    }

    /// Counts a typed user code of the device flow (RFC 8628 §5.1): ten wrong ones of a user in a window, a
    /// hundred of an address prefix, which several users share. It is counted before it is judged.
    /// [`OpenAttempt::discard`] takes a right code back. Earlier failures stay, so that a user cannot reset the
    /// limit by typing a valid code of their own.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_user_code(&self, now: UnixTime, person: i64, address: &str) -> Result<OpenAttempt, Throttled> {
        let of_person = self.entry(Kind::UserCode, &person.to_string(), "");
        let entries = [of_person, self.entry(Kind::UserCodeNetwork, "", &prefix(address))];
        let entries = if self.limits.is_enabled { entries.to_vec() } else { Vec::new() };
        if let [of_person, of_network] = entries[..] {
            self.shared.open(now, [of_person, of_network], None)?;
        }
        Ok(OpenAttempt::of(self, now, entries))
    }

    /// Counts an email that an unauthenticated caller may cause, per address prefix (ours): twenty in a window.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub async fn attempt_email(&self, store: &Store, now: UnixTime, address: &str) -> Result<(), Error<Throttled>> {
        self.count_over_all_nodes(store, now, self.entry(Kind::Letter, "", &prefix(address))).await
    }

    /// Counts an email with a link to one email address, per network that requests it: callers in other
    /// networks cannot use up what the owner may request. `false` when this network requested enough today.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn attempt_link(
        &self,
        store: &Store,
        now: UnixTime,
        to: LinkTo<'_>,
        address: &str,
    ) -> Result<bool, StoreError> {
        let (kind, whose) = match to {
            LinkTo::Prove(email) => (Kind::ProofEmail, email.to_owned()),
            LinkTo::Invite(email) => (Kind::InvitationEmail, email.to_owned()),
            LinkTo::Reset(person) => (Kind::ResetEmail, CountedAccount::User(person).counter_name()),
        };
        match self.count_over_all_nodes(store, now, self.entry(kind, &whose, &prefix(address))).await {
            Ok(()) => Ok(true),
            Err(Error::Refused(Throttled(_))) => Ok(false),
            Err(Error::Failed(error)) => Err(error),
        }
    }

    /// Whether a client may try to authenticate from this network (OAuth 2.1 §2.4.1: secrets must not be
    /// guessable). Failures from one network do not block the client elsewhere.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn admit_client(&self, now: UnixTime, client_id: &str, address: &str) -> Result<(), Throttled> {
        // The name of a counter costs two digests: none is made while no client has failed.
        if !self.own.has_any(Kind::Client) {
            return Ok(());
        }
        let wait = self.own.find_wait(now, self.entry(Kind::Client, client_id, &prefix(address)));
        wait.map_or(Ok(()), |seconds| Err(Throttled(seconds)))
    }

    /// Counts a failed authentication of a registered client.
    pub fn client_failed(&self, now: UnixTime, client_id: &str, address: &str) {
        if let Err(Throttled(seconds)) = self.count(now, [(Kind::Client, client_id, &prefix(address))]) {
            tracing::debug!(seconds, "a client is closed to an address");
        }
    }

    /// Counts a request with an unknown `client_id`: by its network, and never by the name.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn unknown_client_failed(&self, now: UnixTime, address: &str) -> Result<(), Throttled> {
        self.count(now, [(Kind::UnknownClient, "", &prefix(address))])
    }

    /// Counts a signed assertion of a client that an unauthenticated caller can create, per address prefix: it
    /// is recorded until it expires.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_signed(&self, now: UnixTime, address: &str) -> Result<(), Throttled> {
        self.count(now, [(Kind::Signed, "", &prefix(address))])
    }

    /// Removes counters whose windows have ended.
    pub fn sweep(&self, now: UnixTime) {
        self.shared.sweep(now);
        self.own.sweep(now);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn throttle() -> Throttle {
        Throttle::new(RateLimits::default(), &BaseKeys::generate())
    }

    #[test]
    fn a_hundred_failures_close_one_client_to_one_prefix() {
        let (throttle, now) = (throttle(), UnixTime::from_seconds(1_800_000_000));
        for _ in 0..100 {
            assert_eq!(throttle.admit_client(now, "app", "192.0.2.1"), Ok(()));
            throttle.client_failed(now, "app", "192.0.2.1");
        }
        assert_eq!(throttle.admit_client(now, "app", "192.0.2.7"), Err(Throttled(900)));
        assert_eq!(throttle.admit_client(now, "app", "198.51.100.1"), Ok(()), "another prefix");
        assert_eq!(throttle.admit_client(now, "other", "192.0.2.1"), Ok(()), "another client");
        assert_eq!(throttle.admit_client(now.plus(900), "app", "192.0.2.1"), Ok(()), "later");
    }

    #[test]
    fn clients_that_nobody_registered_are_counted_by_their_network_alone() {
        let (throttle, now) = (throttle(), UnixTime::from_seconds(1_800_000_000));
        for _ in 0..100 {
            assert_eq!(throttle.unknown_client_failed(now, "192.0.2.1"), Ok(()));
        }
        for _ in 0..1_000 {
            assert_eq!(throttle.unknown_client_failed(now, "192.0.2.7"), Err(Throttled(900)));
        }
        assert_eq!(throttle.own.len(), 1);
        assert_eq!(throttle.unknown_client_failed(now, "198.51.100.1"), Ok(()), "another network");
        assert_eq!(throttle.admit_client(now, "app", "192.0.2.1"), Ok(()), "a registered client");
    }

    /// Returns a different network for each number.
    fn network(number: usize) -> String {
        format!("2001:{:x}:{:x}::1", number / 65_536, number % 65_536)
    }

    #[test]
    fn a_flood_of_one_kind_switches_off_no_limit_of_another() {
        let (throttle, now) = (throttle(), UnixTime::from_seconds(1_800_000_000));
        for number in 0..120_000 {
            throttle.client_failed(now, "app", &network(number));
            assert_eq!(throttle.attempt_look_up(now, &network(number)), Ok(()));
        }
        assert!(throttle.own.len() <= 100_000, "{} are kept", throttle.own.len());
        for _ in 0..100 {
            assert_eq!(throttle.attempt_report(now, "192.0.2.1"), Ok(()));
        }
        assert_eq!(throttle.attempt_report(now, "192.0.2.1"), Err(Throttled(900)), "a kind of its own");
        for _ in 0..100 {
            throttle.client_failed(now.plus(1), "app", "192.0.2.1");
        }
        assert_eq!(throttle.admit_client(now.plus(1), "app", "192.0.2.1"), Err(Throttled(900)), "the oldest went");
        for number in 0..200_000 {
            assert_eq!(throttle.unknown_client_failed(now, "192.0.2.1").is_ok(), number < 100);
            throttle.client_failed(now.plus(2), "app", &network(number % 1_000));
        }
        assert_eq!(throttle.admit_client(now.plus(2), "app", "192.0.2.1"), Err(Throttled(899)), "and stays");
    }

    #[test]
    fn what_makes_rows_or_fetches_is_refused_when_it_cannot_be_counted() {
        let (throttle, now) = (throttle(), UnixTime::from_seconds(1_800_000_000));
        for _ in 0..30 {
            assert_eq!(throttle.attempt_registration(now, "192.0.2.1"), Ok(()));
        }
        let mut refused = 0;
        for number in 0..60_000 {
            refused += usize::from(throttle.attempt_registration(now, &network(number)).is_err());
        }
        assert_eq!(refused, 10_001, "no room is made");
        assert_eq!(throttle.attempt_registration(now, "192.0.2.1"), Err(Throttled(900)), "the first one is kept");
        assert_eq!(throttle.count(now, [(Kind::Document, "", "192.0.2")]), Ok(()), "another kind");
        assert_eq!(throttle.attempt_registration(now.plus(900), "192.0.2.1"), Ok(()), "what is over goes");
        assert_eq!(throttle.attempt_registration(now.plus(900), &network(70_000)), Ok(()));
    }

    #[test]
    fn ten_wrong_device_codes_close_the_door_to_a_person_and_a_hundred_to_a_prefix() {
        let (throttle, now) = (throttle(), UnixTime::from_seconds(1_800_000_000));
        // An attempt that is dropped counts as wrong.
        let wrong = |now, person, address| throttle.attempt_user_code(now, person, address).map(drop);
        for right in 0..20 {
            let attempt = throttle.attempt_user_code(now, 1, "192.0.2.1");
            let is_right = attempt.map(|attempt| attempt.discard().now_or_never());
            assert_eq!(is_right, Ok(Some(())), "{right}");
        }
        for _ in 0..10 {
            assert_eq!(wrong(now, 1, "192.0.2.1"), Ok(()));
        }
        assert_eq!(wrong(now, 1, "198.51.100.1"), Err(Throttled(900)), "the same person");
        for _ in 0..200 {
            assert_eq!(wrong(now, 1, "192.0.2.1"), Err(Throttled(900)), "it counts no further");
        }
        for person in 2..11 {
            for _ in 0..10 {
                assert_eq!(wrong(now, person, "192.0.2.7"), Ok(()), "a neighbor");
            }
        }
        assert_eq!(wrong(now, 11, "192.0.2.7"), Err(Throttled(900)), "the same prefix");
        assert_eq!(wrong(now, 12, "198.51.100.1"), Ok(()), "nobody else");
        assert_eq!(wrong(now.plus(900), 1, "192.0.2.1"), Ok(()), "later");
    }

    #[test]
    fn counters_have_names_of_their_own_that_only_the_base_key_makes() {
        let keys = BaseKeys::generate();
        let (one, other) = (Throttle::new(RateLimits::default(), &keys), Throttle::new(RateLimits::default(), &keys));
        let name = |throttle: &Throttle, who, place| throttle.entry(Kind::Account, who, place).key;
        assert_eq!(name(&one, "ann", "192.0.2"), name(&other, "ann", "192.0.2"), "nodes agree");
        assert_ne!(name(&one, "ann", "192.0.2"), name(&one, "ann1", "92.0.2"));
        assert_ne!(name(&one, "ann", ""), one.entry(Kind::AccountFromNetwork, "ann", "").key);
        assert_ne!(name(&one, "ann", ""), name(&throttle(), "ann", ""), "another base key");
    }
}
