//! Authenticator data, which an authenticator signs (WebAuthn §6.1).

use aws_lc_rs::digest::{SHA256, digest};

use super::cbor::{Value, take};
use super::cose_key;
use super::{RelyingParty, WebAuthnError};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;
const EXTENDED: u8 = 0x80;

/// The length of a credential ID, in bytes: at most 1,023 (§4), at least 16 (§6.1: at least 100 bits of entropy).
const CREDENTIAL_ID: std::ops::RangeInclusive<usize> = 16..=1_023;

/// A credential that an authenticator just created.
#[derive(Clone, Debug)]
pub struct Attested<'a> {
    /// The credential ID.
    pub id: &'a [u8],
    /// The public key, in COSE form.
    pub key: &'a [u8],
}

/// The authenticator data, parsed.
#[derive(Clone, Debug)]
pub struct AuthenticatorData<'a> {
    relying_party: &'a [u8],
    flags: u8,
    /// The signature counter, or 0 when the authenticator does not count.
    pub counter: u32,
    /// The new credential, in a registration.
    pub attested: Option<Attested<'a>>,
}

impl<'a> AuthenticatorData<'a> {
    /// Parses the authenticator data, which must not have further bytes.
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`], or [`WebAuthnError::UnknownAlgorithm`] for a key with an algorithm that was not
    /// requested.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WebAuthnError> {
        let mut rest = bytes;
        let relying_party = take(&mut rest, 32)?;
        let flags = take(&mut rest, 1)?[0];
        let counter = take(&mut rest, 4)?.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte));
        let attested = if flags & ATTESTED == 0 { None } else { Some(attested(&mut rest)?) };
        if flags & EXTENDED != 0 && !matches!(Value::read(&mut rest)?, Value::Map(_)) {
            return Err(WebAuthnError::Malformed);
        }
        // §6.1: a key that is not eligible for backup cannot be backed up.
        let is_backed_up_against_the_rule = flags & (BACKUP_ELIGIBLE | BACKED_UP) == BACKED_UP;
        if !rest.is_empty() || is_backed_up_against_the_rule {
            return Err(WebAuthnError::Malformed);
        }
        Ok(Self { relying_party, flags, counter, attested })
    }

    /// Whether the key can be copied to other devices, because a synchronizing service stores it.
    pub fn is_backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    /// Checks the relying party, the presence of the person, and that the authenticator verified the person (§7.1 steps
    /// 14–16, §7.2 steps 15–17). Requiring the verification is Gatepost's own rule: a passkey is a complete sign-in.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn judge(&self, party: &RelyingParty) -> Result<(), WebAuthnError> {
        if self.relying_party != digest(&SHA256, party.id.as_bytes()).as_ref() {
            return Err(WebAuthnError::OtherRelyingParty);
        }
        match self.flags & (PRESENT | VERIFIED) {
            both if both == PRESENT | VERIFIED => Ok(()),
            _ => Err(WebAuthnError::NotVerified),
        }
    }
}

/// Parses the attested credential data (§6.5.2): the model of the authenticator, the credential ID with its length, the
/// key.
fn attested<'a>(rest: &mut &'a [u8]) -> Result<Attested<'a>, WebAuthnError> {
    take(rest, 16)?;
    let length = take(rest, 2)?.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte));
    if !CREDENTIAL_ID.contains(&length) {
        return Err(WebAuthnError::Malformed);
    }
    let id = take(rest, length)?;
    let before = *rest;
    cose_key::read(rest)?;
    Ok(Attested { id, key: &before[..before.len() - rest.len()] })
}
