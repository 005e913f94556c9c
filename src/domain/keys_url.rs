//! The URL at which a client publishes its keys (`jwks_uri`, RFC 7591 §2).

use std::str::FromStr;

use url::{Host, Url};

use super::address::is_unbroken;

/// The maximum length in bytes (Gatepost's own limit).
const MAX_BYTES: usize = 512;

/// An https URL of a host with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysUrl(Url);

/// The text is not such a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an https address of a host with a public name, without user name and fragment")]
pub struct InvalidKeysUrl;

impl KeysUrl {
    /// Returns the parsed URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Returns the URL as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the host without its port.
    pub fn host_name(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl FromStr for KeysUrl {
    type Err = InvalidKeysUrl;

    /// A text that the parser would change is refused: the URL is stored, shown and requested in one form.
    fn from_str(text: &str) -> Result<Self, InvalidKeysUrl> {
        let url = Url::parse(text).map_err(|_unreadable| InvalidKeysUrl)?;
        let is_named = matches!(url.host(), Some(Host::Domain(name)) if name.contains('.') && !name.ends_with('.'));
        let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let is_plain = is_unbroken(text) && url.as_str() == text && url.scheme() == "https" && text.len() <= MAX_BYTES;
        if is_plain && is_bare && is_named { Ok(Self(url)) } else { Err(InvalidKeysUrl) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_by_https_from_a_host_with_a_name() {
        for fine in ["https://app.example/keys", "https://app.example:8443/k?set=1"] {
            assert!(fine.parse::<KeysUrl>().is_ok(), "{fine}");
        }
        let long = format!("https://app.example/{}", "x".repeat(500));
        for other in [
            "http://app.example/keys", "https://127.0.0.1/keys", "https://[::1]/k", "https://localhost/keys", "",
            "https://u@app.example/", "https://:p@app.example/", "https://app.example/#k",
            "https://app.example/a/../b", "HTTPS://app.example/keys", "https://app.example./keys", "file:///keys",
            "keys", &long,
        ] {
            assert!(other.parse::<KeysUrl>().is_err(), "{other}");
        }
    }
}
