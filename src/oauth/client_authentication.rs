//! Client authentication (RFC 6749 §2.3): Basic, the body, a signed assertion, or only the `client_id` of a public
//! client; exactly one of them.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::client_assertion::{self, ClientAssertion};
use super::client_document::may_act;
use super::parameters::Parameters;
use super::problem::Problem;
use super::used_proofs::{self, Replayed};
use super::{Refusal, Result};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::jose::jwk::KeySet;
use crate::domain::secret::Secret;
use crate::domain::token::{ClientSecret, Token};
use crate::outcome::{Error, consult};
use crate::store::{Database, Store, client_secrets, clients};
use crate::tokens::TokenSettings;
use crate::tokens::last_use::{LastUse, Seen};

/// The client that a request names, and the proof that it sends.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    client_id: String,
    proof: Proof,
    key: Option<String>,
    published: Option<Arc<PublishedKeys>>,
}

/// The keys that were read from a client's `jwks_uri`.
#[derive(Debug)]
pub struct PublishedKeys {
    url: String,
    keys: KeySet,
}

impl PublishedKeys {
    /// Parses the response of a `jwks_uri`; `None` when it contains no usable key.
    pub fn parse(url: &str, body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        Some(Self { url: url.to_owned(), keys: KeySet::parse(text).ok()? })
    }

    /// Returns the keys if `client` still publishes them at this URL.
    pub(super) fn of(&self, client: &Client) -> Option<&KeySet> {
        (client.jwks_uri.as_deref() == Some(self.url.as_str())).then_some(&self.keys)
    }
}

/// The proof that a client sends.
#[derive(Clone, Debug)]
enum Proof {
    /// None: the client is public.
    None,
    Secret(Secret),
    /// A signed assertion; it counts only after [`prove`].
    Assertion(ClientAssertion),
    /// A signed assertion that was verified and is used up.
    Proven,
}

impl ClientCredentials {
    /// Reads the `Authorization` header and the body.
    ///
    /// # Errors
    /// [`Problem::TwoAuthentications`] when two kinds were sent, [`Problem::InvalidClient`] when none was sent or one cannot be read.
    pub fn parse(authorization: Option<&[u8]>, body: &Parameters) -> std::result::Result<Self, Refusal> {
        let in_body = body.get("client_id");
        let body_secret = body.get("client_secret");
        let basic = authorization.map(basic).transpose()?.flatten();
        if let Some((client_id, assertion)) = ClientAssertion::parse(body)? {
            if basic.is_some() || body_secret.is_some() {
                return Err(Refusal {
                    problem: Problem::TwoAuthentications,
                    cause: "a secret came beside a client assertion",
                });
            }
            return Ok(Self { client_id, proof: Proof::Assertion(assertion), key: None, published: None });
        }
        let Some(basic) = basic else {
            let client_id = in_body.ok_or(Refusal { problem: Problem::InvalidClient, cause: "no client was named" })?;
            let proof = body_secret.map_or(Proof::None, |secret| Proof::Secret(Secret::new(secret)));
            return Ok(Self { client_id: client_id.to_owned(), proof, key: None, published: None });
        };
        if body_secret.is_some() && matches!(basic.proof, Proof::Secret(_)) {
            return Err(Refusal {
                problem: Problem::TwoAuthentications,
                cause: "a secret came in the header and in the body",
            });
        }
        if in_body.is_some_and(|client_id| client_id != basic.client_id) {
            return Err(Refusal {
                problem: Problem::TwoAuthentications,
                cause: "the header and the body name two clients",
            });
        }
        Ok(basic)
    }

    /// Returns the `client_id` that a request names, even when the request is not valid otherwise.
    pub fn name_in(authorization: Option<&[u8]>, body: &Parameters) -> Option<String> {
        let in_header = authorization.and_then(|header| basic(header).ok().flatten()).map(|basic| basic.client_id);
        in_header.or_else(|| body.get("client_id").map(str::to_owned))
    }

