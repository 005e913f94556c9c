//! WebAuthn level 3, the relying party's half: what an authenticator answered, judged by §7.1 and §7.2.
//! Which challenge is ours, which credential is whose and what a counter that went back means is for
//! [`crate::identity::passkeys`].

mod authenticator_data;
mod cbor;
pub mod key;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use authenticator_data::AuthenticatorData;
use cbor::Value;
use key::CredentialKey;

/// The longest parts that are read, in characters of base64url, four for three bytes (ours): client data and a
/// statement are a few hundred bytes, an attestation with certificates a few thousand, and an RSA signature of
/// 8,192 bits is 1,024.
const MAX_PART: usize = 16_384;

/// Why an answer is not believed. For tests and the log of a developer; people get one sentence for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebAuthnError {
    /// It cannot be read.
    Malformed,
    /// It answers a registration where a sign-in was asked, or the other way round.
    OtherCeremony,
    /// It answers another challenge.
    OtherChallenge,
    /// It was given to another site, or in a frame of one.
    OtherOrigin,
    /// It was made for another site.
    OtherRelyingParty,
    /// The person did not prove to the authenticator who they are.
    NotVerified,
    /// The key is of a kind that nobody asked for.
    UnknownAlgorithm,
    /// The signature is not the key's.
    BadSignature,
}

/// Who asks: never taken from a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The name of the host (§5.1.2).
    pub id: String,
    /// Scheme, host and port, as browsers write an origin.
    pub origin: String,
}

/// What the browser says that it did (§5.8.1). Other members are for later; one that is there twice makes
/// it unreadable.
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

    /// §7.1 steps 7–11, §7.2 steps 10–14: nobody's frame but our own page.
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

/// The bytes behind a text in base64url, if they are not too many.
fn decode(text: &str) -> Result<Vec<u8>, WebAuthnError> {
    if text.is_empty() || text.len() > MAX_PART {
        return Err(WebAuthnError::Malformed);
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_not_base64url| WebAuthnError::Malformed)
}

/// An answer to a registration, unread.
#[derive(Clone, Debug)]
pub struct Attestation {
    client_data: Vec<u8>,
    object: Vec<u8>,
}

/// A credential that was just made for us.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// Its name, in base64url.
    pub id: String,
    /// Its public key as COSE writes it, in base64url.
    pub public_key: String,
    /// Where its counter stands.
    pub counter: u32,
    /// Whether other devices may hold it too.
    pub is_backup_eligible: bool,
}

impl Attestation {
    /// Takes the parts of an answer, in base64url.
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`].
    pub fn new(client_data: &str, object: &str) -> Result<Self, WebAuthnError> {
        Ok(Self { client_data: decode(client_data)?, object: decode(object)? })
    }

    /// The challenge that it says it answers.
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`].
    pub fn challenge(&self) -> Result<String, WebAuthnError> {
        Ok(ClientData::parse(&self.client_data)?.challenge)
    }

    /// Judges the answer to `challenge` (§7.1). Nobody asked what the authenticator is made by
    /// (attestation `none`), so whatever it says of that is not read and counts for nothing (step 24).
    ///
    /// # Errors
    /// What is wrong.
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

/// An answer to a sign-in, unread but for whom it names.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// The credential that it names, in base64url.
    pub credential_id: String,
    /// The account that it was made for, when the authenticator says so.
    pub user_handle: Option<Vec<u8>>,
    client_data: Vec<u8>,
    statement: Vec<u8>,
    signature: Vec<u8>,
}

/// What an assertion proves, besides that its key was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Where the counter stands.
    pub counter: u32,
    /// Whether other devices may hold the key too; it never changes (§6.1.3).
    pub is_backup_eligible: bool,
}

impl Assertion {
    /// Takes the parts of an answer, in base64url: the credential's id, client data, authenticator data,
    /// signature and user handle (empty when there is none).
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`].
    pub fn new([id, client_data, statement, signature, user_handle]: [&str; 5]) -> Result<Self, WebAuthnError> {
        let credential_id = URL_SAFE_NO_PAD.encode(decode(id)?);
        let user_handle = if user_handle.is_empty() { None } else { Some(decode(user_handle)?) };
        let (client_data, statement, signature) = (decode(client_data)?, decode(statement)?, decode(signature)?);
        Ok(Self { credential_id, user_handle, client_data, statement, signature })
    }

    /// The challenge that it says it answers.
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`].
    pub fn challenge(&self) -> Result<String, WebAuthnError> {
        Ok(ClientData::parse(&self.client_data)?.challenge)
    }

    /// Judges the answer to `challenge` by the credential's public key (§7.2). The signature comes
    /// first: nothing that it does not cover is worth a look.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify(&self, party: &RelyingParty, challenge: &str, public_key: &str) -> Result<Proof, WebAuthnError> {
        let key = CredentialKey::read(&mut decode(public_key)?.as_slice())?;
        let signed = [self.statement.as_slice(), digest(&SHA256, &self.client_data).as_ref()].concat();
        if !key.verifies(&signed, &self.signature) {
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
