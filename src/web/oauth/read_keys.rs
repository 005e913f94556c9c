//! The cache of the keys that clients publish, and the rules for fetching them again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::UnixTime;
use crate::domain::bounded::remove_oldest_when_full;
use crate::domain::keys_url::KeysUrl;
use crate::oauth::client_authentication::PublishedKeys;

/// The minimum time between two fetches of one URL, in seconds (our limit), counted for all callers together.
const PACE: i64 = 30;
/// How long expired keys stay valid while their host cannot be reached, in seconds (our limit, as for client
/// ID metadata documents).
const GRACE: i64 = 86_400;
/// The maximum number of remembered URLs.
const MOST: usize = 1_000;

/// The cached state of one URL.
#[derive(Clone, Default)]
pub(super) struct CachedKeys {
    pub(super) keys: Option<Arc<PublishedKeys>>,
    pub(super) fresh_until: Option<UnixTime>,
    pub(super) tried_at: Option<UnixTime>,
}

impl CachedKeys {
    pub(super) fn is_fresh(&self, now: UnixTime) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }

    pub(super) fn may_be_read(&self, now: UnixTime) -> bool {
        self.tried_at.is_none_or(|tried| now.since(tried) >= PACE)
    }

    /// Returns the keys, unless they have not been fetched for too long: their owner may have revoked them.
    pub(super) fn usable(&self, now: UnixTime) -> Option<Arc<PublishedKeys>> {
        let is_known = self.fresh_until.is_some_and(|until| now < until.plus(GRACE));
        self.keys.clone().filter(|_| is_known)
    }
}

/// The cache of published keys, with the running fetches.
#[derive(Default)]
pub struct ClientKeys {
    cached: Mutex<HashMap<String, CachedKeys>>,
    reading: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl ClientKeys {
    fn all(&self) -> MutexGuard<'_, HashMap<String, CachedKeys>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn cached(&self, url: &KeysUrl) -> CachedKeys {
        self.all().get(url.as_str()).cloned().unwrap_or_default()
    }

    pub(super) fn store(&self, url: &KeysUrl, cached: CachedKeys) {
        let mut all = self.all();
        if !all.contains_key(url.as_str()) {
            remove_oldest_when_full(&mut all, MOST, |cached| cached.tried_at.unwrap_or(UnixTime::from_seconds(0)));
        }
        all.insert(url.as_str().to_owned(), cached);
    }

    /// Returns the lock of one URL. Its holder fetches the keys, and the others wait and look again.
    pub(super) fn read_lock(&self, url: &KeysUrl) -> Arc<tokio::sync::Mutex<()>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.retain(|_, read_lock| Arc::strong_count(read_lock) > 1);
        reading.entry(url.as_str().to_owned()).or_default().clone()
    }
}
