//! `GET` and `POST /oauth/authorize` (RFC 6749 §4.1.1), with the pages that it leads to.

use actix_web::http::Method;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::answer::Destination;
use super::client_document;
use crate::identity::alerts;
use crate::identity::emailed_links::requester;
use crate::identity::factors;
use crate::oauth::Refusal;
use crate::oauth::authorization::{self, AuthorizationRefusal, AuthorizationRequest, RefusedRequest};
use crate::oauth::consent::{self as remembered_browser, Allowed};
use crate::oauth::interaction::{SessionState, Step};
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::oauth::pushed_request;
use crate::oauth::request_start::RequestStart;
use crate::outcome::{Error, consult, transact};
use crate::web::app::App;
use crate::web::body;
use crate::web::browser::{MaybeVisitor, Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::page::{RequestingApp, see_other, with_both};
use crate::web::pages::account::confirm;
use crate::web::pages::{consent, register};
use crate::web::refusal_details::{RefusedClient, with_cause_for_owner};
use crate::web::same_origin::is_own;

/// Returns whether the browser only prefetches, or asks for the headers only. Such a request must issue nothing.
pub(crate) fn is_speculative(request: &HttpRequest) -> bool {
    request.method() == Method::HEAD
        || ["sec-purpose", "purpose"].iter().any(|name| request.headers().contains_key(*name))
}

/// The query of an authorization request, and the time at which the request began when the query contains it
/// encrypted.
struct Address {
    query: String,
    request_start: Option<RequestStart>,
}

impl Address {
    fn new(app: &App, query: &str) -> Self {
        let (query, request_start) = RequestStart::split(app.now(), &app.token_settings, query);
        Self { query, request_start }
    }

    /// Returns the query for addresses of this server that continue the same request. It keeps the time at
    /// which the request began.
    fn onward(&self, app: &App, asked: &AuthorizationRequest, visitor: Option<&Visitor>) -> String {
        if !asked.needs_request_start() {
            return self.query.clone();
        }
        let now = || RequestStart::new(app.now(), visitor.map(|visitor| visitor.session.id));
        self.request_start.unwrap_or_else(now).seal(&app.token_settings, &self.query)
    }
}

/// Shows the next page, or redirects at once when the person allowed the same before.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: MaybeVisitor) -> Result<HttpResponse, PageError> {
    let (address, visitor) = (Address::new(&app, request.query_string()), visitor.0);
    if let Some(answer) = client_document::make_known(&app, &request, visitor.as_ref()).await? {
        return Ok(answer);
    }
    let asked = match examine(&app, &address).await? {
        Ok(asked) => asked,
        Err(refused) => return refuse(&app, (refused, &address.query), visitor.as_ref()).await,
    };
    let (step, allowed) = next_step(&app, (&asked, &address), visitor.as_ref()).await?;
    let onward = address.onward(&app, &asked, visitor.as_ref());
    let refuse = |problem| refuse_late(&app, &asked, problem, visitor.as_ref());
    let takes_a_while = match step {
        Step::Refuse(_) => false,
        Step::Answer => is_speculative(&request),
        _ => true,
    };
    if takes_a_while {
        extend_pushed_request(&app, &asked, visitor.is_some()).await?;
    }
    match (step, &visitor) {
        (Step::Refuse(problem), _) => refuse(problem).await,
        (Step::Answer, Some(visitor)) if !is_speculative(&request) => approve(&app, &asked, (visitor, false)).await,
        (Step::Answer, _) if asked.prompt_options.prompt.none => refuse(Problem::InteractionRequired).await,
        (Step::Answer | Step::Ask, Some(visitor)) => {
            consent::show(&app, (&asked, &allowed), visitor, &onward, None).await
        }
        (step, _) => Ok(see_other(&before(&app, step, &onward))),
    }
}

/// Extends the lifetime of a pushed authorization request while the person logs in or decides. The browser
/// sent it in time.
async fn extend_pushed_request(
    app: &Data<App>,
    asked: &AuthorizationRequest,
    is_signed_in: bool,
) -> Result<(), PageError> {
    let Some(id) = asked.to_extend else { return Ok(()) };
    let (now, store) = (app.now(), if is_signed_in { app.store.clone() } else { app.store.for_unauthenticated() });
    Ok(store.write(move |tx| pushed_request::extend(tx, now, id)).await?)
}

/// Returns the address of the page that comes first: registration, log-in, or the second factor.
fn before(app: &App, step: Step, onward: &str) -> String {
    let next = format!("{}?{onward}", app.public.path("/oauth/authorize"));
    match step {
        Step::SignUp => register::sign_up_first(app, &next),
        Step::ShowFactor => confirm::second_factor_location(app, &next),
        _ => log_in_first(app, &next),
    }
}

/// Redirects from the address of this page on compatible platforms.
pub async fn moved(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    Ok(sent_here(&app, request.query_string(), "")?)
}

