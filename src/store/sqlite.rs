//! SQLite: one writer thread, whose transaction many requests share; readers on the calling threads.
//!
//! Group commit: the writer takes what is queued, opens one transaction, runs each piece of work under a savepoint,
//! commits with one fsync, then answers all. It never waits for more work. Work that fails or panics rolls back
//! only itself. But SQLite ends the *whole* transaction on a full disk or an I/O error, so when a savepoint cannot
//! be released, the whole batch has failed. A single piece of work needs no savepoint: the transaction is its own.
//!
//! A read is one transaction too: SQLite takes its lock once, and all queries of the read see the same state.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::query_builder::{QueryFragment, QueryId};
use diesel::sql_types::Integer;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::sync::oneshot;

use super::job::Job;
use super::snapshot::Shared;
use super::statement::{BeginRead, BeginWrite, Commit, Mark, Release, RollBack, RollBackToMark};
use super::view::Mode;
use super::{AnyConnection, Database, QueueShare, Result, StoreError, migrations, on};

/// Writes that may wait; the next one is refused at once.
const QUEUE: usize = 4_096;
/// The most writes that share one transaction.
const BATCH: usize = 256;
/// The page cache of the writer, in kilobytes: the pages of its batch and the right edge of each index.
const WRITER_CACHE: u32 = 4_096;
/// The page cache of each reader, in kilobytes: the inner pages of its indexes. Other pages are in the system's own
/// cache. A mapped file would not be faster, and would count as memory of this process once for each reader.
const READER_CACHE: u32 = 1_024;
/// Milliseconds to wait for another process's lock.
const BUSY_MILLISECONDS: u32 = 5_000;

/// A SQLite database: the queue of its writer thread, and where its readers find the file.
pub struct Sqlite {
    path: String,
    number: u64,
    pub(super) shared: Arc<Shared>,
    queue: SyncSender<Task>,
    waiting: Arc<AtomicUsize>,
}

/// The first column of the result of `wal_checkpoint`.
#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

static STORES: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Each thread's readers, by store: a process may hold several stores (tests do).
    static READERS: RefCell<HashMap<u64, Database>> = RefCell::new(HashMap::new());
}

impl Sqlite {
    /// Opens the file and starts the writer thread.
    pub fn open(path: &str) -> Result<Self> {
        let path = path.to_owned();
        make_private(&path)?;
        let connection = connect(&path)?;
        let (queue, work) = sync_channel(QUEUE);
        let (waiting, shared) = (Arc::new(AtomicUsize::new(0)), Arc::<Shared>::default());
        let (connection, own) = (Some(connection), Arc::clone(&shared));
        let writer = Writer { path: path.clone(), connection, waiting: waiting.clone(), shared: own };
        thread::Builder::new()
            .name("gatepost-writer".to_owned())
            .spawn(move || writer.run(&work))
            .map_err(|error| StoreError::Unusable(format!("the writer thread could not start: {error}")))?;
        Ok(Self { path, number: STORES.fetch_add(1, Ordering::Relaxed), shared, queue, waiting })
    }

    /// Applies the migrations that are missing, on a connection of its own.
    pub fn migrate(&self) -> Result<()> {
        match connect(&self.path)?.connection {
            AnyConnection::Sqlite(mut connection) => {
                if migrations::are_applied(&mut connection, migrations::SQLITE)? {
                    return Ok(()); // the writer of a running server is not disturbed
                }
                // Processes that start together apply the migrations one after the other.
                connection.immediate_transaction(|connection| migrations::run(connection, migrations::SQLITE))
            }
            _ => unreachable!("because this file opens SQLite only"),
        }
    }

    /// Writes the write-ahead log into the database file.
    pub fn fold_log(&self) -> Result<()> {
        let folded = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)");
        match on!(&mut connect(&self.path)?, |c| folded.get_result::<Checkpoint>(c))?.busy {
            0 => Ok(()),
            _ => Err(StoreError::Unavailable("somebody else reads or writes the database".to_owned())),
        }
    }

    /// Runs `work` in a read transaction on the calling thread.
    pub fn read(&self, work: &mut dyn FnMut(&mut Database) -> Result<()>) -> Result<()> {
        self.on_reader(true, work)
    }

    /// Runs work of one query, which needs no transaction.
    pub fn ask(&self, work: &mut dyn FnMut(&mut Database) -> Result<()>) -> Result<()> {
        self.on_reader(false, work)
    }

    fn on_reader(&self, in_transaction: bool, work: &mut dyn FnMut(&mut Database) -> Result<()>) -> Result<()> {
        // Removed while it is used, so that a panic or a nested read finds no borrowed cell.
        let held = READERS.with_borrow_mut(|readers| readers.remove(&self.number));
        let mut database = match held {
            Some(database) => database,
            None => reader(&self.path)?,
        };
        database.begin(&self.shared, Mode::Read);
        if in_transaction {
            execute(&mut database, BeginRead)?;
        }
        let outcome = work(&mut database);
        database.finish();
        // A connection that is not kept is closed, which ends its transaction.
        let has_ended = !in_transaction || execute(&mut database, Commit).is_ok();
        if has_ended && !matches!(outcome, Err(StoreError::Unavailable(_))) {
            READERS.with_borrow_mut(|readers| readers.insert(self.number, database));
        }
        outcome
    }

    /// Queues `work` for the writer thread, and answers after its commit.
    pub async fn write(&self, share: QueueShare, work: Job) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        let task = Task { work, outcome: None, answer };
        // Counted before it is sent, so that the writer never subtracts what was not counted yet.
        let waiting = self.waiting.fetch_add(1, Ordering::SeqCst);
        let sent = if share.allows(waiting, QUEUE) {
            self.queue.try_send(task).map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Overloaded,
                TrySendError::Disconnected(_) => StoreError::Unavailable("the writer has stopped".to_owned()),
            })
        } else {
            Err(StoreError::Overloaded)
        };
        if sent.is_err() {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        sent?;
        match answered.await {
            Ok(outcome) => outcome,
            Err(_dropped) => Err(StoreError::Unavailable("the work panicked".to_owned())),
        }
    }
}

