//! ID tokens (OpenID Connect Core §2): what is said is decided with the tokens, and signed after them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::claims::PersonClaims;
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::grant::Grant;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::signing_key::SigningAlgorithm;
use crate::oauth::signing::{Signer, Statement};
use crate::store::{Database, Result, authentications, users};
use crate::tokens::TokenSettings;

/// The kind that an ID token names in its header.
pub const TYP: &str = "JWT";

/// What an ID token says. It has one audience, so `azp` would say nothing (§2). There is no `nbf`: clocks
/// that differ by a second would refuse it.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    acr: &'static str,
    amr: Vec<String>,
    #[serde(flatten)]
    person: PersonClaims,
}

/// The same with the access token that it belongs to.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimsWithHash {
    #[serde(flatten)]
    claims: Claims,
    at_hash: String,
}

/// An ID token that is not signed yet.
#[derive(Clone, Debug)]
pub struct IdToken {
    algorithm: SigningAlgorithm,
    claims: Claims,
}

/// What a token is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The first tokens of a grant: the nonce comes back (§3.1.3.7).
    First,
    /// A refresh: the same person and time, no nonce (§12.2).
    Refresh,
}

/// The ID token that goes with an access token of `scope`: only when that holds `openid`.
///
/// # Errors
/// When the store fails.
pub fn make(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (client, grant, scope): (&Client, &Grant, &Scope),
    occasion: Occasion,
) -> Result<Option<IdToken>> {
    if !scope.holds("openid") {
        return Ok(None);
    }
    let Some(authentication) = authentications::find(tx, grant.id)? else { return Ok(None) };
    let Some(user) = grant.user_id.map(|user| users::find(tx, user)).transpose()?.flatten() else { return Ok(None) };
    let person = match client.id_token_claims {
        true => PersonClaims::of(&user, scope),
        false => PersonClaims::default(),
    };
    let claims = Claims {
        sub: user.id.uuid(),
        aud: client.client_id.clone(),
        iat: now.seconds(),
        exp: now.plus(token_settings.lifetimes.id_token).seconds(),
        auth_time: authentication.auth_time.seconds(),
        acr: authentication.class(),
        amr: authentication.methods.to_vec(),
        nonce: authentication.nonce.filter(|_| occasion == Occasion::First),
        person,
    };
    Ok(Some(IdToken { algorithm: client.id_token_signed_response_alg, claims }))
}

impl IdToken {
    /// What is to be signed, bound to the access token beside it (§3.1.3.6).
    pub fn beside(self, access_token: &Secret) -> Statement<ClaimsWithHash> {
        let claims = ClaimsWithHash { claims: self.claims, at_hash: at_hash(access_token.expose()) };
        Statement { typ: TYP, algorithm: self.algorithm, claims }
    }
}

/// The left half of the access token's SHA-256: both of our algorithms use that hash (§3.1.3.6).
pub fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16])
}

/// What an ID token that came back as a hint proves: we once told this client of this person
/// (OpenID Connect RP-Initiated Logout §2). Its time does not count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Hint {
    /// The person, in UUID form.
    pub sub: String,
    /// The client.
    pub aud: String,
}

#[derive(Deserialize)]
struct ReadHint {
    #[serde(flatten)]
    hint: Hint,
    auth_time: Option<i64>,
}

impl Hint {
    /// Reads a hint; nothing when we did not sign it as an ID token.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read(db: &mut Database, signer: &Signer, text: &str) -> Result<Option<Self>> {
        let read: Option<ReadHint> = signer.verify(db, text, TYP)?;
        // A signed userinfo answer has no time of a sign-in (RFC 8725 §3.12).
        Ok(read.filter(|read| read.auth_time.is_some()).map(|read| read.hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenID Connect Core Appendix A.3 and A.4 use this access token and this hash.
    #[test]
    fn the_hash_of_the_specifications_access_token_is_the_specifications_hash() {
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
