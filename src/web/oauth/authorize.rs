//! `GET` and `POST /oauth/authorize` — RFC 6749 §4.1.1, and the consent page on the way.

use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

use super::client_document;
use crate::clock::in_words;
use crate::domain::client::GrantType;
use crate::domain::redirect_uri::RedirectUri;
use crate::domain::scope::Scope;
use crate::oauth::authorization::{self, AuthorizationRefusal, AuthorizationRequest, RefusedRequest};
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::{ACCESS_DENIED, Problem, UNREGISTERED_REDIRECT_URI};
use crate::oauth::scopes;
use crate::outcome::{Error, consult};
use crate::store::{StoreError, clients};
use crate::web::app::App;
use crate::web::body;
use crate::web::browser::{MaybeVisitor, Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::page::{Forms, render, see_other};
use crate::web::pages::consent::{Consent, ScopeLine, made_by};
use crate::web::same_origin::is_own;

/// Whether the browser only looks ahead, or at the head alone: then nothing may be issued.
pub(crate) fn is_speculative(request: &HttpRequest) -> bool {
    request.method() == Method::HEAD
        || ["sec-purpose", "purpose"].iter().any(|name| request.headers().contains_key(*name))
}

/// Shows the consent page, or goes on at once when the person allowed the same before.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: MaybeVisitor) -> Result<HttpResponse, PageError> {
    if let Some(answer) = client_document::make_known(&app, &request, visitor.0.as_ref()).await? {
        return Ok(answer);
    }
    let asked = match examine(&app, request.query_string().as_bytes()).await? {
        Ok(asked) => asked,
        Err(refused) => return refuse(&app, (refused, request.query_string()), visitor.0.as_ref()).await,
    };
    let Some(visitor) = visitor.0 else { return Ok(see_other(&log_in_first(&app, &request.uri().to_string()))) };
    let (shared, user) = (asked.clone(), visitor.user.id);
    let allowed = app.store.read(move |db| authorization::find_consent(db, &shared, user)).await;
    let allowed = allowed.map_err(|error| PageError::unavailable(&app, &error))?;
    let is_allowed = asked.has_proven_address() && !asked.scope.is_empty() && asked.scope.is_within(&allowed);
    if is_allowed && !is_speculative(&request) {
        return approve(&app, &asked, &visitor).await;
    }
    consent_page(&app, (&asked, &allowed), &visitor, request.query_string(), None).await
}

/// The platform's address of this page.
pub async fn moved(app: Data<App>, request: HttpRequest) -> HttpResponse {
    sent_here(&app, request.query_string(), "")
}

/// Sends a browser here with what it asked for elsewhere, in an address or in a body.
pub fn sent_here(app: &App, query: &str, body: &str) -> HttpResponse {
    let parts: Vec<&str> = [query, body].into_iter().filter(|part| !part.is_empty()).collect();
    let mark = if parts.is_empty() { "" } else { "?" };
    see_other(&format!("{}{mark}{}", app.public.path("/oauth/authorize"), parts.join("&")))
}

/// Takes the person's decision; without one it is an authorization request.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    visitor: MaybeVisitor,
    payload: Payload,
) -> Result<HttpResponse, PageError> {
    let body = body::read(payload).await.map_err(|refusal| PageError::of_problem(&app, refusal.problem))?;
    let form = Parameters::parse(&body).map_err(|refusal| PageError::of_problem(&app, refusal.problem))?;
    let Some(decision) = form.get("decision") else {
        return Ok(sent_here(&app, request.query_string(), &String::from_utf8_lossy(&body)));
    };
    if !is_own(request.headers(), &app.public.origin) {
        return Err(PageError::foreign(&app));
    }
    let asked = match examine(&app, request.query_string().as_bytes()).await? {
        Ok(asked) => asked,
        Err(refused) => return refuse(&app, (refused, request.query_string()), visitor.0.as_ref()).await,
    };
    let Some(visitor) = visitor.0 else { return Ok(see_other(&log_in_first(&app, &request.uri().to_string()))) };
    // What counts is what was shown, to the person to whom it was shown.
    if form.get("shown") != Some(asked.shown_to(visitor.user.id).as_str()) {
        let notice = "Something has changed since this page was shown. Please look again.";
        return consent_page(&app, (&asked, &Scope::default()), &visitor, request.query_string(), Some(notice)).await;
    }
    if decision == "allow" { approve(&app, &asked, &visitor).await } else { Ok(denied(&app, &asked)) }
}

