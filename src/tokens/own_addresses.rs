//! Our own addresses as a proxy may forward them: one rule for a token at both doors. What does not open
//! an address here does not open the same address, or the same below another one, behind a proxy.

use std::sync::LazyLock;

use super::check::Door;
use crate::domain::path_pattern::Pattern;
use crate::domain::plain_path::PlainPath;

/// Method (`*` is any), path, and the door there. The first row that fits decides; what the account's addresses have
/// besides (billing, applications) is as shielded as its security
/// (`docs/compatibility/ellipsis.md#what-is-shielded`).
const ROWS: [(&str, &str, Door); 13] = [
    ("GET", "/v3/account", Door::AccountDetails),
    ("GET", "/v3/account/root/{}", Door::Content),
    ("PATCH", "/v3/account/profile", Door::Profile),
    ("*", "/v3/account/**", Door::Security),
    ("*", "/v3/settings/account/**", Door::Security),
    ("*", "/settings/account/**", Door::Security),
    ("GET", "/v3/user/**", Door::AccountDetails),
    ("*", "/v3/user/**", Door::Profile),
    ("*", "/v3/oauth/**", Door::Security),
    ("*", "/v3/validate", Door::AccountDetails),
    ("*", "/spatialstudio/oauth/v1/user/token/**", Door::StudioTokens),
    // A browser's session opens these, and no token at all: neither does a generator pass a proxy.
    ("*", "/spatialstudio/api/v1/user/**", Door::StudioTokens),
    ("*", "/oauth/userinfo", Door::UserInfo),
];

struct Row {
    method: &'static str,
    pattern: Pattern,
    door: Door,
}

static PARSED: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let parsed = |(method, path, door)| {
        let pattern = Pattern::parse(path).expect("because a test parses our own rows");
        Row { method, pattern, door }
    };
    ROWS.into_iter().map(parsed).collect()
});

/// The doors at an address, where it or the end of it is one of ours. All of them must open: which part
/// counts is known to the server behind the proxy alone.
pub fn doors_of(method: &str, path: &PlainPath) -> Vec<Door> {
    let method = if method == "HEAD" { "GET" } else { method };
    let door = |path: PlainPath| {
        let fits = |row: &&Row| (row.method == "*" || row.method == method) && row.pattern.fits(&path);
        PARSED.iter().find(fits).map(|row| row.door)
    };
    path.endings().filter_map(door).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_shielded_below_other_addresses_too() {
        for (method, path, doors) in [
            ("GET", "/v3/account", &[Door::AccountDetails][..]),
            ("HEAD", "/id/V3/Account/", &[Door::AccountDetails]),
            ("DELETE", "/v3/account/", &[Door::Security]),
            ("GET", "/v3/account/security/accessToken", &[Door::Security]),
            ("GET", "/v3/account/billing", &[Door::Security]),
            ("POST", "/v3/user/7/contact", &[Door::Profile]),
            ("DELETE", "/platform/v3/settings/account/x", &[Door::Security, Door::Security]),
            ("POST", "/spatialstudio/oauth/v1/user/token/", &[Door::StudioTokens]),
            ("GET", "/v3/account/security/v3/account", &[Door::Security, Door::AccountDetails]),
            ("GET", "/v3/path/account", &[]),
            ("GET", "/v3/accounts", &[]),
            ("GET", "/spatialstudio/api/v1/embeddable.js", &[]),
        ] {
            let read = PlainPath::parse(path.as_bytes()).expect("because every server reads it alike");
            assert_eq!(doors_of(method, &read), doors, "{method} {path}");
        }
    }
}
