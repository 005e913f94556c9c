//! Private hosts: hosts of private networks. Public DNS does not contain their names, and no certificate is issued for
//! most of them.

use url::Host;

/// The domain suffixes that no public server has (RFC 6761, RFC 6762 appendix G, RFC 8375, ICANN's `internal`).
const ENDINGS: [&str; 9] =
    [".local", ".localhost", ".internal", ".intranet", ".private", ".lan", ".home", ".corp", ".home.arpa"];

/// Whether a host belongs to a private network: an address of RFC 1918 or RFC 4193, a name without a dot, or a name
/// with a suffix that is not public. Addresses that carriers and cloud providers use internally do not count (RFC 6598,
/// RFC 3927).
pub fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_private(),
        Host::Ipv6(address) => address.segments()[0] & 0xfe00 == 0xfc00,
        Host::Domain(name) => !name.contains('.') || ENDINGS.iter().any(|ending| name.ends_with(ending)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> bool {
        let host = Host::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        is_private(&match &host {
            Host::Domain(name) => Host::Domain(name.as_str()),
            Host::Ipv4(address) => Host::Ipv4(*address),
            Host::Ipv6(address) => Host::Ipv6(*address),
        })
    }

    #[test]
    fn a_private_network_is_told_from_the_world() {
        for text in [
            "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.5", "[fd00::1]", "[fc00::1]", "nas", "nas.local",
            "app.localhost", "maps.corp", "maps.home.arpa", "gis.internal", "x.lan",
        ] {
            assert!(judge(text), "{text}");
        }
        for text in [
            "app.example", "local.example", "8.8.8.8", "172.32.0.1", "100.64.0.1", "169.254.169.254", "[fe80::1]",
            "[2606:4700::1111]", "10.0.0.1.evil.test", "192.168.1.5.nip.io", "localevil.test", "arpa.test",
        ] {
            assert!(!judge(text), "{text}");
        }
    }
}