/// The redirect of a person who chose Cancel on the log-in page that this request led to.
pub async fn cancel(app: &Data<App>, query: &str) -> Option<HttpResponse> {
    match examine(app, query.as_bytes()).await {
        Ok(Ok(asked)) => Some(denied(app, &asked)),
        _ => None,
    }
}

/// The application behind an authorization request and the host that the answer goes to.
pub async fn asking(app: &Data<App>, query: &str) -> Option<(String, String)> {
    match examine(app, query.as_bytes()).await {
        Ok(Ok(asked)) => Some((asked.client.name.clone(), asked.redirect_uri.host())),
        _ => None,
    }
}

async fn examine(
    app: &Data<App>,
    query: &[u8],
) -> Result<Result<AuthorizationRequest, AuthorizationRefusal>, PageError> {
    let parameters = Parameters::parse(query).map_err(|refusal| PageError::of_problem(app, refusal.problem))?;
    match consult(&app.store, move |db| authorization::examine(db, &parameters)).await {
        Ok(asked) => Ok(Ok(asked)),
        Err(Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(Error::Failed(error)) => Err(PageError::unavailable(app, &error)),
    }
}

/// A page, an immediate redirect, or a page whose button is the redirect (RFC 9700 §4.11.2).
async fn refuse(
    app: &Data<App>,
    (refusal, query): (AuthorizationRefusal, &str),
    visitor: Option<&Visitor>,
) -> Result<HttpResponse, PageError> {
    let refused = match refusal {
        AuthorizationRefusal::Page(problem) => {
            tracing::info!(problem = problem.id, "an authorization request was refused");
            let page = PageError::of_problem(app, problem);
            // The developer must see which address to register.
            let asked = Parameters::parse(query.as_bytes()).ok();
            let address = asked.as_ref().and_then(|asked| asked.get("redirect_uri"));
            return Err(match address.filter(|_| *problem == UNREGISTERED_REDIRECT_URI) {
                Some(address) => page.with_detail(address),
                None => page,
            });
        }
        AuthorizationRefusal::Redirect(refused) => *refused,
    };
    tracing::info!(problem = refused.problem.id, client = ?refused.client.client_id, "an authorization request was refused");
    let (shared, user) = (refused.clone(), visitor.map(|visitor| visitor.user.id));
    let may_bounce = app.store.read(move |db| authorization::may_bounce(db, &shared, user)).await;
    let RefusedRequest { redirect_uri, state, problem, .. } = refused;
    let location = error_location(app, &redirect_uri, state.as_deref(), problem);
    match may_bounce {
        Ok(true) => Ok(see_other(&location)),
        Ok(false) => {
            let label = format!("Return to {}", redirect_uri.host());
            Err(PageError::of_problem(app, problem).with_action(&label, &location))
        }
        Err(error) => Err(PageError::unavailable(app, &error)),
    }
}

async fn approve(app: &Data<App>, asked: &AuthorizationRequest, visitor: &Visitor) -> Result<HttpResponse, PageError> {
    let (now, shared, request) = (app.now(), app.clone(), asked.clone());
    let (user, session) = (visitor.user.id, visitor.session.id);
    let issued =
        app.store.write(move |tx| authorization::approve(tx, now, &shared.mint, &request, (user, session))).await;
    let code = issued.map_err(|error| PageError::unavailable(app, &error))?;
    let answer = [("code", Some(code.expose())), ("state", asked.state.as_deref()), ("iss", Some(&app.public.issuer))];
    Ok(see_other(&location(&asked.redirect_uri, &answer)))
}

fn denied(app: &App, asked: &AuthorizationRequest) -> HttpResponse {
    see_other(&error_location(app, &asked.redirect_uri, asked.state.as_deref(), &ACCESS_DENIED))
}

/// RFC 6749 §4.1.2.1, with `iss` (RFC 9207 §2).
fn error_location(app: &App, redirect_uri: &RedirectUri, state: Option<&str>, problem: &Problem) -> String {
    let uri = format!("{}/errors/{}", app.public.issuer, problem.id);
    let answer = [
        ("error", Some(problem.code)),
        ("error_description", Some(problem.description)),
        ("error_uri", Some(uri.as_str())),
        ("state", state),
        ("iss", Some(&app.public.issuer)),
    ];
    location(redirect_uri, &answer)
}

/// The redirect URI with the answer behind its own query, which stays as it was registered (§3.1.2).
fn location(redirect_uri: &RedirectUri, answer: &[(&str, Option<&str>)]) -> String {
    let pairs = answer.iter().filter_map(|(name, value)| value.map(|value| (*name, value)));
    let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let joint = if redirect_uri.as_str().contains('?') { '&' } else { '?' };
    format!("{redirect_uri}{joint}{encoded}")
}

async fn consent_page(
    app: &Data<App>,
    (asked, allowed): (&AuthorizationRequest, &Scope),
    visitor: &Visitor,
    query: &str,
    notice: Option<&str>,
) -> Result<HttpResponse, PageError> {
    let client = asked.client.clone();
    let found = app.store.read(move |db| {
        Ok::<_, StoreError>((clients::find_owner_name(db, &client)?.unwrap_or_default(), scopes::known(db)?))
    });
    let (owner, known) = found.await.map_err(|error| PageError::unavailable(app, &error))?;
    let scopes = scopes::sentences(&known, &asked.scope).into_iter();
    let chrome = visitor.chrome(app);
    let path = app.public.path("/oauth/authorize");
    let next: String = form_urlencoded::byte_serialize(format!("{path}?{query}").as_bytes()).collect();
    let page = Consent {
        chrome: notice.map_or(chrome.clone(), |notice| chrome.with_notice(notice)),
        action: format!("{path}?{query}"),
        shown: asked.shown_to(visitor.user.id),
        app_name: asked.client.name.clone(),
        owner: if owner.is_empty() { made_by(&asked.client) } else { owner },
        described_at: asked.client.described_at(),
        is_verified: asked.client.verified_at.is_some(),
        registered: format!("{} ago", in_words(app.now().since(asked.client.created_at))),
        redirect_host: asked.redirect_uri.host(),
        redirect_uri: asked.redirect_uri.as_str().to_owned(),
        is_on_this_device: !asked.has_proven_address(),
        username: visitor.user.username.clone(),
        scopes: scopes.map(|(name, sentence)| ScopeLine { is_new: !allowed.holds(&name), name, sentence }).collect(),
        has_been_allowed_before: !allowed.is_empty(),
        lasts: lasts(app, asked),
        other_account_url: format!("{}?next={next}", app.public.path("/logout")),
    };
    Ok(render(StatusCode::OK, Forms::Leave, &page))
}

fn lasts(app: &App, asked: &AuthorizationRequest) -> String {
    let lifetimes = app.mint.lifetimes;
    if asked.client.may_use(GrantType::RefreshToken) {
        format!(
            "It lasts until you remove the app, until the app has not used it for {}, or for {} at most.",
            in_words(lifetimes.refresh_idle),
            in_words(lifetimes.refresh_max)
        )
    } else {
        format!("It lasts {}, or until you remove the app.", in_words(lifetimes.access))
    }
}
