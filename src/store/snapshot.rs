//! What changes rarely and is asked by almost every request, in memory: applications, the digests of their secrets,
//! APIs with their scopes, signing keys (`docs/decisions/0060-snapshot.md`). People, grants, tokens and sessions are
//! always read.
//!
//! A snapshot belongs to one version of the database and is filled by what is asked for. What was not found is not
//! kept. When the version changes it is dropped as a whole; see `view` for who may use and fill it.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::batch_sizes::BatchSizes;
use super::database::QueryCounts;
use super::shelf::{Shelf, Weighed};
use super::{Database, Result};
use crate::domain::api_directory::ApiDirectory;
use crate::domain::client::Client;
use crate::domain::client_secret::ClientSecretRecord;
use crate::domain::id::Id;
use crate::domain::signing_key::SigningKeyRecord;

/// How old the last confirmation of a watched snapshot may be. Less than the second that is promised: the work that
/// uses it takes time, too.
const MAX_AGE: Duration = Duration::from_millis(900);
/// A snapshot whose version is asked before each use needs no confirmation.
const ALWAYS: u64 = u64::MAX;

/// Bytes of applications in one generation, once for each of the two keys by which they are found.
const CLIENTS: usize = 2 << 20;
/// Bytes of client secrets in one generation.
const SECRETS: usize = 1 << 20;

/// What all connections of one store share.
#[derive(Default)]
pub struct Shared {
    pub snapshots: Snapshots,
    pub queries: QueryCounts,
    pub batches: BatchSizes,
}

/// What is known at one version of the database.
pub struct Snapshot {
    version: i64,
    /// When the version was last seen to be current, in milliseconds of [`Snapshots::begun`].
    confirmed_at: AtomicU64,
    begun: Instant,
    pub clients: Shelf<Id<Client>, Client>,
    pub named_clients: Shelf<String, Client>,
    pub secrets: Shelf<Id<ClientSecretRecord>, ClientSecretRecord>,
    pub apis: OnceLock<Arc<ApiDirectory>>,
    pub signing_keys: OnceLock<Arc<Vec<SigningKeyRecord>>>,
}

/// Names what was known of applications, APIs and signing keys when something was made of it (a document that was
/// rendered): it is right as long as [`Store::edition`](super::Store::edition) gives an equal one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition(i64);

impl Edition {
    pub(super) fn of_version(version: i64) -> Self {
        Self(version)
    }
}

/// The snapshot that is current, if one is.
pub struct Snapshots {
    current: RwLock<Current>,
    begun: Instant,
    /// Wakes who watches the version.
    watch: Mutex<Option<SyncSender<()>>>,
}

#[derive(Default)]
struct Current {
    snapshot: Option<Arc<Snapshot>>,
    /// How many were dropped because this process changed something.
    forgotten: u64,
}

impl Snapshot {
    fn new(version: i64, begun: Instant, confirmed_at: u64) -> Self {
        Self {
            version,
            confirmed_at: AtomicU64::new(confirmed_at),
            begun,
            clients: Shelf::new(CLIENTS),
            named_clients: Shelf::new(CLIENTS),
            secrets: Shelf::new(SECRETS),
            apis: OnceLock::new(),
            signing_keys: OnceLock::new(),
        }
    }

    /// The version of the database that it belongs to.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// What names it outside of the store.
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
    /// The snapshot that is current.
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).snapshot.clone()
    }

    /// The snapshot of the version that the caller just asked; an empty one when the version is new.
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

    /// Drops the snapshot, because this process committed a change, and lets the new version be asked at once.
    pub fn forget(&self) {
        {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            current.snapshot = None;
            current.forgotten += 1;
        }
        if let Some(watch) = &*self.watch.lock().unwrap_or_else(PoisonError::into_inner) {
            // Full: it is awake already.
            watch.try_send(()).unwrap_or_default();
        }
    }

    /// How many were dropped by [`forget`](Self::forget), to be given to [`confirm`](Self::confirm).
    pub fn forgotten(&self) -> u64 {
        self.current.read().unwrap_or_else(PoisonError::into_inner).forgotten
    }

    /// Says that the database answered `version` to a question that was sent at `asked_at`, before which `forgotten`
    /// snapshots had been dropped: an answer from before a change of our own says nothing.
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

    /// Says who is woken by [`forget`](Self::forget). `false` when somebody watches already.
    pub fn set_watch(&self, wake: SyncSender<()>) -> bool {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = watch.is_none();
        watch.get_or_insert(wake);
        is_first
    }
}

/// The row with this key: the one that is kept, else the one that `read` finds, which then is kept.
pub fn find_or_read<K, Q, V>(
    tx: &mut Database,
    shelf: impl Fn(&Snapshot) -> &Shelf<K, V>,
    key: &Q,
    read: impl FnOnce(&mut Database) -> Result<Option<V>>,
) -> Result<Option<Arc<V>>>
where
    K: Borrow<Q> + Clone + Eq + Hash,
    Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    V: Weighed,
{
    let snapshot = tx.snapshot()?;
    if let Some(found) = snapshot.as_ref().and_then(|snapshot| shelf(snapshot).find(key)) {
        return Ok(Some(found));
    }
    let Some(found) = read(tx)?.map(Arc::new) else { return Ok(None) };
    if let Some(snapshot) = snapshot.filter(|_| tx.may_fill()) {
        shelf(&snapshot).keep(key.to_owned(), &found);
    }
    Ok(Some(found))
}

/// All that `read` finds, where the snapshot keeps all of it.
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

impl Weighed for Client {
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

impl Weighed for ClientSecretRecord {
    fn weight(&self) -> usize {
        // The digest is a text of this length.
        self.last_four.len() + 64
    }
}
