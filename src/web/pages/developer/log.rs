//! `/developer/apps/{client_id}/log`: shows recent refusals with the cause that the public response does not
//! contain.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::find_own;
use crate::clock::{UnixTime, in_words};
use crate::domain::refusal_record::RefusalRecord;
use crate::oauth::parameters::Parameters;
use crate::oauth::refusals;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Layout, ok};

/// A refused request in the log.
#[derive(Clone, Debug)]
pub struct RefusalRow {
    /// When it was refused, as text.
    pub at: String,
    /// The endpoint that was called.
    pub endpoint: String,
    /// The error code of the response.
    pub error: String,
    pub cause: String,
    pub request_id: String,
    /// Whether the client had authenticated.
    pub is_proven: bool,
    /// The number of later refusals of the same second and kind, which were only counted.
    pub dropped: i64,
}

/// The data of the template `developer/log.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "developer/log.html")]
pub struct RefusalLog {
    pub layout: Layout,
    pub client_id: String,
    /// The name for people.
    pub name: String,
    /// The request id that is searched for.
    pub asked: Option<String>,
    /// The refusals, newest first.
    pub rows: Vec<RefusalRow>,
}

fn row(now: UnixTime, line: RefusalRecord) -> RefusalRow {
    let ago = now.since(line.occurred_at);
    RefusalRow {
        at: format!("{} ({} ago)", line.occurred_at.readable(), in_words(ago.max(1))),
        endpoint: line.endpoint,
        error: line.error,
        cause: line.cause,
        request_id: line.request_id,
        is_proven: line.is_client_authenticated,
        dropped: line.dropped,
    }
}

/// Shows the log to the owner of the application. For everybody else the application does not exist.
pub async fn get(
    app: Data<App>,
    request: HttpRequest,
    client_id: Path<String>,
    visitor: Visitor,
) -> Result<HttpResponse, PageError> {
    let query = Parameters::parse(request.query_string().as_bytes());
    let query = query?;
    let asked = query.get("request_id").map(|asked| asked.trim().to_owned());
    let (user, id, wanted) = (visitor.user.clone(), client_id.into_inner(), asked.clone());
    let found = app.store.read(move |db| {
        let Some(client) = find_own(db, &user, &id)? else { return Ok(None) };
        Ok(Some((refusals::list(db, client.id, wanted.as_deref())?, client)))
    });
    let found = found.await?;
    let (lines, client) = found.ok_or_else(|| PageError::not_found().seen_by(visitor.person()))?;
    let now = app.now();
    Ok(ok(&RefusalLog {
        layout: visitor.layout(&app),
        client_id: client.client_id.clone(),
        name: client.name.clone(),
        asked,
        rows: lines.into_iter().map(|line| row(now, line)).collect(),
    }))
}
