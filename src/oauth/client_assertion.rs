//! `private_key_jwt`: a client authenticates with a short-lived signed assertion (RFC 7523 §2.2, §3; OpenID Connect
//! Core §9).

use std::sync::Arc;

use serde::Deserialize;

use super::client_authentication::PublishedKeys;
use super::client_document::has_old_keys;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Refusal, Result};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::jose::claims::{Audience, MAX_JTI, NumericDate, SKEW};
use crate::domain::jose::jwk::{Jwk, KeySet};
use crate::domain::jose::jws::Jws;
use crate::domain::secret::Secret;
use crate::domain::used_proof::UsedProof;
use crate::store::{Database, clients};

/// The only type of assertion that is accepted.
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The longest lifetime of an assertion, in seconds (RFC 7523 §3, item 4); ours, because `authlib` uses an hour.
const LONGEST: i64 = 3_600;

/// A signed assertion as it was sent. Until it is used, its holder can authenticate as the client.
#[derive(Clone, Debug)]
pub struct ClientAssertion(Secret);

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: NumericDate,
    iat: Option<NumericDate>,
    nbf: Option<NumericDate>,
    jti: String,
}

const fn invalid(cause: &'static str) -> Refusal {
    Refusal { problem: Problem::InvalidClient, cause }
}

impl ClientAssertion {
    /// Reads the two parameters, and the client that is the subject of the assertion.
    ///
    /// # Errors
    /// [`Problem::MissingParameter`] when only one of the parameters is sent, [`Problem::InvalidClient`] for another type, an
    /// assertion that cannot be read, or one about another client than the request names.
    pub fn parse(body: &Parameters) -> std::result::Result<Option<(String, Self)>, Refusal> {
        let text = match (body.get("client_assertion_type"), body.get("client_assertion")) {
            (None, None) => return Ok(None),
            (Some(TYPE), Some(text)) => text,
            (Some(_), Some(_)) => return Err(invalid("the client_assertion_type is not jwt-bearer")),
            _ => {
                let cause = "client_assertion and client_assertion_type come together";
                return Err(Refusal { problem: Problem::MissingParameter, cause });
            }
        };
        let claims = Jws::parse(text).and_then(|jws| jws.claims::<Claims>());
        let claims = claims.map_err(|_unreadable| invalid("the client assertion cannot be read"))?;
        // RFC 7523 §3, items 1 and 2; RFC 7521 §4.2 for a client_id beside it.
        if claims.iss != claims.sub || body.get("client_id").is_some_and(|named| named != claims.sub) {
            return Err(invalid("the client assertion is about another client"));
        }
        if claims.sub.is_empty() || claims.sub.contains('\0') {
            return Err(invalid("the client assertion names no client"));
        }
        Ok(Some((claims.sub, Self(Secret::new(text)))))
    }

    /// Whether one of these keys made the signature.
    pub fn is_signed_by(&self, keys: &KeySet) -> bool {
        let jws = Jws::parse(self.0.expose());
        jws.is_ok_and(|jws| keys.candidates(jws.kid.as_deref(), jws.algorithm).any(|key| jws.is_signed_by(key)))
    }
}

