//! A strict parser for JSON of other programs (RFC 8259): a repeated member is an error, since parsers differ in which
//! of the values they use.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The reason that a text is not accepted as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJson {
    /// The text is not JSON, is nested too deeply, or contains NUL, which PostgreSQL cannot store.
    #[error("malformed")]
    Malformed,
    /// An object has two members of the same name (RFC 8259 §4: they should be unique;
    /// `docs/decisions/0035-sizes-and-repeats.md`).
    #[error("a member is repeated")]
    Repeated,
}

/// Parses one value; within each object, member names are unique.
///
/// # Errors
/// [`InvalidJson`] when the text is not JSON, contains NUL, or repeats a member.
pub fn parse(text: &[u8]) -> Result<Value, InvalidJson> {
    match serde_json::from_slice(text) {
        Ok(Unique(value)) => Ok(value),
        // `parse` accepts any value, so every data error comes from the checks of this module.
        Err(error) if error.is_data() && !error.to_string().starts_with(NUL) => Err(InvalidJson::Repeated),
        Err(_malformed) => Err(InvalidJson::Malformed),
    }
}

/// Returns the value as a whole number, in whichever form it is written: `3600`, `3600.0` and `3.6e3` are the same
/// (RFC 8259 §6).
pub fn integer(value: &Value) -> Option<i64> {
    // 2^63, one more than the largest `i64`.
    const END: f64 = 9_223_372_036_854_775_808.0;
    let is_whole = |number: &f64| number.fract() == 0.0 && (-END..END).contains(number);
    value.as_i64().or_else(|| value.as_f64().filter(is_whole).map(|number| number as i64))
}

/// The beginning of the error message for a text with NUL.
const NUL: &str = "NUL";

fn plain<E: de::Error>(text: &str) -> Result<(), E> {
    if text.contains('\0') { Err(E::custom(NUL)) } else { Ok(()) }
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        plain(text)?;
        Ok(Value::from(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        plain(&text)?;
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, _>()? {
            plain(&name)?;
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom(InvalidJson::Repeated));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_comes_once_at_every_depth() {
        let text = br#" {"a": [1, -2, 2.5, "x", null, true, {"b": {}}], "c": "\u00e9\n"} "#;
        assert_eq!(parse(text), Ok(json!({"a": [1, -2, 2.5, "x", null, true, {"b": {}}], "c": "é\n"})));
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"x":{"a":null,"b":0,"a":null}}]"#] {
            assert_eq!(parse(text.as_bytes()), Err(InvalidJson::Repeated), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        for text in ["", "{", "{\"a\":1}x", "1e999", "nul", "\"\\ud800\"", &deep, "\"a\\u0000\"", "{\"\\u0000\":1}"] {
            assert_eq!(parse(text.as_bytes()), Err(InvalidJson::Malformed), "{text}");
        }
        assert_eq!(parse(b"\"\xff\""), Err(InvalidJson::Malformed));
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let read = |text: &str| parse(text.as_bytes()).map(|value| integer(&value));
        for text in ["100000", "1e5", "1e+05", "100000.0", "1000000e-1"] {
            assert_eq!(read(text), Ok(Some(100_000)), "{text}");
        }
        assert_eq!(
            (read("-0.0"), read("-1.0"), read("9223372036854775807")),
            (Ok(Some(0)), Ok(Some(-1)), Ok(Some(i64::MAX)))
        );
        for text in ["0.5", "1e19", "-1e19", "9223372036854775808", "18446744073709551616", "\"1\"", "true", "null"] {
            assert_eq!(read(text), Ok(None), "{text}");
        }
    }
}
