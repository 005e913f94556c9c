//! Claims as they are written in a token (RFC 7519 §2, §4.1).

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::clock::UnixTime;

/// Seconds that the clock of another server may be ahead of ours (FAPI 2.0 §5.3.2.1: refuse past 60).
pub const SKEW: i64 = 60;
/// The longest `jti` that is remembered, in bytes; ours.
pub const MAX_JTI: usize = 256;

/// Seconds since 1970; a fraction is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumericDate(pub UnixTime);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = NumericDate;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("seconds since 1970")
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<NumericDate, E> {
                let seconds = i64::try_from(seconds).map_err(|_too_late| E::custom("out of range"))?;
                self.visit_i64(seconds)
            }
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<NumericDate, E> {
                // 9999-12-31: sums with lifetimes stay far from overflow.
                let is_plausible = (0..=253_402_300_799).contains(&seconds);
                if is_plausible {
                    Ok(NumericDate(UnixTime::from_seconds(seconds)))
                } else {
                    Err(E::custom("out of range"))
                }
            }
            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<NumericDate, E> {
                let is_finite = seconds.is_finite() && seconds.abs() < 1e12;
                if is_finite { self.visit_i64(seconds.trunc() as i64) } else { Err(E::custom("out of range")) }
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// The recipients of a token: one text or several (RFC 7519 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Audience {
    /// A text.
    One(String),
    /// A list of texts, of any length.
    Several(Vec<String>),
}

impl Audience {
    /// Whether it names exactly one recipient, one of `accepted`. A second recipient could present the token here.
    pub fn is_one_of(&self, accepted: &[String]) -> bool {
        match self {
            Self::One(one) => accepted.contains(one),
            Self::Several(several) => matches!(several.as_slice(), [only] if accepted.contains(only)),
        }
    }
}

/// The `cnf` claim of a token that is bound to a key (RFC 9449 §6.1; RFC 7800 §3.1), in introspection responses and in
/// JWTs.
#[derive(Clone, Debug, Serialize)]
pub struct Confirmation {
    /// The thumbprint of the key.
    pub jkt: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_number_of_seconds_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<NumericDate>(text).map(|date| date.0.seconds()).ok();
        assert_eq!((read("1800000000"), read("1800000000.9")), (Some(1_800_000_000), Some(1_800_000_000)));
        for text in ["\"1800000000\"", "-1", "1e40", "18446744073709551615", "null", "true", "[1]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_audience_is_one_text_or_a_list_of_one() {
        let accepted = ["https://id.example".to_owned(), "https://id.example/oauth/token".to_owned()];
        let is_one =
            |text: &str| serde_json::from_str::<Audience>(text).is_ok_and(|audience| audience.is_one_of(&accepted));
        for text in [r#""https://id.example""#, r#"["https://id.example"]"#, r#"["https://id.example/oauth/token"]"#] {
            assert!(is_one(text), "{text}");
        }
        for text in [
            r#""https://id.example/""#, "[]", "7", r#"[["https://id.example"]]"#,
            r#"["https://id.example","https://id.example"]"#,
            r#"["https://id.example","https://id.example/oauth/token"]"#,
            r#"["https://other.example","https://id.example"]"#, r#"["https://id.example",null]"#,
        ] {
            assert!(!is_one(text), "{text}");
        }
    }
}
