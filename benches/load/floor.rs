//! What the machine itself can do, without Gatepost: the rates that others are compared to.

use std::io::{Error, Result};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Binary};
use diesel::{Connection, RunQueryDsl, SqliteConnection};

use crate::seed::{BCRYPT_COST, PASSWORD};

/// Transactions of one inserted row, each on disk before the next begins, in a second: SQLite as the server sets it up,
/// one connection.
///
/// # Errors
/// When SQLite fails.
pub fn durable_commits(folder: &Path, duration: Duration) -> Result<f64> {
    let file = folder.join("floor.db");
    let mut connection = SqliteConnection::establish(&file.to_string_lossy()).map_err(Error::other)?;
    connection
        .batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE row (id INTEGER PRIMARY KEY, digest BLOB NOT NULL, created_at BIGINT NOT NULL)",
        )
        .map_err(Error::other)?;
    let (began, mut count) = (Instant::now(), 0_i64);
    while began.elapsed() < duration {
        let insert = diesel::sql_query("INSERT INTO row (id, digest, created_at) VALUES (?, ?, ?)");
        let insert = insert.bind::<BigInt, _>(count).bind::<Binary, _>(vec![0_u8; 32]).bind::<BigInt, _>(count);
        insert.execute(&mut connection).map_err(Error::other)?;
        count += 1;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// Passwords that bcrypt judges in a second on this many threads, and nothing else.
pub fn bcrypt_rate(threads: usize, duration: Duration) -> f64 {
    let began = Instant::now();
    let count_own = move || {
        let mut count = 0;
        while began.elapsed() < duration {
            bcrypt::hash_with_salt(PASSWORD, BCRYPT_COST, [7; 16]).expect("because the cost is allowed");
            count += 1;
        }
        // The last one may have ended long after the others.
        f64::from(count) / began.elapsed().as_secs_f64()
    };
    let running: Vec<_> = (0..threads).map(|_| thread::spawn(count_own)).collect();
    running.into_iter().map(|thread| thread.join().expect("because bcrypt does not panic")).sum()
}
