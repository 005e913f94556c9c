//! Devices that wait for their person (RFC 8628): a code for the device, a short one to type.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand;
use diesel::prelude::*;

use super::client::Client;
use super::grant::Grant;
use super::id::Id;
use super::scope::Scope;
use super::secret::sha256_base64url;
use super::space_separated::SpaceSeparated;
use super::token::{DeviceCode, TokenDigest};
use crate::clock::UnixTime;

/// Seconds between two polls of a device, until it is told to slow down (RFC 8628 §3.2).
pub const INTERVAL: i64 = 5;

/// Seconds after its end in which a device may fetch what was allowed in time.
pub const GRACE: i64 = 60;

/// Twenty letters: no vowels, so that no words come about, and none that looks like a digit
/// (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// What the person types: eight letters, 34 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

/// The text cannot be a code of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has eight letters")]
pub struct MalformedUserCode;

impl UserCode {
    /// A new one from the operating system.
    ///
    /// # Panics
    /// When the operating system gives no randomness: there is no safe way to go on.
    pub fn generate() -> Self {
        let mut letters = String::new();
        while letters.len() < LENGTH {
            let mut bytes = [0; 2 * LENGTH];
            rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
            // 240 is the largest multiple of twenty: above it a letter would be likelier than others.
            let fair = bytes.iter().filter(|byte| **byte < 240).map(|byte| LETTERS[usize::from(byte % 20)]);
            letters.extend(fair.take(LENGTH - letters.len()).map(char::from));
        }
        Self(letters)
    }

    /// What is stored of it.
    pub fn digest(&self) -> String {
        sha256_base64url(format!("user code {}", self.0).as_bytes())
    }

    /// The one door by which it leaves: as a person reads it, `XXXX-XXXX`.
    pub fn expose(&self) -> String {
        format!("{}-{}", &self.0[..LENGTH / 2], &self.0[LENGTH / 2..])
    }
}

impl FromStr for UserCode {
    type Err = MalformedUserCode;

    /// Any case, with or without dash and spaces: people type what they hear.
    fn from_str(text: &str) -> Result<Self, MalformedUserCode> {
        let letters: String = text
            .chars()
            .filter(|character| !character.is_whitespace() && !matches!(character, '-' | '\u{2010}'..='\u{2015}'))
            .take(LENGTH + 1)
            .map(|character| character.to_ascii_uppercase())
            .collect();
        let is_one = letters.len() == LENGTH && letters.bytes().all(|letter| LETTERS.contains(&letter));
        if is_one { Ok(Self(letters)) } else { Err(MalformedUserCode) }
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserCode(…)")
    }
}

/// One device that waits.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::device_codes)]
pub struct DeviceCodeRecord {
    /// The row, which the device code carries.
    pub id: Id<DeviceCodeRecord>,
    /// What the presented device code is judged by.
    pub digest: TokenDigest<DeviceCode>,
    /// What the typed code is found by.
    pub user_code_digest: String,
    /// The application on the device.
    pub client_key: Id<Client>,
    /// What it asks for.
    pub scope: Scope,
    /// The network address that asked.
    pub address: String,
    /// The part of it that one household or company shares.
    pub network: String,
    /// The program, as it named itself.
    pub user_agent: String,
    /// When it asked.
    pub created_at: UnixTime,
    /// When it has waited too long.
    pub expires_at: UnixTime,
    /// What its person allowed.
    pub grant_id: Option<Id<Grant>>,
    /// When its person refused.
    pub denied_at: Option<UnixTime>,
    /// When its tokens were given.
    pub redeemed_at: Option<UnixTime>,
    /// The APIs that it asks for (RFC 8707).
    pub audience: SpaceSeparated,
}

impl DeviceCodeRecord {
    /// Whether what was allowed may still be fetched: a device that asks every few seconds may come a
    /// little after its time, when its person decided in the last of it (ours).
    pub fn is_fetchable(&self, now: UnixTime) -> bool {
        self.grant_id.is_some() && now < self.expires_at.plus(GRACE)
    }

    /// Whether a person may still decide.
    pub fn is_waiting(&self, now: UnixTime) -> bool {
        self.grant_id.is_none() && self.denied_at.is_none() && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = UserCode::generate();
        let shown = code.expose();
        assert_eq!((shown.len(), shown.as_bytes()[4]), (9, b'-'));
        assert!(shown.bytes().all(|letter| letter == b'-' || LETTERS.contains(&letter)), "{shown}");
        let spaced: String = shown.chars().flat_map(|character| [character, ' ']).collect();
        for typed in [shown.to_lowercase(), shown.replace('-', ""), shown.replace('-', "\u{2013}"), spaced] {
            assert_eq!(typed.parse(), Ok(code.clone()), "{typed}");
        }
        assert!(!format!("{code:?}").contains(&shown[..4]));
    }

    #[test]
    fn what_no_code_can_be_is_refused_before_a_query() {
        for text in ["", "BCDF", "BCDF-GHJKL", "BCDF-GHJA", "BCDF-GHJ0", "ΒCDF-GHJK", "BCDF_GHJK", "ßßßßßßßß"]
        {
            assert_eq!(text.parse::<UserCode>(), Err(MalformedUserCode), "{text}");
        }
    }

    #[test]
    fn every_letter_comes_about() {
        let many: String = (0..500).map(|_| UserCode::generate().expose()).collect();
        assert!(LETTERS.iter().all(|letter| many.contains(char::from(*letter))));
    }
}
