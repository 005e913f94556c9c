//! Unambiguous paths: every server reads them in the same way, so that the path that is checked here is the path that
//! the API behind the proxy serves (Gatepost's own rule).

use percent_encoding::percent_decode_str;

/// A path that all servers cut, decode and resolve in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainPath(String);

impl PlainPath {
    /// Parses a path as it was sent. It consists of `pchar` and `/` (RFC 3986 §3.3), without `;`, at which some servers
    /// cut a segment. Dot segments are refused, and empty segments except the last one. Percent-encoding is refused for
    /// characters that need none (§2.3) or that separate segments, and when it does not decode to UTF-8.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let path = std::str::from_utf8(bytes).ok()?;
        let is_plain = path.starts_with('/')
            && path.bytes().all(may_be_written)
            && !path.contains("//")
            && path.split('%').skip(1).all(is_needed_code)
            && path.split('/').all(|segment| segment != "." && segment != "..")
            // In some character sets, bytes that are not UTF-8 decode to letters, and overlong forms decode to dots.
            && percent_decode_str(path).decode_utf8().is_ok();
        is_plain.then(|| Self(path.to_owned()))
    }

    /// Returns the path, and every part of it that begins with a slash: the base URL of an API may contain a path.
    pub fn endings(&self) -> impl Iterator<Item = Self> {
        self.0.match_indices('/').map(|(at, _)| Self(self.0[at..].to_owned()))
    }

    /// Returns the path as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the byte is a `pchar` or `/`, but not `;` (RFC 3986 §3.3).
fn may_be_written(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@%/".contains(&byte)
}

/// Whether a byte is percent-encoded for a reason: `%` is followed by two hexadecimal digits, and they encode neither a
/// character that needs no encoding, nor a control character, nor a delimiter for servers that decode early.
fn is_needed_code(after: &str) -> bool {
    let digits = after.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    byte.is_some_and(|byte| {
        !byte.is_ascii_alphanumeric() && !byte.is_ascii_control() && !b"-._~/\\;?#%".contains(&byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed without the code above: every byte, by the grammar of RFC 3986 §3.3 without `;`.
    #[test]
    fn only_the_bytes_of_a_segment_are_read_and_no_semicolon() {
        let plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@";
        for byte in 0..=u8::MAX {
            for path in [[b"/a".as_slice(), &[byte], b"b"].concat(), [b"/a/b".as_slice(), &[byte]].concat()] {
                let is_read = plain.as_bytes().contains(&byte) || byte == b'/';
                assert_eq!(PlainPath::parse(&path).is_some(), is_read, "{:?}", String::from_utf8_lossy(&path));
            }
        }
    }

    #[test]
    fn only_what_cannot_be_written_plainly_is_read_in_code() {
        let coded = b" \"<>[]^`{|}!$&'()*+,=:@";
        for byte in 0..=0x7f_u8 {
            for text in [format!("/a%{byte:02x}b"), format!("/a%{byte:02X}")] {
                assert_eq!(PlainPath::parse(text.as_bytes()).is_some(), coded.contains(&byte), "{text}");
            }
        }
        for (path, is_read) in [
            ("/%E6%97%A5", true),
            ("/caf%C3%A9", true),
            ("/caf%E9", false),
            ("/%c0%ae%c0%ae/a", false),
            ("/%c0%af", false),
            ("/a%", false),
            ("/a%4", false),
            ("/a%zz", false),
            ("/a%+1", false),
            ("/a%é", false),
            ("/a/../b", false),
            ("/a/.", false),
            ("/a/", true),
            ("/a//", false),
            ("/...", true),
            ("", false),
            ("a", false),
        ] {
            assert_eq!(PlainPath::parse(path.as_bytes()).is_some(), is_read, "{path}");
        }
    }
}
