//! The settings `listen` and `ops_listen`.

use std::net::{IpAddr, SocketAddr};

use url::Host;

use super::{ConfigError, Values};

/// Reads both settings. An empty `ops_listen` gives `None`.
pub(super) fn read(values: &Values) -> Result<(String, Option<String>), ConfigError> {
    let text = |key: &str, default: &str| values.get(key).map_or(default, String::as_str).trim().to_owned();
    let (listen, ops_listen) = (text("listen", "127.0.0.1:8080"), text("ops_listen", "127.0.0.1:8081"));
    let place = Place::parse("listen", &listen)?;
    if ops_listen.is_empty() {
        return Ok((listen, None));
    }
    if Place::parse("ops_listen", &ops_listen)?.meets(&place) {
        return Err(ConfigError::Value("ops_listen", format!("is the same as listen ({listen})")));
    }
    Ok((listen, Some(ops_listen)))
}

/// The host and port that a socket is bound to.
struct Place {
    host: String,
    port: u16,
}

impl Place {
    fn parse(key: &'static str, text: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::Value(key, "must be address:port, such as 127.0.0.1:8080 or [::]:8080".to_owned());
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: address.ip().to_string(), port: address.port() });
        }
        let is_of_a_name = |letter: char| letter.is_alphanumeric() || "-._".contains(letter);
        let (host, port) =
            text.rsplit_once(':').filter(|(host, _)| host.chars().all(is_of_a_name)).ok_or_else(wrong)?;
        // Text that looks like a number, and that the parser above did not accept as an address, is not a host name
        // either.
        match (Host::parse(host), port.parse()) {
            (Ok(Host::Domain(name)), Ok(port)) if !host.is_empty() => Ok(Self { host: name, port }),
            _ => Err(wrong()),
        }
    }

    /// Whether both cannot be bound at the same time. Port 0 means a free port each time.
    fn meets(&self, other: &Self) -> bool {
        let is_any = |host: &str| host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
        let is_one_host = self.host == other.host || is_any(&self.host) || is_any(&other.host);
        self.port != 0 && self.port == other.port && is_one_host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(listen: &str, ops_listen: &str) -> bool {
        read(&Values::from([("listen", listen.to_owned()), ("ops_listen", ops_listen.to_owned())])).is_ok()
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for right in ["127.0.0.1:0", "[::]:8080", "[::1]:1", "localhost:8080", "id.example:80", " 0.0.0.0:65535 "] {
            assert!(with(right, "") && with("127.0.0.1:9", right), "{right}");
        }
        for wrong in [
            "localhost", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "300.1.1.1:80",
            "1.2.3:80", "::1", "[::1]", "[::1:80", "http://127.0.0.1:80", "127.0.0.1:80/", "a b:80",
            "127.0.0.1:80,127.0.0.1:81", "unix:/run/x", "*:80",
        ] {
            assert!(!with(wrong, "") && !with("127.0.0.1:9", wrong), "{wrong}");
        }
        assert!(!with("", "127.0.0.1:9"));
    }

    #[test]
    fn one_address_is_listened_on_once() {
        for (one, other, is_right) in [
            ("127.0.0.1:80", "127.0.0.1:80", false),
            ("0.0.0.0:80", "127.0.0.1:80", false),
            ("[::1]:80", "[::]:80", false),
            ("127.0.0.1:80", "127.0.0.2:80", true),
            ("127.0.0.1:0", "127.0.0.1:0", true),
            ("0.0.0.0:80", "0.0.0.0:81", true),
        ] {
            assert_eq!(with(one, other), is_right, "{one} {other}");
        }
    }
}
