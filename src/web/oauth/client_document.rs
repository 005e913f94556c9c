//! Reads the client ID metadata document of a client whose `client_id` is a URL. Concurrent requests share
//! one fetch. Fetches happen for signed-in people only, and are limited for each network and host
//! (`docs/decisions/0014-client-documents.md`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::clock::UnixTime;
use crate::domain::bounded::remove_oldest_when_full;
use crate::domain::document_url::DocumentUrl;
use crate::domain::prompt;
use crate::identity::throttle::Throttled;
use crate::oauth::client_document::{Known, find_state, is_read, lifetime, store_document};
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::{INVALID_CLIENT_DOCUMENT, Problem, UNKNOWN_CLIENT, UNREADABLE_CLIENT_DOCUMENT};
use crate::outcome::{Error, transact};
use crate::store::StoreError;
use crate::web::app::App;
use crate::web::browser::{Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::fetch::{DOCUMENT, Document, Fetch, GuardedFetcher};
use crate::web::page::{here, see_other};

/// How long a failed document is not fetched again, in seconds (our limit).
const FAILED: i64 = 30;
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
struct Failure {
    problem: &'static Problem,
    /// Whether the failure may be temporary, so that it is not the fault of the document.
    is_passing: bool,
    until: UnixTime,
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
    fn read_lock(&self, url: &DocumentUrl) -> Arc<tokio::sync::Mutex<()>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.retain(|_, read_lock| Arc::strong_count(read_lock) > 1);
        reading.entry(url.as_str().to_owned()).or_default().clone()
    }

    fn failure(&self, now: UnixTime, url: &DocumentUrl) -> Option<Failure> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(url.as_str()).copied().filter(|failure| now < failure.until)
    }

    fn remember_failure(&self, url: &DocumentUrl, failure: Failure) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        remove_oldest_when_full(&mut failed, MAX_FAILURES, |failure| failure.until);
        failed.insert(url.as_str().to_owned(), failure);
    }
}

/// Fetches the client ID metadata document that an authorization request names, when that is necessary.
/// Returns a redirect to the log-in page when no person is signed in, because nothing is fetched for
/// unauthenticated callers.
///
/// # Errors
/// When the document cannot be used or the store fails; the error is a page that says what the developer of
/// the application must correct.
pub async fn make_known(
    app: &Data<App>,
    request: &HttpRequest,
    visitor: Option<&Visitor>,
) -> Result<Option<HttpResponse>, PageError> {
    let named = Parameters::parse(request.query_string().as_bytes()).ok();
    let is_silent = named.as_ref().and_then(|named| named.get("prompt")).is_some_and(prompt::is_silent);
    let named = named.as_ref().filter(|named| !named.is_repeated("client_id")).and_then(|named| named.get("client_id"));
    let Some(url) = named.and_then(|client_id| client_id.parse::<DocumentUrl>().ok()) else { return Ok(None) };
    // The rules also apply to a document that was fetched before the operator changed them.
    if !is_read(&app.config.self_registration, &url) {
        return Err(PageError::of_problem(app, &UNKNOWN_CLIENT));
    }
    let known = known(app, &url).await?;
    if known == Known::Fresh {
        return Ok(None);
    }
    if visitor.is_none() {
        // With `prompt=none`, a stored document is enough to answer that the person must log in.
        if known.is_stored() && is_silent {
            return Ok(None);
        }
        return Ok(Some(see_other(&log_in_first(app, &here(request)))));
    }
    let read_lock = app.documents.read_lock(&url);
    let _lock = read_lock.lock().await;
    match self::known(app, &url).await? {
        Known::Fresh => Ok(None),
        known => read(app, (&url, known), &app.origin_of(request).address).await.map(|()| None),
    }
}

async fn known(app: &Data<App>, url: &DocumentUrl) -> Result<Known, PageError> {
    let (now, url) = (app.now(), url.clone());
    let known = app.store.read(move |db| find_state(db, now, &url)).await;
    known.map_err(|error| PageError::unavailable(app, &error))
}

/// Fetches a document, unless that failed a moment ago. With [`Known::Stale`] an unreachable document is not
/// an error, so that an attacker who blocks the connection to its host cannot disable the client.
async fn read(app: &Data<App>, (url, known): (&DocumentUrl, Known), address: &str) -> Result<(), PageError> {
    let (now, is_enough) = (app.now(), known == Known::Stale);
    let refused = |problem: &'static Problem| PageError::of_problem(app, problem).with_detail(url.as_str());
    match app.documents.failure(now, url) {
        Some(failure) if failure.is_passing && is_enough => return Ok(()),
        Some(failure) => return Err(refused(failure.problem)),
        None => {}
    }
    let admitted = if known.is_stored() {
        app.throttle.attempt_known_document(now, address, url.as_str())
    } else {
        app.throttle.attempt_document(now, address, url.host_name())
    };
    match admitted {
        Ok(()) => {}
        Err(Throttled(_seconds)) if is_enough => return Ok(()),
        Err(Throttled(_seconds)) => return Err(PageError::busy(app)),
    }
    match app.documents.fetcher().fetch(url.url(), DOCUMENT).await {
        Ok(document) => store_read_document(app, url, &document).await,
        Err(error) => {
            let page = fail(app, url, (&UNREADABLE_CLIENT_DOCUMENT, error.is_passing()), &error.to_string());
            if error.is_passing() && is_enough { Ok(()) } else { Err(page) }
        }
    }
}

/// Remembers a failure, and returns its error page.
fn fail(app: &App, url: &DocumentUrl, (problem, is_passing): (&'static Problem, bool), cause: &str) -> PageError {
    tracing::info!(problem = problem.id, cause, host = url.host_name(), "a client's document was not taken in");
    app.documents.remember_failure(url, Failure { problem, is_passing, until: app.now().plus(FAILED) });
    PageError::of_problem(app, problem).with_detail(url.as_str())
}

async fn store_read_document(app: &Data<App>, url: &DocumentUrl, document: &Document) -> Result<(), PageError> {
    let (now, fail) = (app.now(), |problem, cause| fail(app, url, (problem, false), cause));
    let metadata = ClientMetadata::parse(&document.body);
    let metadata = metadata.map_err(|refusal| fail(&INVALID_CLIENT_DOCUMENT, refusal.cause))?;
    // A missing `token_endpoint_auth_method` counts as `none`: the default of RFC 7591 needs a secret, which
    // such a client cannot keep.
    let metadata = metadata.or("token_endpoint_auth_method", "none");
    let (shared, asked, seconds) = (app.clone(), url.clone(), lifetime(document.cache_control.as_deref()));
    let rules = app.config.registration_rules();
    let taken = transact(&app.store, move |tx| {
        store_document(tx, now, (&shared.config.self_registration, &rules), (&asked, &metadata), seconds)
    });
    match taken.await {
        // Another node stored the document at the same time.
        Ok(()) | Err(Error::Failed(StoreError::Conflict)) => Ok(()),
        Err(Error::Refused(refusal)) => Err(fail(refusal.problem, refusal.cause)),
        Err(Error::Failed(error)) => Err(PageError::unavailable(app, &error)),
    }
}