/// Verifies an assertion; returns the client and the proof that must be used up before the client is authenticated.
/// A verification takes about a tenth of a millisecond, so this may run in a read.
///
/// # Errors
/// [`Problem::InvalidClient`] when the assertion is not valid; [`Problem::OldClientKeys`] when the client's document has to be
/// read again first.
pub fn verify(
    db: &mut Database,
    now: UnixTime,
    (client_id, assertion): (&str, &ClientAssertion),
    (audiences, published): (&[String], Option<&PublishedKeys>),
) -> Result<(Arc<Client>, UsedProof)> {
    let refused = |cause| Problem::InvalidClient.because(cause);
    let jws = Jws::parse(assertion.0.expose()).map_err(|_unreadable| refused("the client assertion cannot be read"))?;
    let claims: Claims = jws.claims().map_err(|_unreadable| refused("the client assertion lacks a claim"))?;
    if claims.iss != client_id || claims.sub != client_id {
        return Err(refused("the client assertion is about another client"));
    }
    // A DPoP proof or an ID token that was signed with the same key is not an assertion.
    if jws.typ.is_some() && !jws.is_a("jwt") && !jws.is_a("client-authentication+jwt") {
        return Err(refused("the client assertion has another type"));
    }
    let client = clients::find_by_client_id(db, client_id)?.filter(|client| client.is_active());
    let client = client.ok_or_else(|| refused("no active client has this id"))?;
    if has_old_keys(db, now, &client)? {
        return Err(Problem::OldClientKeys.because("the client's document was read more than a day too long ago"));
    }
    let registered = client.jwks.as_deref().and_then(|jwks| KeySet::parse(jwks).ok());
    let keys = match client.jwks_uri {
        Some(_) => published.and_then(|published| published.of(&client)),
        None => registered.as_ref(),
    };
    let missing = match client.jwks_uri {
        Some(_) => "the client's jwks_uri could not be read, or holds no key that is taken",
        None => "the client registered no keys",
    };
    let keys = keys.ok_or_else(|| refused(missing))?;
    let signers: Vec<&Jwk> =
        keys.candidates(jws.kid.as_deref(), jws.algorithm).filter(|key| jws.is_signed_by(key)).collect();
    if signers.is_empty() {
        return Err(refused("none of the client's keys signed the assertion"));
    }
    let registered = client.token_endpoint_auth_signing_alg.as_deref().and_then(|name| name.parse().ok());
    if !signers.iter().any(|key| key.may_authenticate(jws.algorithm, registered)) {
        let cause = "the algorithm is neither the token_endpoint_auth_signing_alg nor the alg of the key, without both not RS256";
        return Err(refused(cause));
    }
    check(now, &claims, audiences).map_err(refused)?;
    let proof = UsedProof::new(now, "client_assertion", (client_id, &claims.jti), claims.exp.0);
    Ok((client, proof))
}

/// Checks RFC 7523 §3, items 3 to 7.
fn check(now: UnixTime, claims: &Claims, audiences: &[String]) -> std::result::Result<(), &'static str> {
    let is_ahead = |date: &NumericDate| date.0 > now.plus(SKEW);
    // One audience only: with several, another server could replay here what it received (CVE-2025-27370).
    if !claims.aud.is_one_of(audiences) {
        Err("the client assertion is for another server, or not for this one alone")
    } else if claims.exp.0 <= now {
        Err("the client assertion has expired")
    } else if claims.exp.0 > now.plus(LONGEST + SKEW) {
        Err("the client assertion is good for too long")
    } else if claims.iat.as_ref().is_some_and(is_ahead) || claims.nbf.as_ref().is_some_and(is_ahead) {
        Err("the client assertion is of the future")
    } else if claims.jti.is_empty() || claims.jti.len() > MAX_JTI {
        Err("the client assertion has no jti of 1 to 256 bytes")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn judged(member: &str, value: serde_json::Value) -> std::result::Result<(), &'static str> {
        let mut claims = json!({ "iss": "app", "sub": "app", "aud": "https://id.example", "jti": "1",
            "exp": NOW.seconds() + 60 });
        claims[member] = value;
        let claims: Claims = serde_json::from_value(claims).expect("because its shape is right");
        check(NOW, &claims, &["https://id.example".to_owned(), "https://id.example/oauth/token".to_owned()])
    }

    #[test]
    fn each_claim_is_judged_at_its_edge() {
        let at = |seconds: i64| json!(NOW.seconds() + seconds);
        assert_eq!(judged("exp", at(1)), Ok(()));
        assert_eq!(judged("exp", at(0)), Err("the client assertion has expired"));
        assert_eq!(judged("exp", at(3_660)), Ok(()));
        assert_eq!(judged("exp", at(3_661)), Err("the client assertion is good for too long"));
        for name in ["iat", "nbf"] {
            assert_eq!(judged(name, at(60)), Ok(()));
            assert_eq!(judged(name, at(61)), Err("the client assertion is of the future"));
            assert_eq!(judged(name, at(-5_000)), Ok(()));
        }
        assert_eq!(judged("aud", json!(["https://id.example/oauth/token"])), Ok(()));
        let foreign = Err("the client assertion is for another server, or not for this one alone");
        let both = json!(["https://other.example", "https://id.example"]);
        for audience in [json!("https://other.example"), json!("https://id.example/"), json!([]), both] {
            assert_eq!(judged("aud", audience.clone()), foreign, "{audience}");
        }
        let unnumbered = Err("the client assertion has no jti of 1 to 256 bytes");
        assert_eq!((judged("jti", json!("x".repeat(256))), judged("jti", json!(""))), (Ok(()), unnumbered));
        assert_eq!(judged("jti", json!("x".repeat(257))), unnumbered);
    }
}
