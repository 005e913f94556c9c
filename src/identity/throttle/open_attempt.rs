//! One password attempt: whether it may be judged at all, and how its result is counted.

use std::sync::Arc;

use super::database_counters::Counted;
use super::flush_counters::{ClosedAccount, ClosedAccounts};
use super::limits::Kind;
use super::memory_counters::{Counters, Entry};
use super::{Throttle, Throttled, prefix};
use crate::clock::UnixTime;
use crate::domain::failure_count::FailureCount;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::store::{Database, Result as StoreResult, failure_counts, known_networks};

/// The account for which failures are counted together.
#[derive(Clone, Copy, Debug)]
pub enum CountedAccount<'a> {
    /// The account that was found, by its user name or its email address.
    User(Id<User>),
    /// A name that no account has, folded as names are compared.
    UnknownName(&'a str),
}

impl CountedAccount<'_> {
    /// Returns the text by which its counters are named. No unknown name gets the text of an account.
    pub(super) fn counter_name(self) -> String {
        match self {
            Self::User(id) => format!("person {}", id.number()),
            Self::UnknownName(name) => format!("name {name}"),
        }
    }
}

/// The counters of an attempt at one account from one network address.
#[derive(Clone, Debug)]
pub struct RateLimitKeys {
    /// For the account from this network, the account from all networks, and all accounts from this network;
    /// `None` when limits are off.
    entries: Option<[Entry; 3]>,
    address: String,
}

/// What the database knows about the counters of an attempt.
#[derive(Debug, Default)]
pub struct StoredFailures {
    stored: Vec<FailureCount>,
    user: Option<Id<User>>,
    is_known: bool,
}

impl RateLimitKeys {
    /// Reads the stored counts and whether the network is known to the user. The same queries run for an
    /// unknown name, so that it takes as long.
    ///
    /// # Errors
    /// When the store fails.
    pub fn find_stored(&self, db: &mut Database, now: UnixTime, user: Option<Id<User>>) -> StoreResult<StoredFailures> {
        let Some(entries) = &self.entries else { return Ok(StoredFailures::default()) };
        let names = entries.map(|entry| entry.key.text());
        let stored = failure_counts::list(db, now, [&names[0], &names[1], &names[2]])?;
        let somebody = user.unwrap_or(Id::from_number(0));
        let is_known = known_networks::is_known(db, now, (somebody, &prefix(&self.address)))?;
        Ok(StoredFailures { stored, user, is_known })
    }
}

impl Throttle {
    /// Returns the counters of an account for a network address.
    pub fn rate_limit_keys(&self, tried: CountedAccount<'_>, address: &str) -> RateLimitKeys {
        let (account, network) = (&*tried.counter_name(), prefix(address));
        let entries = self.limits.is_enabled.then(|| {
            [
                self.entry(Kind::AccountFromNetwork, account, &network),
                self.entry(Kind::Account, account, ""),
                self.entry(Kind::Network, "", &network),
            ]
        });
        RateLimitKeys { entries, address: address.to_owned() }
    }

    /// Opens an attempt before its password is verified, so that parallel attempts cannot exceed a limit.
    ///
    /// An unknown name is counted like a known one. From a network that is known to the user only the first
    /// limit applies (`docs/decisions/0004-throttle.md`), and its failures do not count as guessing at many
    /// accounts (ours): in a company behind one address many users mistype their passwords.
    ///
    /// # Errors
    /// [`Throttled`] when a limit is reached; then nothing is counted.
    pub fn attempt(
        &self,
        now: UnixTime,
        keys: RateLimitKeys,
        stored_failures: &StoredFailures,
    ) -> Result<OpenAttempt, Throttled> {
        let RateLimitKeys { entries, address } = keys;
        let Some([here, anywhere, network]) = entries else {
            return Ok(OpenAttempt::of(self, now, Vec::new()));
        };
        let stored = Some(stored_failures.stored.as_slice());
        let (entries, closes) = if stored_failures.is_known {
            let entries = [here, Entry { is_judged: false, ..anywhere }];
            let [closes, _judged_elsewhere] = self.shared.open(now, entries, stored)?;
            (entries.to_vec(), closes.then_some(here))
        } else {
            let entries = [here, anywhere, network];
            let [closes_here, closes, _others] = self.shared.open(now, entries, stored)?;
            (entries.to_vec(), closes.then_some(anywhere).or(closes_here.then_some(here)))
        };
        let mut attempt = OpenAttempt::of(self, now, entries);
        (attempt.address, attempt.user) = (address, stored_failures.user);
        attempt.closed_account = closes.and_then(|entry| attempt.closed_by(entry));
        Ok(attempt)
    }
}

