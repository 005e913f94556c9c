//! Login return URLs: the URLs that the login redirect may return to with a user token, and how the token is put into
//! them.

mod reading;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

pub use self::reading::InvalidReturnUrl;
use super::client::LoginDelivery;
use super::redirect_uri::is_loopback_host;
use super::space_separated::SpaceSeparated;

/// The query parameters that the login redirect sets. Values that the app's URL already contains are outdated and
/// replaced.
const OURS: [&str; 5] = ["token", "login_code", "state", "error", "error_description"];

/// The prefix of an address that ends in `/` and does not include the addresses below it.
const EXACTLY: char = '=';

/// A return URL that an application's owner registered: one address, or a folder with every address below it. An
/// address that ends in `/` is a folder, unless `=` precedes it. A whole site cannot be a folder:
/// `https://app.example/` is that address alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginReturnUrl {
    url: Url,
    is_folder: bool,
}

/// A return URL that a request asks for. The same parsed form is matched and redirected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnUrl(Url);

/// How closely a requested URL matches a registered one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchKind {
    /// Below a registered path, or with an additional query or fragment: the person is asked each time.
    Near,
    /// The registered URL itself: later returns need no confirmation.
    Exact,
}

impl FromStr for LoginReturnUrl {
    type Err = InvalidReturnUrl;

    fn from_str(text: &str) -> Result<Self, InvalidReturnUrl> {
        let (is_marked, address) = text.strip_prefix(EXACTLY).map_or((false, text), |address| (true, address));
        let mut url = reading::read(address)?;
        if url.fragment().is_some() {
            return Err(InvalidReturnUrl::Fragment);
        }
        let is_folder = !is_marked && url.query().is_none() && looks_like_folder(&url);
        put_query(&mut url, &[]);
        Ok(Self { url, is_folder })
    }
}

impl fmt::Display for LoginReturnUrl {
    /// Formats the URL as it is stored and shown; parsing the text gives an equal value.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_marked = !self.is_folder && self.url.query().is_none() && looks_like_folder(&self.url);
        let mark = if is_marked { EXACTLY.to_string() } else { String::new() };
        write!(formatter, "{mark}{}", self.url)
    }
}

fn looks_like_folder(url: &Url) -> bool {
    url.path().ends_with('/') && url.path() != "/"
}

/// Returns the hosts of these return URLs, each once.
pub fn hosts_of(return_urls: &SpaceSeparated) -> BTreeSet<String> {
    let urls = return_urls.iter().flat_map(LoginReturnUrl::from_str);
    urls.map(|url| url.url.host_str().unwrap_or_default().to_owned()).collect()
}

impl LoginReturnUrl {
    /// Whether every address below it is registered too.
    pub fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// Returns the address, as a request would contain it.
    pub fn address(&self) -> ReturnUrl {
        ReturnUrl(self.url.clone())
    }

    /// Whether a page of this origin can have the address; a loopback origin may have any port.
    pub fn is_of_origin(&self, origin: &Url) -> bool {
        let is_loopback = is_loopback_host(&self.url);
        self.url.scheme() == origin.scheme()
            && self.url.host_str() == origin.host_str()
            && (is_loopback || self.url.port_or_known_default() == origin.port_or_known_default())
    }

    /// Whether both include a common address, so that two owners would register the same page. Paths are compared as
    /// servers read them: `%61` is `a` (RFC 3986 §6.2.2.2).
    pub fn overlaps(&self, other: &Self) -> bool {
        let decoded = |url: &Self| percent_decode_str(url.url.path()).collect::<Vec<u8>>();
        let (ours, theirs) = (decoded(self), decoded(other));
        self.is_of_origin(&other.url)
            && (ours == theirs
                || (self.is_folder && theirs.starts_with(&ours))
                || (other.is_folder && ours.starts_with(&theirs)))
    }

    /// Returns how closely `asked` matches this registered URL, or `None`; the values of the query parameters in
    /// `varying` may differ.
    pub fn match_kind(&self, asked: &ReturnUrl, varying: &SpaceSeparated) -> Option<MatchKind> {
        let (ours, theirs) = (&self.url, &asked.0);
        let same_port = ours.port() == theirs.port() || (asked.is_loopback() && is_loopback_host(ours));
        if ours.scheme() != theirs.scheme() || ours.host_str() != theirs.host_str() || !same_port {
            return None;
        }
        if self.is_folder {
            return theirs.path().starts_with(ours.path()).then_some(MatchKind::Near);
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
            None if !fixed.is_empty() => Some(MatchKind::Near),
            _ if theirs.fragment().is_some_and(|fragment| !fragment.is_empty()) => Some(MatchKind::Near),
            _ => Some(MatchKind::Exact),
        }
    }
}

impl FromStr for ReturnUrl {
    type Err = InvalidReturnUrl;

    fn from_str(text: &str) -> Result<Self, InvalidReturnUrl> {
        reading::read(text).map(Self)
    }
}

