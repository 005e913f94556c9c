//! The setting `database_url`, and how it is shown: without its secrets.

use super::{ConfigError, Values};

/// Parameters of a PostgreSQL URL that contain no secret. Parameters of a later version are hidden until they are
/// listed here.
const HARMLESS: &[&str] = &[
    "application_name", "channel_binding", "client_encoding", "connect_timeout", "dbname", "gssencmode", "host",
    "hostaddr", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts",
    "options", "passfile", "port", "require_auth", "sslcert", "sslcrl", "sslkey", "sslmode", "sslnegotiation",
    "sslrootcert", "sslsni", "target_session_attrs", "tcp_user_timeout", "user",
];

/// Reads the setting. A URL that PostgreSQL's library would quote in its error message, including the password, is
/// refused here.
pub(super) fn read(values: &Values) -> Result<String, ConfigError> {
    let text = values.get("database_url").map_or("sqlite://gatepost.db", |text| text.trim());
    let wrong = |message: &str| Err(ConfigError::Value("database_url", message.to_owned()));
    let Some((_, rest)) = text.split_once("://").filter(|(scheme, _)| SCHEMES.contains(scheme)) else {
        return wrong("must begin with sqlite:// or postgres://");
    };
    if text.starts_with("sqlite://") {
        return if rest.is_empty() { wrong("must name a file, as sqlite://FILE") } else { Ok(text.to_owned()) };
    }
    match Place::parse(rest) {
        Ok(_) => Ok(text.to_owned()),
        Err(message) => wrong(message),
    }
}

const SCHEMES: &[&str] = &["sqlite", "postgres", "postgresql"];

fn is_percent_coded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()) && !after.starts_with("00")
    })
}

/// The parts of a PostgreSQL URL, separated as PostgreSQL's library does it.
struct Place<'a> {
    user: &'a str,
    has_password: bool,
    hosts_and_name: &'a str,
    parameters: &'a str,
}

impl<'a> Place<'a> {
    /// Parses the part after the scheme. The error says why it is not clear where a password begins and ends.
    fn parse(rest: &'a str) -> Result<Self, &'static str> {
        if !is_percent_coded(rest) {
            return Err("holds a % that is not followed by two hexadecimal digits; a % itself is written %25");
        }
        if rest.split('[').skip(1).any(|host| !host.contains(']')) {
            return Err("holds a [ without its ]; in a password it is written %5B");
        }
        // The user information ends at an @ before the first slash.
        let authority = rest.split('/').next().unwrap_or_default();
        let (who, place) = match authority.find('@') {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => ("", rest),
        };
        let user = who.split(':').next().unwrap_or_default();
        let (hosts_and_name, parameters) = place.split_once('?').unwrap_or((place, ""));
        if hosts_and_name.contains('@') || user.contains('?') {
            return Err("holds an @, / or ? in a name or a password; they are written %40, %2F and %3F");
        }
        if parameters.split('&').any(|parameter| !parameter.is_empty() && parameter.split('=').count() != 2) {
            return Err("has a parameter that is not name=value; a = in a value is written %3D");
        }
        Ok(Self { user, has_password: who.contains(':'), hosts_and_name, parameters })
    }
}

/// Returns a database URL as it may be shown. When it is not clear where the password is, only the scheme is shown.
pub fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| scheme.starts_with("postgres")) else {
        return url.to_owned();
    };
    let Ok(Place { user, has_password, hosts_and_name, parameters }) = Place::parse(rest) else {
        return format!("{scheme}://…");
    };
    let who = match (user, has_password) {
        (user, true) => format!("{user}:…@"),
        ("", false) => String::new(),
        (user, false) => format!("{user}@"),
    };
    let shown = parameters.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if !HARMLESS.contains(&name) => format!("{name}=…"),
        _ => parameter.to_owned(),
    });
    let shown = shown.collect::<Vec<_>>().join("&");
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!("{scheme}://{who}{hosts_and_name}{mark}{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests a password at each position where one may be, with hosts and parameters of every form.
    #[test]
    fn no_password_is_shown_wherever_it_stands() {
        let password = "hunter2";
        let hosts = ["db", "db:5432", "db1:5432,db2:5433", "[::1]:5432,db", "", "/run/postgresql", "%2Frun"];
        let people = ["", "ann@", "ann:PW@", "ann:p@PW@", "ann:/PW@", "ann:?PW@", ":PW@", "ann:#PW@"];
        let parameters = [
            "", "?sslmode=require", "?password=PW", "?sslmode=require&password=PW", "?sslpassword=PW&host=a,b",
            "?%70assword=PW", "?PASSWORD=PW", "?oauth_client_secret=PW", "?later_secret=PW", "?PW",
            "?application_name=a@b&password=PW", "?password=PW&application_name=a@b",
        ];
        for scheme in ["postgres", "postgresql"] {
            for (host, person) in hosts.iter().flat_map(|host| people.iter().map(move |person| (host, person))) {
                for parameter in parameters {
                    let url = format!("{scheme}://{person}{host}/gatepost{parameter}").replace("PW", password);
                    let shown = without_secrets(&url);
                    assert!(!shown.contains(password), "{url} is shown as {shown}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for (url, shown) in [
            ("sqlite:///srv/a:b@c.db", "sqlite:///srv/a:b@c.db"),
            ("postgres://ann@db:5432/gatepost?sslmode=require", "postgres://ann@db:5432/gatepost?sslmode=require"),
            ("postgres://ann:x@a:1,b:2/gatepost", "postgres://ann:…@a:1,b:2/gatepost"),
            ("postgres://db/gatepost?user=ann&password=x", "postgres://db/gatepost?user=ann&password=…"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn what_the_library_would_quote_is_refused_without_a_word_of_it() {
        let with = |text: &str| read(&Values::from([("database_url", text.to_owned())]));
        for right in [
            "sqlite://x.db",
            "postgres://ann:p%25w@[::1]:5432/x?options=-csearch_path%3Dx",
            "postgresql://x",
            "postgres://ann:p?w@db/x",
            "postgres:///x?host=/run/postgresql&user=a@b&",
            "postgres://",
            "postgres://ann@a:1,b:2/x",
        ] {
            assert_eq!(with(right).expect("because it is right"), right);
        }
        for wrong in [
            "", "x.db", "mysql://hunter2", "sqlite://", "sqlite:x.db", "postgres:hunter2",
            "postgres://ann:hunter2%@db/x", "postgres://ann:%zzhunter2@db/x", "postgres://ann:%00hunter2@db/x",
            "postgres://ann:hunter2@[::1/x", "postgres://db/x?password=hunter2%1", "postgres://ann:hunter/2@db/x",
            "postgres://ann:hunter@2@db/x", "postgres://db/x?hunter2", "postgres://db/x?password=hunter2=",
            "postgres://ann:hunter2/@db:5432/x",
        ] {
            let said = with(wrong).expect_err("because it is wrong").to_string();
            assert!(!said.contains("hunter"), "{said}");
        }
    }
}
