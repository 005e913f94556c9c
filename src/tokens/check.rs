//! May this token make this request? One table, door × kind; what is not in it is refused.

use super::TokenSettings;
use super::audience::is_for_platform;
use super::last_use::Seen;
use crate::clock::UnixTime;
use crate::domain::api::{PLATFORM_SCOPE, TokenFormat};
use crate::domain::client::Client;
use crate::domain::grant::GrantKind;
use crate::domain::id::Id;
use crate::domain::token_in_use::{Life, TokenInUse};
use crate::domain::token_record::{BearerToken, TokenKind};
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::{Database, StoreError, tokens, users};

/// The doors that a bearer token can open here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectedResource {
    /// Who is it? (`GET /v3/account`)
    AccountDetails,
    /// What lies in the platform's drive (`GET /v3/account/root/…`).
    Content,
    /// What a person says about themselves, and to others in their name (`PATCH /v3/account/profile`,
    /// invitations).
    Profile,
    /// The account's security: password, name, tokens, deletion (`docs/compatibility/ellipsis.md#what-is-shielded`).
    Security,
    /// Making studio tokens (`docs/compatibility/spatial-studio.md#the-generator`).
    StudioTokens,
    /// A request to somebody else's API, judged by [`super::request`].
    ForwardedRequest,
    /// Who logged in? (OpenID Connect Core §5.3)
    UserInfo,
}

impl ProtectedResource {
    /// Every door.
    pub const ALL: [Self; 7] = [
        Self::AccountDetails,
        Self::Content,
        Self::Profile,
        Self::Security,
        Self::StudioTokens,
        Self::ForwardedRequest,
        Self::UserInfo,
    ];

    /// The scope with which an application's token opens it; nothing where none does.
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Self::AccountDetails | Self::Content => Some(PLATFORM_SCOPE),
            Self::UserInfo => Some("openid"),
            Self::Profile | Self::Security | Self::StudioTokens | Self::ForwardedRequest => None,
        }
    }

    /// The table. A user token that an app got by the login redirect is shielded from the account's
    /// security and profile; so are OAuth tokens (`docs/decisions/0027-which-token-opens-what.md`).
    pub(super) fn accepts(self, token: &TokenInUse, is_for_platform: bool) -> bool {
        // A client that acts for itself is no person: only other APIs may want it.
        if token.basis.grant.user_id.is_none() && self != Self::ForwardedRequest {
            return false;
        }
        match (self, token.record.kind) {
            (Self::AccountDetails | Self::Content, TokenKind::User) => true,
            (Self::AccountDetails | Self::Content, TokenKind::OAuth) => is_for_platform,
            // One that holds only the scopes of other APIs is for those.
            (Self::Content, TokenKind::Personal) => is_for_platform,
            (Self::Profile | Self::Security, TokenKind::User) => is_full_access(token),
            (Self::StudioTokens, TokenKind::Generator) => true,
            // A JWT is for the one API that it names (RFC 9068 §4).
            (Self::ForwardedRequest, _) if token.record.format == TokenFormat::Jwt => true,
            (_, _) if token.record.format == TokenFormat::Jwt => false,
            // A token that names other APIs is not for us (RFC 8707 §2).
            (Self::UserInfo, TokenKind::OAuth) => {
                token.record.scope.holds("openid") && token.record.audience.is_empty()
            }
            (Self::ForwardedRequest, TokenKind::Generator) => false,
            (Self::ForwardedRequest, _) => true,
            _ => false,
        }
    }
}

/// Whether a user token is the person's own: by their password, the fixed loopback form, a remote
/// session, or an application that the operator runs.
pub fn is_full_access(token: &TokenInUse) -> bool {
    let is_first_party = token.basis.application.as_ref().is_some_and(|client| client.is_first_party);
    let is_full_access = match token.basis.grant.kind {
        GrantKind::PasswordLogin | GrantKind::Application | GrantKind::RemoteSession => true,
        // Its person was told so when they allowed it; and the operator still runs the application.
        GrantKind::FirstPartyLogin => is_first_party,
        _ => false,
    };
    token.record.kind == TokenKind::User && is_full_access
}

/// Why a token opens nothing (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// It is no token of ours.
    Malformed,
    /// Its time is over.
    Expired,
    /// It was ended, or never was.
    RevokedOrUnknown,
    /// It is bound to a key that was not proven, or to none though one was (RFC 9449 §7.1).
    WrongKey,
    /// It lives, but not for this door.
    InsufficientScope,
}

