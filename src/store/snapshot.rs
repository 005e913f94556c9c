//! A cache in memory of data that changes rarely and that almost every request needs: applications, the digests of
//! their secrets, APIs with their scopes, signing keys (`docs/decisions/0060-snapshot.md`). People, grants, tokens
//! and sessions are always read from the database.
//!
//! A snapshot belongs to one version of the database and contains what was asked for. It does not record that a row
//! was not found. When the version changes, the whole snapshot is dropped; `view` has the rules for its use.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::batch_sizes::BatchSizes;
use super::bounded_cache::{BoundedCache, MemorySize};
use super::database::QueryCounts;
use super::{Database, Result};
use crate::domain::api_directory::ApiDirectory;
use crate::domain::client::Client;
use crate::domain::client_secret::ClientSecretRecord;
use crate::domain::id::Id;
use crate::domain::signing_key::SigningKeyRecord;

/// The greatest age of the last confirmation of a watched snapshot. It is less than the promised second, because
/// the work that uses the snapshot takes time too.
const MAX_AGE: Duration = Duration::from_millis(900);
/// The confirmation of a snapshot whose version is read before each use: it never becomes old.
const ALWAYS: u64 = u64::MAX;

/// Bytes of applications in one generation, for each of the two keys by which they are found.
const CLIENTS: usize = 2 << 20;
/// Bytes of client secrets in one generation.
const SECRETS: usize = 1 << 20;

/// The state that all connections of one store share.
#[derive(Default)]
pub struct Shared {
    pub snapshots: Snapshots,
    pub queries: QueryCounts,
    pub batches: BatchSizes,
}

/// The data that is known at one version of the database.
pub struct Snapshot {
    version: i64,
    /// When the version was last known to be current, in milliseconds since [`Snapshots::begun`].
    confirmed_at: AtomicU64,
    begun: Instant,
    pub clients: BoundedCache<Id<Client>, Client>,
    pub named_clients: BoundedCache<String, Client>,
    pub secrets: BoundedCache<Id<ClientSecretRecord>, ClientSecretRecord>,
    pub apis: OnceLock<Arc<ApiDirectory>>,
    pub signing_keys: OnceLock<Arc<Vec<SigningKeyRecord>>>,
}

/// The version of applications, APIs and signing keys from which something was derived (such as a rendered
/// document): the result is valid as long as [`Store::edition`](super::Store::edition) returns an equal one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition(i64);

impl Edition {
    pub(super) fn of_version(version: i64) -> Self {
        Self(version)
    }
}

/// Holds the current snapshot, if there is one.
pub struct Snapshots {
    current: RwLock<Current>,
    begun: Instant,
    /// Wakes the thread that watches the version.
    watch: Mutex<Option<SyncSender<()>>>,
}

#[derive(Default)]
struct Current {
    snapshot: Option<Arc<Snapshot>>,
    /// The number of snapshots that were dropped because this process changed their data.
    forgotten: u64,
}

impl Snapshot {
    fn new(version: i64, begun: Instant, confirmed_at: u64) -> Self {
        Self {
            version,
            confirmed_at: AtomicU64::new(confirmed_at),
            begun,
            clients: BoundedCache::new(CLIENTS),
            named_clients: BoundedCache::new(CLIENTS),
            secrets: BoundedCache::new(SECRETS),
            apis: OnceLock::new(),
            signing_keys: OnceLock::new(),
        }
    }

    /// Returns the version of the database that it belongs to.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Returns the name of its version for code outside the store.
    pub fn edition(&self) -> Edition {
        Edition::of_version(self.version)
    }

    /// Whether its version was current a moment ago.
    pub fn is_confirmed(&self) -> bool {
        match self.confirmed_at.load(Ordering::Acquire) {
            ALWAYS => true,
            confirmed_at => self.begun.elapsed() < Duration::from_millis(confirmed_at) + MAX_AGE,
        }
    }
}

impl Default for Snapshots {
    fn default() -> Self {
        Self { current: RwLock::default(), begun: Instant::now(), watch: Mutex::default() }
    }
}

