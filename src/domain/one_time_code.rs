//! Codes that people type: the six digits of an authenticator app or an email, and the twelve digits of a recovery
//! code. How they are generated, parsed as people write them, and stored so that the database alone does not reveal
//! them.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::base_key::{BaseKey, BaseKeys};
use super::secret::Secret;
use super::user::fold;

/// The maximum length of a text that is parsed as a code, in characters.
const MAX_TYPED: usize = 64;
/// Digits of a code from an authenticator app or an email.
const SHORT: usize = 6;
/// Digits of a recovery code: digits only, so that the number pad of a phone is sufficient.
const LONG: usize = 12;

/// The code that a person typed.
#[derive(Clone, Debug)]
pub enum TypedCode {
    /// A code from an authenticator app or an email.
    Short(Secret),
    Recovery(Secret),
}

impl TypedCode {
    /// Parses the code as people write it: with spaces and hyphens, in digits of any width. Returns `None` when the
    /// text cannot be a code.
    pub fn parse(text: &str) -> Option<Self> {
        if text.chars().count() > MAX_TYPED {
            return None;
        }
        let is_between = |letter: &char| letter.is_whitespace() || "-‐‑‒–—−".contains(*letter);
        let digits: String = fold(text).chars().filter(|letter| !is_between(letter)).collect();
        match digits.len() {
            _ if !digits.bytes().all(|digit| digit.is_ascii_digit()) => None,
            SHORT => Some(Self::Short(Secret::new(digits))),
            LONG => Some(Self::Recovery(Secret::new(digits))),
            _ => None,
        }
    }
}

/// Generates a code for an email.
pub fn new_mailed_code() -> Secret {
    Secret::new(random_digits(SHORT))
}

/// Generates a recovery code, in the form in which a person writes it down.
pub fn new_recovery_code() -> Secret {
    let digits = random_digits(LONG);
    Secret::new(format!("{} {} {}", &digits[..4], &digits[4..8], &digits[8..]))
}

/// Returns random digits, each with the same probability.
fn random_digits(count: usize) -> String {
    let mut digits = String::new();
    while digits.len() < count {
        let mut byte = [0];
        rand::fill(&mut byte).expect("because the operating system's randomness is always available");
        // The values from 0 to 249 contain each last digit 25 times.
        if byte[0] < 250 {
            digits.push(char::from(b'0' + byte[0] % 10));
        }
    }
    digits
}

/// Returns the digest of the digits as it is stored: under the newest base key, for one purpose and one row, preceded
/// by the number of the key. A digest without a key of so few digits could be reversed by trying all codes.
pub fn digest(keys: &BaseKeys, of: (&str, i64), digits: &Secret) -> String {
    digest_by(keys.newest(), of, digits)
}

/// Whether the digits match a digest that was made for this purpose and row, with any base key.
pub fn matches(keys: &BaseKeys, of: (&str, i64), digits: &Secret, kept: &str) -> bool {
    let number = kept.split_once(':').and_then(|(number, _)| number.parse().ok());
    let expected = number.and_then(|number| keys.find(number)).map(|key| digest_by(key, of, digits));
    expected.is_some_and(|expected| bool::from(expected.as_bytes().ct_eq(kept.as_bytes())))
}

fn digest_by(key: &BaseKey, (label, row): (&str, i64), digits: &Secret) -> String {
    let context: [&[u8]; 2] = [&row.to_be_bytes(), digits.expose().as_bytes()];
    format!("{}:{}", key.number(), URL_SAFE_NO_PAD.encode(key.derive::<32>(label, &context)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(bool, String)> {
        TypedCode::parse(text).map(|code| match code {
            TypedCode::Short(code) => (true, code.expose().to_owned()),
            TypedCode::Recovery(code) => (false, code.expose().to_owned()),
        })
    }

    #[test]
    fn codes_are_read_as_people_write_and_paste_them() {
        for text in ["123456", " 123 456 ", "123-456", "１２３４５６", "12\u{a0}34\u{2013}56", "\t123456\n"] {
            assert_eq!(read(text), Some((true, "123456".to_owned())), "{text}");
        }
        for text in ["1234 5678 9012", "123456789012", "1234-5678-9012"] {
            assert_eq!(read(text), Some((false, "123456789012".to_owned())), "{text}");
        }
        let long = "1".repeat(65);
        for text in ["", " ", "12345", "1234567", "12345a", "１２３４５", "٠٠٠٠٠٠", "-", "null", &long] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_made_can_be_typed() {
        assert!(matches!(TypedCode::parse(new_mailed_code().expose()), Some(TypedCode::Short(_))));
        assert!(matches!(TypedCode::parse(new_recovery_code().expose()), Some(TypedCode::Recovery(_))));
    }

    #[test]
    fn a_digest_fits_its_digits_purpose_and_row_and_outlives_a_new_base_key() {
        let (old, digits) = (BaseKeys::generate(), Secret::new("123456"));
        let kept = digest(&old, ("letter", 7), &digits);
        let newer = BaseKeys::generate().to_file().expose().replace("1:", "2:");
        let rotated = BaseKeys::parse(&format!("{}{newer}", old.to_file().expose())).expect("because it has two keys");
        for keys in [&old, &rotated] {
            assert!(matches(keys, ("letter", 7), &digits, &kept));
            assert!(!matches(keys, ("letter", 7), &Secret::new("123457"), &kept), "other digits");
            assert!(!matches(keys, ("letter", 8), &digits, &kept), "another row's");
            assert!(!matches(keys, ("link", 7), &digits, &kept), "for something else");
        }
        assert!(!matches(&BaseKeys::generate(), ("letter", 7), &digits, &kept), "another installation's");
        let bare = kept.split_once(':').map(|(_, digest)| digest).expect("because the key's number is in front");
        for broken in ["", ":", "1:", "x:y", bare] {
            assert!(!matches(&rotated, ("letter", 7), &digits, broken), "{broken}");
        }
        let again = digest(&rotated, ("letter", 7), &digits);
        assert!(again.starts_with("2:") && !again.contains("123456"), "{again}");
    }
}
