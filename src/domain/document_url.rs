//! A `client_id` that is the URL of a client ID metadata document (draft-ietf-oauth-client-id-metadata-document §3).

use std::str::FromStr;

use url::{Host, Url};

use super::address::is_unbroken;

/// The maximum length in bytes (Gatepost's own limit).
const MAX_BYTES: usize = 512;

/// The URL of a client ID metadata document, in the one form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentUrl(Url);

/// The text is not a valid URL of a client ID metadata document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a client's description")]
pub struct InvalidDocumentUrl;

impl DocumentUrl {
    /// Returns the parsed URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Returns the URL as it was sent, which is also how it is compared.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the host as people see it, with its port if the URL contains one.
    pub fn host(&self) -> String {
        super::redirect_uri::host_of(&self.0)
    }

    /// Returns the host without its port.
    pub fn host_name(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl FromStr for DocumentUrl {
    type Err = InvalidDocumentUrl;

    /// Requires https, a path, no fragment, no user name, no dot segment, and nothing that another parser could read as
    /// a different URL. The host is a name with a dot: IP addresses and names without a dot are refused (Gatepost's own
    /// rule).
    fn from_str(text: &str) -> Result<Self, InvalidDocumentUrl> {
        if text.len() > MAX_BYTES {
            return Err(InvalidDocumentUrl);
        }
        let url = Url::parse(text).map_err(|_unreadable| InvalidDocumentUrl)?;
        let coded = text.to_ascii_lowercase();
        let hides = ["%2e", "%2f", "%5c", "%00", "\\", "#", "@"].iter().any(|trick| coded.contains(trick));
        let is_named = matches!(url.host(), Some(Host::Domain(name)) if name.contains('.') && !name.ends_with('.'));
        // The parser resolves dot segments and drops control characters: a URL that it changes is refused.
        let is_plain =
            is_unbroken(text) && url.as_str() == text && url.scheme() == "https" && url.username().is_empty();
        if is_plain && is_named && !hides { Ok(Self(url)) } else { Err(InvalidDocumentUrl) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_https_addresses_with_a_path_are_taken() {
        for text in [
            "https://app.example/client.json", "https://app.example/", "https://app.example:8443/a/b?v=1",
            "https://xn--bcher-kva.example/client",
        ] {
            assert_eq!(text.parse::<DocumentUrl>().map(|url| url.as_str().to_owned()), Ok(text.to_owned()));
        }
        for text in [
            "https://app.example",
            "http://app.example/client.json",
            "https://app.example/a/../client",
            "https://app.example/./client",
            "https://app.example/%2e%2e/client",
            "https://app.example/a%2Fb",
            "https://app.example/a\\b",
            "https://app.example/client#x",
            "https://me@app.example/client",
            "https://me:pw@app.example/client",
            "https://127.0.0.1/client",
            "https://[::1]/client",
            "https://2130706433/client",
            "https://localhost/client",
            "https://app/client",
            "https://app.example./c",
            "https://app.example:443/client",
            "HTTPS://app.example/client",
            "https://APP.example/client",
            "https://app.example/cli ent",
            "https://app.example/\tclient",
            " https://app.example/client",
            "https://bücher.example/client",
            "ftp://app.example/client",
            "client",
            "",
            &format!("https://app.example/{}", "x".repeat(512)),
        ] {
            assert_eq!(text.parse::<DocumentUrl>(), Err(InvalidDocumentUrl), "{text}");
        }
    }
}
