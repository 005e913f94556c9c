//! Time-based one-time passwords (RFC 6238): what an authenticator app shows. SHA-1, six digits and
//! thirty seconds, because that is what every app can do.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::secret::Secret;
use crate::clock::UnixTime;

/// Seconds that a code stands (RFC 6238 §4.1, the default).
const STEP: i64 = 30;
/// Steps of clock skew that are taken, each way: a minute (ours; §5.2 recommends one step, and phones whose
/// clock is a minute off are many).
const SKEW: i64 = 2;
/// Bytes of a seed: as long as the hash (RFC 4226 §4, R6).
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
    /// A new one.
    ///
    /// # Panics
    /// When the operating system gives no randomness: there is no safe way to go on.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        rand::fill(bytes.as_mut()).expect("because the operating system's randomness is always available");
        Self(bytes)
    }

    /// As it is sealed.
    pub fn to_text(&self) -> Secret {
        Secret::new(STANDARD.encode(self.0.as_ref()))
    }

    /// Reads what [`Seed::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// As a person types it into an app: base32 (RFC 4648 §6) in groups of four.
    pub fn in_groups(&self) -> String {
        let text = self.base32();
        let groups: Vec<&str> = (0..text.len()).step_by(4).map(|start| &text[start..start + 4]).collect();
        groups.join(" ")
    }

    /// As an app reads it from a picture; `issuer` and `account` are what it shows.
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

    /// The step at which the app shows `code`, if that is the one of now or within the skew. All of
    /// them are computed, whichever it is.
    pub fn step_of(&self, now: UnixTime, code: &str) -> Option<i64> {
        let current = now.seconds().div_euclid(STEP);
        let is_shown_at = |step: &i64| bool::from(self.code(*step).as_bytes().ct_eq(code.as_bytes()));
        // The newest counts: an older one of the same digits would let the code work once more.
        (current - SKEW..=current + SKEW).filter(is_shown_at).collect::<Vec<_>>().into_iter().max()
    }

    /// The six digits of a step.
    pub fn code(&self, step: i64) -> String {
        format!("{:06}", truncated(self.0.as_ref(), step) % 1_000_000)
    }
}

/// HMAC-SHA-1 of the counter, truncated (RFC 4226 §5.3).
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

    /// RFC 6238, appendix B, the rows of SHA-1: eight digits, of which we show the last six.
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

    /// RFC 4226, appendix D.
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

    /// RFC 4648 §6; the text is what `base32` makes of the bytes.
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
