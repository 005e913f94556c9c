//! PostgreSQL: requests that run together. Their work is tried without a connection (see `deferred`); what it needs
//! or adds is read or inserted with that of others (see `gathering`). Work that does not fit is run in the normal
//! way, on its own connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::deferred::{Added, Deferred, Next};
use super::gathering::{Add, Find, Gathering, Kept};
use super::job::Job;
use super::pool::Pool;
use super::postgres::{Postgres, late, panicked};
use super::tokens::TokenRow;
use super::view::Mode;
use super::{AnyConnection, Database, Result, Share, StoreError};
use crate::domain::id::Id;
use crate::domain::token_record::TokenRecord;

/// The two kinds of combined statements.
pub struct Gatherings {
    finds: Gathering<Find>,
    adds: Gathering<Add>,
}

/// The result of a job in a combined statement.
enum Gathered<T> {
    Done(T),
    /// It was not done; it may succeed when it runs alone.
    Alone,
}

impl Gatherings {
    /// Starts the threads, which end when this is dropped.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(pool: &Arc<Pool>, most_waiting: usize) -> Result<Self> {
        Ok(Self { finds: Gathering::start(pool, most_waiting)?, adds: Gathering::start(pool, most_waiting)? })
    }
}

impl Postgres {
    /// Runs `work` with its token look-up in one query with those of other requests.
    pub async fn read_together(&self, mut work: Job) -> Result<()> {
        let Some(gatherings) = self.gatherings.get() else { return self.read(work).await };
        let mut deferred = Deferred::new(Mode::Read);
        loop {
            let (outcome, tried) = self.attempt(Mode::Read, deferred, &mut work);
            deferred = tried;
            match deferred.take_next() {
                Next::Add(_) => return outcome,
                Next::Connect => break,
                Next::Find(id) => match self.find(gatherings, id).await? {
                    Gathered::Done(found) => deferred.put(id, found),
                    Gathered::Alone => break,
                },
            }
        }
        self.read(work).await
    }

    /// Runs `work` with its new rows in one statement with those of other requests.
    pub async fn write_together(&self, share: Share, mut work: Job) -> Result<()> {
        let Some(gatherings) = self.gatherings.get() else { return self.write(share, work).await };
        self.let_in(share)?;
        let (outcome, mut deferred) = self.attempt(Mode::Write, Deferred::new(Mode::Write), &mut work);
        match (deferred.take_next(), outcome) {
            (Next::Add(added), Ok(())) => match self.add(gatherings, added).await? {
                Gathered::Done(()) => Ok(()),
                Gathered::Alone => self.write(share, work).await,
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

    async fn find(&self, gatherings: &Gatherings, id: Id<TokenRecord>) -> Result<Gathered<Option<TokenRow>>> {
        let _place = self.places.try_acquire().map_err(|_full| StoreError::Overloaded)?;
        let (answer, answered) = oneshot::channel();
        gatherings.finds.send(Find { id, answer });
        match timeout(self.longest_work, answered).await {
            Ok(Ok(found)) => Ok(Gathered::Done(found)),
            Ok(Err(_dropped)) => Ok(Gathered::Alone),
            Err(_waited) => Err(late()),
        }
    }

    async fn add(&self, gatherings: &Gatherings, added: Added) -> Result<Gathered<()>> {
        if added.tokens.is_empty() {
            return Ok(if added.grants.is_empty() { Gathered::Done(()) } else { Gathered::Alone });
        }
        let _place = self.places.try_acquire().map_err(|_full| StoreError::Overloaded)?;
        let (answer, answered) = oneshot::channel();
        gatherings.adds.send(Add { added, shared: Arc::clone(&self.shared), answer });
        match timeout(self.longest_work, answered).await {
            Ok(Ok(Kept::Yes)) => Ok(Gathered::Done(())),
            Ok(Ok(Kept::Unknown)) => Err(StoreError::Unavailable("it was lost while it committed".to_owned())),
            Ok(Err(_dropped)) => Ok(Gathered::Alone),
            Err(_waited) => Err(late()),
        }
    }
}