impl Snapshots {
    /// Returns the current snapshot, if there is one.
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).snapshot.clone()
    }

    /// Returns the snapshot of the version that the caller just read; an empty one when the version is new.
    pub fn of_version(&self, version: i64) -> Arc<Snapshot> {
        if let Some(current) = self.current().filter(|current| current.version == version) {
            return current;
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        match &current.snapshot {
            Some(snapshot) if snapshot.version == version => Arc::clone(snapshot),
            _ => Arc::clone(current.snapshot.insert(Arc::new(Snapshot::new(version, self.begun, ALWAYS)))),
        }
    }

    /// Drops the snapshot, because this process committed a change, and has the new version read at once.
    pub fn forget(&self) {
        {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            current.snapshot = None;
            current.forgotten += 1;
        }
        if let Some(watch) = &*self.watch.lock().unwrap_or_else(PoisonError::into_inner) {
            // A full channel means that the thread is awake already.
            watch.try_send(()).unwrap_or_default();
        }
    }

    /// Returns how many snapshots [`forget`](Self::forget) dropped, as an argument of [`confirm`](Self::confirm).
    pub fn forgotten(&self) -> u64 {
        self.current.read().unwrap_or_else(PoisonError::into_inner).forgotten
    }

    /// Records that the database answered `version` to a query that was sent at `asked_at`, when `forgotten`
    /// snapshots had been dropped. An answer from before a change by this process is ignored.
    pub fn confirm(&self, version: i64, asked_at: Instant, forgotten: u64) {
        let confirmed_at = asked_at.saturating_duration_since(self.begun).as_millis();
        let confirmed_at = u64::try_from(confirmed_at).unwrap_or_default();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.forgotten != forgotten {
            return;
        }
        match &current.snapshot {
            Some(snapshot) if snapshot.version == version => {
                snapshot.confirmed_at.store(confirmed_at, Ordering::Release);
            }
            _ => current.snapshot = Some(Arc::new(Snapshot::new(version, self.begun, confirmed_at))),
        }
    }

    /// Sets the channel that [`forget`](Self::forget) wakes. `false` when another thread watches already.
    pub fn set_watch(&self, wake: SyncSender<()>) -> bool {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = watch.is_none();
        watch.get_or_insert(wake);
        is_first
    }
}

/// Returns the row with this key: from the snapshot, or the one that `read` finds, which is then kept.
pub fn find_or_read<K, Q, V>(
    tx: &mut Database,
    cache: impl Fn(&Snapshot) -> &BoundedCache<K, V>,
    key: &Q,
    read: impl FnOnce(&mut Database) -> Result<Option<V>>,
) -> Result<Option<Arc<V>>>
where
    K: Borrow<Q> + Clone + Eq + Hash,
    Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    V: MemorySize,
{
    let snapshot = tx.snapshot()?;
    if let Some(found) = snapshot.as_ref().and_then(|snapshot| cache(snapshot).find(key)) {
        return Ok(Some(found));
    }
    let Some(found) = read(tx)?.map(Arc::new) else { return Ok(None) };
    if let Some(snapshot) = snapshot.filter(|_| tx.may_fill()) {
        cache(&snapshot).insert(key.to_owned(), &found);
    }
    Ok(Some(found))
}

/// Returns all rows of `read`, for data that the snapshot keeps completely.
pub fn all_or_read<V>(
    tx: &mut Database,
    place: impl Fn(&Snapshot) -> &OnceLock<Arc<V>>,
    read: impl FnOnce(&mut Database) -> Result<V>,
) -> Result<Arc<V>> {
    let snapshot = tx.snapshot()?;
    if let Some(found) = snapshot.as_ref().and_then(|snapshot| place(snapshot).get()) {
        return Ok(Arc::clone(found));
    }
    let found = Arc::new(read(tx)?);
    Ok(match snapshot.filter(|_| tx.may_fill()) {
        Some(snapshot) => Arc::clone(place(&snapshot).get_or_init(|| found)),
        None => found,
    })
}

impl MemorySize for Client {
    fn weight(&self) -> usize {
        let texts = [&self.client_id, &self.name].into_iter().chain(&self.jwks).chain(&self.jwks_uri);
        let lists = [
            &self.grant_types, &self.redirect_uris, &self.login_return_urls, &self.post_logout_redirect_uris,
            &self.login_varying_parameters,
        ];
        let lists = lists.into_iter().map(|list| list.as_str().len());
        texts.map(String::len).chain(lists).sum::<usize>() + self.scope.as_str().len()
    }
}

impl MemorySize for ClientSecretRecord {
    fn weight(&self) -> usize {
        // The digest is stored as a text of this length.
        self.last_four.len() + 64
    }
}
