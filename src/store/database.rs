//! A connection to either database, passed to a transaction as `tx`, and the settings of PostgreSQL connections.

use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{PgConnection, QueryResult, SqliteConnection};

use super::deferred::Deferred;
use super::view::{Mode, View};

/// A connection to either database, with the part of the snapshot that may be used. Queries run on it through
/// [`on!`](crate::on).
pub struct Database {
    /// The data in memory that the current work may use.
    pub(super) view: View,
    pub(super) connection: AnyConnection,
    /// The number of queries of the current work.
    pub(super) queries: u64,
}

/// A connection to one of the two databases.
pub enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
    /// No connection yet: reads and inserts run together with those of other requests.
    Deferred(Deferred),
}

/// Runs one query on either database: `on!(tx, |connection| query.load(connection))`.
///
/// The expression is compiled once for each database, so diesel knows a query's SQL text and its prepared statement
/// by the query's type. With one connection type for both databases diesel would write the text at every run, which
/// costs several times what SQLite itself does.
#[macro_export]
macro_rules! on {
    ($database:expr, |$connection:ident| $query:expr) => {
        match $crate::store::Database::for_query($database) {
            $crate::store::AnyConnection::Sqlite($connection) => $query,
            $crate::store::AnyConnection::Postgres($connection) => $query,
            $crate::store::AnyConnection::Deferred(deferred) => deferred.refuse(),
        }
    };
}

/// The number of queries that ran, by the mode of their work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queries {
    /// Queries of work that only reads.
    pub read: u64,
    /// Queries of work that may write.
    pub write: u64,
}

/// Counts the queries of one store.
#[derive(Default)]
pub(super) struct QueryCounts {
    read: AtomicU64,
    write: AtomicU64,
}

impl QueryCounts {
    /// Adds the queries of one piece of work.
    pub fn add(&self, mode: Mode, queries: u64) {
        let count = match mode {
            Mode::Read => &self.read,
            Mode::Write => &self.write,
        };
        count.fetch_add(queries, Ordering::Relaxed);
    }

    /// Returns all queries that ran so far.
    pub fn sum(&self) -> Queries {
        Queries { read: self.read.load(Ordering::Relaxed), write: self.write.load(Ordering::Relaxed) }
    }
}

impl From<SqliteConnection> for Database {
    fn from(connection: SqliteConnection) -> Self {
        Self { view: View::default(), connection: AnyConnection::Sqlite(connection), queries: 0 }
    }
}

impl From<PgConnection> for Database {
    fn from(connection: PgConnection) -> Self {
        Self { view: View::default(), connection: AnyConnection::Postgres(connection), queries: 0 }
    }
}

impl From<Deferred> for Database {
    fn from(deferred: Deferred) -> Self {
        Self { view: View::default(), connection: AnyConnection::Deferred(deferred), queries: 0 }
    }
}

impl Database {
    /// Returns the connection for one query and counts the query: for [`on!`](crate::on).
    pub fn for_query(&mut self) -> &mut AnyConnection {
        self.queries += 1;
        &mut self.connection
    }

    /// Returns the connection for one query that only PostgreSQL needs; `None` on SQLite.
    pub(super) fn for_query_of_postgres(&mut self) -> QueryResult<Option<&mut PgConnection>> {
        match &mut self.connection {
            AnyConnection::Sqlite(_) => Ok(None),
            AnyConnection::Postgres(connection) => {
                self.queries += 1;
                Ok(Some(connection))
            }
            AnyConnection::Deferred(deferred) => deferred.refuse(),
        }
    }

    /// Returns the deferred connection for one query that runs together with others; `None` on a real connection.
    pub(super) fn for_deferred_query(&mut self) -> Option<&mut Deferred> {
        match &mut self.connection {
            AnyConnection::Deferred(deferred) => {
                self.queries += 1;
                Some(deferred)
            }
            _ => None,
        }
    }

    /// Runs SQL text without parameters and without a result.
    ///
    /// # Errors
    /// When the database refuses it or cannot be reached.
    pub fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        match &mut self.connection {
            AnyConnection::Sqlite(connection) => connection.batch_execute(sql),
            AnyConnection::Postgres(connection) => connection.batch_execute(sql),
            AnyConnection::Deferred(deferred) => deferred.refuse(),
        }
    }
}

/// The PostgreSQL connection settings `database.*`. SQLite needs none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// The most connections of one node.
    pub pool: u32,
    /// Seconds that a request waits for a connection.
    pub pool_wait: u32,
    /// Seconds in which a connection must be established.
    pub connect_timeout: u32,
    /// Seconds after which a network without traffic counts as broken.
    pub tcp_user_timeout: u32,
    /// The most seconds that one statement may take.
    pub statement_timeout: u32,
    /// Whether statements are prepared once by name; a pooler in transaction mode confuses such statements.
    pub prepared_statements: bool,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            pool: 16,
            pool_wait: 10,
            connect_timeout: 5,
            tcp_user_timeout: 10,
            statement_timeout: 30,
            prepared_statements: true,
        }
    }
}