/// An attempt that is being judged. An attempt that is dropped counts as failed, whatever the reason.
#[must_use]
pub struct OpenAttempt {
    pub(super) now: UnixTime,
    counters: Arc<Counters>,
    closed_accounts: Arc<ClosedAccounts>,
    /// The counters in memory.
    pub(super) entries: Vec<Entry>,
    /// The counters in the database, which are used instead where other nodes count too.
    pub(super) counted: Option<Counted>,
    user: Option<Id<User>>,
    address: String,
    /// What the user's security log gets if the attempt fails.
    pub(super) closed_account: Option<ClosedAccount>,
}

impl OpenAttempt {
    /// Makes an attempt that was opened in these counters.
    pub(super) fn of(throttle: &Throttle, now: UnixTime, entries: Vec<Entry>) -> Self {
        let (counters, closed_accounts) = (Arc::clone(&throttle.shared), Arc::clone(&throttle.closed_accounts));
        Self {
            now,
            counters,
            closed_accounts,
            entries,
            counted: None,
            user: None,
            address: String::new(),
            closed_account: None,
        }
    }

    /// Returns the security log entry for the case that this attempt reaches the limit of this counter.
    pub(super) fn closed_by(&self, entry: Entry) -> Option<ClosedAccount> {
        let is_here = self.entries.first().is_some_and(|here| here.key == entry.key);
        let about = if is_here { "for one network" } else { "for all networks that are new to it" };
        let (address, at, window) = (self.address.clone(), self.now, entry.window);
        self.user.map(|user| ClosedAccount { user, address, about, at, window })
    }

    /// Removes the attempt from the counters in memory, and returns them.
    pub(super) fn remove_from_memory(&mut self) -> Vec<Entry> {
        let entries = std::mem::take(&mut self.entries);
        self.counters.close(self.now, &entries, false);
        entries
    }

    /// Ends a successful attempt: the failures of this account from this network are forgotten.
    pub async fn succeeded(mut self) {
        if let Some(here) = self.remove_from_memory().first() {
            self.counters.forget(self.now, *here);
        }
        if let Some(counted) = self.counted.take() {
            counted.take_back(true).await;
        }
    }

    /// Ends an attempt that was not judged: it is not counted.
    pub async fn discard(mut self) {
        self.remove_from_memory();
        if let Some(counted) = self.counted.take() {
            counted.take_back(false).await;
        }
    }
}

