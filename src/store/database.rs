//! A connection to either database; what a transaction is handed as `tx`. And how PostgreSQL is reached.
#![allow(missing_docs, reason = "the derive writes public items without a word")]

use diesel::{PgConnection, SqliteConnection};

/// A connection to either database.
#[derive(diesel::MultiConnection)]
pub enum Database {
    /// PostgreSQL.
    Postgres(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
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