    /// Returns the `client_id` that the request names.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Adds the thumbprint of a key that the request proved (RFC 9449 §5).
    pub fn with_key(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    /// Whether the client authenticates with a signed assertion.
    pub fn are_signed(&self) -> bool {
        matches!(self.proof, Proof::Assertion(_))
    }

    /// Whether one of these keys made the signature of the assertion.
    pub fn are_signed_by(&self, published: &PublishedKeys) -> bool {
        matches!(&self.proof, Proof::Assertion(assertion) if assertion.is_signed_by(&published.keys))
    }

    /// Adds the keys that the client publishes.
    pub fn with_keys(self, published: Arc<PublishedKeys>) -> Self {
        Self { published: Some(published), ..self }
    }

    /// Returns the thumbprint of the key that the request proved.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

/// Verifies an assertion and uses it up, so that [`authenticate`] accepts it; other credentials are returned
/// unchanged. `audiences` are the values of `aud` that mean this server. Each used assertion is a new row, so
/// `admit` limits it once the client is known.
///
/// # Errors
/// [`Problem::InvalidClient`] when the assertion is not valid, or the refusal of `admit`.
pub async fn prove(
    store: &Store,
    now: UnixTime,
    credentials: ClientCredentials,
    audiences: Vec<String>,
    admit: impl FnOnce(&Client) -> std::result::Result<(), Refusal>,
) -> Result<ClientCredentials> {
    let Proof::Assertion(assertion) = credentials.proof else { return Ok(credentials) };
    let (client_id, published) = (credentials.client_id.clone(), credentials.published.clone());
    let verified = consult(store, move |db| {
        client_assertion::verify(db, now, (&client_id, &assertion), (&audiences, published.as_deref()))
    });
    let (client, proof) = verified.await?;
    admit(&client).map_err(Error::Refused)?;
    used_proofs::use_up(store, proof).await.map_err(|error| {
        error.map_refusal(|Replayed| Refusal {
            problem: Problem::InvalidClient,
            cause: "the client assertion was used before",
        })
    })?;
    Ok(ClientCredentials { proof: Proof::Proven, ..credentials })
}

/// Reads `Basic base64(form(client_id) ":" form(secret))` (RFC 6749 §2.3.1). `None` for another scheme. An empty
/// secret counts as none.
fn basic(header: &[u8]) -> std::result::Result<Option<ClientCredentials>, Refusal> {
    let unreadable = || Refusal { problem: Problem::InvalidClient, cause: "the Authorization header cannot be read" };
    let header = std::str::from_utf8(header).map_err(|_not_text| unreadable())?;
    let Some((scheme, credentials)) = header.split_once(' ') else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = STANDARD.decode(credentials.trim()).map_err(|_not_base64| unreadable())?;
    let decoded = zeroize::Zeroizing::new(String::from_utf8(decoded).map_err(|_not_utf8| unreadable())?);
    let (client_id, secret) = decoded.split_once(':').ok_or_else(unreadable)?;
    let client_id = form_decoded(client_id);
    if client_id.is_empty() || client_id.contains('\0') {
        return Err(unreadable());
    }
    let secret = form_decoded(secret);
    let proof = if secret.is_empty() { Proof::None } else { Proof::Secret(Secret::new(secret)) };
    Ok(Some(ClientCredentials { client_id, proof, key: None, published: None }))
}

fn form_decoded(text: &str) -> String {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return text.to_owned();
    }
    // The parser must see one name without a value: clients that follow the RFC encode `&` and `=`, and our own ids
    // and secrets contain neither.
    let coded = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(coded.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

/// Returns the authenticated client. The secret contains the id by which it is found: an unknown client and a wrong
/// secret get the same answer after the same query.
///
/// # Errors
/// [`Problem::InvalidClient`] when authentication fails.
pub fn authenticate(
    db: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    last_use: &LastUse,
    credentials: &ClientCredentials,
) -> Result<Arc<Client>> {
    let client = identify(db, now, last_use, credentials)?;
    // Also checked for a client whose document was read before the operator changed the policy.
    if may_act(&token_settings.self_registration, &client) {
        Ok(client)
    } else {
        Err(Problem::InvalidClient.because("clients that describe themselves there are switched off"))
    }
}

fn identify(
    db: &mut Database,
    now: UnixTime,
    last_use: &LastUse,
    credentials: &ClientCredentials,
) -> Result<Arc<Client>> {
    let secret = match &credentials.proof {
        Proof::Secret(secret) => secret,
        Proof::Assertion(_) => return Err(Problem::InvalidClient.because("the client assertion was not verified")),
        proof @ (Proof::None | Proof::Proven) => {
            let client = clients::find_by_client_id(db, &credentials.client_id)?.filter(|client| client.is_active());
            let client = client.ok_or_else(|| Problem::InvalidClient.because("no active client has this id"))?;
            return if client.is_public() || matches!(proof, Proof::Proven) {
                Ok(client)
            } else {
                Err(Problem::InvalidClient.because("a client with a secret or keys did not prove itself"))
            };
        }
    };
    let secret = Token::<ClientSecret>::parse(secret.expose());
    let secret = secret.map_err(|_malformed| Problem::InvalidClient.because("this is no client secret of ours"))?;
    let found = client_secrets::find_with_client(db, secret.id())?;
    let found = found.filter(|(record, _)| record.digest.matches(&secret.digest()) && record.is_alive(now));
    let (record, client) = found.ok_or_else(|| Problem::InvalidClient.because("the secret is wrong or has ended"))?;
    if client.client_id != credentials.client_id || !client.is_active() {
        return Err(
            Problem::InvalidClient.because("the secret belongs to another client, or to one that was suspended")
        );
    }
    if client.has_keys() {
        return Err(Problem::InvalidClient.because("the client has keys, which ended its secrets"));
    }
    last_use.note(Seen::ClientSecret(record.id), now, record.last_used_at);
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: Option<&str>, body: &str) -> std::result::Result<(String, Option<String>), &'static str> {
        let body = Parameters::parse(body.as_bytes()).expect("because it is UTF-8");
        ClientCredentials::parse(header.map(str::as_bytes), &body)
            .map(|found| match found.proof {
                Proof::Secret(secret) => (found.client_id, Some(secret.expose().to_owned())),
                _ => (found.client_id, None),
            })
            .map_err(|refusal| refusal.problem.id())
    }

    fn basic_of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn basic_is_form_decoded_and_an_equal_client_id_beside_it_is_fine() {
        let coded = basic_of("a%20b%3A:s%2Bx+y");
        assert_eq!(parse(Some(&coded), ""), Ok(("a b:".into(), Some("s+x y".into()))));
        assert_eq!(parse(Some(&basic_of("a:s")), "client_id=a"), Ok(("a".into(), Some("s".into()))));
        assert_eq!(parse(Some(&basic_of("a:")), ""), Ok(("a".into(), None)));
        assert_eq!(parse(Some("Bearer x"), "client_id=a"), Ok(("a".into(), None)));
    }

    #[test]
    fn two_ways_at_once_and_unreadable_headers_are_refused() {
        assert_eq!(parse(Some(&basic_of("a:s")), "client_secret=s"), Err("two-authentications"));
        assert_eq!(parse(Some(&basic_of("a:s")), "client_id=b"), Err("two-authentications"));
        for header in [
            "Basic !!!",
            "Basic",
            &basic_of("nocolon"),
            &basic_of(":s"),
            &format!("Basic {}", STANDARD.encode([0xff, b':'])),
        ] {
            assert_eq!(parse(Some(header), ""), Err("invalid-client"), "{header}");
        }
    }
}
