//! Decides whether a token may access a protected resource: one table of resource × token kind; a combination
//! that is not in it is refused.

use super::TokenSettings;
use super::audience::is_for_platform;
use super::last_use::{LastUse, Seen};
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

/// The protected resources (RFC 6749 §1.1) that accept bearer tokens on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectedResource {
    /// The account's details (`GET /v3/account`).
    AccountDetails,
    /// The content of the platform's drive (`GET /v3/account/root/…`).
    Content,
    /// The user's profile, and messages in their name (`PATCH /v3/account/profile`, invitations).
    Profile,
    /// The account's security: password, name, tokens, deletion (`docs/compatibility/ellipsis.md#what-is-shielded`).
    Security,
    /// The creation of studio tokens (`docs/compatibility/spatial-studio.md#the-generator`).
    StudioTokens,
    /// A request to an API behind a proxy, judged by [`super::request`].
    ForwardedRequest,
    /// The userinfo endpoint (OpenID Connect Core §5.3).
    UserInfo,
}

impl ProtectedResource {
    /// All protected resources.
    pub const ALL: [Self; 7] = [
        Self::AccountDetails,
        Self::Content,
        Self::Profile,
        Self::Security,
        Self::StudioTokens,
        Self::ForwardedRequest,
        Self::UserInfo,
    ];

    /// Returns the scope that an OAuth token needs for this resource; `None` when no scope opens it.
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Self::AccountDetails | Self::Content => Some(PLATFORM_SCOPE),
            Self::UserInfo => Some("openid"),
            Self::Profile | Self::Security | Self::StudioTokens | Self::ForwardedRequest => None,
        }
    }

    /// Whether this resource accepts a token: the table. A user token that an app got by the login redirect is
    /// shielded from the account's security and profile; so are OAuth tokens
    /// (`docs/decisions/0027-which-token-opens-what.md`).
    pub(super) fn accepts(self, token: &TokenInUse, is_for_platform: bool) -> bool {
        // A token of a client that acts for itself has no user: only other APIs may accept it.
        if token.basis.grant.user_id.is_none() && self != Self::ForwardedRequest {
            return false;
        }
        match (self, token.record.kind) {
            (Self::AccountDetails | Self::Content, TokenKind::User) => true,
            (Self::AccountDetails | Self::Content, TokenKind::OAuth) => is_for_platform,
            // A personal token that holds only scopes of other APIs is for those.
            (Self::Content, TokenKind::Personal) => is_for_platform,
            (Self::Profile | Self::Security, TokenKind::User) => is_full_access(token),
            (Self::StudioTokens, TokenKind::Generator) => true,
            // A JWT is for the one API that it names (RFC 9068 §4).
            (Self::ForwardedRequest, _) if token.record.format == TokenFormat::Jwt => true,
            (_, _) if token.record.format == TokenFormat::Jwt => false,
            // A token that names other APIs is not for this server (RFC 8707 §2).
            (Self::UserInfo, TokenKind::OAuth) => {
                token.record.scope.holds("openid") && token.record.audience.is_empty()
            }
            (Self::ForwardedRequest, TokenKind::Generator) => false,
            (Self::ForwardedRequest, _) => true,
            _ => false,
        }
    }
}

/// Whether a user token is a full-access token: issued for the password, the fixed loopback address of the
/// login redirect, a remote session, or a first-party application.
pub fn is_full_access(token: &TokenInUse) -> bool {
    let is_first_party = token.basis.application.as_ref().is_some_and(|client| client.is_first_party);
    let is_full_access = match token.basis.grant.kind {
        GrantKind::PasswordLogin | GrantKind::Application | GrantKind::RemoteSession => true,
        // The consent page said so; and the application must still be first-party.
        GrantKind::FirstPartyLogin => is_first_party,
        _ => false,
    };
    token.record.kind == TokenKind::User && is_full_access
}

/// Why a token is refused (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// It does not have the form of a token of this server.
    Malformed,
    /// It has expired.
    Expired,
    /// It was revoked, or is unknown.
    RevokedOrUnknown,
    /// It is bound to a key that was not proven, or a key was proven and it is bound to none (RFC 9449 §7.1).
    WrongKey,
    /// It is active, but this resource does not accept it.
    InsufficientScope,
}

/// Returns the presented token if it is active, without noting its use. A wrong secret gets the same answer as
/// an unknown token.
///
/// # Errors
/// [`TokenRefusal`], or why the store failed.
pub fn judge(db: &mut Database, now: UnixTime, presented: &BearerToken) -> Result<TokenInUse, Error<TokenRefusal>> {
    let found = tokens::find_in_use(db, presented.id())?.filter(|token| presented.is(&token.record));
    let Some(token) = found else { return Err(Error::Refused(TokenRefusal::RevokedOrUnknown)) };
    match token.life(now) {
        Life::Alive => Ok(token),
        Life::Expired => Err(Error::Refused(TokenRefusal::Expired)),
        Life::Ended => Err(Error::Refused(TokenRefusal::RevokedOrUnknown)),
    }
}

/// Returns why a presented token is not accepted at this resource, for the owner of the client that it was
/// issued to. `None` for a wrong secret.
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

/// Notes that a token was used, and from which network address when that is known.
pub fn note_use(last_use: &LastUse, now: UnixTime, token: &TokenInUse, from: Option<&str>) {
    last_use.note_from(Seen::Token(token.record.id), now, (token.record.last_used_at, from));
}

/// Authorizes a token again, inside the transaction that writes for it: the token that was read before may have
/// been revoked meanwhile. The user's row is locked, so that the token stays active until the commit.
///
/// # Errors
/// [`TokenRefusal`] when the resource does not accept it any more, or why the store failed.
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

/// Authorizes an active token for a protected resource, and notes its use.
///
/// # Errors
/// [`TokenRefusal`], or why the store failed.
pub fn authorize(
    db: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    last_use: &LastUse,
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
    note_use(last_use, now, &token, from);
    Ok(token)
}
