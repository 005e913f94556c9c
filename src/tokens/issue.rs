//! Issues tokens: each is a row that belongs to a grant, and a text that is answered once.

use super::{TokenSettings, jwt};
use crate::clock::UnixTime;
use crate::domain::access_list::AccessList;
use crate::domain::api::TokenFormat;
use crate::domain::base_key::BaseKey;
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::domain::refresh_token::RefreshTokenRecord;
use crate::domain::scope::Scope;
use crate::domain::signing_key::LONGEST_JWT;
use crate::domain::token::{AccessToken, Kind, RefreshToken, Token, UserToken};
use crate::domain::token_record::{TokenKind, TokenRecord, any_digest};
use crate::store::{Database, Result, refresh_tokens, tokens};

/// An issued token with its lifetime.
#[derive(Debug)]
pub struct Issued<K: Kind> {
    pub token: Token<K>,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// The claims of the JWT that is answered in its place, for an API that wants JWTs; then `token` is never
    /// answered.
    pub claims: Option<jwt::AccessTokenClaims>,
}

/// Issues an OAuth access token (RFC 6749 §1.4) for the APIs of its grant. It never outlives its grant.
///
/// # Errors
/// When the store fails.
pub fn access_token(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (grant, scope): (&Grant, &Scope),
    given_with: Option<Id<RefreshTokenRecord>>,
) -> Result<Issued<AccessToken>> {
    let left = grant.expires_at.map_or(i64::MAX, |end| end.since(now));
    let expires_in = token_settings.lifetimes.access.min(left).max(0);
    issue_for_apis(tx, now, (grant, scope, expires_in), |record| TokenRecord { refresh_token_id: given_with, ..record })
}

/// Issues a token for one API in exchange for another token (RFC 8693 §2.2.1): it ends with that one.
///
/// # Errors
/// When the store fails.
pub fn exchanged_token(
    tx: &mut Database,
    now: UnixTime,
    (grant, expires_in): (&Grant, i64),
    (subject, access_list): (Id<TokenRecord>, Option<AccessList>),
) -> Result<Issued<AccessToken>> {
    issue_for_apis(tx, now, (grant, &grant.scope, expires_in), |record| TokenRecord {
        access_list: access_list.clone(),
        subject_token_id: Some(subject),
        ..record
    })
}

/// Issues an OAuth token in the format that its API wants. A JWT names its one API and cannot list resources:
/// they are in the row, and count as they are at the moment of use.
fn issue_for_apis(
    tx: &mut Database,
    now: UnixTime,
    (grant, scope, expires_in): (&Grant, &Scope, i64),
    complete: impl FnOnce(TokenRecord) -> TokenRecord,
) -> Result<Issued<AccessToken>> {
    let token = Token::<AccessToken>::generate(Id::next(now));
    let mut row = complete(record(now, TokenKind::OAuth, &token, (grant, scope), Some(expires_in)));
    let api = jwt::api_of(tx, &grant.audience, scope)?.filter(|_| row.access_list.is_none());
    let Some(api) = api else {
        tokens::insert(tx, &row)?;
        return Ok(Issued { token, expires_in, claims: None });
    };
    let expires_in = expires_in.min(LONGEST_JWT);
    row.expires_at = Some(now.plus(expires_in));
    row.format = TokenFormat::Jwt;
    row.audience = std::iter::once(&api.identifier).collect();
    tokens::insert(tx, &row)?;
    let claims = jwt::claims(tx, (&row, grant), (&api, now.plus(expires_in)))?;
    Ok(Issued { token, expires_in, claims: Some(claims) })
}

/// Issues a user token, with the rights of its user.
///
/// # Errors
/// When the store fails.
pub fn user_token(tx: &mut Database, now: UnixTime, grant: &Grant, expires_in: i64) -> Result<Issued<UserToken>> {
    let token = Token::<UserToken>::generate(Id::next(now));
    tokens::insert(tx, &record(now, TokenKind::User, &token, (grant, &grant.scope), Some(expires_in)))?;
    Ok(Issued { token, expires_in, claims: None })
}

/// Makes the row of a token, without the columns that only some kinds have; without `expires_in` it never
/// expires.
pub(super) fn record<K: Kind<Record = TokenRecord>>(
    now: UnixTime,
    kind: TokenKind,
    token: &Token<K>,
    (grant, scope): (&Grant, &Scope),
    expires_in: Option<i64>,
) -> TokenRecord {
    TokenRecord {
        id: token.id(),
        kind,
        digest: any_digest(token),
        grant_id: grant.id,
        refresh_token_id: None,
        scope: scope.clone(),
        created_at: now,
        expires_at: expires_in.map(|seconds| now.plus(seconds)),
        revoked_at: None,
        last_used_at: None,
        name: None,
        last_four: None,
        access_list: None,
        action: None,
        resource_type: None,
        resource: None,
        generator_id: None,
        subject_token_id: None,
        token_encrypted: None,
        last_used_from: None,
        is_shared: false,
        flagged_at: None,
        audience: grant.audience.clone(),
        format: TokenFormat::Opaque,
        dpop_jkt: None,
    }
}

/// Issues the first refresh token of a grant.
///
/// # Errors
/// When the store fails.
pub fn refresh_token(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    grant: &Grant,
) -> Result<Token<RefreshToken>> {
    let token = Token::<RefreshToken>::generate(Id::next(now));
    insert_refresh_token(tx, now, token_settings, grant, &token)?;
    Ok(token)
}

/// Issues the successor of a refresh token. Its secret is derived from its parent's, so that a client that
/// presents the parent can get the same successor again.
///
/// # Errors
/// When the store fails.
pub fn successor(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (grant, parent): (&Grant, &Token<RefreshToken>),
) -> Result<Token<RefreshToken>> {
    let id = Id::next(now);
    let token = derive_successor(token_settings.keys.newest(), parent, id);
    insert_refresh_token(tx, now, token_settings, grant, &token)?;
    Ok(token)
}

/// Derives the successor's text: HKDF(base key, `refresh`, the parent's plaintext ‖ successor id).
pub fn derive_successor(
    key: &BaseKey,
    parent: &Token<RefreshToken>,
    id: Id<RefreshTokenRecord>,
) -> Token<RefreshToken> {
    let context: [&[u8]; 2] = [parent.expose().as_bytes(), &id.number().to_be_bytes()];
    Token::from_entropy(id, &key.derive::<32>("refresh", &context))
}

/// Returns when a refresh token that was issued at `made` and is used now expires: after a time without use,
/// and at the latest when it reaches the operator's longest lifetime of a token.
pub fn refresh_end(now: UnixTime, token_settings: &TokenSettings, made: UnixTime) -> UnixTime {
    let unused = now.plus(token_settings.lifetimes.refresh_idle);
    token_settings.limits.max_lifetime.map_or(unused, |most| unused.min(made.plus(most)))
}

fn insert_refresh_token(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    grant: &Grant,
    token: &Token<RefreshToken>,
) -> Result<()> {
    let record = RefreshTokenRecord {
        id: token.id(),
        digest: token.digest(),
        grant_id: grant.id,
        key_number: token_settings.keys.newest().number(),
        created_at: now,
        expires_at: refresh_end(now, token_settings, now),
        consumed_at: None,
        successor_id: None,
        last_used_at: None,
        dpop_jkt: None,
    };
    refresh_tokens::insert(tx, &record)
}
