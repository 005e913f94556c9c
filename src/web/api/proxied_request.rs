//! What a proxy tells `/auth/check` of the request that it asks about: one family of headers is read
//! (`docs/decisions/0038-forward-auth.md`).

use actix_web::http::header::HeaderMap;

use crate::config::ForwardHeaders;
use crate::domain::plain_path::PlainPath;

/// A request as the proxy tells of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProxiedRequest {
    /// The method, in capitals.
    pub(super) method: String,
    /// The path, which every server reads alike.
    pub(super) path: PlainPath,
    /// The query as it was sent: the API's business, in whatever character set.
    pub(super) query: Vec<u8>,
}

/// The names of method and address, in the two families that a proxy may overwrite as a whole.
const ORIGINAL: (&str, &str) = ("x-original-method", "x-original-uri");
const FORWARDED: (&str, &str) = ("x-forwarded-method", "x-forwarded-uri");
/// The whole address, as ingress-nginx sends it beside `X-Original-Method`. It is not compared with the
/// others, and they are not with it: that proxy lets a client's own through.
const ORIGINAL_URL: &str = "x-original-url";

/// One header; empty is missing, and what is there twice is nobody's.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut all = headers.get_all(name);
    let value = all.next().filter(|value| !value.is_empty())?.as_bytes();
    all.next().is_none().then_some(value)
}

fn differ(a: Option<&[u8]>, b: Option<&[u8]>, are_same: fn(&[u8], &[u8]) -> bool) -> bool {
    matches!((a, b), (Some(a), Some(b)) if !are_same(a, b))
}

/// Reads the family that the operator chose; nothing when it does not say clearly which request it is.
pub(super) fn parse(headers: &HeaderMap, chosen: ForwardHeaders) -> Option<ProxiedRequest> {
    let family = |(method, uri)| (one(headers, method), one(headers, uri));
    let (original, forwarded) = (family(ORIGINAL), family(FORWARDED));
    // Both speak and disagree: perhaps the proxy overwrites the other one.
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

/// A method is one word of letters (RFC 9110 §9.1 allows more, and no server knows one).
fn method_of(bytes: &[u8]) -> Option<String> {
    let is_word = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_word)?;
    Some(text.to_ascii_uppercase())
}

/// Path and query of a whole address. The client chose its host, so that has only what hosts have: with
/// a `?` in it the path would be somewhere else.
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
