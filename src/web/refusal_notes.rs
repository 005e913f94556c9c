//! Records the causes of refusals for the owner of the application (`docs/decisions/0031-errors.md`).

use actix_web::web::Data;

use super::app::App;
use super::error::log_failure;
use super::refusal_details::{RefusalDetails, RefusedClient};
use crate::domain::id::Id;
use crate::domain::refusal_record::RefusalRecord;
use crate::oauth::refusals::is_news;
use crate::store::clients;

/// Records why a request to `path` was refused, when its refusals concern an application.
pub(super) async fn note_refusal(app: &Data<App>, path: &str, refused: &RefusalDetails) {
    if let Some(endpoint) = endpoint(app, path) {
        note_for_owner(app, endpoint, refused).await;
    }
}

/// Returns the endpoint of a path, when its refusals concern an application.
fn endpoint(app: &App, path: &str) -> Option<&'static str> {
    const ENDPOINTS: [&str; 10] = [
        "/oauth/authorize", "/oauth/token", "/v3/oauth/token", "/oauth/par", "/oauth/device", "/oauth/revoke",
        "/oauth/introspect", "/oauth/userinfo", "/login", "/login/code",
    ];
    let path = path.strip_prefix(&app.public.base)?;
    let path = path.strip_suffix('/').unwrap_or(path);
    ENDPOINTS.into_iter().find(|endpoint| endpoint.eq_ignore_ascii_case(path))
}

async fn note_for_owner(app: &Data<App>, endpoint: &'static str, refused: &RefusalDetails) {
    let (Some((error, cause)), Some((refused_client, has_authenticated))) =
        (refused.code_and_cause, refused.client.clone())
    else {
        return;
    };
    if !is_news(error) {
        return;
    }
    let found = app.store.read(move |db| match &refused_client {
        RefusedClient::Named(client_id) => clients::find_by_client_id(db, client_id),
        RefusedClient::Known(client) => clients::find(db, *client),
    });
    let found = found.await.unwrap_or_else(|error| {
        log_failure(&error);
        None
    });
    // An application without an owner has no reader for its refusals.
    let Some(client) = found.filter(|client| client.owner_id.is_some() && client.deleted_at.is_none()) else { return };
    let cause = match &refused.scope {
        Some(scope) => format!("{cause}: {scope}"),
        None => cause.to_owned(),
    };
    let at = app.now();
    app.refusals.note(RefusalRecord {
        id: Id::next(at),
        client_key: client.id,
        request_id: refused.request_id.clone(),
        endpoint: endpoint.to_owned(),
        error: error.to_owned(),
        cause,
        // A public client proves nothing, because every caller can send its `client_id`.
        is_client_authenticated: has_authenticated && !client.is_public(),
        dropped: 0,
        occurred_at: at,
    });
}
