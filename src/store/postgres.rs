//! PostgreSQL: concurrent write transactions on a few connections. Work that conflicted with another transaction,
//! or lost its connection before anything was committed, runs again.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::database::DatabaseSettings;
use super::job::Job;
use super::pool::{Pool, answers};
use super::postgres_batches::Batchers;
use super::snapshot::{Edition, Shared};
use super::view::Mode;
use super::{AnyConnection, Database, QueueShare, Result, StoreError, migrations, watch};

/// Requests that may wait for a connection; the next one is refused at once.
const WAITING: usize = 4_096;
/// The most retries of a transaction that conflicts with others. Each waits a little longer than the one before.
const TRIES: u32 = 12;
/// The most connections that one piece of work may lose: the one that it got, and a new one.
const MOST_LOST: u32 = 2;

/// A PostgreSQL database.
pub struct Postgres {
    pool: Arc<Pool>,
    pub(super) shared: Arc<Shared>,
    /// Set on a server whose connections keep their sessions.
    pub(super) batchers: OnceLock<Batchers>,
    pub(super) places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// How long a request waits for a connection.
    longest_wait: Duration,
    /// How long a request waits for an answer of the database: a server that does not respond keeps no timeout of
    /// its own.
    pub(super) longest_work: Duration,
}

/// The state of a connection after a piece of work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The transaction ended normally.
    Good,
    /// A query failed, and the server still answers.
    Failed,
    /// It was lost before anything was committed.
    Lost,
    /// It was lost during the commit: the result of the commit is not known.
    Unknown,
}

impl Postgres {
    /// Prepares the pool and its threads; the server need not be reachable yet.
    pub fn open(url: &str, settings: DatabaseSettings) -> Result<Self> {
        let pool = Pool::new(url, settings);
        pool.examine()?;
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        Ok(Self {
            pool: Arc::new(pool),
            shared: Arc::default(),
            batchers: OnceLock::new(),
            places: Arc::new(Semaphore::new(WAITING)),
            turns: Arc::new(Semaphore::new(settings.pool as usize)),
            longest_wait: seconds(settings.pool_wait),
            longest_work: seconds(settings.statement_timeout + settings.connect_timeout),
        })
    }

    /// Allows the use of the snapshot, because a thread now watches whether it is current; starts the threads that
    /// combine requests.
    pub fn watch(&self) -> Result<()> {
        if self.pool.has_sessions() && self.batchers.get().is_none() {
            let started = Batchers::start(&self.pool, WAITING)?;
            self.batchers.get_or_init(|| started);
        }
        watch::start(&self.pool, &self.shared)
    }

    /// Returns the edition of the current snapshot, without a query.
    pub fn edition(&self) -> Option<Edition> {
        let current = self.shared.snapshots.current().filter(|snapshot| snapshot.is_confirmed());
        current.map(|snapshot| snapshot.edition())
    }

    /// Applies the migrations that are missing.
    pub async fn migrate(&self) -> Result<()> {
        let pool = Arc::clone(&self.pool);
        let applied = spawn_blocking(move || match pool.connect()?.database.connection {
            AnyConnection::Postgres(mut connection) => connection.transaction(|connection| {
                // Nodes that start together apply the migrations one after the other, however long they take.
                connection.batch_execute(
                    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET CONSTRAINTS ALL IMMEDIATE; \
                     SELECT pg_advisory_xact_lock(7046029254386353131)",
                )?;
                migrations::run(connection, migrations::POSTGRES)
            }),
            _ => unreachable!("because this file opens PostgreSQL only"),
        });
        applied.await.unwrap_or_else(|_panicked| Err(panicked()))
    }

    /// Runs `work` in a read-only transaction on a pooled connection.
    pub async fn read(&self, work: Job) -> Result<()> {
        self.run(Mode::Read, work).await
    }

    /// Runs `work` in a transaction on a pooled connection, and answers after the commit.
    pub async fn write(&self, share: QueueShare, work: Job) -> Result<()> {
        self.check_queue_share(share)?;
        self.run(Mode::Write, work).await
    }

