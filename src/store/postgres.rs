//! PostgreSQL: a pool of connections; crossed transactions are run again.

use std::sync::Arc;

use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::{Connection, PgConnection, RunQueryDsl};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::{Database, Result, Share, StoreError, migrations};

/// Connections in the pool.
const CONNECTIONS: u32 = 16;
/// Requests that may wait for one; one more is refused at once.
const WAITING: usize = 4_096;
/// Tries of a transaction that crosses others. Each waits a little longer than the one before.
const TRIES: u32 = 12;

type Transactions = <Database as Connection>::TransactionManager;

pub struct Postgres {
    pool: r2d2::Pool<Manager>,
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// Opens connections by URL, and keeps the reason when that fails.
struct Manager {
    url: String,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Database;
    type Error = StoreError;

    fn connect(&self) -> Result<Database> {
        let mut connection =
            PgConnection::establish(&self.url).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        connection.batch_execute(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; SET statement_timeout = '10s'; SET lock_timeout = '5s';",
        )?;
        Ok(Database::Postgres(connection))
    }

    fn is_valid(&self, connection: &mut Database) -> Result<()> {
        Ok(diesel::sql_query("SELECT 1").execute(connection).map(drop)?)
    }

    fn has_broken(&self, connection: &mut Database) -> bool {
        match connection {
            // A panic may have left a transaction open.
            Database::Postgres(connection) => {
                std::thread::panicking() || diesel::r2d2::R2D2Connection::is_broken(connection)
            }
            Database::Sqlite(_) => true,
        }
    }
}

/// Whether the work is wrapped in a transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Read,
    Write,
}

impl Postgres {
    pub fn open(url: &str) -> Result<Self> {
        let manager = Manager { url: url.to_owned() };
        // One connection by hand: it tells why it fails, which a pool does not.
        r2d2::ManageConnection::connect(&manager)
            .map_err(|error| StoreError::Unusable(format!("PostgreSQL cannot be used: {error}")))?;
        let pool = r2d2::Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(1))
            .connection_timeout(std::time::Duration::from_secs(5))
            .test_on_check_out(false) // a broken one is noticed when it is used
            .build_unchecked(manager);
        let turns = Arc::new(Semaphore::new(CONNECTIONS as usize));
        Ok(Self { pool, places: Arc::new(Semaphore::new(WAITING)), turns })
    }

    pub async fn migrate(&self) -> Result<()> {
        self.run(Mode::Read, |database| match database {
            Database::Postgres(connection) => connection.transaction(|connection| {
                // Two nodes that start together apply the migrations one after the other.
                connection.batch_execute("SELECT pg_advisory_xact_lock(7046029254386353131)")?;
                migrations::run(connection, migrations::POSTGRES)
            }),
            Database::Sqlite(_) => unreachable!("because this file opens PostgreSQL only"),
        })
        .await
    }

    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Database) -> Result<T> + Send + 'static,
    {
        self.run(Mode::Read, work).await
    }

    pub async fn write<T, F>(&self, share: Share, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Database) -> Result<T> + Send + 'static,
    {
        if !share.lets_in(WAITING - self.places.available_permits(), WAITING) {
            return Err(StoreError::Overloaded);
        }
        self.run(Mode::Write, work).await
    }

    async fn run<T, F>(&self, mode: Mode, mut work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Database) -> Result<T> + Send + 'static,
    {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_full| StoreError::Overloaded)?;
        // A turn for each connection keeps the blocking threads as few as the connections.
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let pool = self.pool.clone();
        let outcome = spawn_blocking(move || {
            let _held = (place, turn);
            attempts(&pool, mode, &mut work)
        });
        outcome.await.unwrap_or_else(|_panicked| Err(StoreError::Unavailable("the work panicked".to_owned())))
    }
}

fn attempts<T>(pool: &r2d2::Pool<Manager>, mode: Mode, work: &mut impl FnMut(&mut Database) -> Result<T>) -> Result<T> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut connection = pool.get().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let is_begun = mode == Mode::Read || Transactions::begin_transaction(&mut connection).is_ok();
        let outcome = match (is_begun, mode) {
            (false, _) => Err(StoreError::Unavailable("the connection was lost".to_owned())),
            (true, Mode::Read) => work(&mut connection),
            (true, Mode::Write) => finish(&mut connection, work),
        };
        let is_lost = pool_has_lost(&mut connection);
        drop(connection); // a broken one is not taken back
        match outcome {
            // Somebody took a unique value between our question and our insert: asked again, it is seen.
            Err(StoreError::Conflict) if tries == 1 && mode == Mode::Write => {}
            Err(StoreError::Serialization) if tries < TRIES => {
                std::thread::sleep(std::time::Duration::from_millis(u64::from(tries * tries)));
            }
            // The server restarted or failed over. What certainly did nothing is run on another
            // connection; a transaction that had begun may have been committed, and is not.
            Err(StoreError::Unavailable(_)) if is_lost && tries <= CONNECTIONS && (mode == Mode::Read || !is_begun) => {
            }
            outcome => return outcome,
        }
    }
}

fn finish<T>(connection: &mut Database, work: &mut impl FnMut(&mut Database) -> Result<T>) -> Result<T> {
    match work(connection) {
        Ok(value) => {
            Transactions::commit_transaction(connection)?;
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = Transactions::rollback_transaction(connection) {
                tracing::warn!(%rollback, "a transaction could not be rolled back; its connection is dropped");
            }
            Err(error)
        }
    }
}

fn pool_has_lost(connection: &mut Database) -> bool {
    match connection {
        Database::Postgres(connection) => diesel::r2d2::R2D2Connection::is_broken(connection),
        Database::Sqlite(_) => false,
    }
}
