//! Where it is kept: diesel and nothing but diesel. Nothing above this folder knows which database it is.
//!
//! [`Store::read`] and [`Store::write`] take closures. On SQLite the writes of many requests share
//! one transaction (see `sqlite`) and reads run on the calling thread; on PostgreSQL both run on a
//! pool (see `postgres`). Then one file per table, each with free functions, called qualified.

pub mod apis;
pub mod audiences;
pub mod authentications;
pub mod authorization_codes;
pub mod backup;
mod batch;
pub mod batch_sizes;
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
mod gathering;
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
pub mod nodes;
pub mod outbox;
pub mod passkeys;
mod pool;
mod postgres;
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
mod shelf;
pub mod sign_in_steps;
pub mod signing_keys;
mod snapshot;
mod snapshot_version;
mod sqlite;
mod statement;
mod together;
pub mod tokens;
pub mod turns;
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

/// Why the store could not do its work. Nothing of the work was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// More work is queued than will be done in time; come back in a second.
    #[error("the store has more work than it can queue")]
    Overloaded,
    /// Somebody else took a unique value first.
    #[error("a unique value is taken")]
    Conflict,
    /// Two transactions crossed; the same work may succeed when it is run again.
    #[error("the transaction met another one")]
    Serialization,
    /// The database is gone, full, locked, broken, or does not answer.
    #[error("the database failed: {0}")]
    Unavailable(String),
    /// The database belongs to a newer Gatepost, another key, or cannot be opened.
    #[error("{0}")]
    Unusable(String),
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Conflict,
            // 40001 is mapped by diesel; 40P01 (deadlock) is not, and is told by its words.
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Serialization,
            DieselError::DatabaseError(_, ref information) if information.message().contains("deadlock detected") => {
                Self::Serialization
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// What a query answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
    share: Share,
}

/// How much of the places that wait to write somebody may fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    /// All of them.
    Whole,
    /// Three quarters: the rest is for those who proved who they are (`docs/decisions/0030-refusals-are-cheap.md`).
    Unauthenticated,
}

impl Share {
    /// Whether one more may wait, beside `waiting` of `places`.
    fn lets_in(self, waiting: usize, places: usize) -> bool {
        self == Self::Whole || waiting < places / 4 * 3
    }
}

/// Whether the database named by `url` is a SQLite file that is not there or holds nothing. A server of
/// PostgreSQL is asked by [`installation::is_begun`].
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
    /// Opens the database named by `url` (`sqlite://file`, `postgres://…`) without changing it. `settings` say how
    /// PostgreSQL is reached.
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
        Ok(Self { engine: Arc::new(engine), share: Share::Whole })
    }

    /// Whether other nodes may write at the same moment: then what this one counts in its memory is not all.
    pub fn is_shared(&self) -> bool {
        matches!(self.engine.as_ref(), Engine::Postgres(_))
    }

    /// How many writes shared one commit.
    pub fn batch_counts(&self) -> BatchCounts {
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => sqlite.shared.batches.counts(),
            Engine::Postgres(postgres) => postgres.shared.batches.counts(),
        }
    }

    /// The same store for work that somebody causes who proved nothing: signing up, starting a reset or a
    /// device. However many come, those who proved something still find a place.
    pub fn for_unauthenticated(&self) -> Self {
        Self { share: Share::Unauthenticated, ..self.clone() }
    }

    /// Lets what changes rarely be kept in memory from now on: for servers. The tables must be there. On PostgreSQL a
    /// thread with a connection of its own watches whether it changed; on SQLite each piece of work asks.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn watch(&self) -> Result<()> {
        match self.engine.as_ref() {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(postgres) => postgres.watch(),
        }
    }

    /// The edition of what changes rarely (applications, APIs, signing keys), that now counts: one query on SQLite,
    /// none on PostgreSQL. Nothing when it is not known; then what was made of it has to be made anew.
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

    /// How many queries ran so far, for tests and measurements.
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

    /// Writes what is still in SQLite's write-ahead log into the database file, which then is whole by itself.
    /// PostgreSQL sees to its own.
    ///
    /// # Errors
    /// When somebody else reads or writes it now; nothing is lost then.
    pub fn fold_log(&self) -> Result<()> {
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => sqlite.fold_log(),
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Runs `work` without writing.
    ///
    /// # Errors
    /// Whatever `work` fails with, or why it could not run.
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

    /// The same for work that asks for a token and hardly anything else. On PostgreSQL the token is read in one query
    /// with those that other requests ask for at the same moment.
    ///
    /// # Errors
    /// Whatever `work` fails with, or why it could not run.
    pub async fn read_together<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Database) -> Result<T> + Send + 'static,
    {
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => read_here(sqlite, work),
            Engine::Postgres(postgres) => {
                let (job, answer) = job(work);
                postgres.read_together(job).await?;
                answer.take()
            }
        }
    }

    /// The same as [`write`](Self::write) for work that often only adds a grant and its token. On PostgreSQL they
    /// are added in one statement with those of other requests.
    ///
    /// # Errors
    /// As those of [`write`](Self::write).
    pub async fn write_together<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Database) -> Result<T> + Send + 'static,
    {
        let (job, answer) = job(work);
        match self.engine.as_ref() {
            Engine::Sqlite(sqlite) => sqlite.write(self.share, job).await?,
            Engine::Postgres(postgres) => postgres.write_together(self.share, job).await?,
        }
        answer.take()
    }

    /// Runs `work` in a transaction: `Ok` commits and is answered after the commit returned, `Err`
    /// rolls back. `work` may be run again and must not do anything slow.
    ///
    /// # Errors
    /// Whatever `work` fails with; [`StoreError::Overloaded`] at once when the queue is full.
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
