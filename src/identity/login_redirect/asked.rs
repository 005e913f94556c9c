//! Parses the query of the login page.

use super::LoginRedirectRefusal;
use crate::domain::form;

/// The name that the platform's oldest programs used for `referer`.
const FORMER: &str = "originUrl";

/// The parameters of the login page's query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The return URL, not parsed yet.
    pub referer: Option<String>,
    /// Returned to the app unchanged.
    pub state: Option<String>,
    /// Whether the request comes from a program on this device (`application=true`).
    pub is_application: bool,
    /// An S256 code challenge, for clients whose delivery is `code`.
    pub code_challenge: Option<String>,
    /// The id of a remote session to approve; then this is no login redirect.
    pub session: Option<String>,
}

/// Parses the query. A `referer` whose raw value contains an unescaped `?` was not percent-encoded: the rest of
/// the query is its value, and no other parameter is read from that.
///
/// # Errors
/// [`LoginRedirectRefusal::Malformed`] when a parameter is repeated or cannot be decoded;
/// [`LoginRedirectRefusal::FormerParameter`] when only the former name of `referer` is used.
pub fn parse(query: &str) -> Result<Asked, LoginRedirectRefusal> {
    let mut asked = Asked::default();
    let mut has_former = false;
    let (mut rest, mut count) = (query, 0);
    while !rest.is_empty() {
        count += 1;
        if count > form::MOST {
            return Err(LoginRedirectRefusal::Malformed);
        }
        let (pair, behind) = rest.split_once('&').unwrap_or((rest, ""));
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name == "referer" && value.contains('?') {
            let whole = rest.split_once('=').map_or("", |(_, whole)| whole);
            if asked.referer.is_some() {
                return Err(LoginRedirectRefusal::Malformed);
            }
            // Not decoded: a `%20` belongs to the address.
            asked.referer = Some(whole.to_owned());
            break;
        }
        let decoded = form::decode(value).map_err(|_unreadable| LoginRedirectRefusal::Malformed)?;
        match name {
            "referer" if asked.referer.is_some() => return Err(LoginRedirectRefusal::Malformed),
            "state" if asked.state.is_some() => return Err(LoginRedirectRefusal::Malformed),
            "referer" if !decoded.is_empty() => asked.referer = Some(decoded),
            "state" if !decoded.is_empty() => asked.state = Some(decoded),
            "code_challenge" if asked.code_challenge.is_some() => return Err(LoginRedirectRefusal::Malformed),
            "code_challenge" if !decoded.is_empty() => asked.code_challenge = Some(decoded),
            "session" if !decoded.is_empty() => asked.session = Some(decoded),
            "application" => asked.is_application = decoded == "true",
            name if name.eq_ignore_ascii_case(FORMER) && !decoded.is_empty() => has_former = true,
            _ => {}
        }
        rest = behind;
    }
    if asked.session.is_some() && (asked.referer.is_some() || asked.is_application) {
        return Err(LoginRedirectRefusal::Malformed);
    }
    if has_former && asked.referer.is_none() { Err(LoginRedirectRefusal::FormerParameter) } else { Ok(asked) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn referer(query: &str) -> Option<String> {
        parse(query).expect("because it can be read").referer
    }

    #[test]
    fn an_encoded_referer_is_decoded_and_an_unencoded_one_is_the_rest_of_the_query() {
        assert_eq!(referer("referer=https%3A%2F%2Fa.example%2Fx%3Fy%3D1").as_deref(), Some("https://a.example/x?y=1"));
        assert_eq!(referer("referer=https://a.example/x").as_deref(), Some("https://a.example/x"));
        assert_eq!(
            referer("state=s&referer=https://a.example/x?y=1&token=old&state=z#f").as_deref(),
            Some("https://a.example/x?y=1&token=old&state=z#f")
        );
        assert_eq!(
            parse("state=s&referer=https://a.example/?y&state=z").map(|asked| asked.state),
            Ok(Some("s".into()))
        );
        assert_eq!(referer("referer=https://a.example/x=1").as_deref(), Some("https://a.example/x=1"));
        assert_eq!(referer("referer="), None);
    }

    #[test]
    fn a_session_is_asked_about_by_itself_and_never_inside_an_address() {
        let session = |query: &str| parse(query).map(|asked| asked.session);
        assert_eq!(session("session=5"), Ok(Some("5".to_owned())));
        assert_eq!(session("referer=https://a.example/in?a=1&session=5"), Ok(None));
        assert_eq!(session("referer=https%3A%2F%2Fa.example%2F&session=5"), Err(LoginRedirectRefusal::Malformed));
        assert_eq!(session("session=5&application=true"), Err(LoginRedirectRefusal::Malformed));
    }

    #[test]
    fn what_comes_twice_is_refused_and_other_names_are_ignored() {
        assert_eq!(
            parse("referer=https://a.example/&referer=https://b.example/"),
            Err(LoginRedirectRefusal::Malformed)
        );
        assert_eq!(
            parse("referer=https://a.example/&referer=https://b.example/?x"),
            Err(LoginRedirectRefusal::Malformed)
        );
        assert_eq!(parse("state=a&state=b"), Err(LoginRedirectRefusal::Malformed));
        assert_eq!(parse("REFERER=https://a.example/&x=y"), Ok(Asked::default()));
    }

    #[test]
    fn the_name_that_older_apps_use_is_told_from_none() {
        for query in ["originUrl=https://a.example/", "originurl=x", "next=/&originUrl=x", "originUrl=https://a/?b"] {
            assert_eq!(parse(query), Err(LoginRedirectRefusal::FormerParameter), "{query}");
        }
        for query in ["originUrl=", "originUrl", "xoriginUrl=x"] {
            assert_eq!(parse(query), Ok(Asked::default()), "{query}");
        }
        assert_eq!(referer("referer=https://a.example/&originUrl=x").as_deref(), Some("https://a.example/"));
    }
}
