//! Watches the version of the snapshot's data on PostgreSQL: a thread with its own connection reads it several
//! times a second. It reads a row and does not use `LISTEN`: a snapshot must be confirmed every second anyway,
//! because a lost notification cannot be noticed, and poolers in transaction mode deliver none.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::pool::{Held, Pool};
use super::snapshot::Shared;
use super::{Result, StoreError, snapshot_version};

/// The time between two queries: one may be lost or late, and the snapshot is still confirmed in time.
const PAUSE: Duration = Duration::from_millis(250);

/// Starts the thread, unless it runs. It ends when the store is dropped.
///
/// # Errors
/// When the system cannot start a thread.
pub fn start(pool: &Arc<Pool>, shared: &Arc<Shared>) -> Result<()> {
    let (wake, woken) = sync_channel(1);
    if !shared.snapshots.set_watch(wake) {
        return Ok(());
    }
    // Weak references: the pool's connections hold the shared state, and a thread that held the pool would never end.
    let watch = Watch { pool: Arc::downgrade(pool), shared: Arc::downgrade(shared), held: None };
    let started = thread::Builder::new().name("gatepost-watch".to_owned()).spawn(move || watch.run(&woken));
    started.map(drop).map_err(|error| StoreError::Unusable(format!("the watching thread could not start: {error}")))
}

struct Watch {
    pool: Weak<Pool>,
    shared: Weak<Shared>,
    held: Option<Held>,
}

impl Watch {
    fn run(mut self, woken: &Receiver<()>) {
        let mut is_answered = true;
        loop {
            match self.ask() {
                Ok(()) => is_answered = true,
                Err(error) => {
                    self.held = None;
                    // Logged once: rows are read until the database answers again.
                    if is_answered {
                        tracing::warn!(%error, "the database does not say whether applications or keys changed");
                    }
                    is_answered = false;
                }
            }
            match woken.recv_timeout(if is_answered { PAUSE } else { 4 * PAUSE }) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn ask(&mut self) -> Result<()> {
        let Some(pool) = self.pool.upgrade() else { return Ok(()) };
        let held = match self.held.take().filter(|held| pool.is_current(held)) {
            Some(held) => held,
            None => pool.connect()?,
        };
        drop(pool);
        let Some(forgotten) = self.shared.upgrade().map(|shared| shared.snapshots.forgotten()) else { return Ok(()) };
        let (asked_at, held) = (Instant::now(), self.held.insert(held));
        let version = snapshot_version::find(&mut held.database)?;
        if let Some(shared) = self.shared.upgrade() {
            shared.snapshots.confirm(version, asked_at, forgotten);
        }
        Ok(())
    }
}
