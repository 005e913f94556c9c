//! A parser for the part of CBOR (RFC 8949) that authenticators use: definite lengths, no tags, no floating-point
//! numbers, and at most four levels (CTAP 2.1 §8).

use super::WebAuthnError;

/// The maximum depth of nested values.
const DEEPEST: usize = 4;
/// The maximum number of pairs of a map; the largest map that an authenticator writes has eleven.
const MOST_PAIRS: usize = 64;

/// A CBOR value; texts and byte strings are borrowed from the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Value<'a>>),
    /// Pairs of key and value, each key once.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// `false`, `true`, `null` or `undefined`, by number (RFC 8949 §3.3).
    Simple(u8),
}

impl<'a> Value<'a> {
    /// Parses the value at the beginning of `bytes`, and advances `bytes` past it.
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`] when `bytes` begin with no value of the form that authenticators write.
    pub fn read(bytes: &mut &'a [u8]) -> Result<Self, WebAuthnError> {
        read(bytes, DEEPEST)
    }

    /// Returns the value of a map for an integer key.
    pub fn at(&self, key: i64) -> Option<&Self> {
        self.find(&Value::Integer(key))
    }

    /// Returns the value of a map for a text key.
    pub fn named(&self, key: &str) -> Option<&Self> {
        self.find(&Value::Text(key))
    }

    fn find(&self, key: &Value<'_>) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(held, _)| held == key).map(|(_, value)| value)
    }

    /// Returns the number, if the value is one.
    pub fn integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// Returns the bytes, if the value is a byte string.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

/// Takes the first `length` bytes from the input.
pub(super) fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], WebAuthnError> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(WebAuthnError::Malformed)?;
    *bytes = rest;
    Ok(taken)
}

/// Parses a number of one, two, four or eight bytes, or the small number in the first byte itself.
fn argument(bytes: &mut &[u8], short: u8) -> Result<u64, WebAuthnError> {
    let length = match short {
        0..24 => return Ok(u64::from(short)),
        24..28 => 1_usize << (short - 24),
        _ => return Err(WebAuthnError::Malformed), // indefinite lengths, and undefined values
    };
    Ok(take(bytes, length)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

fn read<'a>(bytes: &mut &'a [u8], depth: usize) -> Result<Value<'a>, WebAuthnError> {
    let first = *take(bytes, 1)?.first().ok_or(WebAuthnError::Malformed)?;
    let (kind, short) = (first >> 5, first & 31);
    if kind == 7 {
        return if (20..24).contains(&short) { Ok(Value::Simple(short)) } else { Err(WebAuthnError::Malformed) };
    }
    let number = argument(bytes, short)?;
    let whole = i64::try_from(number).map_err(|_too_large| WebAuthnError::Malformed)?;
    let length = usize::try_from(number).map_err(|_too_large| WebAuthnError::Malformed)?;
    match kind {
        0 => Ok(Value::Integer(whole)),
        1 => Ok(Value::Integer(-1 - whole)),
        2 => Ok(Value::Bytes(take(bytes, length)?)),
        3 => std::str::from_utf8(take(bytes, length)?).map(Value::Text).map_err(|_not_text| WebAuthnError::Malformed),
        4 | 5 if depth == 0 => Err(WebAuthnError::Malformed),
        4 => (0..length).map(|_| read(bytes, depth - 1)).collect::<Result<_, _>>().map(Value::Array),
        5 if length > MOST_PAIRS => Err(WebAuthnError::Malformed),
        5 => {
            let mut pairs: Vec<(Value<'a>, Value<'a>)> = Vec::new();
            for _ in 0..length {
                let (key, value) = (read(bytes, depth - 1)?, read(bytes, depth - 1)?);
                if pairs.iter().any(|(held, _)| *held == key) {
                    return Err(WebAuthnError::Malformed);
                }
                pairs.push((key, value));
            }
            Ok(Value::Map(pairs))
        }
        _ => Err(WebAuthnError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Result<Value<'_>, WebAuthnError> {
        let mut rest = bytes;
        let value = Value::read(&mut rest)?;
        if rest.is_empty() { Ok(value) } else { Err(WebAuthnError::Malformed) }
    }

    /// The examples of RFC 8949 appendix A.
    #[test]
    fn the_rfcs_examples_are_read() {
        let examples: [(&[u8], Value<'_>); 9] = [
            (b"\x17", Value::Integer(23)),
            (b"\x19\x03\xe8", Value::Integer(1_000)),
            (b"\x3b\x00\x00\x00\x00\x00\x00\x00\x00", Value::Integer(-1)),
            (b"\x39\x03\xe7", Value::Integer(-1_000)),
            (b"\xf5", Value::Simple(21)),
            (b"\x44\x01\x02\x03\x04", Value::Bytes(&[1, 2, 3, 4])),
            (b"\x64IETF", Value::Text("IETF")),
            (b"\x82\x01\x81\x02", Value::Array(vec![Value::Integer(1), Value::Array(vec![Value::Integer(2)])])),
            (b"\xa1\x61a\x01", Value::Map(vec![(Value::Text("a"), Value::Integer(1))])),
        ];
        for (bytes, value) in examples {
            assert_eq!(whole(bytes), Ok(value), "{bytes:?}");
        }
    }

    #[test]
    fn what_no_authenticator_writes_is_not_read() {
        let broken: [&[u8]; 13] = [
            b"", b"\x18",                                 // cut short
            b"\x44\x01",                             // cut short
            b"\x5f\x41\x01\xff",                     // an indefinite length
            b"\x9f\xff",                             // likewise
            b"\xc0\x61a",                            // a tag
            b"\xf9\x3c\x00",                         // a fraction
            b"\x62\xff\xff",                         // no UTF-8
            b"\xa2\x01\x02\x01\x03",                 // the same key twice
            b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", // too large
            b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", // an array that is longer than the input
            b"\x81\x81\x81\x81\x81\x01",             // too deep
            b"\x1c",                                 // undefined
        ];
        for bytes in broken {
            assert_eq!(whole(bytes), Err(WebAuthnError::Malformed), "{bytes:?}");
        }
        assert!(whole(b"\x81\x81\x81\x81\x01").is_ok(), "four levels are fine");
    }
}
