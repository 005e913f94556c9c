//! DPoP (RFC 9449): a token that works only together with a fresh signature of the key that it is bound to.

use serde::Deserialize;
use subtle::ConstantTimeEq;
use url::Url;

use super::parameters::Parameters;
use super::problem::Problem;
use super::used_proofs::{self, Replayed};
use super::{Refusal, Result};
use crate::clock::UnixTime;
use crate::domain::base_key::BaseKeys;
use crate::domain::jose::claims::{MAX_JTI, NumericDate, SKEW};
use crate::domain::jose::jwk::Jwk;
use crate::domain::jose::jws::Jws;
use crate::domain::secret::sha256_base64url;
use crate::domain::used_proof::UsedProof;
use crate::store::Store;

/// Seconds for which a proof is valid after it was signed (ours).
const LONGEST: i64 = 300;
/// Seconds after which the nonce changes; a nonce is accepted for at least as long again.
const SLOT: i64 = 180;

/// The request that a proof must be about.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub method: &'a str,
    /// The public URL of the request, without a query.
    pub url: &'a str,
    /// The access token that is sent with the proof, at a protected resource.
    pub access_token: Option<&'a str>,
}

/// The key that a request proved. The proof still has to be used up.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The thumbprint of the key (RFC 7638).
    pub jkt: String,
    used: UsedProof,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: NumericDate,
    ath: Option<String>,
    nonce: Option<String>,
}

/// Returns the nonce of this moment (§8). It is derived from the base key and the time, so that every node issues
/// and accepts the same nonces and none is stored.
pub fn nonce(keys: &BaseKeys, now: UnixTime) -> String {
    nonce_of(keys, now.seconds().div_euclid(SLOT))
}

fn nonce_of(keys: &BaseKeys, slot: i64) -> String {
    sha256_base64url(&keys.newest().derive::<32>("dpop-nonce", &[&slot.to_be_bytes()]))
}

fn is_fresh(keys: &BaseKeys, now: UnixTime, nonce: &str) -> bool {
    let slot = now.seconds().div_euclid(SLOT);
    // The previous nonce for a slow client, the next one for a node whose clock is ahead.
    [slot, slot - 1, slot + 1].into_iter().any(|slot| nonce_of(keys, slot).as_bytes().ct_eq(nonce.as_bytes()).into())
}

/// Verifies a proof (§4.3), which must contain a nonce of this server (§8, §9).
///
/// # Errors
/// [`Problem::InvalidDpopProof`] when the proof is not valid; [`Problem::UseDpopNonce`] when only the nonce is missing or old.
pub fn verify(
    keys: &BaseKeys,
    now: UnixTime,
    proof: &str,
    expected: Expected<'_>,
) -> std::result::Result<Proven, Refusal> {
    let (proven, nonce) =
        read(now, proof, expected).map_err(|cause| Refusal { problem: Problem::InvalidDpopProof, cause })?;
    match nonce {
        Some(nonce) if is_fresh(keys, now, &nonce) => Ok(proven),
        Some(_) => Err(Refusal { problem: Problem::UseDpopNonce, cause: "the nonce is not one of this moment" }),
        None => Err(Refusal { problem: Problem::UseDpopNonce, cause: "the proof has no nonce" }),
    }
}

/// Checks every rule of §4.3 except the nonce and single use; returns the nonce of the proof.
fn read(
    now: UnixTime,
    proof: &str,
    expected: Expected<'_>,
) -> std::result::Result<(Proven, Option<String>), &'static str> {
    let jws = Jws::parse(proof).map_err(|_unreadable| "the proof cannot be read, or its algorithm is not taken")?;
    if !jws.is_a("dpop+jwt") {
        return Err("the proof's typ is not dpop+jwt");
    }
    let jwk = jws.jwk.as_ref().ok_or("the proof has no jwk")?;
    let jwk = Jwk::from_value(jwk).map_err(|_unfit| "the proof's jwk is no public key that is taken")?;
    if !jws.is_signed_by(&jwk) {
        return Err("the proof is not signed by its own key");
    }
    let claims: Claims = jws.claims().map_err(|_other_shape| "the proof lacks a claim")?;
    if claims.htm != expected.method {
        return Err("the proof is for another method");
    }
    let (named, meant) = (without_query(&claims.htu), without_query(expected.url));
    if named.is_none() || named != meant {
        return Err("the proof is for another address");
    }
    if claims.iat.0 > now.plus(SKEW) || claims.iat.0 < now.plus(-LONGEST) {
        return Err("the proof is too old, or of the future");
    }
    if claims.jti.is_empty() || claims.jti.len() > MAX_JTI {
        return Err("the proof has no jti of 1 to 256 bytes");
    }
    if let Some(token) = expected.access_token {
        let digest = sha256_base64url(token.as_bytes());
        if claims.ath.as_deref() != Some(digest.as_str()) {
            return Err("the proof is for another access token");
        }
    }
    let jkt = jwk.key.thumbprint();
    let used = UsedProof::new(now, "dpop", (&jkt, &claims.jti), claims.iat.0.plus(LONGEST + 1));
    Ok((Proven { jkt, used }, claims.nonce))
}

