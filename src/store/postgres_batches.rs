//! PostgreSQL: requests that run together. Their work is tried without a connection (see `deferred`); what it needs
//! or adds is read or inserted with that of others (see `batcher`). Work that does not fit is run in the normal
//! way, on its own connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::batcher::{Add, AddOutcome, Batcher, Find};
use super::deferred::{Added, Deferred, Next};
use super::job::Job;
use super::pool::Pool;
use super::postgres::{Postgres, panicked, timed_out};
use super::tokens::TokenRow;
use super::view::Mode;
use super::{AnyConnection, Database, QueueShare, Result, StoreError};
use crate::domain::id::Id;
use crate::domain::token_record::TokenRecord;

/// The two kinds of combined statements.
pub struct Batchers {
    finds: Batcher<Find>,
    adds: Batcher<Add>,
}

/// The result of a job in a combined statement.
enum BatchOutcome<T> {
    Done(T),
    /// It was not done; it may succeed when it runs alone.
    RunAlone,
}

impl Batchers {
    /// Starts the threads, which end when this is dropped.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(pool: &Arc<Pool>, most_waiting: usize) -> Result<Self> {
        Ok(Self { finds: Batcher::start(pool, most_waiting)?, adds: Batcher::start(pool, most_waiting)? })
    }
}

impl Postgres {
    /// Runs `work` with its token look-up in one query with those of other requests.
    pub async fn read_batched(&self, mut work: Job) -> Result<()> {
        let Some(batchers) = self.batchers.get() else { return self.read(work).await };
        let mut deferred = Deferred::new(Mode::Read);
        loop {
            let (outcome, tried) = self.attempt(Mode::Read, deferred, &mut work);
            deferred = tried;
            match deferred.take_next() {
                Next::Add(_) => return outcome,
                Next::Connect => break,
                Next::Find(id) => match self.find(batchers, id).await? {
                    BatchOutcome::Done(found) => deferred.put(id, found),
                    BatchOutcome::RunAlone => break,
                },
            }
        }
        self.read(work).await
    }

    /// Runs `work` with its new rows in one statement with those of other requests.
    pub async fn write_batched(&self, share: QueueShare, mut work: Job) -> Result<()> {
        let Some(batchers) = self.batchers.get() else { return self.write(share, work).await };
        self.check_queue_share(share)?;
        let (outcome, mut deferred) = self.attempt(Mode::Write, Deferred::new(Mode::Write), &mut work);
        match (deferred.take_next(), outcome) {
            (Next::Add(added), Ok(())) => match self.add(batchers, added).await? {
                BatchOutcome::Done(()) => Ok(()),
                BatchOutcome::RunAlone => self.write(share, work).await,
            },
            (Next::Add(_), Err(error)) => Err(error),
            (Next::Find(_) | Next::Connect, _) => self.write(share, work).await,
        }
    }

    /// Tries the work without a connection.
    fn attempt(&self, mode: Mode, deferred: Deferred, work: &mut Job) -> (Result<()>, Deferred) {
        let mut database = Database::from(deferred);
        database.begin(&self.shared, mode);
        let tried = catch_unwind(AssertUnwindSafe(|| work(&mut database)));
        let outcome = tried.unwrap_or_else(|_panicked| Err(panicked()));
        let is_done = matches!(&database.connection, AnyConnection::Deferred(deferred) if deferred.is_done());
        if is_done {
            database.finish();
        }
        match database.connection {
            AnyConnection::Deferred(deferred) => (outcome, deferred),
            _ => unreachable!("because nothing replaces it"),
        }
    }

    async fn find(&self, batchers: &Batchers, id: Id<TokenRecord>) -> Result<BatchOutcome<Option<TokenRow>>> {
        let _place = self.places.try_acquire().map_err(|_full| StoreError::Overloaded)?;
        let (answer, answered) = oneshot::channel();
        batchers.finds.send(Find { id, answer });
        match timeout(self.longest_work, answered).await {
            Ok(Ok(found)) => Ok(BatchOutcome::Done(found)),
            Ok(Err(_dropped)) => Ok(BatchOutcome::RunAlone),
            Err(_waited) => Err(timed_out()),
        }
    }

    async fn add(&self, batchers: &Batchers, added: Added) -> Result<BatchOutcome<()>> {
        if added.tokens.is_empty() {
            return Ok(if added.grants.is_empty() { BatchOutcome::Done(()) } else { BatchOutcome::RunAlone });
        }
        let _place = self.places.try_acquire().map_err(|_full| StoreError::Overloaded)?;
        let (answer, answered) = oneshot::channel();
        batchers.adds.send(Add { added, shared: Arc::clone(&self.shared), answer });
        match timeout(self.longest_work, answered).await {
            Ok(Ok(AddOutcome::Yes)) => Ok(BatchOutcome::Done(())),
            Ok(Ok(AddOutcome::Unknown)) => Err(StoreError::Unavailable("it was lost while it committed".to_owned())),
            Ok(Err(_dropped)) => Ok(BatchOutcome::RunAlone),
            Err(_waited) => Err(timed_out()),
        }
    }
}
