//! The service that fetches client ID metadata documents: one fetch of a document at a time, and a memory of failures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::clock::UnixTime;
use crate::domain::bounded::remove_oldest_when_full;
use crate::domain::document_url::DocumentUrl;
use crate::oauth::problem::Problem;
use crate::web::fetch::{Fetch, GuardedFetcher};

/// The maximum number of remembered failures; the oldest are removed first.
const MAX_FAILURES: usize = 1_000;

/// The service that fetches client ID metadata documents, with the running fetches.
pub struct Documents {
    fetcher: RwLock<Arc<dyn Fetch>>,
    reading: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    failed: Mutex<HashMap<String, Failure>>,
}

/// A failure that is remembered for a while.
#[derive(Clone, Copy)]
pub(super) struct Failure {
    pub(super) problem: Problem,
    /// Whether the failure may be temporary, so that it is not the fault of the document.
    pub(super) is_passing: bool,
    pub(super) until: UnixTime,
}

impl Default for Documents {
    fn default() -> Self {
        let fetcher: Arc<dyn Fetch> = Arc::new(GuardedFetcher::new());
        Self { fetcher: RwLock::new(fetcher), reading: Mutex::default(), failed: Mutex::default() }
    }
}

impl Documents {
    /// Replaces the fetcher, for tests.
    pub fn read_by(&self, fetcher: Arc<dyn Fetch>) {
        *self.fetcher.write().unwrap_or_else(PoisonError::into_inner) = fetcher;
    }

    pub(in crate::web) fn fetcher(&self) -> Arc<dyn Fetch> {
        self.fetcher.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the lock of one document. Its holder fetches the document, and the others wait and look again.
    pub(super) fn read_lock(&self, url: &DocumentUrl) -> Arc<tokio::sync::Mutex<()>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.retain(|_, read_lock| Arc::strong_count(read_lock) > 1);
        reading.entry(url.as_str().to_owned()).or_default().clone()
    }

    pub(super) fn failure(&self, now: UnixTime, url: &DocumentUrl) -> Option<Failure> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(url.as_str()).copied().filter(|failure| now < failure.until)
    }

    pub(super) fn remember_failure(&self, url: &DocumentUrl, failure: Failure) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        remove_oldest_when_full(&mut failed, MAX_FAILURES, |failure| failure.until);
        failed.insert(url.as_str().to_owned(), failure);
    }
}
