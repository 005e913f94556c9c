//! A connection to either database; what a transaction is handed as `tx`. And how PostgreSQL is reached.

use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{PgConnection, QueryResult, SqliteConnection};

use super::deferred::Deferred;
use super::view::{Mode, View};

/// A connection to either database, with what may be believed without asking it. Queries run on it by
/// [`on!`](crate::on).
pub struct Database {
    /// What the work that runs on it may take from memory.
    pub(super) view: View,
    pub(super) connection: AnyConnection,
    /// Queries of the work that runs on it.
    pub(super) queries: u64,
}

/// A connection to one of the two.
pub enum AnyConnection {
    /// PostgreSQL.
    Postgres(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
    /// None yet: what is asked and added goes together with that of other requests.
    Deferred(Deferred),
}

/// Runs one query on whichever database it is: `on!(tx, |connection| query.load(connection))`.
///
/// The expression is compiled once for each database. So diesel knows a query's SQL text and its prepared statement
/// by the query's type; for a connection type that stands for both, it would write the text anew at every run, which
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

/// Queries that ran, by whether their work was to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queries {
    /// Of work that only reads.
    pub read: u64,
    /// Of work that may write.
    pub write: u64,
}

/// Counts the queries of one store.
#[derive(Default)]
pub(super) struct QueryCounts {
    read: AtomicU64,
    write: AtomicU64,
}

impl QueryCounts {
    pub fn add(&self, mode: Mode, queries: u64) {
        let count = match mode {
            Mode::Read => &self.read,
            Mode::Write => &self.write,
        };
        count.fetch_add(queries, Ordering::Relaxed);
    }

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
    /// The connection for one query, which is counted: for [`on!`](crate::on).
    pub fn for_query(&mut self) -> &mut AnyConnection {
        self.queries += 1;
        &mut self.connection
    }

    /// The connection for one query that only PostgreSQL needs; nothing on SQLite.
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

    /// What stands in for a connection, for one query that goes together with others; nothing where there is one.
    pub(super) fn for_deferred_query(&mut self) -> Option<&mut Deferred> {
        match &mut self.connection {
            AnyConnection::Deferred(deferred) => {
                self.queries += 1;
                Some(deferred)
            }
            _ => None,
        }
    }

    /// Runs SQL text without parameters and without an answer.
    ///
    /// # Errors
    /// When the database refuses it or is gone.
    pub fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        match &mut self.connection {
            AnyConnection::Sqlite(connection) => connection.batch_execute(sql),
            AnyConnection::Postgres(connection) => connection.batch_execute(sql),
            AnyConnection::Deferred(deferred) => deferred.refuse(),
        }
    }
}

/// How PostgreSQL is reached: the settings `database.*`. SQLite needs none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// Connections of one node.
    pub pool: u32,
    /// Seconds that a request waits for one of them.
    pub pool_wait: u32,
    /// Seconds in which a connection must be made.
    pub connect_timeout: u32,
    /// Seconds after which a network that is silent counts as broken.
    pub tcp_user_timeout: u32,
    /// Seconds that one statement may take.
    pub statement_timeout: u32,
    /// Whether statements are prepared once and named; a pooler in transaction mode mixes them up.
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
