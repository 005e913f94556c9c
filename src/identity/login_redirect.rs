//! The login redirect, `logIn?referer=`: a person logs in and goes back to an app with a user token
//! in the URL. OAuth 2.1 §7.12.2 and RFC 9700 §4.3.2 warn of exactly that, hence these rules.

use crate::clock::UnixTime;
use crate::domain::client::{Client, LoginDelivery};
use crate::domain::consent::ConsentKind;
use crate::domain::form;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::login_code::{self, LoginCodeRecord};
use crate::domain::login_return_url::{Fit, InvalidReturnUrl, ReturnUrl};
use crate::domain::pkce::{ChallengeMethod, CodeChallenge};
use crate::domain::scope::Scope;
use crate::domain::secret::sha256_base64url;
use crate::domain::session::{Origin, Session};
use crate::domain::token::{LoginCode, Token, UserToken};
use crate::domain::user::User;
use crate::domain::words::Words;
use crate::outcome::Error;
use crate::store::{Database, StoreError, clients, consents, grants, login_codes};
use crate::tokens::issue::{self, Issued};
use crate::tokens::{Mint, sitting, standing};

/// Where a program on this device waits for its person: fixed, since it sends no address.
const APPLICATION_CALLBACK: &str = "http://127.0.0.1:8765/callback";

/// What the query of a log-in address asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Where to return to, as it was written.
    pub referer: Option<String>,
    /// What comes back unchanged.
    pub state: Option<String>,
    /// Whether a program on this device asks (`application=true`).
    pub is_application: bool,
    /// An S256 challenge, for applications whose delivery is `code`.
    pub code_challenge: Option<String>,
    /// The remote session that is asked about, which is no redirect.
    pub session: Option<String>,
}

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
    pub fit: Option<Fit>,
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
    /// The address cannot be returned to.
    Invalid(InvalidReturnUrl),
    /// No application registered the address.
    Unregistered(ReturnUrl),
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

/// Reads the query. A `referer` whose raw value holds an unescaped `?` was not encoded: it is all
/// the rest of the query, and nothing else of ours is read from it.
///
/// # Errors
/// [`LoginRedirectRefusal::Malformed`].
pub fn parse(query: &str) -> Result<Asked, LoginRedirectRefusal> {
    let mut asked = Asked::default();
    let (mut rest, mut count) = (query, 0);
    while !rest.is_empty() {
        count += 1;
        if count > form::MOST {
            return Err(LoginRedirectRefusal::Malformed);
        }
        let (pair, behind) = rest.split_once('&').unwrap_or((rest, ""));
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name == "referer" && value.contains('?') {
            let whole = rest.split_once('=').map_or("", |(_, whole)| whole);
            if asked.referer.is_some() {
                return Err(LoginRedirectRefusal::Malformed);
            }
            // Written as the browser had it: `%20` stays, since it belongs to the address.
            asked.referer = Some(whole.to_owned());
            break;
        }
        let decoded = form::decode(value).map_err(|_unreadable| LoginRedirectRefusal::Malformed)?;
        match name {
            "referer" if asked.referer.is_some() => return Err(LoginRedirectRefusal::Malformed),
            "state" if asked.state.is_some() => return Err(LoginRedirectRefusal::Malformed),
            "referer" if !decoded.is_empty() => asked.referer = Some(decoded),
            "state" if !decoded.is_empty() => asked.state = Some(decoded),
            "code_challenge" if asked.code_challenge.is_some() => return Err(LoginRedirectRefusal::Malformed),
            "code_challenge" if !decoded.is_empty() => asked.code_challenge = Some(decoded),
            "session" if !decoded.is_empty() => asked.session = Some(decoded),
            "application" => asked.is_application = decoded == "true",
            _ => {}
        }
        rest = behind;
    }
    let is_one_thing = asked.session.is_none() || (asked.referer.is_none() && !asked.is_application);
    if is_one_thing { Ok(asked) } else { Err(LoginRedirectRefusal::Malformed) }
}

