//! Guessing is slow: failures per account and address prefix, kept in memory.
//!
//! Ten failures in fifteen minutes close one account to one prefix (/24, /48); nobody can close it
//! to others. A throttled attempt is neither hashed nor counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::UnixTime;

/// Failures that close the door.
const FAILURES: u32 = 10;
/// Wrong device codes of one prefix, by however many people.
const PREFIX_FAILURES: u32 = 100;
/// Anonymous look-ups of one prefix in one window.
const LOOK_UPS: u32 = 100;
/// Letters that one prefix may cause in one window.
const LETTERS: u32 = 20;
/// Accounts that are made from one prefix in one window: a class of pupils, not a list of names.
const SIGN_UPS: u32 = 30;
/// Failed client authentications that close one client to one prefix. Some libraries fail once at
/// each log-in before they find the right way, hence more.
const CLIENT_FAILURES: u32 = 100;
/// Applications that one prefix may register in one window.
const REGISTRATIONS: u32 = 30;
/// Seconds until it opens again.
const WINDOW: i64 = 900;
/// Entries that are kept; beyond it the oldest go.
const ENTRIES: usize = 100_000;

#[derive(Clone, Copy, Debug)]
struct Count {
    failures: u32,
    since: UnixTime,
}

/// The failures that count.
#[derive(Debug)]
pub struct Throttle {
    is_enabled: bool,
    counts: Mutex<HashMap<(String, String), Count>>,
}

/// Too many failures; seconds until the next try counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled(pub i64);

/// A client's entry; no account name holds a space. A name that is no `client_id` is cut.
fn client_key(client_id: &str) -> String {
    format!("client {}", client_id.chars().take(64).collect::<String>())
}

/// The entry of typed device codes; no account's name begins with a space.
const USER_CODE: &str = " user code";

fn user_code_key(person: i64) -> String {
    format!("{USER_CODE} {person}")
}

/// The part of an address that one household or company shares.
pub fn prefix(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}")
        }
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => prefix(&address.to_string()),
            None => address.segments()[..3].iter().map(|part| format!("{part:x}")).collect::<Vec<_>>().join(":"),
        },
        Err(_) => address.to_owned(),
    }
}

impl Throttle {
    /// A throttle without failures; one that is switched off counts none.
    pub fn new(is_enabled: bool) -> Self {
        Self { is_enabled, counts: Mutex::default() }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<(String, String), Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an attempt before it is judged, so that parallel ones cannot slip past the limit;
    /// [`Throttle::succeeded`] takes it back.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt(&self, now: UnixTime, account: &str, address: &str) -> Result<(), Throttled> {
        self.count(now, (account, address), FAILURES)
    }

    fn count(&self, now: UnixTime, (account, address): (&str, &str), most: u32) -> Result<(), Throttled> {
        self.count_all(now, [(account.to_owned(), prefix(address), most)])
    }

    /// Counts in several entries, or in none: the limit of one must not use another one up.
    fn count_all<const N: usize>(&self, now: UnixTime, entries: [(String, String, u32); N]) -> Result<(), Throttled> {
        if !self.is_enabled {
            return Ok(());
        }
        let mut counts = self.counts();
        for (account, prefix, most) in &entries {
            let count = counts.get(&(account.clone(), prefix.clone()));
            if let Some(count) = count.filter(|count| count.failures >= *most && now.since(count.since) < WINDOW) {
                return Err(Throttled(WINDOW - now.since(count.since)));
            }
        }
        for (account, prefix, _) in entries {
            Self::raise(&mut counts, now, (account, prefix));
        }
        Ok(())
    }

    fn raise(counts: &mut HashMap<(String, String), Count>, now: UnixTime, key: (String, String)) {
        if counts.len() >= ENTRIES {
            counts.retain(|_, count| now.since(count.since) < WINDOW);
        }
        if counts.len() >= ENTRIES && !counts.contains_key(&key) {
            return; // memory is bounded: what is known goes on being counted
        }
        let count = counts.entry(key).or_insert(Count { failures: 0, since: now });
        if now.since(count.since) >= WINDOW {
            *count = Count { failures: 0, since: now };
        }
        count.failures += 1;
    }

