//! The login redirect, `logIn?referer=`: a user signs in and returns to an app with a user token in the URL.
//! OAuth 2.1 §7.12.2 and RFC 9700 §4.3.2 warn of exactly that, hence these rules
//! (`docs/decisions/0007-login-redirect.md`).

mod asked;
mod destination;

pub use self::asked::{Asked, parse};
pub use self::destination::{ReturnRules, examine};
use crate::clock::UnixTime;
use crate::domain::client::{Client, LoginDelivery};
use crate::domain::consent::ConsentKind;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::login_code::{self, LoginCodeRecord};
use crate::domain::login_return_url::{InvalidReturnUrl, MatchKind, ReturnUrl};
use crate::domain::pkce::CodeChallenge;
use crate::domain::scope::Scope;
use crate::domain::secret::sha256_base64url;
use crate::domain::session::{Origin, Session};
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token::{LoginCode, Token, UserToken};
use crate::domain::user::User;
use crate::store::{Database, StoreError, consents, grants, login_codes};
use crate::tokens::issue::{self, Issued};
use crate::tokens::{TokenSettings, allowed_app_log, session_recheck};

/// Active tokens of one session and application at the same time: tabs, notebooks, return URLs.
const SIDE_BY_SIDE: usize = 10;

/// A permitted return to an app, once the user consents.
#[derive(Clone, Debug)]
pub struct LoginRedirect {
    /// The client that the return URL belongs to.
    pub client: Option<Client>,
    pub return_url: ReturnUrl,
    /// Returned to the app unchanged.
    pub state: Option<String>,
    /// How closely the return URL matches a registered one; `None` when it is unregistered.
    pub match_kind: Option<MatchKind>,
    /// Whether it is the fixed return URL of a program on this device (`application=true`).
    pub is_application: bool,
    /// The code challenge that the page must meet to exchange a login code.
    pub code_challenge: Option<CodeChallenge>,
}

/// Why the browser may not return to the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginRedirectRefusal {
    /// `referer` or another of our parameters is repeated or cannot be decoded.
    Malformed,
    /// The address is in the parameter that `referer` replaced.
    FormerParameter,
    /// The address is not a valid return URL.
    Invalid(InvalidReturnUrl),
    /// No client registered the return URL.
    Unregistered(ReturnUrl),
    /// The operator suspended the client that registered the return URL.
    Suspended(ReturnUrl),
    /// The client's delivery is `code`, and the request has no code challenge.
    ChallengeRequired(Id<Client>),
}

/// The setting `login_redirect.unregistered`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unregistered {
    /// Refuses, with a page for the app's developer.
    Deny,
    /// Shows a full-page warning; then the user decides.
    Confirm,
}

impl LoginRedirect {
    /// Whether the return URL belongs to no client and is not a loopback address.
    pub fn is_unregistered(&self) -> bool {
        self.client.is_none() && !self.return_url.is_loopback()
    }

    /// Whether the token is a full-access token, which may change the account: for a program on this device,
    /// and for a first-party app (`docs/decisions/0007-login-redirect.md`, rule 5).
    pub fn is_full_access(&self) -> bool {
        self.is_application || self.client.as_ref().is_some_and(|client| client.is_first_party)
    }

    fn grant_kind(&self) -> GrantKind {
        match (self.is_application, self.is_full_access()) {
            (true, _) => GrantKind::Application,
            (false, true) => GrantKind::FirstPartyLogin,
            (false, false) => GrantKind::LoginRedirect,
        }
    }

    /// Returns the kind of consent; a user who consented to less is asked again for full access.
    fn consent_kind(&self) -> ConsentKind {
        if self.is_full_access() { ConsentKind::FirstPartyLogin } else { ConsentKind::LoginRedirect }
    }

    /// Returns a digest of what the page shows, so that the user's decision applies to exactly that.
    pub fn shown_to(&self, user: Id<User>) -> String {
        let client = self.client.as_ref().map_or("", |client| client.client_id.as_str());
        let challenge = self.code_challenge.as_ref().map_or("", |challenge| challenge.text.as_str());
        let state = self.state.as_deref().unwrap_or_default();
        let (user, url, is_full_access) = (user.number(), self.return_url.as_str(), self.is_full_access());
        sha256_base64url(format!("{user}\n{client}\n{is_full_access}\n{url}\n{challenge}\n{state}").as_bytes())
    }

    /// Whether later returns may happen without a question: only for an exact match, and not for a loopback
    /// address, where any program of the device can listen, nor for an insecure one, where the host may be
    /// another one in the next network.
    fn may_be_remembered(&self) -> bool {
        self.match_kind == Some(MatchKind::Exact) && !self.return_url.is_loopback() && !self.return_url.is_insecure()
    }

