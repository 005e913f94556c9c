//! Authorization codes: valid for 60 seconds and one use, bound to their authorization request (RFC 6749 §4.1.2).

use diesel::prelude::*;

use super::grant::Grant;
use super::id::Id;
use super::pkce::{ChallengeMethod, CodeChallenge};
use super::token::{AuthorizationCode, TokenDigest};
use crate::clock::UnixTime;

/// The number of failed client authentications with a valid code after which the code is invalidated.
pub const MAX_FAILURES: i32 = 10;

/// An authorization code as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::authorization_codes, treat_none_as_default_value = false)]
pub struct AuthorizationCodeRecord {
    /// The row ID, which is part of the code.
    pub id: Id<AuthorizationCodeRecord>,
    /// The digest that a presented code is compared with.
    pub digest: TokenDigest<AuthorizationCode>,
    /// The grant that redeeming the code gives.
    pub grant_id: Id<Grant>,
    /// The redirect URI, when the authorization request contained one; then the token request must contain it too
    /// (§4.1.3).
    pub redirect_uri: Option<String>,
    /// The code challenge, when the authorization request contained one (RFC 7636 §4.4).
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<ChallengeMethod>,
    /// Failed client authentications with this code.
    pub failures: i32,
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
    pub redeemed_at: Option<UnixTime>,
    /// The thumbprint of the DPoP key that must redeem the code (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
}

impl AuthorizationCodeRecord {
    /// Returns the challenge that the code verifier must meet.
    pub fn challenge(&self) -> Option<CodeChallenge> {
        let text = self.code_challenge.clone()?;
        Some(CodeChallenge { text, method: self.code_challenge_method.unwrap_or(ChallengeMethod::S256) })
    }
}
