//! Where the login redirect may return to with a user token, and how the token is put there.

use std::str::FromStr;

use url::Url;

use super::address::is_unbroken;
use super::redirect_uri::is_loopback_host;
use super::words::Words;

/// The longest return URL, in bytes.
const MAX_BYTES: usize = 2_048;

/// Query parameters of ours; what an app's URL still carries of them is stale and replaced.
const OURS: [&str; 5] = ["token", "login_code", "state", "error", "error_description"];

/// A return URL that an application's owner registered: one address, or everything below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginReturnUrl(Url);

/// A return URL that a request asks for; the same parsed form is matched and redirected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnUrl(Url);

/// How closely a requested URL fits a registered one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Below a registered path, or with a query or fragment of its own: a person is asked.
    Near,
    /// The registered URL itself: later returns need no click.
    Exact,
}

/// Why a text cannot be a return URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReturnUrl {
    /// It is not an absolute http(s) address.
    #[error("write a whole https address, such as https://app.example/signed-in")]
    NotAbsolute,
    /// It is too long.
    #[error("an address may have at most 2,048 characters")]
    TooLong,
    /// Plain http elsewhere than on this device.
    #[error("use https; plain http works only for 127.0.0.1, [::1] and localhost")]
    PlainHttp,
    /// A user name or password.
    #[error("leave out the user name or password before @")]
    UserInfo,
    /// A part that servers and browsers read differently.
    #[error("leave out backslashes, dot segments, doubled slashes, semicolons and coded slashes or dots")]
    Ambiguous,
    /// A whole site.
    #[error("name a path: a whole site cannot be a login return URL")]
    BareOrigin,
    /// A registered URL has no fragment.
    #[error("leave out the part from # on")]
    Fragment,
}

fn parse(text: &str) -> Result<Url, InvalidReturnUrl> {
    if text.len() > MAX_BYTES {
        return Err(InvalidReturnUrl::TooLong);
    }
    let lower = text.to_ascii_lowercase();
    if !(lower.starts_with("https://") || lower.starts_with("http://")) {
        return Err(InvalidReturnUrl::NotAbsolute);
    }
    if text.contains('\\') || !is_unbroken(text) {
        return Err(InvalidReturnUrl::Ambiguous);
    }
    let url = Url::parse(text).map_err(|_unreadable| InvalidReturnUrl::NotAbsolute)?;
    if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
        return Err(InvalidReturnUrl::UserInfo);
    }
    if url.scheme() == "http" && !is_loopback_host(&url) {
        return Err(InvalidReturnUrl::PlainHttp);
    }
    // The host must be written as it is read: `ⓔvil.test` and `2130706433` are other addresses.
    let written = authority(text).to_ascii_lowercase();
    let host = url.host_str().unwrap_or_default();
    if !(written == host || written.strip_prefix(host).is_some_and(|rest| rest.starts_with(':'))) {
        return Err(InvalidReturnUrl::Ambiguous);
    }
    let path = path_of(text);
    let coded = path.to_ascii_lowercase();
    let is_ambiguous = ["%2e", "%2f", "%5c", "%00", "//", ";"].iter().any(|trick| coded.contains(trick))
        || path.split('/').any(|segment| segment == "." || segment == "..");
    if is_ambiguous { Err(InvalidReturnUrl::Ambiguous) } else { Ok(url) }
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

impl FromStr for LoginReturnUrl {
    type Err = InvalidReturnUrl;

    fn from_str(text: &str) -> Result<Self, InvalidReturnUrl> {
        let url = parse(text)?;
        if url.fragment().is_some() {
            return Err(InvalidReturnUrl::Fragment);
        }
        if url.path() == "/" && url.query().is_none() {
            return Err(InvalidReturnUrl::BareOrigin);
        }
        Ok(Self(url))
    }
}

impl LoginReturnUrl {
    /// The URL in its plain form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether a page of this origin can be at the address; a loopback one at any port.
    pub fn is_of_origin(&self, origin: &Url) -> bool {
        let is_loopback = is_loopback_host(&self.0);
        self.0.scheme() == origin.scheme()
            && self.0.host_str() == origin.host_str()
            && (is_loopback || self.0.port_or_known_default() == origin.port_or_known_default())
    }

