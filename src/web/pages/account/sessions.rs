//! `/account/sessions`: lists the signed-in browsers and the tokens that log-ins gave to applications.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{before, last_used};
use crate::clock::{UnixTime, in_words};
use crate::domain::client::Client;
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::domain::session::{Session, browser_in_words};
use crate::domain::token_record::TokenRecord;
use crate::identity::session;
use crate::store::tokens;
use crate::tokens::revoke;
use crate::web::app::App;
use crate::web::browser::{BrowserSession, Visitor};
use crate::web::error::PageError;
use crate::web::page::{Layout, ok, see_other};

/// A signed-in browser in the list.
#[derive(Clone, Debug)]
pub struct SessionRow {
    pub id: String,
    /// The browser and its operating system, as text.
    pub browser: String,
    pub address: String,
    /// When the person signed in, as text.
    pub signed_in: String,
    /// When the session was last used, as text.
    pub last_seen: String,
    /// Whether it is the session of this request.
    pub is_current: bool,
}

/// The number of tokens on one page.
const PAGE: i64 = 100;

/// A user token in the list.
#[derive(Clone, Debug)]
pub struct LoginTokenRow {
    pub id: String,
    pub app_name: String,
    /// The URL that received the token; `None` when a program fetched the token itself.
    pub host: Option<String>,
    /// When the token was issued, as text.
    pub created: String,
    /// When the token expires, as text.
    pub expires: String,
    /// When the token was last used, as text.
    pub last_used: String,
    /// Whether the token stays active after its session ends.
    pub outlives_session: bool,
}

/// The data of the template `account/sessions.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/sessions.html")]
pub struct Sessions {
    pub layout: Layout,
    pub sessions: Vec<SessionRow>,
    pub tokens: Vec<LoginTokenRow>,
    /// The address of the page with older tokens.
    pub older: Option<String>,
}

/// Shows the sessions and the tokens.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, lifetimes, user) = (app.now(), app.token_settings.lifetimes, visitor.user.id);
    let before = before(&request);
    let found = app.store.read(move |db| {
        let sessions = session::list(db, now, &lifetimes, user)?;
        Ok((sessions, tokens::list_user_tokens(db, now, user, (before, PAGE + 1))?))
    });
    let (sessions, mut tokens) = found.await?;
    let has_more = tokens.len() > usize::try_from(PAGE).unwrap_or_default();
    tokens.truncate(usize::try_from(PAGE).unwrap_or_default());
    let last = tokens.last().filter(|_| has_more);
    let path = app.public.path("/account/sessions");
    Ok(ok(&Sessions {
        layout: visitor.layout(&app),
        sessions: sessions.iter().map(|session| session_row(now, session, &visitor)).collect(),
        tokens: tokens.iter().map(|(token, grant, client)| token_row(now, token, grant, client.as_ref())).collect(),
        older: last.map(|(last, _, _)| format!("{path}?before={}", last.id.number())),
    }))
}

fn session_row(now: UnixTime, session: &Session, visitor: &Visitor) -> SessionRow {
    SessionRow {
        id: session.id.number().to_string(),
        browser: browser_in_words(&session.user_agent),
        address: session.address.clone(),
        signed_in: session.created_at.readable(),
        last_seen: format!("{} ago", in_words(now.since(session.last_seen_at))),
        is_current: session.id == visitor.session.id,
    }
}

fn token_row(now: UnixTime, token: &TokenRecord, grant: &Grant, client: Option<&Client>) -> LoginTokenRow {
    LoginTokenRow {
        id: token.id.number().to_string(),
        app_name: client.map_or_else(|| grant.kind.program_in_words().to_owned(), |client| client.name.clone()),
        host: grant.return_url.clone(),
        created: token.created_at.readable(),
        expires: token.expires_at.map_or_else(|| "never".to_owned(), |end| format!("in {}", in_words(end.since(now)))),
        last_used: last_used(now, token.last_used_at),
        outlives_session: !grant.ends_with_session,
    }
}

/// Ends one session. Ending the session of this request logs this browser out.
pub async fn end(
    app: Data<App>,
    id: Path<i64>,
    visitor: Visitor,
    browser: BrowserSession,
) -> Result<HttpResponse, PageError> {
    let id = Id::<Session>::from_number(*id);
    if id == visitor.session.id {
        browser.sign_out(&app).await?;
        return Ok(see_other(&app.public.path("/login")));
    }
    let (now, user) = (app.now(), visitor.user.id);
    let ended = app.store.write(move |tx| session::end(tx, now, (user, &visitor.origin), id)).await;
    back(&app, ended)
}

/// Ends all sessions except this one.
pub async fn end_others(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, lifetimes) = (app.now(), app.token_settings.lifetimes);
    let (user, own) = (visitor.user.id, visitor.session.id);
    let ended = app.store.write(move |tx| {
        session::end_others(tx, now, &lifetimes, (user, &visitor.origin), own)?;
        Ok(true)
    });
    back(&app, ended.await)
}

/// Revokes one user token.
pub async fn end_token(app: Data<App>, id: Path<i64>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user, id) = (app.now(), visitor.user.id, Id::<TokenRecord>::from_number(*id));
    let ended = app.store.write(move |tx| revoke::user_token(tx, now, (user, &visitor.origin), id)).await;
    back(&app, ended)
}

fn back(app: &Data<App>, ended: crate::store::Result<bool>) -> Result<HttpResponse, PageError> {
    match ended {
        Ok(true) => Ok(see_other(&app.public.path("/account/sessions"))),
        Ok(false) => Err(PageError::not_found()),
        Err(error) => Err(error.into()),
    }
}
