//! Makes a client known whose `client_id` is the address of its description: read once for all who
//! wait, for signed-in people only, limited per network and host (`standards.md`, Signing up as a client).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::clock::UnixTime;
use crate::domain::document_url::DocumentUrl;
use crate::identity::throttle::Throttled;
use crate::oauth::client_document::{Known, is_read, lifetime, look_up, take_in};
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::{INVALID_CLIENT_DOCUMENT, Problem, UNKNOWN_CLIENT, UNREADABLE_CLIENT_DOCUMENT};
use crate::outcome::{Error, transact};
use crate::store::StoreError;
use crate::web::app::App;
use crate::web::browser::{Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::fetch::{Fetch, GuardedFetcher};
use crate::web::page::see_other;

/// Seconds in which a document that failed is not asked for again; ours.
const FAILED: i64 = 30;
/// Failures that are remembered at once.
const MAX_FAILURES: usize = 1_000;

/// What reads documents, and what is being read.
pub struct Documents {
    fetcher: RwLock<Arc<dyn Fetch>>,
    reading: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    failed: Mutex<HashMap<String, (UnixTime, &'static Problem)>>,
}

impl Default for Documents {
    fn default() -> Self {
        let fetcher: Arc<dyn Fetch> = Arc::new(GuardedFetcher::new());
        Self { fetcher: RwLock::new(fetcher), reading: Mutex::default(), failed: Mutex::default() }
    }
}

impl Documents {
    /// Reads by something else from now on: a test's own shelf.
    pub fn read_by(&self, fetcher: Arc<dyn Fetch>) {
        *self.fetcher.write().unwrap_or_else(PoisonError::into_inner) = fetcher;
    }

    fn fetcher(&self) -> Arc<dyn Fetch> {
        self.fetcher.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The turn of one document: whoever holds it reads, the others wait and look again.
    fn turn(&self, url: &DocumentUrl) -> Arc<tokio::sync::Mutex<()>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.retain(|_, turn| Arc::strong_count(turn) > 1);
        reading.entry(url.as_str().to_owned()).or_default().clone()
    }

    fn failure(&self, now: UnixTime, url: &DocumentUrl) -> Option<&'static Problem> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, (until, _)| now < *until);
        failed.get(url.as_str()).map(|(_, problem)| *problem)
    }

    fn remember_failure(&self, now: UnixTime, url: &DocumentUrl, problem: &'static Problem) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() < MAX_FAILURES {
            failed.insert(url.as_str().to_owned(), (now.plus(FAILED), problem));
        }
    }
}

/// Reads the document of the client that an authorization request names, if that has to be done. The
/// answer is a way to log in when nobody is signed in: for nobody nothing is fetched.
///
/// # Errors
/// A page that says what the application's developer must mend.
pub async fn make_known(
    app: &Data<App>,
    request: &HttpRequest,
    visitor: Option<&Visitor>,
) -> Result<Option<HttpResponse>, PageError> {
    let named = Parameters::parse(request.query_string().as_bytes()).ok();
    let named = named.as_ref().filter(|named| !named.is_repeated("client_id")).and_then(|named| named.get("client_id"));
    let Some(url) = named.and_then(|client_id| client_id.parse::<DocumentUrl>().ok()) else { return Ok(None) };
    // Also one that was read before the operator changed their mind.
    if !is_read(&app.config.strangers, &url) {
        return Err(PageError::of_problem(app, &UNKNOWN_CLIENT));
    }
    if is_fresh(app, &url).await? {
        return Ok(None);
    }
    if visitor.is_none() {
        return Ok(Some(see_other(&log_in_first(app, &request.uri().to_string()))));
    }
    let turn = app.documents.turn(&url);
    let _held = turn.lock().await;
    if is_fresh(app, &url).await? {
        return Ok(None);
    }
    read(app, &url, &app.origin_of(request).address).await.map(|()| None)
}

async fn is_fresh(app: &Data<App>, url: &DocumentUrl) -> Result<bool, PageError> {
    let (now, url) = (app.now(), url.clone());
    let known = app.store.read(move |db| look_up(db, now, &url)).await;
    Ok(known.map_err(|error| PageError::unavailable(app, &error))? == Known::Fresh)
}

async fn read(app: &Data<App>, url: &DocumentUrl, address: &str) -> Result<(), PageError> {
    let now = app.now();
    let refused = |problem: &'static Problem| PageError::of_problem(app, problem).with_detail(url.as_str());
    if let Some(problem) = app.documents.failure(now, url) {
        return Err(refused(problem));
    }
    let admitted = app.throttle.attempt_document(now, address, url.host_name());
    admitted.map_err(|Throttled(_seconds)| PageError::busy(app))?;
    let fail = |problem: &'static Problem, cause: &str| {
        tracing::info!(problem = problem.id, cause, host = url.host_name(), "a client's document was refused");
        app.documents.remember_failure(now, url, problem);
        refused(problem)
    };
    let fetched = app.documents.fetcher().fetch(url.url()).await;
    let document = fetched.map_err(|error| fail(&UNREADABLE_CLIENT_DOCUMENT, &error.to_string()))?;
    let metadata = ClientMetadata::parse(&document.body);
    let metadata = metadata.map_err(|refusal| fail(&INVALID_CLIENT_DOCUMENT, refusal.cause))?;
    // What a document leaves out is `none`: it can keep no secret, which is RFC 7591's default.
    let metadata = metadata.or("token_endpoint_auth_method", "none");
    let (shared, asked, seconds) = (app.clone(), url.clone(), lifetime(document.cache_control.as_deref()));
    let taken =
        transact(&app.store, move |tx| take_in(tx, now, &shared.config.strangers, (&asked, &metadata), seconds));
    match taken.await {
        // Another node took it in at the same moment.
        Ok(()) | Err(Error::Failed(StoreError::Conflict)) => Ok(()),
        Err(Error::Refused(refusal)) => Err(fail(refusal.problem, refusal.cause)),
        Err(Error::Failed(error)) => Err(PageError::unavailable(app, &error)),
    }
}
