//! Redirect URIs: an authorization response is sent only to a URI that the client registered.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use super::address::is_unbroken;

/// The maximum length of a redirect URI, in bytes.
const MAX_BYTES: usize = 2_048;

/// Schemes that run code or read files; they are never allowed (`intent` opens any Android app).
const FORBIDDEN_SCHEMES: [&str; 7] = ["javascript", "data", "file", "blob", "intent", "vbscript", "about"];

/// A redirect URI in the form in which it was registered; redirect URIs are compared as strings (RFC 9700 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    kind: RedirectKind,
}

/// The kind of the receiver of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// An https URL: the owner of the domain receives the response.
    Https,
    /// A port of this device, which any program can listen on (RFC 8252 §7.3).
    Loopback,
    /// A scheme that any program on this device can claim (RFC 8252 §7.1).
    PrivateUse,
}

/// The reason that a text cannot be a redirect URI; the message is for the application's developer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    /// It is not an absolute URI.
    #[error("write a whole address, such as https://app.example/callback")]
    NotAbsolute,
    #[error("an address may have at most 2,048 characters")]
    TooLong,
    /// It contains a character that no URI contains.
    #[error("leave out spaces, quotes, angle brackets and backslashes")]
    Characters,
    /// It contains a fragment (RFC 6749 §3.1.2).
    #[error("leave out the part from # on: a redirect URI has no fragment")]
    Fragment,
    /// It contains a user name or password.
    #[error("leave out the user name or password before @")]
    UserInfo,
    /// It is an http URL, and its host is not loopback.
    #[error("use https; plain http works only for 127.0.0.1, [::1] and localhost")]
    PlainHttp,
    /// Its scheme is dangerous or unknown.
    #[error("this scheme is not allowed; a native app's own scheme contains a dot, such as com.example.app:/callback")]
    Scheme,
    /// Its host contains a wildcard.
    #[error("write each address out: wildcards are not allowed")]
    Wildcard,
    /// Browsers read it as another URL; the text is the URL that they read.
    #[error("browsers would read this as another address; write it in its plain form: {0}")]
    NotPlain(String),
}

impl RedirectUri {
    /// Returns the URI as it was registered.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the kind of the receiver.
    pub fn kind(&self) -> RedirectKind {
        self.kind
    }

    /// Whether the receiver is a port of this device.
    pub fn is_loopback(&self) -> bool {
        self.kind == RedirectKind::Loopback
    }

    /// Returns the URI as a parsed URL.
    pub fn url(&self) -> Url {
        Url::parse(&self.text).expect("because the constructor parsed it")
    }

    /// Returns the URI without its port, for comparing loopback URIs (RFC 8252 §7.3).
    fn sans_port(&self) -> String {
        let mut url = self.url();
        match url.set_port(None) {
            Ok(()) => url.into(),
            Err(()) => self.text.clone(),
        }
    }

    /// Whether the scheme may be registered. That of a native app contains a dot (RFC 8252 §7.1), or is one that the
    /// operator lists.
    pub fn has_scheme_of(&self, listed: &[String]) -> bool {
        let scheme = self.text.split(':').next().unwrap_or_default();
        self.kind != RedirectKind::PrivateUse || scheme.contains('.') || listed.iter().any(|other| other == scheme)
    }

    /// Returns what people see of the receiver: the host, or the scheme of a native app.
    pub fn host(&self) -> String {
        host_of(&self.url())
    }
}

/// Returns the host and port of a URL, or its scheme when it has no host.
pub fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) if !host.is_empty() => host.to_owned(),
        _ => format!("{}:", url.scheme()),
    }
}

/// Whether the host of a URL is this device: `127.0.0.1`, `[::1]` or exactly `localhost`.
pub fn is_loopback_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        Some(Host::Domain(domain)) => domain == "localhost",
        None => false,
    }
}

/// Whether a response to a public client may be sent to the requested URI: it must be the registered one
/// (RFC 9700 §4.1.3), except that a loopback URI may have any port (RFC 8252 §7.3). The port of a confidential client
/// is known.
pub fn permits(registered: &RedirectUri, asked: &RedirectUri) -> bool {
    registered == asked
        || (registered.is_loopback() && asked.is_loopback() && registered.sans_port() == asked.sans_port())
}

/// Whether a scheme can be on the operator's list: it has the form of schemes of native programs, and is not one that
/// runs code, reads files, or belongs to the web.
pub fn may_be_listed(scheme: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-');
    let is_word = scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(is_part);
    is_word && !FORBIDDEN_SCHEMES.contains(&scheme) && !["http", "https", "ws", "wss", "ftp"].contains(&scheme)
}