/// Redirects a browser to this page with the parameters of a query and of a form.
///
/// # Errors
/// When the address would be too long.
pub fn sent_here(app: &App, query: &str, form: &str) -> Result<HttpResponse, Refusal> {
    with_both(app.public.path("/oauth/authorize"), query, form).map(|address| see_other(&address))
}

/// Handles the person's decision. A request without a decision is an authorization request.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    visitor: MaybeVisitor,
    payload: Payload,
) -> Result<HttpResponse, PageError> {
    let anew = body::form_anew(&request, payload).await?;
    let form = Parameters::parse(anew.as_bytes())?;
    let Some(decision) = form.get("decision") else {
        return Ok(sent_here(&app, request.query_string(), &anew)?);
    };
    if !is_own(request.headers(), &app.public.origin) {
        return Err(PageError::foreign());
    }
    let (address, visitor) = (Address::new(&app, request.query_string()), visitor.0);
    let asked = match examine(&app, &address).await? {
        Ok(asked) => asked,
        Err(refused) => return refuse(&app, (refused, &address.query), visitor.as_ref()).await,
    };
    let onward = address.onward(&app, &asked, visitor.as_ref());
    let (step, _) = next_step(&app, (&asked, &address), visitor.as_ref()).await?;
    let visitor = match (step, visitor) {
        (Step::Refuse(problem), visitor) => return refuse_late(&app, &asked, problem, visitor.as_ref()).await,
        (Step::Ask | Step::Answer, Some(visitor)) => visitor,
        (step, _) => return Ok(see_other(&before(&app, step, &onward))),
    };
    // The decision counts only for what was shown, and only from the person who saw it.
    if form.get("shown") != Some(asked.shown_to(visitor.user.id).as_str()) {
        let notice = "Something has changed since this page was shown. Please look again.";
        return consent::show(&app, (&asked, &Allowed::default()), &visitor, &onward, Some(notice)).await;
    }
    match decision {
        "allow" => approve(&app, &asked, (&visitor, true)).await,
        _ => deny(&app, &asked, Some(&visitor)).await,
    }
}

/// Returns the redirect of a person who cancels on the log-in page of this authorization request.
///
/// # Errors
/// When the store fails, or the query cannot be parsed.
pub async fn cancel(app: &Data<App>, query: &str) -> Result<Option<HttpResponse>, PageError> {
    match examine(app, &Address::new(app, query)).await? {
        Ok(asked) => deny(app, &asked, None).await.map(Some),
        Err(_refusal) => Ok(None),
    }
}

/// Returns the application that sent an authorization request, the host of its redirect URI, and its
/// `login_hint`. Returns `None` for an invalid request.
///
/// # Errors
/// When the store fails, or the query cannot be parsed.
pub async fn asking(app: &Data<App>, query: &str) -> Result<Option<RequestingApp>, PageError> {
    let asked = examine(app, &Address::new(app, query)).await?;
    Ok(asked.ok().map(|asked| RequestingApp {
        name: asked.client.name.clone(),
        host: asked.redirect_uri.host(),
        login_hint: asked.prompt_options.login_hint,
    }))
}

/// Returns whether a signed-in person must log in again before this request is answered.
///
/// # Errors
/// When the store fails, or the query cannot be parsed.
pub async fn must_log_in(app: &Data<App>, query: &str, visitor: &Visitor) -> Result<bool, PageError> {
    let address = Address::new(app, query);
    let (asked, Visitor { session, user, .. }) = (examine(app, &address).await?, visitor);
    let request_start = address.request_start.as_ref();
    Ok(asked.is_ok_and(|asked| asked.prompt_options.must_log_in(app.now(), (session, user), request_start)))
}