    /// Whether the token ends with the browser's session. A program on this device runs without the browser;
    /// its token is listed among the sessions, and ended there.
    pub fn ends_with_session(&self) -> bool {
        !self.return_url.is_loopback()
    }

    /// Returns the lifetime of the token in seconds.
    pub fn lifetime(&self, token_settings: &TokenSettings) -> i64 {
        let longest = token_settings.lifetimes.login_redirect_max;
        self.client.as_ref().and_then(|client| client.login_token_lifetime).unwrap_or(longest).min(longest)
    }

    /// Returns the URL to which the browser is redirected with the token or code.
    pub fn answer(&self, allowed: &Allowed) -> String {
        let mut answer = match allowed {
            Allowed::Token(issued) => vec![("token", issued.token.expose())],
            Allowed::Code(code) => vec![("login_code", code.expose())],
        };
        answer.extend(self.state.as_deref().map(|state| ("state", state)));
        self.deliver(&answer)
    }

    fn deliver(&self, answer: &[(&str, &str)]) -> String {
        let delivery = self.client.as_ref().map_or(LoginDelivery::Query, |client| client.login_delivery);
        self.return_url.with_answer(delivery, answer)
    }

    /// Returns the URL to which the browser is redirected when the user chose Cancel.
    pub fn denial(&self) -> String {
        let mut answer = vec![("error", "access_denied")];
        answer.extend(self.state.as_deref().map(|state| ("state", state)));
        self.deliver(&answer)
    }
}

/// What the app gets after the user consented.
#[derive(Debug)]
pub enum Allowed {
    /// A user token, in the URL.
    Token(Issued<UserToken>),
    /// A login code, which the app's own page exchanges.
    Code(Token<LoginCode>),
}

/// Whether the browser returns without a question: the user allowed this client before, the return URL matches
/// exactly, and the user navigated here themselves.
///
/// # Errors
/// When the store fails.
pub fn returns_at_once(
    db: &mut Database,
    redirect: &LoginRedirect,
    (user, is_navigation): (Id<User>, bool),
) -> Result<bool, StoreError> {
    match &redirect.client {
        Some(client) if is_navigation && redirect.may_be_remembered() => {
            Ok(!consents::list_of(db, user, client.id, redirect.consent_kind())?.is_empty())
        }
        _ => Ok(false),
    }
}

/// Issues the token or login code. It is active beside the newest others of this session and client, and ends
/// with the session, unless a program on the device gets it. `None` when the session has ended meanwhile; and
/// for a full-access token when the user did not authenticate recently enough, or without the second factor.
///
/// # Errors
/// When the store fails.
pub fn allow(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    redirect: &LoginRedirect,
    (session, origin): (&Session, &Origin),
) -> Result<Option<Allowed>, StoreError> {
    let Some((session, User { id: user, .. })) =
        session_recheck::lock_active(tx, now, &token_settings.lifetimes, session)?
    else {
        return Ok(None);
    };
    if redirect.is_full_access() && !session.has_recent_authentication(now) {
        return Ok(None);
    }
    let lifetime = redirect.lifetime(token_settings);
    let grant = Grant {
        user_id: Some(user),
        client_key: redirect.client.as_ref().map(|client| client.id),
        session_id: Some(session.id),
        // Without query and fragment, which are the app's own data.
        return_url: Some(redirect.return_url.host()),
        ends_with_session: redirect.ends_with_session(),
        ..Grant::new(now, redirect.grant_kind(), Some(now.plus(lifetime)))
    };
    allowed_app_log::record_if_new(tx, now, (&grant, redirect.consent_kind()), origin)?;
    grants::revoke_surplus_logins(tx, now, &grant, SIDE_BY_SIDE)?;
    grants::insert(tx, &grant)?;
    if let Some(client) = redirect.client.as_ref().filter(|_| redirect.may_be_remembered()) {
        let allowed = (redirect.consent_kind(), &Scope::default(), &SpaceSeparated::default());
        consents::remember(tx, now, user, client.id, allowed)?;
    }
    let Some(challenge) = &redirect.code_challenge else {
        return Ok(Some(Allowed::Token(issue::user_token(tx, now, &grant, lifetime)?)));
    };
    let code = Token::<LoginCode>::generate(Id::next(now));
    let record = LoginCodeRecord {
        id: code.id(),
        digest: code.digest(),
        grant_id: grant.id,
        origin: redirect.return_url.origin(),
        code_challenge: challenge.text.clone(),
        lifetime,
        created_at: now,
        expires_at: now.plus(login_code::LIFE),
        redeemed_at: None,
    };
    login_codes::insert(tx, &record)?;
    Ok(Some(Allowed::Code(code)))
}
