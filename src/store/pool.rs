//! Connections to PostgreSQL: reused while they work, closed at the first failure.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, CacheSize, SimpleConnection, TransactionManager};
use diesel::dsl::sql;
use diesel::sql_types::Integer;
use diesel::{Connection, PgConnection, QueryResult, RunQueryDsl};

use super::database::DatabaseSettings;
use super::{AnyConnection, Database, Result, StoreError};

/// How long an unused connection is kept (ours): some firewalls drop a connection without traffic after minutes.
const IDLE: Duration = Duration::from_secs(300);
/// How long any connection is kept (ours): a server at a new address is found before the old one is shut down.
const LIFE: Duration = Duration::from_secs(1_800);
/// Seconds that a transaction waits for a row or a turn that another one has locked (ours).
const LOCK_TIMEOUT: u32 = 5;

const POOLER: &str = "database_url leads to a connection pooler in transaction mode, which mixes up the prepared \
     statements of its clients; set database.prepared_statements = false, or connect to PostgreSQL itself or \
     to a pooler in session mode";

/// Opens connections by URL, and keeps those that are not in use.
pub struct Pool {
    connections: r2d2::Pool<Manager>,
    manager: Manager,
}

/// Opens connections. Each connection belongs to a generation: when one is lost, all connections of its generation
/// are closed when they are returned, because the others probably are lost too.
#[derive(Clone)]
pub struct Manager {
    url: String,
    settings: DatabaseSettings,
    generation: Arc<AtomicU64>,
    failure: Arc<Mutex<Option<Failure>>>,
}

/// The last attempt to connect, when it failed.
struct Failure {
    at: Instant,
    took: Duration,
    reason: String,
}

/// A connection for one piece of work.
pub enum Taken {
    /// It is returned to the pool.
    Pooled(r2d2::PooledConnection<Manager>),
    /// It was opened outside the pool, and is closed afterwards.
    Beside(Held),
}

impl Deref for Taken {
    type Target = Held;

    fn deref(&self) -> &Held {
        match self {
            Self::Pooled(held) => held,
            Self::Beside(held) => held,
        }
    }
}

impl DerefMut for Taken {
    fn deref_mut(&mut self) -> &mut Held {
        match self {
            Self::Pooled(held) => held,
            Self::Beside(held) => held,
        }
    }
}

/// A connection of the pool, or one that was opened outside it.
pub struct Held {
    pub database: Database,
    generation: u64,
    opened_at: Instant,
    /// Whether a query failed on it: then it is closed when it is returned.
    pub has_failed: bool,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Held;
    type Error = StoreError;

    fn connect(&self) -> Result<Held> {
        let begun = Instant::now();
        let connected = self.open();
        let failure = |reason: &String| Failure { at: Instant::now(), took: begun.elapsed(), reason: reason.clone() };
        *self.failure() = connected.as_ref().err().map(failure);
        connected.map_err(StoreError::Unavailable)
    }

    /// Always true without a query: a lost connection is noticed when it is used.
    fn is_valid(&self, _held: &mut Held) -> Result<()> {
        Ok(())
    }

    fn has_broken(&self, held: &mut Held) -> bool {
        // A panic may have left a transaction open.
        held.has_failed || held.generation != self.generation.load(Ordering::SeqCst) || std::thread::panicking()
    }
}

impl Manager {
    fn failure(&self) -> MutexGuard<'_, Option<Failure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a new connection, or returns the reason why it cannot be opened.
    fn open(&self) -> std::result::Result<Held, String> {
        // Read before connecting: when connections are lost meanwhile, this one counts as lost too.
        let generation = self.generation.load(Ordering::SeqCst);
        let mut connection = PgConnection::establish(&self.url).map_err(|error| error.to_string())?;
        if self.settings.prepared_statements {
            let timeout = self.settings.statement_timeout;
            let settings = format!(
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
                 SET statement_timeout = '{timeout}s'; SET lock_timeout = '{LOCK_TIMEOUT}s';"
            );
            connection.batch_execute(&settings).map_err(|error| error.to_string())?;
        } else {
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        let (database, opened_at) = (Database::from(connection), Instant::now());
        Ok(Held { database, generation, opened_at, has_failed: false })
    }
}

impl Pool {
    /// Returns a pool that has not opened a connection yet.
    pub fn new(url: &str, settings: DatabaseSettings) -> Self {
        let url = with_deadlines(url, &settings);
        let manager = Manager { url, settings, generation: Arc::default(), failure: Arc::default() };
        let connections = r2d2::Pool::builder()
            .max_size(settings.pool)
            .min_idle(Some(1))
            .idle_timeout(Some(IDLE))
            .max_lifetime(Some(LIFE))
            .connection_timeout(Duration::from_secs(u64::from(settings.connect_timeout)))
            .test_on_check_out(false)
            .error_handler(Box::new(r2d2::NopErrorHandler)) // the caller that waits for a connection gets the error
            .build_unchecked(manager.clone());
        Self { connections, manager }
    }

    /// Takes a connection that is not known to be lost. When there is no connection and the last attempt to connect
    /// failed, it does not wait for the pool: the attempt is repeated here, or refused at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection can be opened in time.
    pub fn take(&self) -> Result<Taken> {
        loop {
            let held = match self.connections.try_get() {
                Some(held) => held,
                None if self.connections.state().connections == 0 && self.has_failed()? => {
                    return self.connect().map(Taken::Beside);
                }
                None => self.connections.get().map_err(|error| StoreError::Unavailable(error.to_string()))?,
            };
            // A connection of an earlier generation is closed when it is returned; another one is taken.
            if held.generation == self.manager.generation.load(Ordering::SeqCst) {
                return Ok(Taken::Pooled(held));
            }
        }
    }

