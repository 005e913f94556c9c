//! WebAuthn level 3, the operations of a relying party: verifies the response of an authenticator by §7.1 and §7.2. The
//! challenge, the owner of a credential and a counter that went back are handled by [`crate::identity::passkeys`].

mod authenticator_data;
mod cbor;
pub mod cose_key;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use authenticator_data::AuthenticatorData;
use cbor::Value;

/// The maximum length of each part of a response, in base64url characters, four for three bytes (Gatepost's own limit).
/// Client data and authenticator data have a few hundred bytes, an attestation with certificates a few thousand, and an
/// RSA signature of 8,192 bits has 1,024.
const MAX_PART: usize = 16_384;

/// The reason that a response is refused, for tests and the log. People see one sentence for all reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebAuthnError {
    /// It cannot be parsed.
    Malformed,
    /// It responds to a registration instead of a sign-in, or to a sign-in instead of a registration.
    OtherCeremony,
    /// It contains another challenge.
    OtherChallenge,
    /// It was made on another site, or in a frame of another site.
    OtherOrigin,
    /// It was made for another relying party.
    OtherRelyingParty,
    /// The authenticator did not verify the person.
    NotVerified,
    /// The key has an algorithm that was not requested.
    UnknownAlgorithm,
    /// The signature does not verify with the key.
    BadSignature,
}

/// The relying party: this server. It is never taken from a request header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The relying party ID: the host name (§5.1.2).
    pub id: String,
    /// The scheme, host and port, in the form of an `Origin` header.
    pub origin: String,
}

/// The client data, which the browser creates (§5.8.1). Unknown members are ignored; a repeated member makes the data
/// malformed.
#[derive(Debug, Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    is_cross_origin: bool,
    #[serde(rename = "topOrigin")]
    top_origin: Option<String>,
}

impl ClientData {
    fn parse(bytes: &[u8]) -> Result<Self, WebAuthnError> {
        serde_json::from_slice(bytes).map_err(|_other_shape| WebAuthnError::Malformed)
    }

    /// Checks §7.1 steps 7–11 and §7.2 steps 10–14: only a page of this server, and in no frame of another site.
    fn judge(&self, ceremony: &str, party: &RelyingParty, challenge: &str) -> Result<(), WebAuthnError> {
        if self.r#type != ceremony {
            return Err(WebAuthnError::OtherCeremony);
        }
        if self.challenge != challenge {
            return Err(WebAuthnError::OtherChallenge);
        }
        if self.origin != party.origin || self.is_cross_origin || self.top_origin.is_some() {
            return Err(WebAuthnError::OtherOrigin);
        }
        Ok(())
    }
}

/// Decodes a base64url text, if it is neither empty nor too long.
fn decode(text: &str) -> Result<Vec<u8>, WebAuthnError> {
    if text.is_empty() || text.len() > MAX_PART {
        return Err(WebAuthnError::Malformed);
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_not_base64url| WebAuthnError::Malformed)
}

/// The response to a registration, not verified yet.
#[derive(Clone, Debug)]
pub struct Attestation {
    client_data: Vec<u8>,
    object: Vec<u8>,
}

/// A credential that an authenticator created for this server.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// The credential ID, in base64url.
    pub id: String,
    /// The public key in COSE form, in base64url.
    pub public_key: String,
    /// The signature counter.
    pub counter: u32,
    /// Whether the key can be copied to other devices.
    pub is_backup_eligible: bool,
}

impl Attestation {
    /// Decodes the parts of a response, in base64url.
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`] when a part cannot be decoded.
    pub fn new(client_data: &str, object: &str) -> Result<Self, WebAuthnError> {
        Ok(Self { client_data: decode(client_data)?, object: decode(object)? })
    }

    /// Returns the challenge that the response contains.
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`] when the client data cannot be parsed.
    pub fn challenge(&self) -> Result<String, WebAuthnError> {
        Ok(ClientData::parse(&self.client_data)?.challenge)
    }

    /// Verifies the response to `challenge` (§7.1). Attestation of the authenticator's model was not requested
    /// (attestation `none`), so an attestation statement is neither read nor trusted (step 24).
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self, party: &RelyingParty, challenge: &str) -> Result<NewCredential, WebAuthnError> {
        ClientData::parse(&self.client_data)?.judge("webauthn.create", party, challenge)?;
        let mut rest = self.object.as_slice();
        let object = Value::read(&mut rest)?;
        let statement = object.named("authData").and_then(Value::bytes).ok_or(WebAuthnError::Malformed)?;
        if !rest.is_empty() {
            return Err(WebAuthnError::Malformed);
        }
        let statement = AuthenticatorData::parse(statement)?;
        statement.judge(party)?;
        let attested = statement.attested.as_ref().ok_or(WebAuthnError::Malformed)?;
        Ok(NewCredential {
            id: URL_SAFE_NO_PAD.encode(attested.id),
            public_key: URL_SAFE_NO_PAD.encode(attested.key),
            counter: statement.counter,
            is_backup_eligible: statement.is_backup_eligible(),
        })
    }
}

/// The response to a sign-in, not verified yet.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// The ID of the credential that it names, in base64url.
    pub credential_id: String,
    /// The user handle of the account, when the authenticator returns it.
    pub user_handle: Option<Vec<u8>>,
    client_data: Vec<u8>,
    statement: Vec<u8>,
    signature: Vec<u8>,
}

/// The authenticator data of a verified assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The signature counter.
    pub counter: u32,
    /// Whether the key can be copied to other devices; it never changes (§6.1.3).
    pub is_backup_eligible: bool,
}

impl Assertion {
    /// Decodes the parts of a response, in base64url: credential ID, client data, authenticator data, signature and
    /// user handle (empty when there is none).
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`] when a part cannot be decoded.
    pub fn new([id, client_data, statement, signature, user_handle]: [&str; 5]) -> Result<Self, WebAuthnError> {
        let credential_id = URL_SAFE_NO_PAD.encode(decode(id)?);
        let user_handle = if user_handle.is_empty() { None } else { Some(decode(user_handle)?) };
        let (client_data, statement, signature) = (decode(client_data)?, decode(statement)?, decode(signature)?);
        Ok(Self { credential_id, user_handle, client_data, statement, signature })
    }

    /// Returns the challenge that the response contains.
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`] when the client data cannot be parsed.
    pub fn challenge(&self) -> Result<String, WebAuthnError> {
        Ok(ClientData::parse(&self.client_data)?.challenge)
    }

    /// Verifies the response to `challenge` with the public key of the credential (§7.2). The signature is checked
    /// first: data that it does not cover is not evaluated.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self, party: &RelyingParty, challenge: &str, public_key: &str) -> Result<Proof, WebAuthnError> {
        let key = cose_key::read(&mut decode(public_key)?.as_slice())?;
        let signed = [self.statement.as_slice(), digest(&SHA256, &self.client_data).as_ref()].concat();
        if !key.verifies_assertion(&signed, &self.signature) {
            return Err(WebAuthnError::BadSignature);
        }
        ClientData::parse(&self.client_data)?.judge("webauthn.get", party, challenge)?;
        let statement = AuthenticatorData::parse(&self.statement)?;
        statement.judge(party)?;
        Ok(Proof { counter: statement.counter, is_backup_eligible: statement.is_backup_eligible() })
    }
}

#[cfg(test)]
mod tests;