async fn examine(
    app: &Data<App>,
    address: &Address,
) -> Result<Result<AuthorizationRequest, AuthorizationRefusal>, PageError> {
    let parameters = Parameters::parse(address.query.as_bytes());
    let parameters = parameters?;
    let (now, request_start, shared) = (app.now(), address.request_start, app.clone());
    let examined = consult(&app.store, move |db| {
        let (parameters, source) = pushed_request::resolve(db, now, parameters.clone(), request_start.as_ref())?;
        let mut asked = authorization::examine(db, &shared.token_settings, (&parameters, source))?;
        asked.read_hint(db, &shared.signer)?;
        Ok(asked)
    });
    match examined.await {
        Ok(asked) => Ok(Ok(asked)),
        Err(Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

/// Returns the next step for the person at this browser, and what they allowed before.
async fn next_step(
    app: &Data<App>,
    (asked, address): (&AuthorizationRequest, &Address),
    visitor: Option<&Visitor>,
) -> Result<(Step, Allowed), PageError> {
    let (now, request_start) = (app.now(), address.request_start.as_ref());
    let Some(Visitor { session, user, .. }) = visitor else {
        return Ok((asked.next_step(now, request_start, None), Allowed::default()));
    };
    let (client, id, is_about_factor) = (asked.client.id, user.id, asked.prompt_options.two_factors);
    let found = app.store.read(move |db| {
        let has_factor = is_about_factor && factors::find(db, id)?.can_show_two();
        Ok((remembered_browser::find(db, client, id)?, has_factor))
    });
    let (allowed, has_factor) = found.await?;
    let session_state = SessionState { user, session, allowed: &allowed, has_factor };
    Ok((asked.next_step(now, request_start, Some(session_state)), allowed))
}

/// Responds to a refused request with an error page, a redirect, or a page whose button is the redirect
/// (RFC 9700 §4.11.2).
async fn refuse(
    app: &Data<App>,
    (refusal, query): (AuthorizationRefusal, &str),
    visitor: Option<&Visitor>,
) -> Result<HttpResponse, PageError> {
    let refused = match refusal {
        AuthorizationRefusal::Page(refusal) => {
            let Refusal { problem, cause } = refusal;
            tracing::info!(problem = problem.id(), cause, "an authorization request was refused");
            let asked = Parameters::parse(query.as_bytes()).ok();
            let mut page = PageError::from(problem);
            if let Some(client_id) = asked.as_ref().and_then(|asked| asked.get("client_id")) {
                page = page.of_client(RefusedClient::Named(client_id.to_owned()), refusal);
            }
            // The developer must see which redirect URI to register.
            let address = asked.as_ref().and_then(|asked| asked.get("redirect_uri"));
            return Err(match address.filter(|_| problem == Problem::UnregisteredRedirectUri) {
                Some(address) => page.with_detail(address),
                None => page,
            });
        }
        AuthorizationRefusal::Redirect(refused) => *refused,
    };
    send_refusal(app, refused, visitor).await
}

/// Refuses a valid authorization request.
async fn refuse_late(
    app: &Data<App>,
    asked: &AuthorizationRequest,
    problem: Problem,
    visitor: Option<&Visitor>,
) -> Result<HttpResponse, PageError> {
    send_refusal(app, asked.refused(problem), visitor).await
}

/// Sends the error to the application. It redirects at once when that is permitted without a click.
async fn send_refusal(
    app: &Data<App>,
    refused: RefusedRequest,
    visitor: Option<&Visitor>,
) -> Result<HttpResponse, PageError> {
    let Refusal { problem, cause } = refused.refusal;
    let (client, scope) = (&refused.client.client_id, refused.scope.as_deref());
    tracing::info!(problem = problem.id(), cause, scope, ?client, "an authorization request was refused");
    let (shared, user) = (refused.clone(), visitor.map(|visitor| visitor.user.id));
    let may_bounce = app.store.read(move |db| remembered_browser::may_bounce(db, &shared, user)).await;
    let destination = Destination::from(&refused);
    let with_cause = |response| with_cause_for_owner(response, &refused);
    match may_bounce {
        Ok(true) => Ok(with_cause(destination.send_error(app, problem))),
        Ok(false) => Ok(with_cause(destination.offer_error(app, problem))),
        Err(error) => Err(error.into()),
    }
}

/// Responds with an authorization code. When the person clicked and the access is new, they get an email
/// about it. A remembered consent is never new.
async fn approve(
    app: &Data<App>,
    asked: &AuthorizationRequest,
    (visitor, is_clicked): (&Visitor, bool),
) -> Result<HttpResponse, PageError> {
    let (now, shared, request) = (app.now(), app.clone(), asked.clone());
    let Visitor { session, user, origin } = visitor.clone();
    let issued = transact(&app.store, move |tx| {
        let is_news = alerts::is_news(tx, (user.id, request.client.id), Some(&request.scope))?;
        let code = authorization::approve(tx, now, &shared.token_settings, &request, (&session, &origin))?;
        if is_clicked && is_news {
            alerts::app_allowed(tx, (&shared.mail, &requester(now, &origin)), (&user, &request.client))?;
        }
        Ok(code)
    });
    let code = match issued.await {
        Ok(code) => code,
        Err(Error::Refused(problem)) => return refuse_late(app, asked, problem, Some(visitor)).await,
        Err(Error::Failed(error)) => return Err(error.into()),
    };
    Ok(Destination::from(asked).send_code(app, code.expose()))
}

/// Denies the request. The decision uses up a pushed authorization request.
async fn deny(
    app: &Data<App>,
    asked: &AuthorizationRequest,
    visitor: Option<&Visitor>,
) -> Result<HttpResponse, PageError> {
    if asked.pushed.is_some() {
        let (now, request) = (app.now(), asked.clone());
        let is_first = app.store.write(move |tx| pushed_request::consume(tx, now, &request)).await;
        if !is_first? {
            return refuse_late(app, asked, Problem::InvalidRequestUri, visitor).await;
        }
    }
    Ok(Destination::from(asked).send_error(app, Problem::AccessDenied))
}
