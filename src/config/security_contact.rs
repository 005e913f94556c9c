//! The setting `security_contact`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::{ConfigError, Values};
use crate::domain::user::EmailAddress;

/// The characters that are not percent-encoded in the address of a `mailto:` URI (RFC 6068 §2).
const ADDRESS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'@').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// Reads the setting: the URI that `security.txt` names (RFC 9116 §2.5.3), or `None` when it is not set.
pub(super) fn read(values: &Values) -> Result<Option<String>, ConfigError> {
    let text = values.get("security_contact").map_or("", |text| text.trim());
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || {
        ConfigError::Value("security_contact", "must be an e-mail address, or an https: or mailto: address".to_owned())
    };
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" => Ok(Some(url.to_string())),
        Ok(url) if url.scheme() == "mailto" && url.path().contains('@') => Ok(Some(url.to_string())),
        Ok(_) => Err(wrong()),
        Err(_no_address) => {
            let address: EmailAddress = text.parse().map_err(|_neither| wrong())?;
            Ok(Some(format!("mailto:{}", utf8_percent_encode(address.as_str(), ADDRESS))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_a_uri_that_somebody_reads() {
        let with = |text: &str| read(&Values::from([("security_contact", text.to_owned())]));
        for (text, uri) in [
            ("security@example.org", "mailto:security@example.org"),
            ("a+b?c@example.org", "mailto:a%2Bb%3Fc@example.org"),
            (" mailto:security@example.org ", "mailto:security@example.org"),
            ("https://example.org/report", "https://example.org/report"),
            ("https://example.org/a\nExpires: x", "https://example.org/aExpires:%20x"),
        ] {
            assert_eq!(with(text).expect("because it is right").as_deref(), Some(uri), "{text}");
        }
        assert_eq!((with("").ok(), read(&Values::new()).ok()), (Some(None), Some(None)));
        for text in ["nobody", "http://example.org/", "javascript:alert(1)", "mailto:", "a@b\nExpires: x", "https://"] {
            assert!(with(text).is_err(), "{text}");
        }
    }
}
