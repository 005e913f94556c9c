//! A connection to either database; what a transaction is handed as `tx`. And how PostgreSQL is reached.

use diesel::connection::SimpleConnection;
use diesel::{PgConnection, QueryResult, SqliteConnection};

/// A connection to either database. Queries run on it by [`on!`](crate::on).
pub enum Database {
    /// PostgreSQL.
    Postgres(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
}

/// Runs one query on whichever database it is: `on!(tx, |connection| query.load(connection))`.
///
/// The expression is compiled once for each database. So diesel knows a query's SQL text and its prepared statement
/// by the query's type; for a connection type that stands for both, it would write the text anew at every run, which
/// costs several times what SQLite itself does.
#[macro_export]
macro_rules! on {
    ($database:expr, |$connection:ident| $query:expr) => {
        match $database {
            $crate::store::Database::Sqlite($connection) => $query,
            $crate::store::Database::Postgres($connection) => $query,
        }
    };
}

impl Database {
    /// Runs SQL text without parameters and without an answer.
    ///
    /// # Errors
    /// When the database refuses it or is gone.
    pub fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        on!(self, |connection| connection.batch_execute(sql))
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