/// What the query means here; nothing when it names no address (then a plain log-in follows).
///
/// # Errors
/// Why nobody is sent anywhere.
pub fn examine(
    db: &mut Database,
    (asked, unregistered): (&Asked, Unregistered),
) -> Result<Option<LoginRedirect>, Error<LoginRedirectRefusal>> {
    if asked.is_application && asked.referer.is_none() {
        let return_url = parsed(APPLICATION_CALLBACK)?;
        let state = asked.state.clone();
        return Ok(Some(LoginRedirect {
            client: None,
            return_url,
            state,
            fit: None,
            is_application: true,
            code_challenge: None,
        }));
    }
    let Some(referer) = &asked.referer else { return Ok(None) };
    let return_url = parsed(referer)?;
    let origin = format!("//{}", return_url.host().split(':').next().unwrap_or_default());
    let (fit, client) = best(clients::list_with_login_return_urls(db, &origin)?, &return_url).unzip();
    if client.is_none() && !return_url.is_loopback() && unregistered == Unregistered::Deny {
        return Err(Error::Refused(LoginRedirectRefusal::Unregistered(return_url)));
    }
    let code_challenge = match &client {
        Some(client) if client.login_delivery == LoginDelivery::Code => Some(challenge(asked, client)?),
        _ => None,
    };
    Ok(Some(LoginRedirect {
        client,
        return_url,
        state: asked.state.clone(),
        fit,
        is_application: false,
        code_challenge,
    }))
}

/// The application that an address belongs to. Where the operator vouches for one, its owner's are asked
/// alone: nobody else gets between an app and its people by naming a longer address.
fn best(clients: Vec<Client>, return_url: &ReturnUrl) -> Option<(Fit, Client)> {
    let fitting = clients.into_iter().filter_map(|client| client.login_return_fit(return_url).map(|fit| (fit, client)));
    let fitting: Vec<(Fit, Client)> = fitting.collect();
    let vouched = fitting.iter().filter(|(_, client)| client.verified_at.is_some());
    let owners: Vec<_> = vouched.map(|(_, client)| client.owner_id).collect();
    let candidates = fitting.into_iter().filter(|(_, client)| owners.is_empty() || owners.contains(&client.owner_id));
    // The oldest of those that fit as closely.
    candidates.reduce(|best, other| if other.0 > best.0 { other } else { best })
}

fn challenge(asked: &Asked, client: &Client) -> Result<CodeChallenge, Error<LoginRedirectRefusal>> {
    let text = asked.code_challenge.as_deref().unwrap_or_default();
    CodeChallenge::parse(text, ChallengeMethod::S256)
        .map_err(|_invalid| Error::Refused(LoginRedirectRefusal::ChallengeRequired(client.id)))
}

fn parsed(text: &str) -> Result<ReturnUrl, Error<LoginRedirectRefusal>> {
    text.parse().map_err(|error| Error::Refused(LoginRedirectRefusal::Invalid(error)))
}

impl LoginRedirect {
    /// Whether neither an application nor this device is at the other end.
    pub fn is_unregistered(&self) -> bool {
        self.client.is_none() && !self.return_url.is_loopback()
    }

    /// Whether the token opens the settings of the account too: for a program on this device, and for
    /// an app that the operator runs (`standards.md`, The login redirect, 5).
    pub fn is_whole(&self) -> bool {
        self.is_application || self.client.as_ref().is_some_and(|client| client.is_first_party)
    }

    fn grant_kind(&self) -> GrantKind {
        match (self.is_application, self.is_whole()) {
            (true, _) => GrantKind::Application,
            (false, true) => GrantKind::FirstPartyLogin,
            (false, false) => GrantKind::LoginRedirect,
        }
    }

    /// Who allowed less is asked again for more.
    fn consent_kind(&self) -> ConsentKind {
        if self.is_whole() { ConsentKind::FirstPartyLogin } else { ConsentKind::LoginRedirect }
    }

    /// A digest of what the page shows, so that what counts is what was shown.
    pub fn shown_to(&self, user: Id<User>) -> String {
        let client = self.client.as_ref().map_or("", |client| client.client_id.as_str());
        let challenge = self.code_challenge.as_ref().map_or("", |challenge| challenge.text.as_str());
        let state = self.state.as_deref().unwrap_or_default();
        let (user, url, is_whole) = (user.number(), self.return_url.as_str(), self.is_whole());
        sha256_base64url(format!("{user}\n{client}\n{is_whole}\n{url}\n{challenge}\n{state}").as_bytes())
    }

    /// Whether later returns may be automatic: the very address that was registered, and not a port
    /// that any program of the device can listen on.
    fn may_be_remembered(&self) -> bool {
        self.fit == Some(Fit::Exact) && !self.return_url.is_loopback()
    }

