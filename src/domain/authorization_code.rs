//! Authorization codes: 60 seconds, one use, bound to what they began with (RFC 6749 §4.1.2).

use diesel::prelude::*;

use super::grant::Grant;
use super::id::Id;
use super::pkce::{ChallengeMethod, CodeChallenge};
use super::token::{AuthorizationCode, TokenDigest};
use crate::clock::UnixTime;

/// Failed client authentications with the right code after which it is burnt.
pub const MAX_FAILURES: i32 = 10;

/// One code, as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::authorization_codes, treat_none_as_default_value = false)]
pub struct AuthorizationCodeRecord {
    /// The row, which the code carries.
    pub id: Id<AuthorizationCodeRecord>,
    /// What the presented code is judged by.
    pub digest: TokenDigest<AuthorizationCode>,
    /// What it stands for.
    pub grant_id: Id<Grant>,
    /// The redirect URI, when the request named one; then the token request must too (§4.1.3).
    pub redirect_uri: Option<String>,
    /// The challenge, when there was one (RFC 7636 §4.4).
    pub code_challenge: Option<String>,
    /// How it was made.
    pub code_challenge_method: Option<ChallengeMethod>,
    /// Failed client authentications with this code.
    pub failures: i32,
    /// When it was issued.
    pub created_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// When it was redeemed.
    pub redeemed_at: Option<UnixTime>,
    /// The thumbprint of the key that must redeem it (RFC 9449 §10).
    pub dpop_jkt: Option<String>,
}

impl AuthorizationCodeRecord {
    /// The challenge that the verifier must meet.
    pub fn challenge(&self) -> Option<CodeChallenge> {
        let text = self.code_challenge.clone()?;
        Some(CodeChallenge { text, method: self.code_challenge_method.unwrap_or(ChallengeMethod::S256) })
    }
}
