//! Decodes `application/x-www-form-urlencoded` text strictly: text that is not UTF-8 is an error.

use percent_encoding::percent_decode_str;

/// The maximum number of parameters of one request (`docs/decisions/0029-anonymous-rows.md`). A larger number is
/// refused before the parameters are decoded.
pub const MOST: usize = 256;

/// The reason that a text is not a valid form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A name or value is not UTF-8, or contains NUL.
    NotText,
    /// There are more than [`MOST`] parameters.
    TooMany,
}

impl Unreadable {
    /// Returns the reason as text for the application's developer.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::NotText => "a parameter is not UTF-8, or holds NUL",
            Self::TooMany => "there are more than 256 parameters",
        }
    }
}

/// Returns the names and values, in order. A name without `=` has an empty value.
pub fn pairs(encoded: &str) -> impl Iterator<Item = Result<(String, String), Unreadable>> {
    encoded.split('&').filter(|pair| !pair.is_empty()).enumerate().map(|(number, pair)| {
        if number >= MOST {
            return Err(Unreadable::TooMany);
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(name)?, decode(value)?))
    })
}

/// Returns the values of one name, in order. Other names are not decoded, and need not be UTF-8.
pub fn values_of<'a>(encoded: &'a [u8], name: &'a str) -> impl Iterator<Item = Result<String, Unreadable>> + 'a {
    let is_name = move |part: &[u8]| std::str::from_utf8(part).is_ok_and(|part| decode(part).as_deref() == Ok(name));
    encoded.split(|byte| *byte == b'&').filter_map(move |pair| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let value = pair.get(at + 1..).unwrap_or_default();
        let read = || std::str::from_utf8(value).map_err(|_bytes| Unreadable::NotText).and_then(decode);
        is_name(&pair[..at]).then(read)
    })
}

/// Decodes one name or value.
///
/// # Errors
/// [`Unreadable`] when it is not UTF-8 or contains NUL.
pub fn decode(encoded: &str) -> Result<String, Unreadable> {
    let spaced = encoded.replace('+', " ");
    let text = percent_decode_str(&spaced).decode_utf8().map_err(|_bytes| Unreadable::NotText)?;
    if text.contains('\0') { Err(Unreadable::NotText) } else { Ok(text.into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_is_told_and_a_real_replacement_character_is_not() {
        assert_eq!(decode("a+b%20%C3%A9"), Ok("a b é".to_owned()));
        assert_eq!(decode("%EF%BF%BD"), Ok("\u{fffd}".to_owned()));
        assert_eq!((decode("%ff"), decode("%00")), (Err(Unreadable::NotText), Err(Unreadable::NotText)));
        let read: Vec<_> = pairs("a=1&&b&c=x=y").collect();
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(read, [pair("a", "1"), pair("b", ""), pair("c", "x=y")]);
    }

    #[test]
    fn one_name_is_found_among_what_is_no_utf_8() {
        let read: Vec<_> = values_of(b"q=caf%E9&\xe9=\xe9&t=1&%74=a+b&t&T=2&t=%ff", "t").collect();
        assert_eq!(read, [Ok("1".to_owned()), Ok("a b".to_owned()), Ok(String::new()), Err(Unreadable::NotText)]);
    }

    #[test]
    fn reading_ends_at_the_most_parameters() {
        let read = |count: usize| pairs(&"a=1&&".repeat(count)).collect::<Result<Vec<_>, _>>().map(|all| all.len());
        assert_eq!((read(MOST), read(MOST + 1)), (Ok(MOST), Err(Unreadable::TooMany)));
    }
}