    /// Refuses when this share of the queue is full.
    pub(super) fn check_queue_share(&self, share: QueueShare) -> Result<()> {
        match share.allows(WAITING - self.places.available_permits(), WAITING) {
            true => Ok(()),
            false => Err(StoreError::Overloaded),
        }
    }

    async fn run(&self, mode: Mode, mut work: Job) -> Result<()> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_full| StoreError::Overloaded)?;
        // One permit for each connection limits the blocking threads to the number of connections.
        let turn = timeout(self.longest_wait, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_waited| StoreError::Overloaded)?;
        let (pool, shared) = (Arc::clone(&self.pool), Arc::clone(&self.shared));
        let outcome = spawn_blocking(move || {
            let _held = (place, turn);
            attempts(&pool, &shared, mode, &mut work)
        });
        match timeout(self.longest_work, outcome).await {
            Ok(outcome) => outcome.unwrap_or_else(|_panicked| Err(panicked())),
            Err(_waited) => Err(timed_out()),
        }
    }
}

pub(super) fn timed_out() -> StoreError {
    StoreError::Unavailable("it did not answer in time".to_owned())
}

pub(super) fn panicked() -> StoreError {
    StoreError::Unavailable("the work panicked".to_owned())
}

fn attempts(pool: &Pool, shared: &Arc<Shared>, mode: Mode, work: &mut Job) -> Result<()> {
    let (mut crossed, mut lost, mut has_met_another) = (0, 0, false);
    loop {
        let (outcome, fate) = if lost == 0 {
            let mut held = pool.take()?;
            let (outcome, fate) = known(pool, shared, &mut held.database, mode, work);
            held.has_failed = fate != Fate::Good;
            (outcome, fate)
        } else {
            known(pool, shared, &mut pool.connect()?.database, mode, work)
        };
        if fate == Fate::Lost {
            pool.close_all();
            lost += 1;
        }
        match outcome {
            // Another transaction inserted a unique value between our query and our insert: the next run sees it.
            Err(StoreError::Conflict) if mode == Mode::Write && !has_met_another => has_met_another = true,
            Err(StoreError::Serialization) if crossed < TRIES => {
                crossed += 1;
                std::thread::sleep(Duration::from_millis(u64::from(crossed * crossed)));
            }
            // The server restarted, failed over, or closed an idle connection: a new connection shows whether it is
            // available.
            Err(StoreError::Unavailable(_)) if fate == Fate::Lost && lost < MOST_LOST => {}
            outcome => return outcome,
        }
    }
}

/// Runs the work once, with the snapshot; drops the snapshot when the work changed its data.
fn known(pool: &Pool, shared: &Arc<Shared>, database: &mut Database, mode: Mode, work: &mut Job) -> (Result<()>, Fate) {
    database.begin(shared, mode);
    let (outcome, fate) = once(pool, database, mode, work);
    // Also when the result of the commit is not known.
    if database.finish() {
        shared.snapshots.forget();
    }
    (outcome, fate)
}

/// Runs the work once, in a transaction if it needs one.
fn once(pool: &Pool, database: &mut Database, mode: Mode, work: &mut Job) -> (Result<()>, Fate) {
    if mode == Mode::Read && pool.has_sessions() {
        let outcome = work(database);
        let fate = match outcome {
            Err(StoreError::Unavailable(_)) if !answers(database) => Fate::Lost,
            Err(StoreError::Unavailable(_)) => Fate::Failed,
            _ => Fate::Good,
        };
        return (outcome, fate);
    }
    if let Err(error) = pool.begin(database) {
        return (Err(error), Fate::Lost);
    }
    match work(database) {
        Ok(()) => match Pool::commit(database) {
            Ok(()) => (Ok(()), Fate::Good),
            Err(error) if answers(database) => (Err(error.into()), Fate::Failed),
            // A read whose transaction did not end changed nothing.
            Err(error) => (Err(error.into()), if mode == Mode::Read { Fate::Lost } else { Fate::Unknown }),
        },
        Err(error) => {
            let fate = match Pool::roll_back(database) {
                Ok(()) if matches!(error, StoreError::Unavailable(_)) => Fate::Failed,
                Ok(()) => Fate::Good,
                Err(_broken) => Fate::Lost,
            };
            (Err(error), fate)
        }
    }
}
