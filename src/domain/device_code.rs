//! Device codes (RFC 8628): a code for a device that waits for its person, and a short user code to type.

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

/// Seconds between two polls of a device, until the server answers `slow_down` (RFC 8628 §3.2).
pub const INTERVAL: i64 = 5;

/// Seconds after the expiry of a device code in which a device may still fetch tokens that were allowed in time.
pub const GRACE: i64 = 60;

/// Twenty letters: no vowels, so that the codes form no words, and no letter that looks like a digit (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// The user code that a person types: eight letters, 34 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

/// The text is not a well-formed user code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has eight letters")]
pub struct MalformedUserCode;

impl UserCode {
    /// Generates a code with random bytes of the operating system.
    ///
    /// # Panics
    /// When the operating system returns no random bytes: there is no safe way to continue.
    pub fn generate() -> Self {
        let mut letters = String::new();
        while letters.len() < LENGTH {
            let mut bytes = [0; 2 * LENGTH];
            rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
            // 240 is the largest multiple of twenty below 256: with larger bytes some letters would be more likely than
            // others.
            let fair = bytes.iter().filter(|byte| **byte < 240).map(|byte| LETTERS[usize::from(byte % 20)]);
            letters.extend(fair.take(LENGTH - letters.len()).map(char::from));
        }
        Self(letters)
    }

    /// Returns the digest that is stored.
    pub fn digest(&self) -> String {
        sha256_base64url(format!("user code {}", self.0).as_bytes())
    }

    /// Returns the code as people read it, `XXXX-XXXX`. No other function returns it.
    pub fn expose(&self) -> String {
        format!("{}-{}", &self.0[..LENGTH / 2], &self.0[LENGTH / 2..])
    }
}

impl FromStr for UserCode {
    type Err = MalformedUserCode;

    /// Accepts upper and lower case, with or without hyphen and spaces: people type what they hear.
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

/// A device code as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::device_codes)]
pub struct DeviceCodeRecord {
    /// The row ID, which is part of the device code.
    pub id: Id<DeviceCodeRecord>,
    /// The digest that a presented device code is compared with.
    pub digest: TokenDigest<DeviceCode>,
    /// The digest by which a typed user code is found.
    pub user_code_digest: String,
    pub client_key: Id<Client>,
    /// The requested scopes.
    pub scope: Scope,
    /// The network address of the device's request.
    pub address: String,
    /// The network of that address, which one household or company shares.
    pub network: String,
    /// The `User-Agent` header of the request.
    pub user_agent: String,
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
    /// The grant, once the person allowed the request.
    pub grant_id: Option<Id<Grant>>,
    /// When the person refused.
    pub denied_at: Option<UnixTime>,
    /// When the tokens were issued.
    pub redeemed_at: Option<UnixTime>,
    /// The APIs that the tokens are requested for (RFC 8707).
    pub audience: SpaceSeparated,
}

impl DeviceCodeRecord {
    /// Whether the device may still fetch the tokens. A device polls every few seconds, so it may come shortly after
    /// the expiry when its person decided in the last seconds before it (Gatepost's own rule).
    pub fn is_fetchable(&self, now: UnixTime) -> bool {
        self.grant_id.is_some() && now < self.expires_at.plus(GRACE)
    }

    /// Whether the person may still decide.
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