    /// Whether the last attempt to connect failed. A slow failure is not repeated for twice its duration, so that
    /// requests do not wait one after the other for a server that does not answer; the pool continues to try.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the reason of the failure, while the attempt is not repeated.
    fn has_failed(&self) -> Result<bool> {
        match self.manager.failure().as_ref() {
            Some(failure) if failure.at.elapsed() < failure.took * 2 => {
                Err(StoreError::Unavailable(failure.reason.clone()))
            }
            failure => Ok(failure.is_some()),
        }
    }

    /// Opens a new connection outside the pool; it is closed when it is dropped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be opened.
    pub fn connect(&self) -> Result<Held> {
        r2d2::ManageConnection::connect(&self.manager)
    }

    /// Whether a connection is neither too old nor of a generation of which one was lost.
    pub fn is_current(&self, held: &Held) -> bool {
        held.generation == self.manager.generation.load(Ordering::SeqCst) && held.opened_at.elapsed() < LIFE
    }

    /// Closes the open connections when they are returned or taken: one was lost, so the others probably are.
    pub fn close_all(&self) {
        self.manager.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether settings of a session last between statements. A pooler loses them: each statement needs a
    /// transaction then.
    pub fn has_sessions(&self) -> bool {
        self.manager.settings.prepared_statements
    }

    /// Begins a transaction, and sets its timeouts if the session does not keep them.
    pub fn begin(&self, database: &mut Database) -> Result<()> {
        let AnyConnection::Postgres(connection) = &mut database.connection else { return Ok(()) };
        let begin = if self.has_sessions() {
            "BEGIN".to_owned()
        } else {
            let timeout = self.manager.settings.statement_timeout;
            format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '{timeout}s'; \
                 SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s';"
            )
        };
        Ok(AnsiTransactionManager::begin_transaction_sql(connection, &begin)?)
    }

    /// Commits the transaction of this connection.
    pub fn commit(database: &mut Database) -> QueryResult<()> {
        let AnyConnection::Postgres(connection) = &mut database.connection else { return Ok(()) };
        AnsiTransactionManager::commit_transaction(connection)
    }

    /// Rolls the transaction of this connection back.
    pub fn roll_back(database: &mut Database) -> QueryResult<()> {
        let AnyConnection::Postgres(connection) = &mut database.connection else { return Ok(()) };
        AnsiTransactionManager::rollback_transaction(connection)
    }

    /// Connects once to find the reason why that fails, and refuses a pooler in transaction mode where it cannot work.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] with the reason when the database cannot be used.
    pub fn examine(&self) -> Result<()> {
        let unusable = |error: StoreError| StoreError::Unusable(format!("PostgreSQL cannot be used: {error}"));
        let first = self.connect().map_err(unusable)?;
        if !self.has_sessions() {
            return Ok(());
        }
        let second = self.connect().map_err(unusable)?;
        match lends_by_transaction(first, second).map_err(unusable)? {
            true => Err(StoreError::Unusable(POOLER.to_owned())),
            false => Ok(()),
        }
    }
}

/// Whether the server still answers on this connection.
pub fn answers(database: &mut Database) -> bool {
    database.batch_execute("SELECT 1").is_ok()
}

/// Whether two connections share a server process, or one of them changes its process: a pooler in transaction mode.
fn lends_by_transaction(mut first: Held, mut second: Held) -> Result<bool> {
    let before = server_process(&mut first.database)?;
    // The pooler gives the process that the first connection does not use now to the second one.
    second.database.batch_execute("BEGIN")?;
    let beside = server_process(&mut second.database)?;
    let is_lent = beside == before || server_process(&mut first.database)? != before;
    second.database.batch_execute("ROLLBACK")?;
    Ok(is_lent)
}

fn server_process(database: &mut Database) -> Result<i32> {
    let AnyConnection::Postgres(connection) = &mut database.connection else { return Ok(0) };
    // Diesel never prepares an SQL text by name.
    Ok(diesel::select(sql::<Integer>("pg_backend_pid()")).get_result(connection)?)
}

/// Returns the URL with our timeouts, except those that the operator set in it.
fn with_deadlines(url: &str, settings: &DatabaseSettings) -> String {
    let mut url = url.to_owned();
    for (name, value) in [
        ("connect_timeout", settings.connect_timeout),
        ("tcp_user_timeout", settings.tcp_user_timeout.saturating_mul(1_000)),
        // A client that waits for an answer has sent nothing whose loss it could notice, so it sends keepalives.
        ("keepalives_idle", settings.tcp_user_timeout),
        ("keepalives_interval", settings.tcp_user_timeout.div_ceil(3)),
        ("keepalives_count", 3),
    ] {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let is_written = query.split('&').any(|pair| pair.split('=').next() == Some(name));
        if !is_written {
            let joint = if url.contains('?') { '&' } else { '?' };
            url.push_str(&format!("{joint}{name}={value}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_added_where_the_operator_wrote_none() {
        let settings = DatabaseSettings { connect_timeout: 7, tcp_user_timeout: 11, ..DatabaseSettings::default() };
        let keepalives = "keepalives_idle=11&keepalives_interval=4&keepalives_count=3";
        assert_eq!(
            with_deadlines("postgres://u@h/d", &settings),
            format!("postgres://u@h/d?connect_timeout=7&tcp_user_timeout=11000&{keepalives}")
        );
        assert_eq!(
            with_deadlines("postgres://a,b/d?options=-csearch_path%3Dx&connect_timeout=1", &settings),
            format!("postgres://a,b/d?options=-csearch_path%3Dx&connect_timeout=1&tcp_user_timeout=11000&{keepalives}")
        );
    }
}
