//! The browser sessions of signed-in people, with the cookie of actix-session.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_session::storage::{LoadError, SaveError, SessionKey as CookieKey, SessionStore, UpdateError};
use actix_session::{Session as CookieSession, SessionExt, SessionMiddleware};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Key, SameSite};
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use url::form_urlencoded::byte_serialize;

use super::app::App;
use super::error::PageError;
use super::page::{Layout, here, see_other};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::session::Session;
use crate::domain::token::{SessionKey, Token};
use crate::domain::user::User;
use crate::identity::session::{self, Origin};
use crate::store::{Database, StoreError};
use crate::tokens::session_recheck;

/// The only entry in the state of a cookie session: the session key.
const ENTRY: &str = "key";

/// The session cookie of a request. No other type reads or writes a session key.
pub struct BrowserSession {
    cookie: CookieSession,
    origin: Origin,
}

impl BrowserSession {
    fn of(request: &HttpRequest) -> Self {
        Self { cookie: request.get_session(), origin: app_of(request).origin_of(request) }
    }

    /// Returns the session key that the browser presented.
    fn key(&self) -> Option<Token<SessionKey>> {
        let text: String = self.cookie.get(ENTRY).ok().flatten()?;
        Token::parse(&text).ok()
    }

    /// Stores a new session key in the cookie. The session id is renewed at every sign-in.
    fn put(&self, key: &Token<SessionKey>) -> Result<(), StoreError> {
        self.cookie.renew();
        let kept = self.cookie.insert(ENTRY, key.expose());
        kept.map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// Signs the browser in. A previous session of the browser is replaced.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_in(&self, app: &Data<App>, key: &Token<SessionKey>) -> Result<(), StoreError> {
        if let Some(before) = self.visitor(app).await? {
            let (now, both) = (app.now(), (before.session.id, key.id()));
            let write = move |tx: &mut Database| session::replace(tx, now, (before.user.id, &before.origin), both);
            app.store.write(write).await?;
        }
        self.put(key)
    }

    /// Gives the browser a new key for its session.
    ///
    /// # Errors
    /// When the cookie cannot be written.
    pub fn renew(&self, key: &Token<SessionKey>) -> Result<(), StoreError> {
        self.put(key)
    }

    /// Signs the browser out. Returns the person whose session ended, if there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_out(&self, app: &Data<App>) -> Result<Option<Id<User>>, StoreError> {
        let ended = match self.visitor(app).await? {
            Some(visitor) => end(app, visitor).await?,
            None => None,
        };
        self.cookie.purge();
        Ok(ended)
    }

    /// Returns the signed-in person, if there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn visitor(&self, app: &Data<App>) -> Result<Option<Visitor>, StoreError> {
        let Some(key) = self.key() else { return Ok(None) };
        let (now, sign_in_policy) = (app.now(), app.sign_in_context().sign_in_policy());
        let found = app.store.read(move |db| session::find(db, now, &sign_in_policy, &key)).await?;
        Ok(found.map(|(session, user)| Visitor { session, user, origin: self.origin.clone() }))
    }
}

async fn end(app: &Data<App>, visitor: Visitor) -> Result<Option<Id<User>>, StoreError> {
    let (now, user, session) = (app.now(), visitor.user.id, visitor.session.id);
    let is_ended = app.store.write(move |tx| session::end(tx, now, (user, &visitor.origin), session)).await?;
    Ok(is_ended.then_some(user))
}

/// A signed-in person. A handler with this argument redirects everybody else to the log-in page.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub session: Session,
    pub user: User,
    /// The network address and user agent of this request, for the security log.
    pub origin: Origin,
}

/// A signed-in person, or `None` for an unauthenticated visitor.
pub struct MaybeVisitor(pub Option<Visitor>);

impl Visitor {
    /// Returns whether the person authenticated in the last 15 minutes.
    pub fn has_recent_authentication(&self, now: UnixTime) -> bool {
        self.session.has_recent_authentication(now)
    }

    /// Returns the same person as read inside a transaction that writes for them. Returns `None` when their
    /// session ended or they were disabled meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn recheck(&self, tx: &mut Database, app: &App, now: UnixTime) -> Result<Option<Self>, StoreError> {
        let found = session_recheck::lock_active(tx, now, &app.token_settings.lifetimes, &self.session)?;
        Ok(found.map(|(session, user)| Self { session, user, origin: self.origin.clone() }))
    }

    /// Returns the username, for an error page.
    pub fn person(&self) -> Option<String> {
        Some(self.user.username.clone())
    }

    /// Returns the layout of a page for this person.
    pub fn layout(&self, app: &App) -> Layout {
        Layout { person: Some(self.user.username.clone()), ..app.layout() }
    }
}

