//! `GET` and `POST /oauth/logout` (OpenID Connect RP-Initiated Logout 1.0 §2).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::authorize::is_speculative;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::oauth::openid::logout::{Asked, LogoutRequest};
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::outcome::{Error, consult};
use crate::web::app::App;
use crate::web::body;
use crate::web::browser::{BrowserSession, MaybeVisitor};
use crate::web::error::PageError;
use crate::web::page::{Forms, Layout, Link, ok, render, see_other, with_both};
use crate::web::pages::{Message, log_out};
use crate::web::same_origin::is_own;

/// The data of the template `log_out_of_app.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "log_out_of_app.html")]
pub struct LogOutOfApp {
    pub layout: Layout,
    /// The address that the decision is submitted to: the same logout request.
    pub action: String,
    /// The name of the application, when the request identifies it.
    pub app_name: Option<String>,
    /// The host that the person continues to.
    pub host: Option<String>,
    /// The user name of the signed-in person.
    pub username: String,
}

/// Logs the person out at once when the application proves with an ID token that it knows them. Otherwise
/// asks for confirmation.
pub async fn get(
    app: Data<App>,
    request: HttpRequest,
    visitor: MaybeVisitor,
    browser: BrowserSession,
) -> Result<HttpResponse, PageError> {
    let asked = examine(&app, request.query_string()).await?;
    let Some(visitor) = visitor.0 else { return Ok(nothing_ended(&app, &request, &asked)) };
    if asked.sub == Some(visitor.user.id.uuid()) && !is_speculative(&request) {
        return end(&app, &request, &asked, &browser).await;
    }
    let forms = if asked.onward.is_some() { Forms::Leave } else { Forms::Stay };
    let page = LogOutOfApp {
        layout: visitor.layout(&app),
        action: format!("{}?{}", app.public.path("/oauth/logout"), request.query_string()),
        app_name: asked.client.as_ref().map(|client| client.name.clone()),
        host: asked.onward.as_ref().map(|onward| onward.host.clone()),
        username: visitor.user.username,
    };
    Ok(render(StatusCode::OK, forms, &page))
}

/// Handles the person's decision. A request without a decision is a logout request, which may come from anywhere.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    browser: BrowserSession,
    payload: Payload,
) -> Result<HttpResponse, PageError> {
    let anew = body::form_anew(&request, payload).await?;
    let form = Parameters::parse(anew.as_bytes())?;
    if form.get("decision").is_none() {
        let address = with_both(app.public.path("/oauth/logout"), request.query_string(), &anew)?;
        return Ok(see_other(&address));
    }
    if !is_own(request.headers(), &app.public.origin) {
        return Err(PageError::foreign());
    }
    let asked = examine(&app, request.query_string()).await?;
    end(&app, &request, &asked, &browser).await
}

async fn examine(app: &Data<App>, query: &str) -> Result<LogoutRequest, PageError> {
    // A mistake of the application must not prevent the person from logging out.
    let refused = |problem: Problem| {
        tracing::info!(problem = problem.id(), "a logout request was refused");
        PageError::from(problem).with_action("Log out here", "/logout")
    };
    let parameters = Parameters::parse(query.as_bytes()).map_err(|refusal| refused(refusal.problem))?;
    let (asked, shared) = (Asked::parse(&parameters).map_err(refused)?, app.clone());
    match consult(&app.store, move |db| asked.examine(db, &shared.signer, &shared.token_settings.private_schemes)).await
    {
        Ok(request) => Ok(request),
        Err(Error::Refused(problem)) => Err(refused(problem)),
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

async fn end(
    app: &Data<App>,
    request: &HttpRequest,
    asked: &LogoutRequest,
    browser: &BrowserSession,
) -> Result<HttpResponse, PageError> {
    let ended = browser.sign_out(app).await?;
    Ok(log_out::forgetting(match ended {
        Some(user) => onward(app, asked, Some(user), log_out::done(app)),
        None => nothing_ended(app, request, asked),
    }))
}

/// Returns the response to a request without a session. The hint alone ends no session, because ID tokens do
/// not name the session that they were issued in yet.
fn nothing_ended(app: &App, request: &HttpRequest, asked: &LogoutRequest) -> HttpResponse {
    log_out::nothing_ended(app, request, |page| onward(app, asked, None, page))
}

/// Returns to the application, by a redirect or by a link. Without a redirect URI it shows the given page.
fn onward(app: &App, asked: &LogoutRequest, ended: Option<Id<User>>, page: HttpResponse) -> HttpResponse {
    match &asked.onward {
        Some(onward) if asked.may_go_on(ended) => see_other(&onward.location),
        Some(onward) => ok(&Message {
            layout: app.layout(),
            heading: if ended.is_some() { "You are logged out" } else { log_out::NOT_LOGGED_IN }.to_owned(),
            text: "Nobody is logged in to this server in this browser.".to_owned(),
            action: Some(Link { label: format!("Return to {}", onward.host), href: onward.location.clone() }),
        }),
        None => page,
    }
}