    /// How long the token lives, in seconds.
    pub fn lifetime(&self, mint: &Mint) -> i64 {
        let longest = mint.lifetimes.login_redirect_max;
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
        match self.client.as_ref().map(|client| client.login_delivery) {
            Some(LoginDelivery::Fragment | LoginDelivery::Code) => self.return_url.with_fragment(answer),
            Some(LoginDelivery::Query) | None => self.return_url.with_query(answer),
        }
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

/// Issues the token. It replaces the one that this session gave this application before, and ends
/// with the session. Nothing when the session has ended meanwhile; and for a token that opens the settings
/// of the account, when the person's proof is too old or lacks the second factor.
///
/// # Errors
/// When the store fails.
pub fn allow(
    tx: &mut Database,
    now: UnixTime,
    mint: &Mint,
    redirect: &LoginRedirect,
    (session, origin): (&Session, &Origin),
) -> Result<Option<Allowed>, StoreError> {
    let Some((session, User { id: user, .. })) = sitting::find_again(tx, now, &mint.lifetimes, session)? else {
        return Ok(None);
    };
    if redirect.is_whole() && !session.is_fresh(now) {
        return Ok(None);
    }
    let lifetime = redirect.lifetime(mint);
    let grant = Grant {
        user_id: Some(user),
        client_key: redirect.client.as_ref().map(|client| client.id),
        session_id: Some(session.id),
        // Without query and fragment: they are the app's business, not ours to keep.
        return_url: Some(redirect.return_url.host()),
        ..Grant::new(now, redirect.grant_kind(), Some(now.plus(lifetime)))
    };
    standing::tell_if_new(tx, now, (&grant, redirect.consent_kind()), origin)?;
    grants::revoke_replaced_login(tx, now, &grant)?;
    grants::insert(tx, &grant)?;
    if let Some(client) = redirect.client.as_ref().filter(|_| redirect.may_be_remembered()) {
        let allowed = (redirect.consent_kind(), &Scope::default(), &Words::default());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn referer(query: &str) -> Option<String> {
        parse(query).expect("because it can be read").referer
    }

    #[test]
    fn an_encoded_referer_is_decoded_and_an_unencoded_one_is_the_rest_of_the_query() {
        assert_eq!(referer("referer=https%3A%2F%2Fa.example%2Fx%3Fy%3D1").as_deref(), Some("https://a.example/x?y=1"));
        assert_eq!(referer("referer=https://a.example/x").as_deref(), Some("https://a.example/x"));
        assert_eq!(
            referer("state=s&referer=https://a.example/x?y=1&token=old&state=z#f").as_deref(),
            Some("https://a.example/x?y=1&token=old&state=z#f")
        );
        assert_eq!(
            parse("state=s&referer=https://a.example/?y&state=z").map(|asked| asked.state),
            Ok(Some("s".into()))
        );
        assert_eq!(referer("referer=https://a.example/x=1").as_deref(), Some("https://a.example/x=1"));
        assert_eq!(referer("referer="), None);
    }

    #[test]
    fn a_session_is_asked_about_by_itself_and_never_inside_an_address() {
        let session = |query: &str| parse(query).map(|asked| asked.session);
        assert_eq!(session("session=5"), Ok(Some("5".to_owned())));
        assert_eq!(session("referer=https://a.example/in?a=1&session=5"), Ok(None));
        assert_eq!(session("referer=https%3A%2F%2Fa.example%2F&session=5"), Err(LoginRedirectRefusal::Malformed));
        assert_eq!(session("session=5&application=true"), Err(LoginRedirectRefusal::Malformed));
    }

    #[test]
    fn what_comes_twice_is_refused_and_other_names_are_ignored() {
        assert_eq!(
            parse("referer=https://a.example/&referer=https://b.example/"),
            Err(LoginRedirectRefusal::Malformed)
        );
        assert_eq!(
            parse("referer=https://a.example/&referer=https://b.example/?x"),
            Err(LoginRedirectRefusal::Malformed)
        );
        assert_eq!(parse("state=a&state=b"), Err(LoginRedirectRefusal::Malformed));
        assert_eq!(parse("REFERER=https://a.example/&originUrl=x"), Ok(Asked::default()));
    }
}