/// Returns an address in the form that is compared (§4.3, item 9): normalized, without query and fragment.
fn without_query(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok().filter(|url| url.has_host())?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}

impl Proven {
    /// Adds the key to a request that is pushed with the proof: the request counts as one with this `dpop_jkt` (§10.1).
    ///
    /// # Errors
    /// [`Problem::InvalidDpopProof`] when the request names another key.
    pub fn named_in(&self, mut pushed: Parameters) -> std::result::Result<Parameters, Refusal> {
        match pushed.get("dpop_jkt") {
            Some(named) if named != self.jkt => {
                return Err(Refusal { problem: Problem::InvalidDpopProof, cause: "the dpop_jkt is of another key" });
            }
            Some(_) => {}
            None => pushed.add("dpop_jkt".to_owned(), self.jkt.clone()),
        }
        Ok(pushed)
    }

    /// Uses the proof up: a second proof with its `jti` is a replay on every node (§11.1).
    ///
    /// # Errors
    /// [`Problem::InvalidDpopProof`] when it was used before.
    pub async fn use_up(&self, store: &Store) -> Result<()> {
        used_proofs::use_up(store, self.used.clone()).await.map_err(|error| {
            error.map_refusal(|Replayed| Refusal {
                problem: Problem::InvalidDpopProof,
                cause: "the proof was used before",
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = concat!(
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rsc",
        "EJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
    );
    /// RFC 9449 §4.1, figure 2.
    const AT_TOKEN: &str = concat!(
        "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaW",
        "F0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    );
    /// RFC 9449 §7.1, figure 13.
    const AT_RESOURCE: &str = concat!(
        "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZW",
        "RyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9",
        ".2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
    );
    const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    const SIGNED: UnixTime = UnixTime::from_seconds(1_562_262_616);

    fn judged(now: UnixTime, claims: &str, expected: Expected<'_>) -> std::result::Result<String, &'static str> {
        read(now, &format!("{HEADER}.{claims}"), expected).map(|(proven, _)| proven.jkt)
    }

    #[test]
    fn the_proofs_of_the_rfc_are_believed_for_what_they_say() {
        let jkt = Ok("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned());
        let at_token = |method, url| judged(SIGNED, AT_TOKEN, Expected { method, url, access_token: None });
        let fine = "https://server.example.com/token";
        assert_eq!(at_token("POST", fine), jkt);
        assert_eq!(at_token("POST", "HTTPS://SERVER.example.com:443/x/../token?x=1#y"), jkt, "its normal form");
        assert_eq!(at_token("GET", fine), Err("the proof is for another method"));
        for other in
            ["https://server.example.com/token/", "http://server.example.com/token", "https://server.example.com/Token"]
        {
            assert_eq!(at_token("POST", other), Err("the proof is for another address"), "{other}");
        }
        let at_resource = |token| {
            let url = "https://resource.example.org/protectedresource";
            judged(SIGNED, AT_RESOURCE, Expected { method: "GET", url, access_token: Some(token) })
        };
        assert_eq!(at_resource(TOKEN), jkt);
        assert_eq!(at_resource("another"), Err("the proof is for another access token"));
        let expected = Expected { method: "POST", url: fine, access_token: Some(TOKEN) };
        assert_eq!(judged(SIGNED, AT_TOKEN, expected), Err("the proof is for another access token"), "without ath");
    }

    #[test]
    fn a_proof_is_good_for_five_minutes_and_a_minute_ahead() {
        let url = "https://server.example.com/token";
        let at = |seconds| judged(SIGNED.plus(seconds), AT_TOKEN, Expected { method: "POST", url, access_token: None });
        let wrong = Err("the proof is too old, or of the future");
        assert!(at(300).is_ok() && at(-60).is_ok());
        assert_eq!((at(301), at(-61)), (wrong.clone(), wrong));
        let changed = AT_TOKEN.replacen("2-Gx", "2-Gy", 1);
        let expected = Expected { method: "POST", url, access_token: None };
        assert_eq!(judged(SIGNED, &changed, expected), Err("the proof is not signed by its own key"));
    }

    #[test]
    fn a_nonce_is_taken_for_three_minutes_at_least_and_nine_at_most() {
        let (keys, now) = (BaseKeys::generate(), UnixTime::from_seconds(1_800_000_000));
        let given = nonce(&keys, now);
        for seconds in [-180, 0, 180, 359] {
            assert!(is_fresh(&keys, now.plus(seconds), &given), "{seconds}");
        }
        for seconds in [-540, 540, 1_000] {
            assert!(!is_fresh(&keys, now.plus(seconds), &given), "{seconds}");
        }
        assert!(!is_fresh(&BaseKeys::generate(), now, &given) && !is_fresh(&keys, now, ""));
    }
}
