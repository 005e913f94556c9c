//! The keys of clients that publish them (`jwks_uri`, RFC 7591 §2). They are fetched when such a client first
//! signs, cached as long as their headers say, and fetched again for a signature that none of them verifies,
//! so that keys can rotate (OpenID Connect Core §10.1.1). They are never fetched inside a transaction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web::Data;

use crate::clock::UnixTime;
use crate::domain::bounded::remove_oldest_when_full;
use crate::domain::keys_url::KeysUrl;
use crate::oauth::client_authentication::{ClientCredentials, PublishedKeys};
use crate::oauth::client_document::lifetime;
use crate::store::{Result, clients};
use crate::web::app::App;
use crate::web::fetch::{Document, KEYS};

/// The minimum time between two fetches of one URL, in seconds (our limit), counted for all callers together.
const PACE: i64 = 30;
/// How long expired keys stay valid while their host cannot be reached, in seconds (our limit, as for client
/// ID metadata documents).
const GRACE: i64 = 86_400;
/// The maximum number of remembered URLs.
const MOST: usize = 1_000;

/// The cached state of one URL.
#[derive(Clone, Default)]
struct CachedKeys {
    keys: Option<Arc<PublishedKeys>>,
    fresh_until: Option<UnixTime>,
    tried_at: Option<UnixTime>,
}

impl CachedKeys {
    fn is_fresh(&self, now: UnixTime) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }

    fn may_be_read(&self, now: UnixTime) -> bool {
        self.tried_at.is_none_or(|tried| now.since(tried) >= PACE)
    }

    /// Returns the keys, unless they have not been fetched for too long: their owner may have revoked them.
    fn usable(&self, now: UnixTime) -> Option<Arc<PublishedKeys>> {
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

    fn cached(&self, url: &KeysUrl) -> CachedKeys {
        self.all().get(url.as_str()).cloned().unwrap_or_default()
    }

    fn store(&self, url: &KeysUrl, cached: CachedKeys) {
        let mut all = self.all();
        if !all.contains_key(url.as_str()) {
            remove_oldest_when_full(&mut all, MOST, |cached| cached.tried_at.unwrap_or(UnixTime::from_seconds(0)));
        }
        all.insert(url.as_str().to_owned(), cached);
    }

    /// Returns the lock of one URL. Its holder fetches the keys, and the others wait and look again.
    fn read_lock(&self, url: &KeysUrl) -> Arc<tokio::sync::Mutex<()>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.retain(|_, read_lock| Arc::strong_count(read_lock) > 1);
        reading.entry(url.as_str().to_owned()).or_default().clone()
    }
}

/// Returns the credentials with the published keys of their client, when it signed them and publishes keys.
///
/// # Errors
/// When the store fails.
pub(in crate::web) async fn with_keys(
    app: &Data<App>,
    credentials: ClientCredentials,
    address: &str,
) -> Result<ClientCredentials> {
    if !credentials.are_signed() {
        return Ok(credentials);
    }
    let client_id = credentials.client_id().to_owned();
    let client =
        app.store.read(move |db| clients::find_by_client_id(db, &client_id)).await?.filter(|client| client.is_active());
    let Some(url) = client.and_then(|client| client.jwks_uri.as_ref()?.parse::<KeysUrl>().ok()) else {
        return Ok(credentials);
    };
    let now = app.now();
    let is_enough = |cached: &CachedKeys| {
        let keys = cached.keys.as_ref().filter(|_| cached.is_fresh(now));
        keys.is_some_and(|keys| credentials.are_signed_by(keys))
    };
    let mut cached = app.client_keys.cached(&url);
    if !is_enough(&cached) && cached.may_be_read(now) {
        let read_lock = app.client_keys.read_lock(&url);
        let _lock = read_lock.lock().await;
        cached = app.client_keys.cached(&url);
        if !is_enough(&cached) && cached.may_be_read(now) {
            cached = read(app, (&url, cached), address).await;
        }
    }
    Ok(match cached.usable(now) {
        Some(keys) => credentials.with_keys(keys),
        None => credentials,
    })
}

/// Fetches the keys. The cached keys stay when the fetch fails temporarily.
async fn read(app: &Data<App>, (url, before): (&KeysUrl, CachedKeys), address: &str) -> CachedKeys {
    let now = app.now();
    // A client with cached keys has its own rate, so that requests of others do not use it up. An unknown URL
    // may lead anywhere, so its fetches are limited for each network and host.
    let is_known = before.keys.is_some();
    if !is_known && app.throttle.attempt_document(now, address, url.host_name()).is_err() {
        return before;
    }
    let kept = CachedKeys { tried_at: Some(now), ..before };
    let cached = match app.documents.fetcher().fetch(url.url(), KEYS).await.map(|document| parsed(url, &document)) {
        Ok(Some((keys, seconds))) => {
            CachedKeys { keys: Some(Arc::new(keys)), fresh_until: Some(now.plus(seconds)), tried_at: Some(now) }
        }
        Ok(None) => {
            tracing::info!(host = url.host_name(), "a client's published keys cannot be used");
            CachedKeys { keys: None, ..kept }
        }
        // The owner removed the keys.
        Err(error) if !error.is_passing() => {
            tracing::info!(%error, host = url.host_name(), "a client's published keys cannot be read");
            CachedKeys { keys: None, ..kept }
        }
        Err(error) => {
            tracing::info!(%error, host = url.host_name(), "a client's published keys cannot be read today");
            kept
        }
    };
    app.client_keys.store(url, cached.clone());
    cached
}

fn parsed(url: &KeysUrl, document: &Document) -> Option<(PublishedKeys, i64)> {
    let keys = PublishedKeys::parse(url.as_str(), &document.body)?;
    Some((keys, lifetime(document.cache_control.as_deref())))
}