/// The token that somebody presented, if it lives; nothing is noted. A wrong secret is an unknown token.
///
/// # Errors
/// Why it opens nothing.
pub fn judge(db: &mut Database, now: UnixTime, presented: &BearerToken) -> Result<TokenInUse, Error<TokenRefusal>> {
    let found = tokens::find_in_use(db, presented.id())?.filter(|token| presented.is(&token.record));
    let Some(token) = found else { return Err(Error::Refused(TokenRefusal::RevokedOrUnknown)) };
    match token.life(now) {
        Life::Alive => Ok(token),
        Life::Expired => Err(Error::Refused(TokenRefusal::Expired)),
        Life::Ended => Err(Error::Refused(TokenRefusal::RevokedOrUnknown)),
    }
}

/// Why a token that somebody holds does not open this door, for the owner of the application that it was
/// made for. A wrong secret is no token, and nobody's.
///
/// # Errors
/// When the store fails.
pub fn cause(
    db: &mut Database,
    now: UnixTime,
    resource: ProtectedResource,
    presented: &BearerToken,
) -> Result<Option<(Id<Client>, &'static str)>, StoreError> {
    let found = tokens::find_in_use(db, presented.id())?.filter(|token| presented.is(&token.record));
    let Some(token) = found else { return Ok(None) };
    let lacks_scope = resource.scope().is_some_and(|scope| !token.record.scope.holds(scope));
    let cause = match token.life(now) {
        Life::Expired => "the access token has expired",
        Life::Ended => "the access token was ended, or its person or application was",
        Life::Alive if token.record.kind != TokenKind::OAuth => "the token is no OAuth access token",
        Life::Alive if lacks_scope => "the access token was made without the scope that this address needs",
        Life::Alive if !token.record.audience.is_empty() => "the access token was made for other APIs (resource)",
        Life::Alive if token.record.dpop_jkt.is_some() => {
            "the access token is bound to a key, and its proof is not right"
        }
        Life::Alive => "the access token is not for this address",
    };
    Ok(token.basis.grant.client_key.map(|client| (client, cause)))
}

/// Notes that a token was used, and by which address when that is known.
pub fn note_use(token_settings: &TokenSettings, now: UnixTime, token: &TokenInUse, from: Option<&str>) {
    token_settings.last_use.note_from(Seen::Token(token.record.id), now, (token.record.last_used_at, from));
}

/// The token that somebody presented, if it lives; its use is noted.
///
/// # Errors
/// Why it opens nothing.
pub fn find_living(
    db: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (presented, from): (&BearerToken, Option<&str>),
) -> Result<TokenInUse, Error<TokenRefusal>> {
    let token = judge(db, now, presented)?;
    note_use(token_settings, now, &token, from);
    Ok(token)
}

/// Lets a token through a door again, inside the transaction that writes for it: what was read before
/// may have ended meanwhile. The person's row is held, so that nothing ends it before the commit.
///
/// # Errors
/// Why it does not open this door any more.
pub fn authorize_again(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (resource, presented, user): (ProtectedResource, &BearerToken, Id<User>),
) -> Result<(TokenInUse, User), Error<TokenRefusal>> {
    users::lock(tx, user)?;
    let token = judge(tx, now, presented)?;
    if !presented.has_key_of(&token.record) {
        return Err(Error::Refused(TokenRefusal::WrongKey));
    }
    let is_for_platform = is_for_platform(tx, token_settings, &token)?;
    if !resource.accepts(&token, is_for_platform) {
        return Err(Error::Refused(TokenRefusal::InsufficientScope));
    }
    let user = users::find(tx, user)?.filter(|user| token.basis.grant.user_id == Some(user.id));
    Ok((token, user.ok_or(Error::Refused(TokenRefusal::RevokedOrUnknown))?))
}

/// Lets a living token through a door.
///
/// # Errors
/// Why it does not open this door.
pub fn authorize(
    db: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (resource, presented, from): (ProtectedResource, &BearerToken, Option<&str>),
) -> Result<TokenInUse, Error<TokenRefusal>> {
    let token = judge(db, now, presented)?;
    if !presented.has_key_of(&token.record) {
        return Err(Error::Refused(TokenRefusal::WrongKey));
    }
    let is_for_platform = is_for_platform(db, token_settings, &token)?;
    if !resource.accepts(&token, is_for_platform) {
        return Err(Error::Refused(TokenRefusal::InsufficientScope));
    }
    note_use(token_settings, now, &token, from);
    Ok(token)
}