/// Creates a new database file that only its owner can read; SQLite gives its side files the same mode.
fn make_private(path: &str) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::Unusable(format!("{path} cannot be opened: {error}"))),
    }
}

/// The characters of a path that have a meaning in SQLite's URI of a file.
const PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// Opens a database file that exists: a file that was moved away while in use is not created again.
pub(super) fn connect(path: &str) -> Result<Database> {
    let unusable = |error: &dyn std::fmt::Display| StoreError::Unusable(format!("{path} cannot be opened: {error}"));
    let root = if path.starts_with('/') { "//" } else { "" };
    let address = format!("file:{root}{}?mode=rw", utf8_percent_encode(path, PATH));
    let mut connection = SqliteConnection::establish(&address).map_err(|error| unusable(&error))?;
    // busy_timeout first: switching to WAL takes a lock. FULL: a token that was sent to a client survives a power
    // failure.
    let pragmas = format!(
        "PRAGMA busy_timeout = {BUSY_MILLISECONDS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = ON; PRAGMA cache_size = -{WRITER_CACHE}; PRAGMA temp_store = MEMORY;"
    );
    let begun = Instant::now();
    while let Err(error) = connection.batch_execute(&pragmas) {
        // When two processes switch a new file to WAL at once, SQLite refuses one of them without waiting.
        let is_locked = error.to_string().contains("locked");
        if !is_locked || begun.elapsed() > Duration::from_millis(u64::from(BUSY_MILLISECONDS)) {
            return Err(unusable(&error));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(Database::from(connection))
}

fn reader(path: &str) -> Result<Database> {
    let mut database = connect(path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    database.batch_execute(&format!("PRAGMA query_only = ON; PRAGMA cache_size = -{READER_CACHE};"))?;
    Ok(database)
}

/// Runs a statement that is prepared once.
fn execute(database: &mut Database, statement: impl QueryFragment<diesel::sqlite::Sqlite> + QueryId) -> Result<()> {
    let AnyConnection::Sqlite(connection) = &mut database.connection else {
        unreachable!("because this file opens SQLite only")
    };
    connection.execute_returning_count(&statement)?;
    Ok(())
}

/// The work of one request in the queue.
struct Task {
    work: Job,
    outcome: Option<Result<()>>,
    answer: oneshot::Sender<Result<()>>,
}

impl Task {
    /// Runs the work; returns whether its changes must be kept.
    fn run(&mut self, tx: &mut Database) -> bool {
        // A panic is caught inside its savepoint; the message is printed by the panic hook.
        self.outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(tx))).ok();
        matches!(self.outcome, Some(Ok(_)))
    }

    /// Answers the request after the commit, or after its failure.
    fn answer(self, failed: Option<&str>) {
        let outcome = match (failed, self.outcome) {
            (Some(reason), Some(Ok(_)) | None) => Err(StoreError::Unavailable(reason.to_owned())),
            (None, None) => Err(StoreError::Unavailable("the work panicked".to_owned())),
            (_, Some(outcome)) => outcome,
        };
        // The request may have ended (its connection closed); what was committed stays committed.
        drop(self.answer.send(outcome));
    }
}

struct Writer {
    path: String,
    connection: Option<Database>,
    waiting: Arc<AtomicUsize>,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Task>) {
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(next) = queue.try_recv()
            {
                batch.push(next);
            }
            self.waiting.fetch_sub(batch.len(), Ordering::SeqCst);
            self.shared.batches.note(batch.len());
            let failure = self.commit(&mut batch).err().map(|error| {
                tracing::error!(%error, writes = batch.len(), "a batch of writes failed");
                self.connection = None; // opened again for the next batch
                error.to_string()
            });
            for task in batch {
                task.answer(failure.as_deref());
            }
        }
    }

    fn commit(&mut self, batch: &mut [Task]) -> Result<()> {
        if self.connection.is_none() {
            self.connection = Some(connect(&self.path)?);
        }
        let Some(tx) = self.connection.as_mut() else { return Ok(()) };
        let run = |tx: &mut Database, task: &mut Task| {
            tx.begin(&self.shared, Mode::Write);
            let is_kept = task.run(tx);
            tx.finish();
            is_kept
        };
        execute(tx, BeginWrite)?;
        if let [task] = batch {
            // Rolling back also fails when SQLite has already done so by itself: the connection is opened again.
            return match run(tx, task) {
                true => execute(tx, Commit),
                false => execute(tx, RollBack),
            };
        }
        for task in batch {
            execute(tx, Mark)?;
            if !run(tx, task) {
                execute(tx, RollBackToMark)?;
            }
            // Fails when SQLite has ended the outer transaction: then no change of the batch is kept.
            execute(tx, Release)?;
        }
        execute(tx, Commit)
    }
}
