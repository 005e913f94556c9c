//! Reads the client ID metadata document of a client whose `client_id` is a URL. Concurrent requests share
//! one fetch. Fetches happen for signed-in people only, and are limited for each network and host
//! (`docs/decisions/0014-client-documents.md`).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::read_documents::Failure;
use crate::domain::document_url::DocumentUrl;
use crate::domain::prompt;
use crate::identity::throttle::Throttled;
use crate::oauth::client_document::{Known, find_state, is_read, lifetime, store_document};
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::outcome::{Error, transact};
use crate::store::StoreError;
use crate::web::app::App;
use crate::web::browser::{Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::fetch::{DOCUMENT, Document};
use crate::web::page::{here, see_other};

/// How long a failed document is not fetched again, in seconds (our limit).
const FAILED: i64 = 30;
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
        return Err(PageError::from(Problem::UnknownClient));
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
    Ok(app.store.read(move |db| find_state(db, now, &url)).await?)
}

/// Fetches a document, unless that failed a moment ago. With [`Known::Stale`] an unreachable document is not
/// an error, so that an attacker who blocks the connection to its host cannot disable the client.
async fn read(app: &Data<App>, (url, known): (&DocumentUrl, Known), address: &str) -> Result<(), PageError> {
    let (now, is_enough) = (app.now(), known == Known::Stale);
    let refused = |problem: Problem| PageError::from(problem).with_detail(url.as_str());
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
        Err(Throttled(_seconds)) => return Err(PageError::busy()),
    }
    match app.documents.fetcher().fetch(url.url(), DOCUMENT).await {
        Ok(document) => store_read_document(app, url, &document).await,
        Err(error) => {
            let page = fail(app, url, (Problem::UnreadableClientDocument, error.is_passing()), &error.to_string());
            if error.is_passing() && is_enough { Ok(()) } else { Err(page) }
        }
    }
}

/// Remembers a failure, and returns its error page.
fn fail(app: &App, url: &DocumentUrl, (problem, is_passing): (Problem, bool), cause: &str) -> PageError {
    tracing::info!(problem = problem.id(), cause, host = url.host_name(), "a client's document was not taken in");
    app.documents.remember_failure(url, Failure { problem, is_passing, until: app.now().plus(FAILED) });
    PageError::from(problem).with_detail(url.as_str())
}

async fn store_read_document(app: &Data<App>, url: &DocumentUrl, document: &Document) -> Result<(), PageError> {
    let (now, fail) = (app.now(), |problem, cause| fail(app, url, (problem, false), cause));
    let metadata = ClientMetadata::parse(&document.body);
    let metadata = metadata.map_err(|refusal| fail(Problem::InvalidClientDocument, refusal.cause))?;
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
        Err(Error::Failed(error)) => Err(error.into()),
    }
}
