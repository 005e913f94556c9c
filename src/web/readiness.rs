//! Whether the server accepts requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::store::{Store, installation};

/// The time limit for the database to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer of the database is cached, however many requests ask.
const KEPT: Duration = Duration::from_secs(1);

/// Whether the server accepts requests.
#[derive(Default)]
pub struct Readiness {
    is_stopping: AtomicBool,
    last: Mutex<Option<Probe>>,
}

/// The last answer of the database.
struct Probe {
    at: Instant,
    can_write: bool,
}

impl Readiness {
    /// Marks the server as stopping, so that a load balancer sends no more requests.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
    }

    /// Returns whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Returns whether the database accepts a write. With a full or read-only disk, a permanent lock or on a
    /// standby, reads still succeed.
    pub(super) async fn can_write(&self, store: &Store) -> bool {
        let mut last = self.last.lock().await;
        if let Some(probe) = last.as_ref().filter(|probe| probe.at.elapsed() < KEPT) {
            return probe.can_write;
        }
        let written = tokio::time::timeout(PATIENCE, store.write(installation::probe)).await;
        let can_write = matches!(written, Ok(Ok(true)));
        *last = Some(Probe { at: Instant::now(), can_write });
        can_write
    }
}