impl ReturnUrl {
    /// Returns the address as it is redirected to.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the host is this device, where any program may listen.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.0)
    }

    /// Whether a redirect there is sent unencrypted over a network: http, and a host that is not loopback.
    pub fn is_insecure(&self) -> bool {
        self.0.scheme() == "http" && !self.is_loopback()
    }

    /// Returns the address, unless it is insecure and the operator does not allow that.
    ///
    /// # Errors
    /// [`InvalidReturnUrl::PrivateHttp`] when it is insecure and not allowed.
    pub fn allowed_by(self, allow_insecure_http: bool) -> Result<Self, InvalidReturnUrl> {
        if self.is_insecure() && !allow_insecure_http { Err(InvalidReturnUrl::PrivateHttp) } else { Ok(self) }
    }

    /// Returns the host without its port.
    pub fn host_name(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Returns the URL that an owner registers for this address: the address without its fragment, and without the
    /// query parameters that the login redirect sets.
    pub fn to_register(&self) -> LoginReturnUrl {
        let mut url = self.0.clone();
        url.set_fragment(None);
        put_query(&mut url, &[]);
        LoginReturnUrl { url, is_folder: false }
    }

    /// Returns the host and port, for people to read.
    pub fn host(&self) -> String {
        super::redirect_uri::host_of(&self.0)
    }

    /// Returns the scheme, host and port, in the form of an `Origin` header.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Returns the address with `answer` in the part where the application reads it. In the query, outdated parameters
    /// of the login redirect are replaced; the app's own parameters keep their order, and the fragment stays. In the
    /// fragment, neither a server nor a `Referer` header receives the answer.
    pub fn with_answer(&self, delivery: LoginDelivery, answer: &[(&str, &str)]) -> String {
        let mut url = self.0.clone();
        match delivery {
            LoginDelivery::Query => put_query(&mut url, answer),
            LoginDelivery::Fragment | LoginDelivery::Code => {
                put_query(&mut url, &[]);
                url.set_fragment(Some(&encode(answer)));
            }
        }
        url.into()
    }
}

