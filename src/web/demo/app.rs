//! Fieldnotes, the sample app: a small website by another party that uses Gatepost to log people in.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::guard::{GuardContext, fn_guard};
use actix_web::web::{self, Data, ServiceConfig, get, post, resource};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::client::CallError;
use super::log_in::{Arrival, CALLBACK, Fieldnotes, LogInProblem, SIGNED_IN};
use super::session::{Attempt, Notice, Session, Sessions, SignedIn, Way, cut};
use crate::clock::{Clock, UnixTime, in_words};
use crate::oauth::parameters::Parameters;
use crate::web::page::{ok, see_other};
use crate::web::{assets, same_origin};

/// The name of the app's cookie. Cookies are shared by all ports of a host, so the name must be unique.
const COOKIE: &str = "fieldnotes";

/// The state that every handler of the app receives.
pub struct Site {
    /// The app's address and its client of Gatepost.
    pub fieldnotes: Fieldnotes,
    /// The sessions of all browsers.
    pub sessions: Data<Sessions>,
    pub clock: Clock,
}

/// Registers the routes of the app.
pub fn routes(config: &mut ServiceConfig, site: Data<Site>) {
    let url = site.fieldnotes.url.clone();
    // Only the app's own pages may submit forms.
    let own_post = || {
        let url = url.clone();
        post().guard(fn_guard(move |request: &GuardContext<'_>| same_origin::is_own(request.head().headers(), &url)))
    };
    let form = |path: &str| resource(path.to_owned()).default_service(web::to(go_home));
    config
        .app_data(site)
        .service(resource("/").route(get().to(home)))
        .service(resource("/favicon.ico").route(get().to(HttpResponse::NoContent)))
        .service(resource("/static/{name}").route(get().to(assets::get)))
        .service(resource("/start/code").route(get().to(start_code)))
        .service(resource("/start/redirect").route(get().to(start_redirect)))
        .service(resource(CALLBACK).route(get().to(callback)))
        .service(resource(SIGNED_IN).route(get().to(signed_in)))
        .service(form("/call").route(own_post().to(call)))
        .service(form("/refresh").route(own_post().to(refresh)))
        .service(form("/log-out").route(own_post().to(log_out)));
}

/// The data of the template `demo/app.html`.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "demo/app.html")]
pub struct AppPage {
    /// The path of the style sheet.
    pub css: String,
    pub error: Option<String>,
    /// The message about the last action, when it succeeded.
    pub message: Option<String>,
    /// The name of the person who is logged in.
    pub signed_in_as: Option<String>,
    /// The log-in method, as text.
    pub how: Option<String>,
    /// The kind of the token, as text.
    pub token_kind: Option<String>,
    /// When the token expires, as text.
    pub expires: Option<String>,
    /// The complete access token or user token.
    pub token: Option<String>,
    pub has_refresh_token: bool,
    /// The latest calls, newest first.
    pub tries: Vec<Attempt>,
}

impl AppPage {
    fn new(session: Session, now: UnixTime) -> Self {
        let (message, error) = match session.notice {
            Some(Notice::Good(text)) => (Some(text), None),
            Some(Notice::Bad(text)) => (None, Some(text)),
            None => (None, None),
        };
        let frame = Self { css: assets::path("demo.css").to_owned(), error, message, ..Self::default() };
        let page = Self { tries: session.tries.into(), ..frame };
        let Some(signed_in) = session.signed_in else { return page };
        Self {
            signed_in_as: Some(signed_in.name),
            how: Some(signed_in.way.name().to_owned()),
            token_kind: Some(kind_in_words(&signed_in.token_kind).to_owned()),
            expires: Some(signed_in.expires.map_or("Never".to_owned(), |time| until(time, now))),
            token: Some(signed_in.token),
            has_refresh_token: signed_in.refresh_token.is_some(),
            ..page
        }
    }
}

fn kind_in_words(token_kind: &str) -> &str {
    match token_kind {
        "oauth" => "OAuth access token",
        "user" => "User token",
        other => other,
    }
}

fn until(time: UnixTime, now: UnixTime) -> String {
    match time.since(now) {
        ..=0 => format!("{} (it is over)", time.readable()),
        seconds => format!("{} (in {})", time.readable(), in_words(seconds)),
    }
}

/// `GET /`: shows the page of the app.
async fn home(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    let key = key_of(&request);
    let session = site.sessions.find(key.as_deref()).unwrap_or_default();
    if session.notice.is_some() {
        // A notice is shown only once.
        site.sessions.update(key.as_deref(), |session| session.notice = None);
    }
    ok(&AppPage::new(session, site.clock.now()))
}

/// `GET /start/code`: begins a log-in with an authorization code.
async fn start_code(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    match site.fieldnotes.begin_code().await {
        Ok(begun) => site.redirect_to_log_in(&request, begun),
        Err(problem) => site.redirect_with_notice(&request, bad(&problem)),
    }
}

/// `GET /start/redirect`: begins a log-in with the login redirect.
async fn start_redirect(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    site.redirect_to_log_in(&request, site.fieldnotes.begin_redirect())
}

/// `GET /callback`: receives the authorization response, a code or an error (RFC 6749 §4.1.2).
async fn callback(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    let arrived = match site.returned(&request) {
        Ok((returned, Way::Code { code_verifier })) => site.fieldnotes.finish_code(&returned, code_verifier).await,
        Ok((_, Way::Redirect)) => Err(LogInProblem::Unexpected),
        Err(problem) => Err(problem),
    };
    site.arrive(&request, arrived)
}

/// `GET /signed-in`: receives a user token. The response redirects the browser at once, so that the token
/// disappears from the address bar.
async fn signed_in(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    let arrived = match site.returned(&request) {
        Ok((returned, Way::Redirect)) => site.fieldnotes.finish_redirect(&returned).await,
        Ok((_, Way::Code { .. })) => Err(LogInProblem::Unexpected),
        Err(problem) => Err(problem),
    };
    site.arrive(&request, arrived)
}

/// `POST /call`: calls the sample API with the token.
async fn call(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    let Some(person) = site.person(&request) else { return go_home().await };
    let answered = site.fieldnotes.asking.call(&site.fieldnotes.notes_url, &person.token).await;
    site.change(&request, |session| match answered {
        Ok(answer) => {
            let said = format!("Authorization: Bearer {}", cut(&person.token));
            session.show(Attempt::new("Call the sample API", ("GET", &said), &answer));
        }
        Err(error) => session.notice = Some(bad(&error)),
    })
}

/// `POST /refresh`: uses the refresh token to get new tokens.
async fn refresh(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    let Some(person) = site.person(&request) else { return go_home().await };
    let Some(refresh_token) = person.refresh_token.clone() else { return go_home().await };
    let refreshed = site.refreshed(person, &refresh_token).await;
    site.change(&request, |session| match refreshed {
        Ok((attempt, Some(next))) => {
            session.show(attempt);
            session.signed_in = Some(next);
            session.notice = Some(Notice::Good("Here is a new token.".to_owned()));
        }
        Ok((attempt, None)) => {
            session.show(attempt);
            session.signed_in = None;
            session.notice = Some(Notice::Bad("Gatepost ended this log-in. Please log in again.".to_owned()));
        }
        Err(problem) => session.notice = Some(bad(&problem)),
    })
}

/// `POST /log-out`: revokes the tokens and clears the session.
async fn log_out(site: Data<Site>, request: HttpRequest) -> HttpResponse {
    let Some(person) = site.person(&request) else { return go_home().await };
    let notice = match site.revoke(&person).await {
        Ok(()) => Notice::Good("You are logged out of Fieldnotes, and its tokens are revoked.".to_owned()),
        Err(error) => {
            Notice::Bad(format!("You are logged out of Fieldnotes. Its tokens live on until they end: {error}"))
        }
    };
    site.change(&request, |session| {
        *session = Session::default();
        session.notice = Some(notice);
    })
}

async fn go_home() -> HttpResponse {
    see_other("/")
}

fn bad(problem: &dyn std::fmt::Display) -> Notice {
    Notice::Bad(problem.to_string())
}

fn key_of(request: &HttpRequest) -> Option<String> {
    request.cookie(COOKIE).map(|cookie| cookie.value().to_owned())
}

impl Site {
    /// Redirects the browser and sets the cookie with its session key.
    fn go(&self, location: &str, key: String) -> HttpResponse {
        let mut response = see_other(location);
        let cookie = Cookie::build(COOKIE, key).path("/").http_only(true).same_site(SameSite::Lax).finish();
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::error!(%error, "the sample app could not set its cookie");
        }
        response
    }

    /// Changes this browser's session, then redirects to the page.
    fn change(&self, request: &HttpRequest, change: impl FnOnce(&mut Session)) -> HttpResponse {
        let (key, ()) = self.sessions.update(key_of(request).as_deref(), change);
        self.go("/", key)
    }

    fn redirect_with_notice(&self, request: &HttpRequest, notice: Notice) -> HttpResponse {
        self.change(request, |session| session.notice = Some(notice))
    }

    /// Redirects a person to log in, and stores the `state` that the answer must carry.
    fn redirect_to_log_in(&self, request: &HttpRequest, (url, state, way): (String, String, Way)) -> HttpResponse {
        let (key, ()) = self.sessions.update(key_of(request).as_deref(), |session| session.begin(state, way));
        self.go(&url, key)
    }

    /// Returns the parameters of an answer whose `state` belongs to a log-in that began in this browser
    /// (RFC 6749 §10.12).
    fn returned(&self, request: &HttpRequest) -> Result<(Parameters, Way), LogInProblem> {
        let read = Parameters::parse(request.query_string().as_bytes()).and_then(Parameters::without_repeats);
        let returned = read.map_err(|_refusal| LogInProblem::Malformed)?;
        let state = returned.get("state").ok_or(LogInProblem::Unexpected)?;
        let (_, way) = self.sessions.update(key_of(request).as_deref(), |session| session.finish(state));
        let way = way.ok_or(LogInProblem::Unexpected)?;
        Ok((returned, way))
    }

    /// Logs the person in and renews the session key, or shows why the log-in failed.
    fn arrive(&self, request: &HttpRequest, arrived: Result<Arrival, LogInProblem>) -> HttpResponse {
        let Arrival { signed_in, tries } = match arrived {
            Ok(arrival) => arrival,
            Err(problem) => return self.redirect_with_notice(request, bad(&problem)),
        };
        let (key, ()) = self.sessions.update(key_of(request).as_deref(), |session| {
            session.signed_in = Some(signed_in);
            session.tries.clear();
            tries.into_iter().for_each(|attempt| session.show(attempt));
        });
        self.go("/", self.sessions.renew(&key))
    }

    fn person(&self, request: &HttpRequest) -> Option<SignedIn> {
        self.sessions.find(key_of(request).as_deref())?.signed_in
    }

    /// Returns the new tokens, or `None` when Gatepost refuses the refresh token.
    async fn refreshed(
        &self,
        person: SignedIn,
        refresh_token: &str,
    ) -> Result<(Attempt, Option<SignedIn>), LogInProblem> {
        let (answer, attempt) = self.fieldnotes.refresh(refresh_token).await?;
        if !answer.is_success() {
            return Ok((attempt, None));
        }
        let arrival = self.fieldnotes.recognize(answer.read()?, person.way).await?;
        let refresh_token = arrival.signed_in.refresh_token.or(person.refresh_token);
        Ok((attempt, Some(SignedIn { refresh_token, ..arrival.signed_in })))
    }

    /// Revokes the app's tokens. Revoking the refresh token revokes its grant too (RFC 7009 §2.1).
    async fn revoke(&self, person: &SignedIn) -> Result<(), CallError> {
        for token in [person.refresh_token.as_deref(), Some(&person.token)].into_iter().flatten() {
            let answer = self.fieldnotes.asking.revoke(token).await?;
            if !answer.is_success() {
                return Err(CallError::Unreadable(answer.url));
            }
        }
        Ok(())
    }
}
