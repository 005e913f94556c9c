//! Parses a return URL into one form, in which it is registered, matched and redirected to.

use unicode_normalization::UnicodeNormalization;
use url::{Host, ParseError, Url};

use crate::domain::address::is_unbroken;
use crate::domain::private_host::is_private;
use crate::domain::redirect_uri::is_loopback_host;

/// The maximum length of a return URL, in bytes.
const MAX_BYTES: usize = 2_048;

/// The reason that a text cannot be a return URL; the message is for the application's developer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReturnUrl {
    /// It is not an absolute http or https URL.
    #[error("write a whole https address, such as https://app.example/signed-in")]
    NotAbsolute,
    #[error("an address has at most 2,048 bytes")]
    TooLong,
    /// It is an http URL of a public host.
    #[error(
        "use https; plain http works only for 127.0.0.1, [::1], localhost and, if the server allows it, private networks"
    )]
    PlainHttp,
    /// It is an http URL of a private host, and the operator does not allow that.
    #[error("use https; plain http to a private network needs the server's setting allow_insecure_http")]
    PrivateHttp,
    /// It contains a user name or password.
    #[error("leave out the user name or password before @")]
    UserInfo,
    /// It contains white space or control characters.
    #[error("leave out control characters, and write a space as %20")]
    Spaces,
    /// Its path is one that servers and browsers read differently.
    #[error("leave out backslashes, and in the path dot segments, doubled slashes, semicolons, %00, %2e, %2f and %5c")]
    Ambiguous,
    /// Its host contains `*`.
    #[error("write each host out: wildcards such as *.app.example are not supported")]
    Wildcard,
    /// Its host is not valid, or is not in the form in which browsers read it.
    #[error("write the host as browsers write it: plain letters, digits and dots, no dot at the end, a number in full")]
    Host,
    /// It contains a fragment, which a registered URL must not.
    #[error("leave out the part from # on")]
    Fragment,
}

/// Parses the URL of a redirect that carries a token. A host in another alphabet is converted to its ASCII form
/// (RFC 5891 §4.4); a host that only looks like another one is refused.
///
/// # Errors
/// [`InvalidReturnUrl`] when the URL is refused.
pub(super) fn read(text: &str) -> Result<Url, InvalidReturnUrl> {
    if text.len() > MAX_BYTES {
        return Err(InvalidReturnUrl::TooLong);
    }
    let lower = text.to_ascii_lowercase();
    if !(lower.starts_with("https://") || lower.starts_with("http://")) {
        return Err(InvalidReturnUrl::NotAbsolute);
    }
    if !is_unbroken(text) {
        return Err(InvalidReturnUrl::Spaces);
    }
    if text.contains('\\') {
        return Err(InvalidReturnUrl::Ambiguous);
    }
    let url = Url::parse(text).map_err(|error| match error {
        ParseError::EmptyHost | ParseError::InvalidPort => InvalidReturnUrl::NotAbsolute,
        _ => InvalidReturnUrl::Host,
    })?;
    if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
        return Err(InvalidReturnUrl::UserInfo);
    }
    if authority(text).contains('*') {
        return Err(InvalidReturnUrl::Wildcard);
    }
    if !is_host_as_written(&url, authority(text)) {
        return Err(InvalidReturnUrl::Host);
    }
    if url.scheme() == "http" && !is_loopback_host(&url) && !url.host().is_some_and(|host| is_private(&host)) {
        return Err(InvalidReturnUrl::PlainHttp);
    }
    let path = path_of(text);
    let coded = path.to_ascii_lowercase();
    let is_ambiguous = ["%2e", "%2f", "%5c", "%00", "//", ";"].iter().any(|trick| coded.contains(trick))
        || path.split('/').any(|segment| segment == "." || segment == "..");
    if is_ambiguous { Err(InvalidReturnUrl::Ambiguous) } else { Ok(url) }
}

/// Whether the host is written as it is read, in ASCII or in its own alphabet. `ⓔvil.test` and `2130706433` are read as
/// other hosts, and `app.example.` is a second name of the same host.
fn is_host_as_written(url: &Url, authority: &str) -> bool {
    let host = url.host_str().unwrap_or_default();
    let written = authority.nfc().collect::<String>().to_lowercase();
    let is_it = |host: &str| {
        !host.is_empty() && written.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    let in_letters = || matches!(url.host(), Some(Host::Domain(_))).then(|| url::quirks::domain_to_unicode(host));
    !host.ends_with('.') && (is_it(host) || in_letters().is_some_and(|host| is_it(&host)))
}

fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())]
}

fn path_of(text: &str) -> &str {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let path = rest.find(['/', '?', '#']).map_or("", |start| &rest[start..]);
    &path[..path.find(['?', '#']).unwrap_or(path.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hostile_address_is_refused_with_the_true_reason() {
        use InvalidReturnUrl::{Ambiguous, Host, NotAbsolute, PlainHttp, Spaces, TooLong, UserInfo, Wildcard};
        let long = format!("https://app.example/{}", "x".repeat(2_048));
        for (text, reason) in [
            ("javascript:alert(1)", NotAbsolute),
            ("data:text/html,x", NotAbsolute),
            ("//evil.test", NotAbsolute),
            ("/\\evil.test", NotAbsolute),
            ("https:evil.test", NotAbsolute),
            ("", NotAbsolute),
            ("ftp://x/", NotAbsolute),
            ("https://", NotAbsolute),
            (&long, TooLong),
            ("http://evil.test/", PlainHttp),
            ("http://10.0.0.1.evil.test/", PlainHttp),
            ("https://app.example@evil.test/", UserInfo),
            ("https://@evil.test/", UserInfo),
            ("https://app.example\\.evil.test/", Ambiguous),
            ("https://app.example/a/../b", Ambiguous),
            ("https://app.example/%2e%2e/", Ambiguous),
            ("https://app.example/a%2fb", Ambiguous),
            ("https://app.example//x", Ambiguous),
            ("https://app.example/a;b", Ambiguous),
            ("https://app.example/\r\nSet-Cookie:x", Spaces),
            ("https://app.example/ x", Spaces),
            ("https://app.example/\u{a0}x", Spaces),
            ("https://*.app.example/in", Wildcard),
            ("https://*/in", Wildcard),
            ("https://ⓔvil.test/", Host),
            ("https://app。example/", Host),
            ("https://app.example./in", Host),
            ("https://app%2eexample/in", Host),
            ("https://%61pp.example/in", Host),
            ("http://2130706433/", Host),
            ("http://127。0。0。1/", Host),
            ("http://127.1/", Host),
            ("https:///in", Host),
            ("https://a b/", Spaces),
        ] {
            assert_eq!(read(text), Err(reason), "{text}");
        }
        for text in ["https://app.example/?u=https://x//y/../z;", "http://localhost:3000/cb", "https://APP.example"] {
            assert!(read(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_host_in_another_alphabet_is_taken_in_its_ascii_form() {
        for (text, plain) in [
            ("https://bücher.example/in", "https://xn--bcher-kva.example/in"),
            ("https://BÜCHER.example:8443/in", "https://xn--bcher-kva.example:8443/in"),
            ("https://bu\u{308}cher.example/in", "https://xn--bcher-kva.example/in"),
            ("https://xn--bcher-kva.example/in", "https://xn--bcher-kva.example/in"),
            ("https://東京.example/", "https://xn--1lqs71d.example/"),
        ] {
            assert_eq!(read(text).map(String::from), Ok(plain.to_owned()), "{text}");
        }
    }
}
