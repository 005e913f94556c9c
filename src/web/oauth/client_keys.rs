//! The keys of clients that publish them (`jwks_uri`, RFC 7591 §2). They are fetched when such a client first
//! signs, cached as long as their headers say, and fetched again for a signature that none of them verifies,
//! so that keys can rotate (OpenID Connect Core §10.1.1). They are never fetched inside a transaction.

use std::sync::Arc;

use actix_web::web::Data;

use super::read_keys::CachedKeys;
use crate::domain::keys_url::KeysUrl;
use crate::oauth::client_authentication::{ClientCredentials, PublishedKeys};
use crate::oauth::client_document::lifetime;
use crate::store::{Result, clients};
use crate::web::app::App;
use crate::web::fetch::{Document, KEYS};

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