    /// Counts a look-up that anybody may make, per address prefix: a hundred in a window.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_look_up(&self, now: UnixTime, address: &str) -> Result<(), Throttled> {
        self.count(now, ("", address), LOOK_UPS)
    }

    /// Counts an account that somebody makes, per address prefix: each costs a hash.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_sign_up(&self, now: UnixTime, address: &str) -> Result<(), Throttled> {
        self.count(now, (" sign-up", address), SIGN_UPS)
    }

    /// Counts a report of leaked tokens, per address prefix, apart from look-ups.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_report(&self, now: UnixTime, address: &str) -> Result<(), Throttled> {
        // No account's name begins like this: names are trimmed.
        self.count(now, (" leak", address), LOOK_UPS)
    }

    /// Counts an application that registers itself, per address prefix.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_registration(&self, now: UnixTime, address: &str) -> Result<(), Throttled> {
        self.count(now, (" registration", address), REGISTRATIONS)
    }

    /// Counts a client's document that is read for somebody: per address prefix, and per host that it
    /// lies at, so that we are nobody's hammer.
    ///
    /// # Errors
    /// [`Throttled`] when a limit is reached.
    pub fn attempt_document(&self, now: UnixTime, address: &str, host: &str) -> Result<(), Throttled> {
        self.count(now, (" document", address), REGISTRATIONS)?;
        self.count(now, (" document at", host), REGISTRATIONS)
    }

    /// Counts a client's document that is read again: per address prefix and per document, apart from the
    /// documents that nobody knows yet, so that no stranger uses up what a known client needs.
    ///
    /// # Errors
    /// [`Throttled`] when a limit is reached.
    pub fn attempt_known_document(&self, now: UnixTime, address: &str, url: &str) -> Result<(), Throttled> {
        self.count(now, (" known document", address), REGISTRATIONS)?;
        self.count(now, (" known document at", url), REGISTRATIONS)
    }

    /// Counts a typed device code (RFC 8628 §5.1): ten wrong ones of a person in a window, a hundred of
    /// an address prefix, which its neighbors share. It counts before it is judged;
    /// [`Throttle::knew_user_code`] takes it back.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_user_code(&self, now: UnixTime, person: i64, address: &str) -> Result<(), Throttled> {
        let of_person = (user_code_key(person), String::new(), FAILURES);
        self.count_all(now, [of_person, (USER_CODE.to_owned(), prefix(address), PREFIX_FAILURES)])
    }

    /// Takes one attempt back: the code was right. The others stay, so that nobody who types a code of
    /// their own now and then may go on guessing.
    pub fn knew_user_code(&self, person: i64, address: &str) {
        let mut counts = self.counts();
        for key in [(user_code_key(person), String::new()), (USER_CODE.to_owned(), prefix(address))] {
            if let Some(count) = counts.get_mut(&key) {
                count.failures = count.failures.saturating_sub(1);
            }
        }
    }

    /// Counts a letter that anybody may cause, per address prefix (ours): twenty in a window.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn attempt_letter(&self, now: UnixTime, address: &str) -> Result<(), Throttled> {
        self.count(now, (" letter", address), LETTERS)
    }

    /// Whether a client may try to authenticate from here (OAuth 2.1 §2.4.1: secrets are not to be
    /// guessed). Nobody closes it to other addresses.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub fn admit_client(&self, now: UnixTime, client_id: &str, address: &str) -> Result<(), Throttled> {
        let counts = self.counts();
        match counts.get(&(client_key(client_id), prefix(address))) {
            Some(count) if count.failures >= CLIENT_FAILURES && now.since(count.since) < WINDOW => {
                Err(Throttled(WINDOW - now.since(count.since)))
            }
            _ => Ok(()),
        }
    }

    /// Counts a failed client authentication.
    pub fn client_failed(&self, now: UnixTime, client_id: &str, address: &str) {
        if let Err(Throttled(seconds)) = self.count(now, (&client_key(client_id), address), CLIENT_FAILURES) {
            tracing::debug!(seconds, "a client is closed to an address");
        }
    }

    /// Forgets the failures of an account at a prefix: the right person was there.
    pub fn succeeded(&self, account: &str, address: &str) {
        self.counts().remove(&(account.to_owned(), prefix(address)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_close_one_account_to_one_prefix_for_fifteen_minutes() {
        let (throttle, now) = (Throttle::new(true), UnixTime::from_seconds(1_800_000_000));
        for _ in 0..10 {
            assert_eq!(throttle.attempt(now, "ann", "192.0.2.1"), Ok(()));
        }
        assert_eq!(throttle.attempt(now, "ann", "192.0.2.99"), Err(Throttled(900)), "the same prefix");
        assert_eq!(throttle.attempt(now, "ann", "198.51.100.1"), Ok(()), "another prefix");
        assert_eq!(throttle.attempt(now, "bob", "192.0.2.1"), Ok(()), "another account");
        assert_eq!(throttle.attempt(now.plus(900), "ann", "192.0.2.1"), Ok(()), "later");
    }

    #[test]
    fn a_hundred_failures_close_one_client_to_one_prefix() {
        let (throttle, now) = (Throttle::new(true), UnixTime::from_seconds(1_800_000_000));
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
    fn ten_wrong_device_codes_close_the_door_to_a_person_and_a_hundred_to_a_prefix() {
        let (throttle, now) = (Throttle::new(true), UnixTime::from_seconds(1_800_000_000));
        for right in 0..20 {
            assert_eq!(throttle.attempt_user_code(now, 1, "192.0.2.1"), Ok(()), "{right}");
            throttle.knew_user_code(1, "192.0.2.1");
        }
        for _ in 0..10 {
            assert_eq!(throttle.attempt_user_code(now, 1, "192.0.2.1"), Ok(()));
        }
        assert_eq!(throttle.attempt_user_code(now, 1, "198.51.100.1"), Err(Throttled(900)), "the same person");
        for _ in 0..200 {
            assert_eq!(throttle.attempt_user_code(now, 1, "192.0.2.1"), Err(Throttled(900)), "it counts no further");
        }
        for person in 2..11 {
            for _ in 0..10 {
                assert_eq!(throttle.attempt_user_code(now, person, "192.0.2.7"), Ok(()), "a neighbor");
            }
        }
        assert_eq!(throttle.attempt_user_code(now, 11, "192.0.2.7"), Err(Throttled(900)), "the same prefix");
        assert_eq!(throttle.attempt_user_code(now, 12, "198.51.100.1"), Ok(()), "nobody else");
        assert_eq!(throttle.attempt_user_code(now.plus(900), 1, "192.0.2.1"), Ok(()), "later");
    }

    #[test]
    fn a_mapped_address_has_the_prefix_of_its_own_kind() {
        assert_eq!(prefix("::ffff:192.0.2.7"), "192.0.2");
        assert_eq!(prefix("2001:db8:1:2::3"), "2001:db8:1");
    }
}
