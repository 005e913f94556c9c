//! Parses the headers in which a proxy describes the request that `/auth/check` decides about. Only one
//! family of headers is read (`docs/decisions/0038-forward-auth.md`).

use actix_web::http::header::HeaderMap;

use crate::config::ForwardHeaders;
use crate::domain::plain_path::PlainPath;

/// A request as the proxy describes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProxiedRequest {
    /// The method, in upper case.
    pub(super) method: String,
    /// The path, in a form that every server reads in the same way.
    pub(super) path: PlainPath,
    /// The query as it was sent. Its character set is known to the API only.
    pub(super) query: Vec<u8>,
}

/// The headers of method and address, in each of the two families that a proxy may overwrite as a whole.
const ORIGINAL: (&str, &str) = ("x-original-method", "x-original-uri");
const FORWARDED: (&str, &str) = ("x-forwarded-method", "x-forwarded-uri");
/// The header with the whole URL, which ingress-nginx sends in addition to `X-Original-Method`. It is not
/// compared with the other headers, because that proxy forwards the client's own.
const ORIGINAL_URL: &str = "x-original-url";

/// Returns the value of a header. An empty or repeated header counts as absent.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut all = headers.get_all(name);
    let value = all.next().filter(|value| !value.is_empty())?.as_bytes();
    all.next().is_none().then_some(value)
}

fn differ(a: Option<&[u8]>, b: Option<&[u8]>, are_same: fn(&[u8], &[u8]) -> bool) -> bool {
    matches!((a, b), (Some(a), Some(b)) if !are_same(a, b))
}

/// Parses the family of headers that the operator chose. Returns `None` when they do not describe the request
/// unambiguously.
pub(super) fn parse(headers: &HeaderMap, chosen: ForwardHeaders) -> Option<ProxiedRequest> {
    let family = |(method, uri)| (one(headers, method), one(headers, uri));
    let (original, forwarded) = (family(ORIGINAL), family(FORWARDED));
    // Both families are present and disagree: the proxy may overwrite the other one.
    let disagree = differ(original.0, forwarded.0, |a, b| a.eq_ignore_ascii_case(b))
        || differ(original.1, forwarded.1, |a, b| a == b);
    let (method, target) = match chosen {
        ForwardHeaders::OriginalUrl => (original.0?, target_of(one(headers, ORIGINAL_URL)?)?),
        _ if disagree => return None,
        ForwardHeaders::Original => (original.0?, original.1?),
        ForwardHeaders::Forwarded => (forwarded.0?, forwarded.1?),
    };
    let at = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    Some(ProxiedRequest {
        method: method_of(method)?,
        path: PlainPath::parse(&target[..at])?,
        query: target.get(at + 1..).unwrap_or_default().to_vec(),
    })
}

/// Parses a method of letters only. RFC 9110 §9.1 allows more, but no server uses such methods.
fn method_of(bytes: &[u8]) -> Option<String> {
    let is_word = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_word)?;
    Some(text.to_ascii_uppercase())
}

/// Returns path and query of a whole URL. The client chose its host, so the host may contain host characters
/// only: with a `?` in it the path would begin elsewhere.
fn target_of(url: &[u8]) -> Option<&[u8]> {
    let rest = [b"https://".as_slice(), b"http://"].iter().find_map(|scheme| {
        let (start, rest) = url.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })?;
    let (host, target) = rest.split_at(rest.iter().position(|byte| *byte == b'/')?);
    let is_host = host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(byte));
    (is_host && !host.is_empty()).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_path_whatever_its_host_tries() {
        for (url, target) in [
            ("https://maps.example/v3/path?x=1", Some("/v3/path?x=1")),
            ("HTTP://[::1]:80/", Some("/")),
            ("https://maps.example", None),
            ("https://maps.example?/v3/path/mine", None),
            ("https://maps.example#/v3/path/mine", None),
            ("https://user@maps.example/v3", None),
            ("https:///v3", None),
            ("/v3/path", None),
            ("ftp://maps.example/v3", None),
            ("https:/maps.example/v3", None),
        ] {
            assert_eq!(target_of(url.as_bytes()), target.map(str::as_bytes), "{url}");
        }
    }
}