    /// The host, unless it is this device, which everybody has.
    pub fn public_host(&self) -> Option<&str> {
        if is_loopback_host(&self.0) { None } else { self.0.host_str() }
    }

    /// Whether pages at both addresses share what the browser keeps for them (RFC 6454 §4).
    pub fn shares_origin_with(&self, other: &Self) -> bool {
        self.is_of_origin(&other.0)
    }

    fn is_prefix(&self) -> bool {
        self.0.query().is_none() && self.0.path().ends_with('/')
    }

    /// Whether, and how closely, `asked` is one of the addresses that were registered here; `varying` are
    /// the parameters whose values its owner lets differ.
    pub fn fits(&self, asked: &ReturnUrl, varying: &Words) -> Option<Fit> {
        let (ours, theirs) = (&self.0, &asked.0);
        let same_port = ours.port() == theirs.port() || (asked.is_loopback() && is_loopback_host(ours));
        if ours.scheme() != theirs.scheme() || ours.host_str() != theirs.host_str() || !same_port {
            return None;
        }
        if self.is_prefix() {
            return theirs.path().starts_with(ours.path()).then_some(Fit::Near);
        }
        if ours.path() != theirs.path() {
            return None;
        }
        let query = without_ours(theirs.query().unwrap_or_default());
        let fixed = without(&query, |name| varying.contains(name));
        let is_same =
            |registered: &str| registered == query || without(registered, |name| varying.contains(name)) == fixed;
        match ours.query() {
            Some(registered) if !is_same(registered) => None,
            None if !fixed.is_empty() => Some(Fit::Near),
            _ if theirs.fragment().is_some_and(|fragment| !fragment.is_empty()) => Some(Fit::Near),
            _ => Some(Fit::Exact),
        }
    }
}

impl FromStr for ReturnUrl {
    type Err = InvalidReturnUrl;

    fn from_str(text: &str) -> Result<Self, InvalidReturnUrl> {
        parse(text).map(Self)
    }
}

impl ReturnUrl {
    /// The address as it will be redirected to.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it names this device, where any program may listen.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.0)
    }

    /// Host and port, for a person to read.
    pub fn host(&self) -> String {
        super::redirect_uri::host_of(&self.0)
    }

    /// Scheme, host and port, as a browser writes the origin of the page there.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The address with `answer` in its query; stale parameters of ours are replaced, the order of
    /// the app's own is kept, the fragment stays behind the query.
    pub fn with_query(&self, answer: &[(&str, &str)]) -> String {
        let mut url = self.0.clone();
        let kept = without_ours(url.query().unwrap_or_default());
        let added = encode(answer);
        let query = [kept, added].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
        url.set_query((!query.is_empty()).then_some(query.as_str()));
        url.into()
    }

    /// The address with `answer` as its fragment, which no server and no `Referer` ever sees.
    pub fn with_fragment(&self, answer: &[(&str, &str)]) -> String {
        let mut url = self.0.clone();
        let kept = without_ours(url.query().unwrap_or_default());
        url.set_query((!kept.is_empty()).then_some(kept.as_str()));
        url.set_fragment(Some(&encode(answer)));
        url.into()
    }
}

/// Whether an owner may let the values of this query parameter differ.
pub fn may_vary(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain) && !OURS.contains(&name)
}

fn without_ours(query: &str) -> String {
    without(query, |name| OURS.contains(&name))
}

fn without(query: &str, is_left_out: impl Fn(&str) -> bool) -> String {
    let is_left_out = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        let name = url::form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.into_owned());
        name.is_some_and(|name| is_left_out(&name))
    };
    query.split('&').filter(|pair| !pair.is_empty() && !is_left_out(pair)).collect::<Vec<_>>().join("&")
}

fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> ReturnUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn registered(text: &str) -> LoginReturnUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn fit(url: &LoginReturnUrl, text: &str) -> Option<Fit> {
        url.fits(&asked(text), &Words::default())
    }

    #[test]
    fn what_its_owner_lets_vary_makes_no_other_address() {
        let varying: Words = ["page", "lang"].iter().collect();
        let url = registered("https://app.example/in");
        let fit = |url: &LoginReturnUrl, text: &str| url.fits(&asked(text), &varying);
        assert_eq!(fit(&url, "https://app.example/in?page=2&token=old&lang=de"), Some(Fit::Exact));
        assert_eq!(fit(&url, "https://app.example/in?page=2&other=1"), Some(Fit::Near));
        assert_eq!(fit(&url, "https://app.example/in?page=2#/x"), Some(Fit::Near));
        assert_eq!(fit(&url, "https://app.example/other?page=2"), None);
        let with_query = registered("https://app.example/in?tenant=1&lang=en");
        assert_eq!(fit(&with_query, "https://app.example/in?tenant=1&lang=en"), Some(Fit::Exact));
        assert_eq!(fit(&with_query, "https://app.example/in?tenant=2&lang=en"), None);
        assert_eq!(fit(&with_query, "https://app.example/in?tenant=1&lang=de"), Some(Fit::Exact));
        assert_eq!(fit(&with_query, "https://app.example/in?tenant=1"), Some(Fit::Exact), "or be left out");
        let with_query = registered("https://app.example/in?tenant=1");
        assert_eq!(fit(&with_query, "https://app.example/in?tenant=1&page=9"), Some(Fit::Exact));
        assert!(may_vary("page") && may_vary("utm_source"));
        for name in ["token", "state", "login_code", "error", "", "a b", "a=b", "é", &"x".repeat(65)] {
            assert!(!may_vary(name), "{name}");
        }
    }

    #[test]
    fn an_exact_url_fits_itself_closely_and_its_queries_nearly() {
        let url = registered("https://app.example/in");
        assert_eq!(fit(&url, "https://app.example/in"), Some(Fit::Exact));
        assert_eq!(fit(&url, "https://app.example/in?token=old&state=x&login_code=y"), Some(Fit::Exact));
        assert_eq!(fit(&url, "https://app.example/in?page=2"), Some(Fit::Near));
        assert_eq!(fit(&url, "https://app.example/in#/route"), Some(Fit::Near));
        for other in [
            "https://app.example/in/x", "https://app.example/inn", "https://app.example:444/in", "https://evil.test/in",
        ] {
            assert_eq!(fit(&url, other), None, "{other}");
        }
    }

    #[test]
    fn a_prefix_covers_its_path_only_and_a_whole_site_is_refused() {
        let url = registered("https://app.example/maps/");
        assert_eq!(fit(&url, "https://app.example/maps/7?z=1"), Some(Fit::Near));
        assert_eq!(fit(&url, "https://app.example/mapsx"), None);
        assert_eq!(LoginReturnUrl::from_str("https://app.example/"), Err(InvalidReturnUrl::BareOrigin));
        assert_eq!(LoginReturnUrl::from_str("https://app.example"), Err(InvalidReturnUrl::BareOrigin));
    }

    #[test]
    fn the_answer_replaces_stale_parameters_and_keeps_order_and_fragment() {
        let url = asked("https://app.example/in?a=1&token=old&b=%20x&state=s#/route");
        assert_eq!(url.with_query(&[("token", "new")]), "https://app.example/in?a=1&b=%20x&token=new#/route");
        assert_eq!(url.with_fragment(&[("token", "new")]), "https://app.example/in?a=1&b=%20x#token=new");
        assert_eq!(
            asked("https://app.example/in").with_query(&[("token", "t"), ("state", "a b")]),
            "https://app.example/in?token=t&state=a+b"
        );
    }

    #[test]
    fn hostile_return_urls_are_refused() {
        for text in [
            "javascript:alert(1)", "data:text/html,x", "//evil.test", "/\\evil.test", "https:evil.test",
            "http://evil.test/", "https://app.example@evil.test/", "https://@evil.test/",
            "https://app.example\\.evil.test/", "https://app.example/a/../b", "https://app.example/%2e%2e/",
            "https://app.example/a%2fb", "https://app.example//x", "https://app.example/a;b",
            "https://app.example/\r\nSet-Cookie:x", "https://app.example/ x", "https://ⓔvil.test/",
            "http://2130706433/", "", "ftp://x/",
        ] {
            assert!(ReturnUrl::from_str(text).is_err(), "{text}");
        }
        asked("https://app.example/?u=https://x//y/../z;");
        asked("http://localhost:3000/cb");
    }
}