impl FromStr for RedirectUri {
    type Err = InvalidRedirectUri;

    fn from_str(text: &str) -> Result<Self, InvalidRedirectUri> {
        if text.len() > MAX_BYTES {
            return Err(InvalidRedirectUri::TooLong);
        }
        // The delimiters of RFC 3986, appendix C: in a URL with a private-use scheme, the parser would keep them.
        if !is_unbroken(text) || text.contains(['"', '<', '>', '\\']) {
            return Err(InvalidRedirectUri::Characters);
        }
        let url = Url::parse(text).map_err(|_unreadable| InvalidRedirectUri::NotAbsolute)?;
        let scheme = url.scheme();
        if FORBIDDEN_SCHEMES.contains(&scheme) {
            return Err(InvalidRedirectUri::Scheme);
        }
        if text.contains('#') {
            return Err(InvalidRedirectUri::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidRedirectUri::UserInfo);
        }
        let kind = match scheme {
            "https" => RedirectKind::Https,
            "http" if is_loopback_host(&url) => RedirectKind::Loopback,
            "http" => return Err(InvalidRedirectUri::PlainHttp),
            // Which of these schemes may be registered depends on the operator's list: see `has_scheme_of`.
            _ => RedirectKind::PrivateUse,
        };
        if url.host_str().is_some_and(|host| host.contains('*')) {
            return Err(InvalidRedirectUri::Wildcard);
        }
        // The text must be what a browser reads: no `2130706433` for an address, no `/..`, no backslash, no dots of
        // another alphabet. A missing final `/` after the host makes no difference.
        let plain = url.as_str();
        let encoded = plain.to_ascii_lowercase();
        let hides = ["%2e", "%2f", "%5c", "%00"].iter().any(|hidden| encoded.contains(hidden));
        if (plain != text && plain.strip_suffix('/') != Some(text)) || hides {
            return Err(InvalidRedirectUri::NotPlain(plain.to_owned()));
        }
        Ok(Self { text: text.to_owned(), kind })
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> RedirectUri {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn what_is_registered_is_permitted_and_nothing_near_it() {
        let registered = uri("https://app.example/cb");
        assert!(permits(&registered, &uri("https://app.example/cb")));
        for near in [
            "https://app.example/cb/", "https://app.example/CB", "https://app.example/cb?x=1",
            "https://app.example:444/cb", "https://app.example.evil.test/cb", "https://app-example/cb",
        ] {
            assert!(!permits(&registered, &uri(near)), "{near}");
        }
    }

    #[test]
    fn a_loopback_address_may_name_any_port_and_nothing_else() {
        let registered = uri("http://127.0.0.1/cb");
        assert!(permits(&registered, &uri("http://127.0.0.1:49152/cb")));
        assert!(permits(&uri("http://localhost/cb"), &uri("http://localhost:1/cb")));
        assert!(permits(&uri("http://[::1]:9/cb"), &uri("http://[::1]/cb")));
        assert!(!permits(&registered, &uri("http://localhost:49152/cb")));
        assert!(!permits(&registered, &uri("http://127.0.0.1:49152/other")));
        assert!(!permits(&uri("https://app.example/cb"), &uri("https://app.example:444/cb")));
    }

    #[test]
    fn tricks_are_refused() {
        for text in [
            "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "intent://x", "//evil.test/cb", "/cb",
            "http://app.example/cb", "http://127.0.0.1.evil.test/", "http://localhost@evil.test/",
            "http://2130706433/", "https://user:pw@app.example/cb", "https://app.example/cb#x",
            "https://app.example/a/../cb", "https://app.example/%2e%2e/cb", "https://app.example\\@evil.test/",
            "https://*.app.example/cb", "http://127。0。0。1/cb", "https://ⓔvil.test/cb", " https://app.example/cb",
            "https://app.example/cb\r\nX: y", "https://app.example/\u{0}", "HTTPS://app.example/cb",
            "com.example.app:x search-ms:query=evil", "com.example.app:\"x", "com.example.app:<x>",
            "com.example.app:\\\\host\\share",
        ] {
            assert!(RedirectUri::from_str(text).is_err(), "{text}");
        }
        let listed = ["cursor".to_owned()];
        assert!(!uri("myapp://cb").has_scheme_of(&listed) && uri("cursor://cb").has_scheme_of(&listed));
        assert!(uri("com.example.app:/cb").has_scheme_of(&[]) && uri("https://app.example/cb").has_scheme_of(&[]));
        for text in
            ["https://app.example", "com.example.app:/cb", "cursor://anysphere/cb", "https://app.example/cb?tenant=1"]
        {
            uri(text);
        }
    }
}