impl MaybeVisitor {
    /// Returns the username of the visitor, for an error page.
    pub fn person(&self) -> Option<String> {
        self.0.as_ref().and_then(Visitor::person)
    }

    /// Returns the layout of a page, with the person when one is signed in.
    pub fn layout(&self, app: &App) -> Layout {
        self.0.as_ref().map_or_else(|| app.layout(), |visitor| visitor.layout(app))
    }
}

/// Why a handler does not receive its visitor.
#[derive(Debug)]
pub enum NoVisitor {
    /// No person is signed in. Holds the address of the log-in page.
    SignedOut(String),
    Failed(PageError),
}

impl std::fmt::Display for NoVisitor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("nobody is signed in")
    }
}

impl ResponseError for NoVisitor {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::SignedOut(location) => see_other(location),
            Self::Failed(error) => error.error_response(),
        }
    }
}

pub(super) type Pending<T, E> = Pin<Box<dyn Future<Output = Result<T, E>>>>;

pub(super) fn app_of(request: &HttpRequest) -> Data<App> {
    request.app_data::<Data<App>>().expect("because every server is given its App").clone()
}

impl FromRequest for BrowserSession {
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self::of(request)))
    }
}

impl FromRequest for MaybeVisitor {
    type Error = PageError;
    type Future = Pending<Self, PageError>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (app, browser) = (app_of(request), BrowserSession::of(request));
        Box::pin(async move { Ok(Self(browser.visitor(&app).await?)) })
    }
}

impl FromRequest for Visitor {
    type Error = NoVisitor;
    type Future = Pending<Self, NoVisitor>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let app = app_of(request);
        // A form that was submitted after the session ended leads back to the page that contained it, not to
        // a repeated POST.
        let next = match request.method() {
            &Method::GET => here(request),
            _ if request.path().contains("/developer") => app.public.path("/developer"),
            _ if request.path().ends_with("/device") => app.public.path("/device"),
            _ => app.public.path("/account"),
        };
        let location = log_in_first(&app, &next);
        let visitor = MaybeVisitor::from_request(request, payload);
        Box::pin(async move {
            match visitor.await {
                Ok(MaybeVisitor(Some(visitor))) => Ok(visitor),
                Ok(MaybeVisitor(None)) => Err(NoVisitor::SignedOut(location)),
                Err(error) => Err(NoVisitor::Failed(error)),
            }
        })
    }
}

/// Returns the address of the log-in page that continues to `next`, a path of this server.
pub fn log_in_first(app: &App, next: &str) -> String {
    format!("{}?next={}", app.public.path("/login"), byte_serialize(next.as_bytes()).collect::<String>())
}

/// Returns the session middleware. The cookie is `__Host-` and `Secure` on https, and has a plain name on
/// http (loopback).
pub fn middleware(app: &Data<App>) -> SessionMiddleware<Cookies> {
    let key = app.token_settings.keys.newest().derive::<64>("session-cookie", &[]);
    let longest = Duration::seconds(app.token_settings.lifetimes.session_max);
    SessionMiddleware::builder(Cookies, Key::from(&key))
        .cookie_name(if app.public.is_https { "__Host-gatepost" } else { "gatepost" }.to_owned())
        .cookie_secure(app.public.is_https)
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_path("/".to_owned())
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(PersistentSession::default().session_ttl(longest))
        .build()
}

/// The session store of actix-session. The cookie contains the key of a row that the transaction of the
/// sign-in wrote, and [`BrowserSession::visitor`] reads that row when a handler needs it. So there is nothing
/// to load, save or delete here, and a request that does not need its session costs no query.
pub struct Cookies;

impl SessionStore for Cookies {
    async fn load(&self, key: &CookieKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let is_ours = Token::<SessionKey>::parse(key.as_ref()).is_ok();
        Ok(is_ours.then(|| HashMap::from([(ENTRY.to_owned(), format!("\"{}\"", key.as_ref()))])))
    }

    async fn save(&self, state: HashMap<String, String>, _ttl: &Duration) -> Result<CookieKey, SaveError> {
        let key = state.get(ENTRY).map(|quoted| quoted.trim_matches('"').to_owned()).unwrap_or_default();
        CookieKey::try_from(key).map_err(|error| SaveError::Other(std::io::Error::other(error).into()))
    }

    async fn update(
        &self,
        _key: CookieKey,
        state: HashMap<String, String>,
        ttl: &Duration,
    ) -> Result<CookieKey, UpdateError> {
        self.save(state, ttl).await.map_err(|error| UpdateError::Other(error.into()))
    }

    async fn update_ttl(&self, _key: &CookieKey, _ttl: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, _key: &CookieKey) -> Result<(), anyhow::Error> {
        Ok(())
    }
}
