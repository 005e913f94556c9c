//! Combines jobs of several requests in one PostgreSQL statement: all jobs that wait when a connection is free run
//! together. It never waits for more. A statement that fails, fails for all of its jobs; then each runs alone,
//! which shows the one that caused the failure.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use diesel::RunQueryDsl;
use tokio::sync::oneshot;

use super::deferred::Added;
use super::pool::{Pool, answers};
use super::rows::Insert;
use super::snapshot::Shared;
use super::tokens::TokenRow;
use super::{AnyConnection, Database, Result, StoreError, tokens};
use crate::domain::id::Id;
use crate::domain::token_record::TokenRecord;

/// The most jobs that share one statement.
const MOST: usize = 64;
/// Threads for each kind of job: while one waits for its answer, the other one collects jobs.
const THREADS: usize = 2;

/// A job that can run together with others of its kind.
pub trait Job: Send + Sized + 'static {
    /// Runs all jobs. A job whose answer channel is dropped runs alone.
    fn run(jobs: Vec<Self>, pool: &Pool);
}

/// The queue of the jobs of one kind.
pub struct Batcher<J> {
    queue: SyncSender<J>,
}

impl<J: Job> Batcher<J> {
    /// Starts the threads, which end when this is dropped.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(pool: &Arc<Pool>, most_waiting: usize) -> Result<Self> {
        let (queue, jobs) = sync_channel(most_waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..THREADS {
            let (pool, jobs) = (Arc::clone(pool), Arc::clone(&jobs));
            let run = move || {
                while let Some(jobs) = next_batch(&jobs) {
                    // The answers of a batch that panics are dropped; the message is printed by the panic hook.
                    drop(catch_unwind(AssertUnwindSafe(|| J::run(jobs, &pool))));
                }
            };
            let started = thread::Builder::new().name("gatepost-gather".to_owned()).spawn(run);
            started.map_err(|error| StoreError::Unusable(format!("a thread could not start: {error}")))?;
        }
        Ok(Self { queue })
    }

    /// Queues a job. It is dropped when too many wait.
    pub fn send(&self, job: J) {
        drop(self.queue.try_send(job));
    }
}

/// Waits for the first job and returns all jobs that wait then; `None` when the queue is closed.
fn next_batch<J>(jobs: &Mutex<Receiver<J>>) -> Option<Vec<J>> {
    let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    let first = jobs.recv().ok()?;
    Some(std::iter::once(first).chain(jobs.try_iter().take(MOST - 1)).collect())
}

/// A job that reads one token.
pub struct Find {
    pub id: Id<TokenRecord>,
    pub answer: oneshot::Sender<Option<TokenRow>>,
}

impl Job for Find {
    fn run(jobs: Vec<Self>, pool: &Pool) {
        let Ok(mut held) = pool.take() else { return };
        let ids = jobs.iter().map(|job| job.id).collect();
        let Ok(found) = tokens::list_by_ids(&mut held.database, ids) else {
            held.has_failed = true;
            return;
        };
        let found: HashMap<_, _> = found.into_iter().map(|token| (token.record.id, token)).collect();
        for job in jobs {
            // The request may have ended.
            drop(job.answer.send(found.get(&job.id).cloned()));
        }
    }
}

/// A job that adds grants and tokens.
pub struct Add {
    pub added: Added,
    pub shared: Arc<Shared>,
    pub answer: oneshot::Sender<AddOutcome>,
}

/// Whether rows were added; none was added when the answer channel is dropped.
#[derive(Clone, Debug)]
pub enum AddOutcome {
    /// They are in the database.
    Yes,
    /// The connection was lost, and so was the one on which the result was queried.
    Unknown,
}

impl Job for Add {
    fn run(jobs: Vec<Self>, pool: &Pool) {
        if let Some(first) = jobs.first() {
            first.shared.batches.note(jobs.len());
        }
        let Some(kept) = add(&jobs, pool) else { return };
        for job in jobs {
            drop(job.answer.send(kept.clone()));
        }
    }
}

/// Adds the rows of all jobs, or none. When the connection is lost meanwhile, another one is asked whether the rows
/// were added; if not, they are added again, which fails if the first insert is committed late.
fn add(jobs: &[Add], pool: &Pool) -> Option<AddOutcome> {
    let mut held = pool.take().ok()?;
    if insert(jobs, &mut held.database).is_ok() {
        return Some(AddOutcome::Yes);
    }
    held.has_failed = true;
    if answers(&mut held.database) {
        return None;
    }
    pool.close_all();
    let Ok(mut other) = pool.connect() else { return Some(AddOutcome::Unknown) };
    match are_kept(jobs, &mut other.database) {
        Ok(true) => return Some(AddOutcome::Yes),
        Ok(false) => {}
        Err(_) => return Some(AddOutcome::Unknown),
    }
    if insert(jobs, &mut other.database).is_ok() {
        return Some(AddOutcome::Yes);
    }
    match are_kept(jobs, &mut other.database) {
        Ok(true) => Some(AddOutcome::Yes),
        // The first insert may still be in progress.
        Ok(false) | Err(_) => Some(AddOutcome::Unknown),
    }
}

fn insert(jobs: &[Add], database: &mut Database) -> Result<()> {
    let grants = jobs.iter().flat_map(|job| &job.added.grants);
    let rows = Insert::new(grants, jobs.iter().flat_map(|job| &job.added.tokens));
    let AnyConnection::Postgres(connection) = database.for_query() else { return Ok(()) };
    rows.execute(connection)?;
    Ok(())
}

/// Whether the tokens of all jobs are in the database: only these jobs use their ids.
fn are_kept(jobs: &[Add], database: &mut Database) -> Result<bool> {
    let ids: Vec<_> = jobs.iter().flat_map(|job| &job.added.tokens).map(|token| token.id).collect();
    let wanted = ids.len();
    Ok(tokens::list_by_ids(database, ids)?.len() == wanted)
}
