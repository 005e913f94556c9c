//! The identifiers of APIs, compared as URIs (RFC 3986 §6.2.3; RFC 9110 §4.2.3): programs that pass an identifier
//! through a URL type send a spelling that differs from the registered one.

use url::Host;

/// Whether two identifiers are equivalent: they differ at most in an empty path, the case of scheme and host, and a
/// default port. Identifiers that are not http or https URIs are compared as text.
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || normal(one) == normal(other)
}

/// Returns the normal form, which all spellings of an identifier have in common. It is for comparison only: answers
/// contain the registered spelling.
pub fn normal(identifier: &str) -> String {
    normalized(identifier).unwrap_or_else(|| identifier.to_owned())
}

/// Returns the platform's own identifiers: the issuer, and its `/v3`.
pub fn own_names(issuer: &str) -> [String; 2] {
    [issuer.to_owned(), format!("{issuer}/v3")]
}

fn normalized(identifier: &str) -> Option<String> {
    let (scheme, rest) = identifier.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port: u16 = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    // A port consists of digits, so the last colon of an IPv6 address does not begin a port.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (authority, ""),
    };
    // `Host` does not accept an authority with user information.
    let host = Host::parse(host).ok()?;
    let port = if port.is_empty() { default_port } else { port.parse().ok()? };
    let port = if port == default_port { String::new() } else { format!(":{port}") };
    let slash = if path.is_empty() || path.starts_with('?') { "/" } else { "" };
    Some(format!("{scheme}://{host}{port}{slash}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests every spelling of each part of one URI, and parts that make it another URI.
    #[test]
    fn all_spellings_of_one_address_are_the_same_and_no_other_is() {
        for (port, schemes) in [(":443", ["https", "HTTPS", "Https"]), (":80", ["http", "HTTP", "hTTp"])] {
            let mut spellings = Vec::new();
            for scheme in schemes {
                for host in ["tools.example", "TOOLS.example", "Tools.Example"] {
                    for port in ["", ":", port] {
                        spellings.extend(["", "/"].map(|path| format!("{scheme}://{host}{port}{path}")));
                    }
                }
            }
            for one in &spellings {
                assert!(spellings.iter().all(|other| is_same(one, other)), "{one}");
                for more in ["mcp", "/mcp", "//", "#", "?", "?x", ".", ":8443"] {
                    assert!(!spellings.iter().any(|other| is_same(&format!("{one}{more}"), other)), "{one}{more}");
                }
            }
        }
    }

    #[test]
    fn a_path_and_a_query_are_compared_letter_by_letter() {
        assert!(is_same("https://A.example/x?Y", "https://a.example:443/x?Y"));
        assert!(is_same("https://a.example?y", "https://a.example/?y"));
        assert!(
            is_same("https://[::1]:443", "https://[0:0::1]/")
                && is_same("https://b\u{fc}cher.example", "https://xn--bcher-kva.example/")
        );
        for (one, other) in [
            ("https://a.example/x", "https://a.example/X"),
            ("https://a.example/x", "https://a.example/x/"),
            ("https://a.example/x", "https://a.example/%78"),
            ("https://a.example/x/../y", "https://a.example/y"),
            ("https://a.example/?y", "https://a.example/?Y"),
            ("https://a.example", "http://a.example"),
            ("https://a.example:80", "https://a.example"),
            ("https://a.example", "https://a.example."),
            ("https://a.example", "https://user@a.example"),
            ("https://a.example", "https:a.example"),
            ("https://a.example", "https:\\\\a.example"),
            ("https://a.example", "https://a.example\\"),
            ("https://a.example", " https://a.example"),
            ("https://a.example:99999", "https://a.example"),
            ("urn:example:tools", "urn:example:TOOLS"),
            ("urn:example:tools", "urn:example:tools/"),
            ("tools://A", "tools://a"),
        ] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }
}
