//! This server's own paths as a proxy may forward them: the same rule for a token here and in forward auth. A
//! token that may not access a path here may not access the same path behind a proxy, nor the same path below a
//! prefix.

use std::sync::LazyLock;

use super::check::ProtectedResource;
use crate::domain::path_pattern::Pattern;
use crate::domain::plain_path::PlainPath;

/// Method (`*` is any), path, and the protected resource there. The first matching row decides. Other paths
/// below `/v3/account` (billing, applications) are as shielded as the account's security
/// (`docs/compatibility/ellipsis.md#what-is-shielded`).
const ROWS: [(&str, &str, ProtectedResource); 13] = [
    ("GET", "/v3/account", ProtectedResource::AccountDetails),
    ("GET", "/v3/account/root/{}", ProtectedResource::Content),
    ("PATCH", "/v3/account/profile", ProtectedResource::Profile),
    ("*", "/v3/account/**", ProtectedResource::Security),
    ("*", "/v3/settings/account/**", ProtectedResource::Security),
    ("*", "/settings/account/**", ProtectedResource::Security),
    ("GET", "/v3/user/**", ProtectedResource::AccountDetails),
    ("*", "/v3/user/**", ProtectedResource::Profile),
    ("*", "/v3/oauth/**", ProtectedResource::Security),
    ("*", "/v3/validate", ProtectedResource::AccountDetails),
    ("*", "/spatialstudio/oauth/v1/user/token/**", ProtectedResource::StudioTokens),
    // Only a browser session may call these, no token at all: a generator does not pass a proxy here either.
    ("*", "/spatialstudio/api/v1/user/**", ProtectedResource::StudioTokens),
    ("*", "/oauth/userinfo", ProtectedResource::UserInfo),
];

struct Row {
    method: &'static str,
    pattern: Pattern,
    resource: ProtectedResource,
}

static PARSED: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let parsed = |(method, path, resource)| {
        let pattern = Pattern::parse(path).expect("because a test parses our own rows");
        Row { method, pattern, resource }
    };
    ROWS.into_iter().map(parsed).collect()
});

/// Returns the protected resources at a path, where the path or an ending of it is one of this server's. The
/// token must be accepted by all of them: only the server behind the proxy knows which part of the path counts.
pub fn resources_of(method: &str, path: &PlainPath) -> Vec<ProtectedResource> {
    let method = if method == "HEAD" { "GET" } else { method };
    let resource = |path: PlainPath| {
        let fits = |row: &&Row| (row.method == "*" || row.method == method) && row.pattern.matches(&path);
        PARSED.iter().find(fits).map(|row| row.resource)
    };
    path.endings().filter_map(resource).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_shielded_below_other_addresses_too() {
        for (method, path, resources) in [
            ("GET", "/v3/account", &[ProtectedResource::AccountDetails][..]),
            ("HEAD", "/id/V3/Account/", &[ProtectedResource::AccountDetails]),
            ("DELETE", "/v3/account/", &[ProtectedResource::Security]),
            ("GET", "/v3/account/security/accessToken", &[ProtectedResource::Security]),
            ("GET", "/v3/account/billing", &[ProtectedResource::Security]),
            ("POST", "/v3/user/7/contact", &[ProtectedResource::Profile]),
            ("DELETE", "/platform/v3/settings/account/x", &[ProtectedResource::Security, ProtectedResource::Security]),
            ("POST", "/spatialstudio/oauth/v1/user/token/", &[ProtectedResource::StudioTokens]),
            (
                "GET",
                "/v3/account/security/v3/account",
                &[ProtectedResource::Security, ProtectedResource::AccountDetails],
            ),
            ("GET", "/v3/path/account", &[]),
            ("GET", "/v3/accounts", &[]),
            ("GET", "/spatialstudio/api/v1/embeddable.js", &[]),
        ] {
            let read = PlainPath::parse(path.as_bytes()).expect("because every server reads it alike");
            assert_eq!(resources_of(method, &read), resources, "{method} {path}");
        }
    }
}
