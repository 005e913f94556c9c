//! A connection to either database; what a transaction is handed as `tx`.
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
