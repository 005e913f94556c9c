//! The login redirect, `logIn?referer=`: a person logs in and goes back to an app with a user token
//! in the URL. OAuth 2.1 §7.12.2 and RFC 9700 §4.3.2 warn of exactly that, hence these rules.

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

/// Tokens of one session and application that live side by side: tabs, notebooks, return addresses.
const SIDE_BY_SIDE: usize = 10;

/// A return that may happen once the person agrees.
#[derive(Clone, Debug)]
pub struct LoginRedirect {
    /// The application that the address belongs to.
    pub client: Option<Client>,
    /// Where the person goes.
    pub return_url: ReturnUrl,
    /// What comes back unchanged.
    pub state: Option<String>,
    /// How closely the address fits what was registered; nothing when it was not.
    pub match_kind: Option<MatchKind>,
    /// Whether it is the fixed address of a program on this device.
    pub is_application: bool,
    /// What the page that swaps a login code must prove.
    pub code_challenge: Option<CodeChallenge>,
}

/// Why nobody is sent anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginRedirectRefusal {
    /// `referer` or another parameter of ours came twice, or cannot be read.
    Malformed,
    /// The address came by the name that `referer` once had.
    FormerParameter,
    /// The address cannot be returned to.
    Invalid(InvalidReturnUrl),
    /// No application registered the address.
    Unregistered(ReturnUrl),
    /// The operator suspended the application that registered the address.
    Suspended(ReturnUrl),
    /// The application takes login codes, and the request has no challenge.
    ChallengeRequired(Id<Client>),
}

/// The setting `login_redirect.unregistered`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unregistered {
    /// A page that says what the app's developer must do.
    Deny,
    /// A full-page warning, then the person decides.
    Confirm,
}

impl LoginRedirect {
    /// Whether neither an application nor this device is at the other end.
    pub fn is_unregistered(&self) -> bool {
        self.client.is_none() && !self.return_url.is_loopback()
    }

    /// Whether the token opens the settings of the account too: for a program on this device, and for
    /// an app that the operator runs (`docs/decisions/0007-login-redirect.md`, rule 5).
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

    /// Who allowed less is asked again for more.
    fn consent_kind(&self) -> ConsentKind {
        if self.is_full_access() { ConsentKind::FirstPartyLogin } else { ConsentKind::LoginRedirect }
    }

    /// A digest of what the page shows, so that what counts is what was shown.
    pub fn shown_to(&self, user: Id<User>) -> String {
        let client = self.client.as_ref().map_or("", |client| client.client_id.as_str());
        let challenge = self.code_challenge.as_ref().map_or("", |challenge| challenge.text.as_str());
        let state = self.state.as_deref().unwrap_or_default();
        let (user, url, is_full_access) = (user.number(), self.return_url.as_str(), self.is_full_access());
        sha256_base64url(format!("{user}\n{client}\n{is_full_access}\n{url}\n{challenge}\n{state}").as_bytes())
    }

    /// Whether later returns may be automatic: the very address that was registered, and not a port that any
    /// program of the device can listen on, or a host that is another one in the next network.
    fn may_be_remembered(&self) -> bool {
        self.match_kind == Some(MatchKind::Exact) && !self.return_url.is_loopback() && !self.return_url.is_insecure()
    }

    /// Whether the token ends when the browser's session does. A program on this device runs without the browser;
    /// its token is among the sessions, and ended there.
    pub fn ends_with_session(&self) -> bool {
        !self.return_url.is_loopback()
    }

    /// How long the token lives, in seconds.
    pub fn lifetime(&self, token_settings: &TokenSettings) -> i64 {
        let longest = token_settings.lifetimes.login_redirect_max;
        self.client.as_ref().and_then(|client| client.login_token_lifetime).unwrap_or(longest).min(longest)
    }

    /// Where the person goes with what was issued.
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

    /// Where the person goes without one: they chose Cancel.
    pub fn denial(&self) -> String {
        let mut answer = vec![("error", "access_denied")];
        answer.extend(self.state.as_deref().map(|state| ("state", state)));
        self.deliver(&answer)
    }
}

/// What a person's consent gives the app.
#[derive(Debug)]
pub enum Allowed {
    /// A user token, in the address.
    Token(Issued<UserToken>),
    /// A login code, to be swapped from the app's own page.
    Code(Token<LoginCode>),
}

/// Whether the person goes back without a click: they allowed this application before, the address
/// is the registered one, and a person's own navigation brought them here.
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

/// Issues the token. It lives beside the newest others that this session gave this application, and ends with the
/// session, unless a program on the device gets it. Nothing when the session has ended meanwhile; and for a token that opens the settings
/// of the account, when the person's proof is too old or lacks the second factor.
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
        // Without query and fragment: they are the app's business, not ours to keep.
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
