//! A path that every server reads alike: what is judged here is what is served behind us (ours).

use percent_encoding::percent_decode_str;

/// A path without anything that one server cuts off, decodes or resolves and another does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainPath(String);

impl PlainPath {
    /// Reads a path as it was sent: `pchar` and `/` only (RFC 3986 §3.3), and no `;`, at which some
    /// servers cut a segment. No dot segments, no empty ones but the last, nothing in code that could
    /// be written without (§2.3) or that means something between segments, and no code but UTF-8.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let path = std::str::from_utf8(bytes).ok()?;
        let is_plain = path.starts_with('/')
            && path.bytes().all(may_be_written)
            && !path.contains("//")
            && path.split('%').skip(1).all(is_needed_code)
            && path.split('/').all(|segment| segment != "." && segment != "..")
            // Other bytes read as letters in one character set or another, and as dots in overlong forms.
            && percent_decode_str(path).decode_utf8().is_ok();
        is_plain.then(|| Self(path.to_owned()))
    }

    /// The path, and what follows each of its slashes as a path of its own: an address may be below
    /// another one.
    pub fn endings(&self) -> impl Iterator<Item = Self> {
        self.0.match_indices('/').map(|(at, _)| Self(self.0[at..].to_owned()))
    }

    /// The path as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `pchar` or `/`, without `;` (RFC 3986 §3.3).
fn may_be_written(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@%/".contains(&byte)
}

/// Whether a byte is in code for a reason: what follows `%` is two digits, and neither a letter that
/// needs none, nor a control, nor what a server that decodes early takes for the end of something.
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

    /// Told apart from the code above: every byte, by the grammar of RFC 3986 §3.3 less `;`.
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
