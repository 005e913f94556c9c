//! Time-based one-time passwords (RFC 6238), which authenticator apps show: SHA-1, six digits and thirty seconds,
//! because every app supports these.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::secret::Secret;
use crate::clock::UnixTime;

/// Seconds that a code is shown (RFC 6238 §4.1, the default).
const STEP: i64 = 30;
/// Time steps of clock skew that are accepted in each direction: a minute (Gatepost's own choice; §5.2 recommends one
/// step, but the clocks of many phones are a minute off).
const SKEW: i64 = 2;
/// Bytes of a seed: the length of the hash (RFC 4226 §4, R6).
const BYTES: usize = 20;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret that a person's authenticator app and this server share.
#[derive(Clone)]
pub struct Seed(Zeroizing<[u8; BYTES]>);

impl std::fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seed(…)")
    }
}

impl Seed {
    /// Generates a seed with random bytes of the operating system.
    ///
    /// # Panics
    /// When the operating system returns no random bytes: there is no safe way to continue.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        rand::fill(bytes.as_mut()).expect("because the operating system's randomness is always available");
        Self(bytes)
    }

    /// Returns the seed as text, for encryption.
    pub fn to_text(&self) -> Secret {
        Secret::new(STANDARD.encode(self.0.as_ref()))
    }

    /// Parses the text that [`Seed::to_text`] returned.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// Returns the seed as a person types it into an app: base32 (RFC 4648 §6) in groups of four.
    pub fn in_groups(&self) -> String {
        let text = self.base32();
        let groups: Vec<&str> = (0..text.len()).step_by(4).map(|start| &text[start..start + 4]).collect();
        groups.join(" ")
    }

    /// Returns the URI that an app reads from a QR code; the app shows `issuer` and `account`.
    pub fn uri(&self, issuer: &str, account: &str) -> Secret {
        let coded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (issuer, account, secret) = (coded(issuer), coded(account), self.base32());
        Secret::new(format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", secret.as_str()))
    }

    fn base32(&self) -> Zeroizing<String> {
        let (mut text, mut bits, mut count) = (String::new(), 0_u32, 0);
        for byte in self.0.iter() {
            bits = (bits << 8) | u32::from(*byte);
            count += 8;
            while count >= 5 {
                count -= 5;
                text.push(char::from(BASE32[((bits >> count) & 31) as usize]));
            }
        }
        Zeroizing::new(text)
    }

    /// Returns the time step at which the app shows `code`, if it is the current one or within the skew. The codes of
    /// all these steps are computed, whichever matches.
    pub fn step_of(&self, now: UnixTime, code: &str) -> Option<i64> {
        let current = now.seconds().div_euclid(STEP);
        let is_shown_at = |step: &i64| bool::from(self.code(*step).as_bytes().ct_eq(code.as_bytes()));
        // The newest step is returned: with an older step of the same digits, the code would be accepted once more.
        (current - SKEW..=current + SKEW).filter(is_shown_at).collect::<Vec<_>>().into_iter().max()
    }

    /// Returns the six digits of a time step.
    pub fn code(&self, step: i64) -> String {
        format!("{:06}", truncated(self.0.as_ref(), step) % 1_000_000)
    }
}

/// Returns the HMAC-SHA-1 of the counter, truncated (RFC 4226 §5.3).
fn truncated(seed: &[u8], counter: i64) -> u32 {
    let tag = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed), &counter.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 15);
    let four = [bytes[offset] & 0x7f, bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]];
    u32::from_be_bytes(four)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC_SEED: &[u8; BYTES] = b"12345678901234567890";

    fn seed() -> Seed {
        Seed(Zeroizing::new(*RFC_SEED))
    }

    /// The SHA-1 rows of RFC 6238, appendix B: eight digits, of which the last six are used here.
    #[test]
    fn the_vectors_of_the_standard_come_out() {
        for (time, code) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(truncated(RFC_SEED, time / STEP) % 100_000_000, code, "{time}");
            assert_eq!(seed().code(time / STEP), format!("{:06}", code % 1_000_000), "{time}");
        }
    }

    /// The examples of RFC 4226, appendix D.
    #[test]
    fn the_vectors_of_the_counter_come_out() {
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (counter, code) in (0..).zip(codes) {
            assert_eq!(seed().code(counter), code);
        }
    }

    #[test]
    fn a_minute_of_skew_is_taken_and_no_more() {
        let now = UnixTime::from_seconds(1_800_000_000);
        let current = now.seconds() / STEP;
        for (step, is_taken) in [(-3, false), (-2, true), (-1, true), (0, true), (1, true), (2, true), (3, false)] {
            let found = seed().step_of(now, &seed().code(current + step));
            assert_eq!(found, is_taken.then_some(current + step), "{step}");
        }
        assert_eq!(seed().step_of(now, ""), None);
    }

    /// Base32 of RFC 4648 §6; the expected text is the output of `base32` for the bytes.
    #[test]
    fn a_seed_is_written_for_people_for_apps_and_for_the_safe() {
        assert_eq!(seed().in_groups(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let uri = seed().uri("id.example", "ann@x");
        let expected =
            "otpauth://totp/id%2Eexample:ann%40x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=id%2Eexample";
        assert_eq!(uri.expose(), expected);
        let read = Seed::parse(seed().to_text().expose()).expect("because it was just written");
        assert_eq!(read.code(1), seed().code(1));
        assert!(Seed::parse("c2hvcnQ=").is_none() && Seed::parse("?").is_none());
        assert_eq!(format!("{:?}", seed()), "Seed(…)");
    }
}