impl Drop for OpenAttempt {
    fn drop(&mut self) {
        if self.entries.is_empty() && self.counted.is_none() {
            return;
        }
        self.counters.close(self.now, &self.entries, true);
        if let Some(closed_account) = self.closed_account.take() {
            self.closed_accounts.note(closed_account);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::domain::base_key::BaseKeys;
    use crate::identity::throttle::RateLimits;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    /// These tests use no database, so the future is ready at once.
    fn discard(attempt: OpenAttempt) {
        assert!(attempt.discard().now_or_never().is_some());
    }

    fn throttle() -> Throttle {
        Throttle::new(RateLimits::default(), &BaseKeys::generate())
    }

    fn attempt(throttle: &Throttle, now: UnixTime, (account, address): (&str, &str)) -> Result<OpenAttempt, Throttled> {
        throttle.attempt(
            now,
            throttle.rate_limit_keys(CountedAccount::UnknownName(account), address),
            &StoredFailures::default(),
        )
    }

    /// Opens an attempt from a network that is known to the user.
    fn attempt_from_known_network(
        throttle: &Throttle,
        (account, address): (&str, &str),
    ) -> Result<OpenAttempt, Throttled> {
        let stored_failures =
            StoredFailures { is_known: true, user: Some(Id::from_number(7)), ..StoredFailures::default() };
        throttle.attempt(NOW, throttle.rate_limit_keys(CountedAccount::UnknownName(account), address), &stored_failures)
    }

    #[test]
    fn ten_failures_close_one_account_to_one_prefix_for_fifteen_minutes() {
        let throttle = throttle();
        for _ in 0..10 {
            assert!(attempt(&throttle, NOW, ("ann", "192.0.2.1")).is_ok());
        }
        let refused = |now, who| attempt(&throttle, now, who).map(discard);
        assert_eq!(refused(NOW, ("ann", "192.0.2.99")), Err(Throttled(900)), "the same prefix");
        assert_eq!(refused(NOW.plus(899), ("ann", "192.0.2.99")), Err(Throttled(1)), "and it counts no further");
        assert_eq!(refused(NOW, ("ann", "198.51.100.1")), Ok(()), "another prefix");
        assert_eq!(refused(NOW, ("bob", "192.0.2.1")), Ok(()), "another account");
        assert_eq!(refused(NOW.plus(900), ("ann", "192.0.2.1")), Ok(()), "later");
    }

    #[test]
    fn a_hundred_failures_in_an_hour_close_an_account_to_networks_that_are_new_to_it() {
        let throttle = throttle();
        for network in 0..10 {
            for _ in 0..10 {
                assert!(attempt(&throttle, NOW, ("ann", &format!("192.0.{network}.1"))).is_ok());
            }
        }
        let elsewhere = ("ann", "198.51.100.1");
        assert_eq!(attempt(&throttle, NOW.plus(1_000), elsewhere).map(drop), Err(Throttled(2_600)));
        for _ in 0..10 {
            assert!(attempt_from_known_network(&throttle, elsewhere).is_ok(), "a known network has its own ten");
        }
        assert!(attempt_from_known_network(&throttle, elsewhere).is_err());
        assert!(attempt(&throttle, NOW.plus(3_600), ("ann", "203.0.113.1")).is_ok(), "after an hour");
    }

    #[test]
    fn a_hundred_failures_close_a_network_to_accounts_that_are_new_to_it() {
        let throttle = throttle();
        for account in 0..150 {
            let typed = (&*format!("colleague-{account}"), "192.0.2.1");
            assert!(attempt_from_known_network(&throttle, typed).is_ok(), "what people mistype where they are known");
        }
        for account in 0..100 {
            assert!(attempt(&throttle, NOW, (&format!("user-{account}"), "192.0.2.1")).is_ok());
        }
        assert_eq!(attempt(&throttle, NOW, ("ann", "192.0.2.9")).map(drop), Err(Throttled(900)));
        assert!(attempt_from_known_network(&throttle, ("ann", "192.0.2.9")).is_ok());
        assert!(attempt(&throttle, NOW, ("ann", "198.51.100.1")).is_ok());
        assert!(attempt(&throttle, NOW.plus(900), ("ann", "192.0.2.9")).is_ok());
    }

    #[test]
    fn no_name_is_counted_like_a_person() {
        let (throttle, id) = (throttle(), Id::from_number(7));
        let counted = |tried| throttle.rate_limit_keys(tried, "192.0.2.1").entries.map(|entries| entries[0].key);
        for name in ["7", "person 7", "name person 7", ""] {
            assert_ne!(counted(CountedAccount::UnknownName(name)), counted(CountedAccount::User(id)), "{name}");
        }
    }

    #[test]
    fn a_success_forgets_its_own_account_here_and_nothing_else() {
        let throttle = throttle();
        let here = ("ann", "192.0.2.1");
        for round in 0..10 {
            for _ in 0..9 {
                assert!(attempt(&throttle, NOW, here).is_ok(), "round {round}");
            }
            let tenth = attempt(&throttle, NOW, here).expect("because it is the tenth");
            assert!(tenth.succeeded().now_or_never().is_some());
        }
        assert!(attempt(&throttle, NOW, here).is_ok(), "the ninety-first failure of the account and of the network");
        for account in 0..9 {
            assert!(attempt(&throttle, NOW, (&format!("user-{account}"), "192.0.2.1")).is_ok());
        }
        let refused = attempt(&throttle, NOW, ("bob", "192.0.2.1")).map(drop);
        assert_eq!(refused, Err(Throttled(900)), "a guesser with an account of their own gains nothing by it");
    }

    #[test]
    fn tries_that_are_being_judged_count_and_those_that_were_not_judged_leave_nothing() {
        let throttle = throttle();
        let here = ("ann", "192.0.2.1");
        let open: Vec<OpenAttempt> = (0..10).filter_map(|_| attempt(&throttle, NOW, here).ok()).collect();
        assert_eq!(open.len(), 10);
        assert!(attempt(&throttle, NOW, here).is_err(), "in parallel");
        open.into_iter().for_each(discard);
        assert!(attempt(&throttle, NOW, here).is_ok());
        let off = Throttle::new(RateLimits { is_enabled: false, ..RateLimits::default() }, &BaseKeys::generate());
        for _ in 0..200 {
            assert!(attempt(&off, NOW, here).is_ok());
        }
    }

    #[test]
    fn what_another_node_wrote_counts_and_what_this_one_is_writing_counts_once() {
        let throttle = throttle();
        let here = ("ann", "192.0.2.1");
        let of = |failures| {
            let account = CountedAccount::UnknownName(here.0).counter_name();
            let counter = throttle.entry(Kind::AccountFromNetwork, &account, &prefix(here.1)).key.text();
            let (window_started_at, expires_at) = (NOW.plus(-300), NOW.plus(600));
            let stored =
                vec![FailureCount { id: Id::from_number(1), counter, window_started_at, failures, expires_at }];
            StoredFailures { stored, ..StoredFailures::default() }
        };
        let judge = |stored_failures: &StoredFailures| {
            throttle.attempt(
                NOW,
                throttle.rate_limit_keys(CountedAccount::UnknownName(here.0), here.1),
                stored_failures,
            )
        };
        assert_eq!(judge(&of(10)).map(drop), Err(Throttled(600)), "their window is ours");
        for _ in 0..4 {
            assert!(judge(&of(5)).is_ok());
        }
        let changes = throttle.shared.take(NOW, 500);
        assert_eq!(changes.len(), 3);
        for stored_failures in [of(5), of(9)] {
            let ninth = judge(&stored_failures).expect("because nine failed, whether the write has arrived or not");
            assert!(judge(&stored_failures).is_err());
            discard(ninth);
        }
        throttle.shared.put_back(&changes);
        let again = throttle.shared.take(NOW, 500);
        assert_eq!(again.len(), 3, "what could not be written is written later");
        let stored: Vec<_> = again.iter().map(|change| change.more.clone()).collect();
        throttle.shared.written(&again, &stored);
        assert!(throttle.shared.take(NOW, 500).is_empty());
        let tenth = judge(&of(9)).expect("because it is the tenth");
        assert!(tenth.succeeded().now_or_never().is_some());
        let forgotten = throttle.shared.take(NOW, 500);
        assert!(matches!(&forgotten[..], [change] if change.is_forgotten), "the database forgets it too");
    }
}
