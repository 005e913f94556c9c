//! Jobs of several requests in one statement of PostgreSQL: what waits when a connection is free goes together. It
//! never waits for more. A statement that fails fails for all of them; then each is run by itself, which finds out
//! whose fault it was.

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

/// Jobs that share one statement.
const MOST: usize = 64;
/// Threads for each kind of job: while one waits for its answer, jobs gather for the other one.
const THREADS: usize = 2;

/// A job that waits for others of its kind.
pub trait Job: Send + Sized + 'static {
    /// Does all of them. Whose answer is dropped is run by itself.
    fn run(jobs: Vec<Self>, pool: &Pool);
}

/// Jobs of one kind.
pub struct Gathering<J> {
    queue: SyncSender<J>,
}

impl<J: Job> Gathering<J> {
    /// Starts the threads, which end with this.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(pool: &Arc<Pool>, most_waiting: usize) -> Result<Self> {
        let (queue, jobs) = sync_channel(most_waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..THREADS {
            let (pool, jobs) = (Arc::clone(pool), Arc::clone(&jobs));
            let run = move || {
                while let Some(jobs) = gather(&jobs) {
                    // The answers of a batch that panics are dropped; the message is printed by the panic hook.
                    drop(catch_unwind(AssertUnwindSafe(|| J::run(jobs, &pool))));
                }
            };
            let started = thread::Builder::new().name("gatepost-gather".to_owned()).spawn(run);
            started.map_err(|error| StoreError::Unusable(format!("a thread could not start: {error}")))?;
        }
        Ok(Self { queue })
    }

    /// Lets a job wait. When too many do, it is dropped.
    pub fn send(&self, job: J) {
        drop(self.queue.try_send(job));
    }
}

/// What waits, as soon as something does; nothing when no more will come.
fn gather<J>(jobs: &Mutex<Receiver<J>>) -> Option<Vec<J>> {
    let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    let first = jobs.recv().ok()?;
    Some(std::iter::once(first).chain(jobs.try_iter().take(MOST - 1)).collect())
}

/// Finds a token.
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
            // The request may be gone.
            drop(job.answer.send(found.get(&job.id).cloned()));
        }
    }
}

/// Adds rows.
pub struct Add {
    pub added: Added,
    pub shared: Arc<Shared>,
    pub answer: oneshot::Sender<Kept>,
}

/// What became of rows that were to be added; nothing was kept when the answer was dropped.
#[derive(Clone, Debug)]
pub enum Kept {
    /// They are in the database.
    Yes,
    /// The connection was lost, and so was the one on which this was asked.
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

/// Adds the rows of all jobs, or none. When the connection is lost meanwhile, another one is asked whether they were
/// kept; and they are added again, which is refused if they are kept a moment later.
fn add(jobs: &[Add], pool: &Pool) -> Option<Kept> {
    let mut held = pool.take().ok()?;
    if insert(jobs, &mut held.database).is_ok() {
        return Some(Kept::Yes);
    }
    held.has_failed = true;
    if answers(&mut held.database) {
        return None;
    }
    pool.close_all();
    let Ok(mut other) = pool.connect() else { return Some(Kept::Unknown) };
    match are_kept(jobs, &mut other.database) {
        Ok(true) => return Some(Kept::Yes),
        Ok(false) => {}
        Err(_) => return Some(Kept::Unknown),
    }
    if insert(jobs, &mut other.database).is_ok() {
        return Some(Kept::Yes);
    }
    match are_kept(jobs, &mut other.database) {
        Ok(true) => Some(Kept::Yes),
        // The first try may still be on its way.
        Ok(false) | Err(_) => Some(Kept::Unknown),
    }
}

fn insert(jobs: &[Add], database: &mut Database) -> Result<()> {
    let grants = jobs.iter().flat_map(|job| &job.added.grants);
    let rows = Insert::new(grants, jobs.iter().flat_map(|job| &job.added.tokens));
    let AnyConnection::Postgres(connection) = database.for_query() else { return Ok(()) };
    rows.execute(connection)?;
    Ok(())
}

/// Whether the tokens of all jobs are in the database: their ids are ours alone.
fn are_kept(jobs: &[Add], database: &mut Database) -> Result<bool> {
    let ids: Vec<_> = jobs.iter().flat_map(|job| &job.added.tokens).map(|token| token.id).collect();
    let wanted = ids.len();
    Ok(tokens::list_by_ids(database, ids)?.len() == wanted)
}
