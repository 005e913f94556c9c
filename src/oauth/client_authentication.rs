//! Who is the client? (RFC 6749 §2.3): Basic, the body, or a public client's bare name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::parameters::Parameters;
use super::problem::{INVALID_CLIENT, TWO_AUTHENTICATIONS};
use super::{Refusal, Result};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::secret::Secret;
use crate::domain::token::{ClientSecret, Token};
use crate::store::{Database, client_secrets, clients};
use crate::tokens::Mint;
use crate::tokens::last_use::Seen;

/// What a request says about its client.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    client_id: String,
    secret: Option<Secret>,
}

impl ClientCredentials {
    /// Reads the `Authorization` header and the body.
    ///
    /// # Errors
    /// [`TWO_AUTHENTICATIONS`] for both at once, [`INVALID_CLIENT`] for none or unreadable ones.
    pub fn parse(authorization: Option<&[u8]>, body: &Parameters) -> std::result::Result<Self, Refusal> {
        let in_body = body.get("client_id");
        let body_secret = body.get("client_secret");
        let Some(basic) = authorization.map(basic).transpose()?.flatten() else {
            let client_id = in_body.ok_or(Refusal { problem: &INVALID_CLIENT, cause: "no client was named" })?;
            return Ok(Self { client_id: client_id.to_owned(), secret: body_secret.map(Secret::new) });
        };
        if body_secret.is_some() && basic.secret.is_some() {
            return Err(Refusal {
                problem: &TWO_AUTHENTICATIONS,
                cause: "a secret came in the header and in the body",
            });
        }
        if in_body.is_some_and(|client_id| client_id != basic.client_id) {
            return Err(Refusal { problem: &TWO_AUTHENTICATIONS, cause: "the header and the body name two clients" });
        }
        Ok(basic)
    }

    /// The client that is named.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }
}

/// Reads `Basic base64(form(client_id) ":" form(secret))` (RFC 6749 §2.3.1). Other schemes are
/// nothing to us here. An empty secret counts as none.
fn basic(header: &[u8]) -> std::result::Result<Option<ClientCredentials>, Refusal> {
    let unreadable = || Refusal { problem: &INVALID_CLIENT, cause: "the Authorization header cannot be read" };
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
    Ok(Some(ClientCredentials { client_id, secret: (!secret.is_empty()).then(|| Secret::new(secret)) }))
}

fn form_decoded(text: &str) -> String {
    // One name without a value: `&` and `=` were coded by whoever follows the RFC, and our own ids
    // and secrets have neither.
    let coded = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(coded.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

/// The client, if it is who it says. A secret finds its client by the id that it carries: an unknown
/// client and a wrong secret are one answer after the same query.
///
/// # Errors
/// [`INVALID_CLIENT`].
pub fn authenticate(db: &mut Database, now: UnixTime, mint: &Mint, credentials: &ClientCredentials) -> Result<Client> {
    let Some(secret) = &credentials.secret else {
        let client = clients::find_by_client_id(db, &credentials.client_id)?.filter(Client::is_active);
        let client = client.ok_or_else(|| INVALID_CLIENT.because("no active client has this id"))?;
        return if client.is_public() {
            Ok(client)
        } else {
            Err(INVALID_CLIENT.because("a client with a secret did not send it"))
        };
    };
    let secret = Token::<ClientSecret>::parse(secret.expose());
    let secret = secret.map_err(|_malformed| INVALID_CLIENT.because("this is no client secret of ours"))?;
    let found = client_secrets::find_with_client(db, secret.id())?;
    let found = found.filter(|(record, _)| record.digest.matches(&secret.digest()) && record.is_alive(now));
    let (record, client) = found.ok_or_else(|| INVALID_CLIENT.because("the secret is wrong or has ended"))?;
    if client.client_id != credentials.client_id || !client.is_active() {
        return Err(INVALID_CLIENT.because("the secret belongs to another client, or to one that was suspended"));
    }
    mint.last_use.note(Seen::ClientSecret(record.id), now, record.last_used_at);
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: Option<&str>, body: &str) -> std::result::Result<(String, Option<String>), &'static str> {
        let body = Parameters::parse(body.as_bytes()).expect("because it is UTF-8");
        ClientCredentials::parse(header.map(str::as_bytes), &body)
            .map(|found| (found.client_id, found.secret.map(|secret| secret.expose().to_owned())))
            .map_err(|refusal| refusal.problem.id)
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
