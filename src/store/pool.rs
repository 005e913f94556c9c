//! Connections to PostgreSQL: kept while they are good, closed at the first failure.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, CacheSize, SimpleConnection};
use diesel::dsl::sql;
use diesel::sql_types::Integer;
use diesel::{Connection, PgConnection, RunQueryDsl};

use super::database::DatabaseSettings;
use super::{Database, Result, StoreError};

/// How long an unused connection is kept (ours): some firewalls forget a silent one after minutes.
const IDLE: Duration = Duration::from_secs(300);
/// How long any connection is kept (ours): a server that moved is found before the old one is shut down.
const LIFE: Duration = Duration::from_secs(1_800);
/// Seconds that a transaction waits for a row or a turn that another one holds (ours).
const LOCK_TIMEOUT: u32 = 5;

const POOLER: &str = "database_url leads to a connection pooler in transaction mode, which mixes up the prepared \
     statements of its clients; set database.prepared_statements = false, or connect to PostgreSQL itself or \
     to a pooler in session mode";

/// Opens connections by URL, and keeps those that are not in use. How many there may be, its caller counts.
pub struct Pool {
    url: String,
    settings: DatabaseSettings,
    idle: Mutex<Vec<Held>>,
}

/// A connection that somebody uses. It is closed when it is dropped.
pub struct Held {
    pub database: Database,
    opened: Instant,
    used: Instant,
}

impl Held {
    fn is_young(&self) -> bool {
        self.used.elapsed() < IDLE && self.opened.elapsed() < LIFE
    }
}

impl Pool {
    pub fn new(url: &str, settings: DatabaseSettings) -> Self {
        Self { url: with_deadlines(url, &settings), settings, idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Held>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that was used last, else a new one.
    pub fn take(&self) -> Result<Held> {
        match self.idle().pop().filter(Held::is_young) {
            Some(held) => Ok(held),
            None => self.connect(),
        }
    }

    /// A new connection.
    pub fn connect(&self) -> Result<Held> {
        let connection = PgConnection::establish(&self.url);
        let mut connection = connection.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        if self.settings.prepared_statements {
            let timeout = self.settings.statement_timeout;
            connection.batch_execute(&format!(
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
                 SET statement_timeout = '{timeout}s'; SET lock_timeout = '{LOCK_TIMEOUT}s';"
            ))?;
        } else {
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        let now = Instant::now();
        Ok(Held { database: Database::Postgres(connection), opened: now, used: now })
    }

    /// Keeps a connection for the next one who needs one. Nothing may have failed on it.
    pub fn put_back(&self, mut held: Held) {
        held.used = Instant::now();
        let mut idle = self.idle();
        let old: Vec<Held> = idle.extract_if(.., |held| !held.is_young()).collect();
        idle.push(held);
        // Closing one says good-bye to the server: nobody waits for that.
        drop(idle);
        drop(old);
    }

    /// Closes what is not in use: one was lost, so the others probably are.
    pub fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    /// Whether each statement needs a transaction around it: what is set for a session is lost behind a pooler.
    pub fn has_sessions(&self) -> bool {
        self.settings.prepared_statements
    }

    /// Begins a transaction, with its deadlines where the session does not keep them.
    pub fn begin(&self, database: &mut Database) -> Result<()> {
        let Database::Postgres(connection) = database else { return Ok(()) };
        let begin = if self.has_sessions() {
            "BEGIN".to_owned()
        } else {
            let timeout = self.settings.statement_timeout;
            format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '{timeout}s'; \
                 SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s';"
            )
        };
        Ok(AnsiTransactionManager::begin_transaction_sql(connection, &begin)?)
    }

    /// Connects once, to tell why that fails, and refuses a pooler that lends a server for a transaction only
    /// where that cannot work.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] with the reason.
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

/// Whether two connections share a server process, or one of them changes it: a pooler in transaction mode.
fn lends_by_transaction(mut first: Held, mut second: Held) -> Result<bool> {
    let before = server_process(&mut first.database)?;
    // What the first one does not use at the moment is lent to the second.
    second.database.batch_execute("BEGIN")?;
    let beside = server_process(&mut second.database)?;
    let is_lent = beside == before || server_process(&mut first.database)? != before;
    second.database.batch_execute("ROLLBACK")?;
    Ok(is_lent)
}

fn server_process(database: &mut Database) -> Result<i32> {
    let Database::Postgres(connection) = database else { return Ok(0) };
    // A statement of text is never prepared by name.
    Ok(diesel::select(sql::<Integer>("pg_backend_pid()")).get_result(connection)?)
}

/// The URL with our deadlines, where the operator wrote none.
fn with_deadlines(url: &str, settings: &DatabaseSettings) -> String {
    let mut url = url.to_owned();
    for (name, value) in [
        ("connect_timeout", settings.connect_timeout),
        ("tcp_user_timeout", settings.tcp_user_timeout.saturating_mul(1_000)),
        // What waits for an answer has sent nothing that a silent network could lose: it asks.
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