/// Sets `answer` in the query, and removes outdated parameters of the login redirect.
fn put_query(url: &mut Url, answer: &[(&str, &str)]) {
    let kept = without_ours(url.query().unwrap_or_default());
    let query = [kept, encode(answer)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
    url.set_query((!query.is_empty()).then_some(query.as_str()));
}

/// Whether an owner may allow other values of this query parameter.
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

    fn match_kind(url: &LoginReturnUrl, text: &str) -> Option<MatchKind> {
        url.match_kind(&asked(text), &SpaceSeparated::default())
    }

    #[test]
    fn what_its_owner_lets_vary_makes_no_other_address() {
        let varying: SpaceSeparated = ["page", "lang"].iter().collect();
        let url = registered("https://app.example/in");
        let match_kind = |url: &LoginReturnUrl, text: &str| url.match_kind(&asked(text), &varying);
        assert_eq!(match_kind(&url, "https://app.example/in?page=2&token=old&lang=de"), Some(MatchKind::Exact));
        assert_eq!(match_kind(&url, "https://app.example/in?page=2&other=1"), Some(MatchKind::Near));
        assert_eq!(match_kind(&url, "https://app.example/in?page=2#/x"), Some(MatchKind::Near));
        assert_eq!(match_kind(&url, "https://app.example/other?page=2"), None);
        let with_query = registered("https://app.example/in?tenant=1&lang=en");
        assert_eq!(match_kind(&with_query, "https://app.example/in?tenant=1&lang=en"), Some(MatchKind::Exact));
        assert_eq!(match_kind(&with_query, "https://app.example/in?tenant=2&lang=en"), None);
        assert_eq!(match_kind(&with_query, "https://app.example/in?tenant=1&lang=de"), Some(MatchKind::Exact));
        assert_eq!(
            match_kind(&with_query, "https://app.example/in?tenant=1"),
            Some(MatchKind::Exact),
            "or be left out"
        );
        let with_query = registered("https://app.example/in?tenant=1");
        assert_eq!(match_kind(&with_query, "https://app.example/in?tenant=1&page=9"), Some(MatchKind::Exact));
        assert!(may_vary("page") && may_vary("utm_source"));
        for name in ["token", "state", "login_code", "error", "", "a b", "a=b", "é", &"x".repeat(65)] {
            assert!(!may_vary(name), "{name}");
        }
    }

    #[test]
    fn an_exact_url_fits_itself_closely_and_its_queries_nearly() {
        let url = registered("https://app.example/in");
        assert_eq!(match_kind(&url, "https://app.example/in"), Some(MatchKind::Exact));
        assert_eq!(match_kind(&url, "https://app.example/in?token=old&state=x&login_code=y"), Some(MatchKind::Exact));
        assert_eq!(match_kind(&url, "https://app.example/in?page=2"), Some(MatchKind::Near));
        assert_eq!(match_kind(&url, "https://app.example/in#/route"), Some(MatchKind::Near));
        for other in [
            "https://app.example/in/x", "https://app.example/inn", "https://app.example:444/in", "https://evil.test/in",
        ] {
            assert_eq!(match_kind(&url, other), None, "{other}");
        }
    }

    #[test]
    fn a_folder_covers_its_path_and_what_is_meant_alone_does_not() {
        let folder = registered("https://app.example/maps/");
        assert_eq!(match_kind(&folder, "https://app.example/maps/7?z=1"), Some(MatchKind::Near));
        assert_eq!(match_kind(&folder, "https://app.example/maps/"), Some(MatchKind::Near));
        assert_eq!(match_kind(&folder, "https://app.example/mapsx"), None);
        let alone = registered("=https://app.example/maps/");
        assert_eq!(match_kind(&alone, "https://app.example/maps/"), Some(MatchKind::Exact));
        assert_eq!(match_kind(&alone, "https://app.example/maps/?z=1"), Some(MatchKind::Near));
        assert_eq!(match_kind(&alone, "https://app.example/maps/7"), None);
        for site in ["https://app.example/", "https://app.example", "=https://app.example"] {
            let site = registered(site);
            assert_eq!(match_kind(&site, "https://app.example"), Some(MatchKind::Exact));
            assert_eq!(match_kind(&site, "https://app.example/?token=old"), Some(MatchKind::Exact));
            assert_eq!(match_kind(&site, "https://app.example/in"), None, "a whole site is no folder");
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same_again() {
        for (text, kept) in [
            ("https://app.example/in", "https://app.example/in"),
            ("=https://app.example/in", "https://app.example/in"),
            ("https://app.example", "https://app.example/"),
            ("=https://app.example/", "https://app.example/"),
            ("https://app.example/maps/", "https://app.example/maps/"),
            ("=https://app.example/maps/", "=https://app.example/maps/"),
            ("https://app.example/maps/?", "=https://app.example/maps/"),
            ("https://app.example/maps/?token=old", "=https://app.example/maps/"),
            ("https://app.example/maps/?a=1&state=x", "https://app.example/maps/?a=1"),
        ] {
            let url = registered(text);
            assert_eq!(url.to_string(), kept, "{text}");
            assert_eq!(registered(kept), url, "{text}");
        }
        for text in ["https://app.example/in#x", "= https://app.example/", "==https://app.example/", "="] {
            assert!(LoginReturnUrl::from_str(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_page_says_to_register_is_the_address_itself() {
        for text in [
            "https://app.example", "https://app.example/in?a=1&token=old#/route", "https://app.example/maps/",
            "https://app.example/a*b/%20?x=y", "https://bücher.example/",
        ] {
            let offered = asked(text).to_register();
            let taken = registered(&offered.to_string());
            assert_eq!(taken, offered, "{text}");
            let plain = text.split('#').next().unwrap_or_default();
            assert_eq!(match_kind(&taken, plain), Some(MatchKind::Exact), "{text}");
        }
    }

    #[test]
    fn addresses_overlap_when_a_page_could_be_meant_by_both() {
        for (one, other, is_shared) in [
            ("https://h.example/user/ann/", "https://h.example/user/ben/", false),
            ("https://h.example/user/ann/", "https://h.example/user/ann/x", true),
            ("https://h.example/user/", "https://h.example/user/ann/", true),
            ("=https://h.example/user/", "https://h.example/user/ann/", false),
            ("https://h.example/in", "https://h.example/in?a=1", true),
            ("https://h.example/in", "https://h.example/%69n", true),
            ("https://h.example/", "https://h.example/in", false),
            ("https://h.example/in", "https://h.example:8443/in", false),
            ("https://h.example/in", "https://g.example/in", false),
        ] {
            let (one, other) = (registered(one), registered(other));
            assert_eq!((one.overlaps(&other), other.overlaps(&one)), (is_shared, is_shared), "{one} {other}");
        }
    }

    #[test]
    fn the_answer_replaces_stale_parameters_and_keeps_order_and_fragment() {
        use LoginDelivery::{Code, Fragment, Query};
        let url = asked("https://app.example/in?a=1&token=old&b=%20x&state=s#/route");
        let token = &[("token", "new")];
        assert_eq!(url.with_answer(Query, token), "https://app.example/in?a=1&b=%20x&token=new#/route");
        assert_eq!(url.with_answer(Fragment, token), "https://app.example/in?a=1&b=%20x#token=new");
        assert_eq!(url.with_answer(Code, &[("login_code", "c")]), "https://app.example/in?a=1&b=%20x#login_code=c");
        assert_eq!(
            asked("https://app.example/in").with_answer(Query, &[("token", "t"), ("state", "a b")]),
            "https://app.example/in?token=t&state=a+b"
        );
    }
}
