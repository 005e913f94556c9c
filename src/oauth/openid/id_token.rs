//! ID tokens (OpenID Connect Core §2): the claims are decided in the transaction that issues the tokens, and signed
//! after it.

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

/// The `typ` in the header of an ID token.
pub const TYP: &str = "JWT";

/// The claims of an ID token. It has one audience, so `azp` is not needed (§2). There is no `nbf`: a client whose
/// clock is a second behind would refuse the token.
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

/// The claims with the hash of the access token that is issued with them.
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

/// The answer that an ID token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The first tokens of a grant: the ID token contains the nonce (§3.1.3.7).
    First,
    /// A refresh: the same person and sign-in time, no nonce (§12.2).
    Refresh,
}

/// Returns the ID token for an access token of `scope`; `None` unless the scope contains `openid`.
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
    /// Returns the statement to sign, bound to the access token of the same answer (§3.1.3.6).
    pub fn beside(self, access_token: &Secret) -> Statement<ClaimsWithHash> {
        let claims = ClaimsWithHash { claims: self.claims, at_hash: at_hash(access_token.expose()) };
        Statement { typ: TYP, algorithm: self.algorithm, claims }
    }
}

/// Returns the left half of the access token's SHA-256: both signing algorithms use that hash (§3.1.3.6).
pub fn at_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16])
}

/// The claims of an ID token that came back as a hint: this server issued it about this person to this client
/// (OpenID Connect RP-Initiated Logout §2). Its expiry is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Hint {
    /// The person, in UUID form.
    pub sub: String,
    pub aud: String,
}

#[derive(Deserialize)]
struct ReadHint {
    #[serde(flatten)]
    hint: Hint,
    auth_time: Option<i64>,
}

impl Hint {
    /// Reads a hint; `None` when this server did not sign it as an ID token.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read(db: &mut Database, signer: &Signer, text: &str) -> Result<Option<Self>> {
        let read: Option<ReadHint> = signer.verify(db, text, TYP)?;
        // A signed userinfo answer has no `auth_time` (RFC 8725 §3.12).
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
