//! Storage: diesel and nothing but diesel. No code above this folder knows which database is used.
//!
//! [`Store::read`] and [`Store::write`] take closures. On SQLite the writes of many requests share one transaction
//! (see `sqlite`) and reads run on the calling thread; on PostgreSQL both run on a pool (see `postgres`). Each
//! table has a file with free functions, which are called qualified.

pub mod apis;
pub mod audiences;
pub mod authentications;
pub mod authorization_codes;
pub mod backup;
mod batch;
pub mod batch_sizes;
mod batcher;
mod bounded_cache;
pub mod cleaning;
pub mod client_secrets;
pub mod clients;
pub mod consents;
pub mod contact_messages;
mod database;
mod deferred;
pub mod deletions;
pub mod device_codes;
pub mod email_codes;
pub mod erasing;
pub mod factors;
pub mod failure_counts;
pub mod former_addresses;
pub mod grants;
pub mod held_names;
pub mod host_proofs;
pub mod idempotency_keys;
pub mod installation;
mod job;
pub mod known_networks;
pub mod login_codes;
pub mod login_return_hosts;
pub mod mailed_links;
mod migrations;
pub mod named_locks;
pub mod nodes;
pub mod outbox;
pub mod passkeys;
mod pool;
mod postgres;
mod postgres_batches;
pub mod pushed_requests;
pub mod refresh_tokens;
pub mod refusals;
pub mod remembered_browsers;
pub mod remote_sessions;
pub mod resources;
mod rows;
pub mod security_log;
pub mod seen_devices;
pub mod self_registrations;
pub mod sessions;
pub mod sign_in_steps;
pub mod signing_keys;
mod snapshot;
mod snapshot_version;
mod sqlite;
mod statement;
pub mod tokens;
pub mod used_proofs;
pub mod user_pictures;
pub mod users;
mod view;
mod watch;

use std::sync::Arc;

pub use crate::on;
use batch_sizes::BatchCounts;
pub use database::{AnyConnection, Database, DatabaseSettings, Queries};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use job::job;
pub use snapshot::Edition;

/// Why the store could not do its work. No change of the work was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The queue is full: the work would not be done in time. The caller may retry after a second.
    #[error("the store has more work than it can queue")]
    Overloaded,
    /// Another transaction inserted the same unique value first.
    #[error("a unique value is taken")]
    Conflict,
    /// Two transactions conflicted; the same work may succeed when it is run again.
    #[error("the transaction met another one")]
    Serialization,
    /// The database cannot be reached, is full, locked or broken, or does not answer.
    #[error("the database failed: {0}")]
    Unavailable(String),
    /// The database belongs to a newer Gatepost or another base key, or cannot be opened.
    #[error("{0}")]
    Unusable(String),
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Conflict,
            // Diesel maps 40001; it does not map 40P01 (deadlock), which is recognized by its message.
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Serialization,
            DieselError::DatabaseError(_, ref information) if information.message().contains("deadlock detected") => {
                Self::Serialization
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// The result of a query: a value, or why the store failed.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
    share: QueueShare,
}

/// The part of the write queue that a request may fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QueueShare {
    All,
    /// Three quarters: the rest is reserved for authenticated requests (`docs/decisions/0030-refusals-are-cheap.md`).
    Unauthenticated,
}

impl QueueShare {
    /// Whether one more request may wait when `waiting` of `places` are taken.
    fn allows(self, waiting: usize, places: usize) -> bool {
        self == Self::All || waiting < places / 4 * 3
    }
}

/// Whether the database named by `url` is a SQLite file that does not exist or is empty. For PostgreSQL, ask
/// [`installation::is_begun`].
pub fn is_missing(url: &str) -> bool {
    let file = url.strip_prefix("sqlite://").map(std::fs::metadata);
    file.is_some_and(|file| match file {
        Ok(metadata) => metadata.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    })
}

enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Store {
    /// Opens the database named by `url` (`sqlite://file`, `postgres://…`) without changing it. `settings` are the
    /// PostgreSQL connection settings.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the URL or the database cannot be used.
    pub fn connect(url: &str, settings: DatabaseSettings) -> Result<Self> {
        let engine = if let Some(path) = url.strip_prefix("sqlite://") {
            Engine::Sqlite(sqlite::Sqlite::open(path)?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Engine::Postgres(postgres::Postgres::open(url, settings)?)
        } else {
            return Err(StoreError::Unusable("database_url must begin with sqlite:// or postgres://".to_owned()));
        };
        Ok(Self { engine: Arc::new(engine), share: QueueShare::All })
    }

    /// Whether other nodes may write at the same time: then the counts in the memory of this node are incomplete.
    pub fn is_shared(&self) -> bool {
        matches!(self.engine.as_ref(), Engine::Postgres(_))
    }

    /// Returns how many writes shared one commit.
    pub fn batch_counts(&self) -> BatchCounts {
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => sqlite.shared.batches.counts(),
            Engine::Postgres(postgres) => postgres.shared.batches.counts(),
        }
    }

    /// Returns the same store for work of unauthenticated callers, such as signing up or starting a reset or a
    /// device. This work can fill only a part of the queue, so authenticated requests can still be queued.
    pub fn for_unauthenticated(&self) -> Self {
        Self { share: QueueShare::Unauthenticated, ..self.clone() }
    }

    /// Starts to keep data that changes rarely in memory: for servers. The tables must exist. On PostgreSQL a
    /// thread with its own connection watches for changes; on SQLite each piece of work asks.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn watch(&self) -> Result<()> {
        match self.engine.as_ref() {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(postgres) => postgres.watch(),
        }
    }

    /// Returns the current edition of the data that changes rarely (applications, APIs, signing keys): one query on
    /// SQLite, none on PostgreSQL. `None` when it is not known; then results that were derived from the data must
    /// be derived again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn edition(&self) -> Result<Option<Edition>> {
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => {
                let mut answer = None;
                sqlite.ask(&mut |database| {
                    answer = database.edition()?;
                    Ok(())
                })?;
                Ok(answer)
            }
            Engine::Postgres(postgres) => Ok(postgres.edition()),
        }
    }

    /// Returns how many queries ran since the start, for tests and measurements.
    pub fn queries(&self) -> Queries {
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => sqlite.shared.queries.sum(),
            Engine::Postgres(postgres) => postgres.shared.queries.sum(),
        }
    }

    /// Applies the migrations that are missing.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the database was made by a newer Gatepost.
    pub async fn migrate(&self) -> Result<()> {
        match self.engine.as_ref() {
            // Outside the writer: some statements of a migration may not run in a savepoint.
            Engine::Sqlite(sqlite) => sqlite.migrate(),
            Engine::Postgres(postgres) => postgres.migrate().await,
        }
    }

    /// Writes the content of SQLite's write-ahead log into the database file, which is complete by itself then.
    /// PostgreSQL needs no such step.
    ///
    /// # Errors
    /// When another process reads or writes the database now; nothing is lost then.
    pub fn fold_log(&self) -> Result<()> {
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => sqlite.fold_log(),
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Runs `work` without writing.
    ///
    /// # Errors
    /// The failure of `work`, or why it could not run.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Database) -> Result<T> + Send + 'static,
    {
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => read_here(sqlite, work),
            Engine::Postgres(postgres) => {
                let (job, answer) = job(work);
                postgres.read(job).await?;
                answer.take()
            }
        }
    }

    /// Like [`read`](Self::read), for work that reads a token and hardly anything else. On PostgreSQL the token is
    /// read in one query together with the tokens of concurrent requests.
    ///
    /// # Errors
    /// The failure of `work`, or why it could not run.
    pub async fn read_batched<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Database) -> Result<T> + Send + 'static,
    {
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => read_here(sqlite, work),
            Engine::Postgres(postgres) => {
                let (job, answer) = job(work);
                postgres.read_batched(job).await?;
                answer.take()
            }
        }
    }

    /// Like [`write`](Self::write), for work that often only adds a grant and its token. On PostgreSQL they are
    /// added in one statement together with those of concurrent requests.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn write_batched<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Database) -> Result<T> + Send + 'static,
    {
        let (job, answer) = job(work);
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => sqlite.write(self.share, job).await?,
            Engine::Postgres(postgres) => postgres.write_batched(self.share, job).await?,
        }
        answer.take()
    }

    /// Runs `work` in a transaction: `Ok` commits, and is returned after the commit; `Err` rolls back. `work` may
    /// run more than once and must not do anything slow.
    ///
    /// # Errors
    /// The failure of `work`; [`StoreError::Overloaded`] at once when the queue is full.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Database) -> Result<T> + Send + 'static,
    {
        let (job, answer) = job(work);
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => sqlite.write(self.share, job).await?,
            Engine::Postgres(postgres) => postgres.write(self.share, job).await?,
        }
        answer.take()
    }
}

/// Runs `work` on the calling thread.
fn read_here<T>(sqlite: &sqlite::Sqlite, mut work: impl FnMut(&mut Database) -> Result<T>) -> Result<T> {
    let mut answer = None;
    sqlite.read(&mut |database| {
        answer = Some(work(database)?);
        Ok(())
    })?;
    answer.ok_or_else(|| StoreError::Unavailable("the work left no answer".to_owned()))
}
