//! A browser without a screen: it keeps cookies, follows our redirects, stops where they lead away,
//! fills in the real forms, and says where its requests come from as Chromium does.

use std::collections::BTreeMap;

use actix_web::http::Method;
use url::Url;

use super::PASSWORD;
use super::html::{Form, Page};
use super::http::{Answer, Http};

/// Redirects that are followed before something is wrong.
const MOST_HOPS: usize = 10;

/// One browser, with one person before it.
#[derive(Clone)]
pub struct Browser {
    http: Http,
    origin: String,
    cookies: BTreeMap<String, String>,
    /// Headers that every request carries beside its own.
    pub headers: Vec<(String, String)>,
}

/// Where a request comes from, as `Sec-Fetch-Site` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Typed, or a bookmark.
    Nowhere,
    /// A page of ours.
    Ours,
    /// A page of another site.
    Elsewhere,
}

impl From {
    fn site(self) -> &'static str {
        match self {
            Self::Nowhere => "none",
            Self::Ours => "same-origin",
            Self::Elsewhere => "cross-site",
        }
    }
}

impl Browser {
    pub fn new(http: Http, origin: &str) -> Self {
        Self { http, origin: origin.to_owned(), cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// The cookies that it holds, by name.
    pub fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    /// Puts a cookie into it.
    pub fn put_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Another browser with the same cookies: a copy that somebody kept.
    pub fn copy(&self) -> Self {
        let (cookies, headers) = (self.cookies.clone(), self.headers.clone());
        Self { http: self.http.clone(), origin: self.origin.clone(), cookies, headers }
    }

    /// Opens an address that was typed, or a path of ours.
    pub async fn open(&mut self, target: &str) -> Page {
        self.navigate(target, From::Nowhere).await
    }

    /// Opens an address by a link.
    pub async fn navigate(&mut self, target: &str, from: From) -> Page {
        self.follow(Method::GET, target, from, Vec::new()).await
    }

    /// Sends a form as it stands, with what was filled in and the button that was pressed.
    pub async fn submit(&mut self, form: Form) -> Page {
        if form.is_post {
            let body = form.encode().into_bytes();
            return self.follow(Method::POST, form.action.as_str(), From::Ours, body).await;
        }
        let mut url = form.action.clone();
        url.set_query(Some(&form.encode()));
        self.follow(Method::GET, url.as_str(), From::Ours, Vec::new()).await
    }

    /// Logs in by the page. The person is made by [`super::Server::person`].
    pub async fn sign_in(&mut self, username: &str) -> Page {
        let page = self.open("/login").await;
        let page = self.log_in_at(&page, username, PASSWORD).await;
        assert_eq!((page.status, page.away.as_deref()), (200, None), "{}", page.text());
        page
    }

    /// Fills in a log-in page that is already open.
    pub async fn log_in_at(&mut self, page: &Page, username: &str, password: &str) -> Page {
        let form = page.form_with("Log in").fill("username", username).fill("password", password);
        self.submit(form).await
    }

    /// One request with this browser's cookies, and nothing that a browser adds.
    pub async fn bare(&mut self, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies = self.cookie_header();
        let cookies = cookies.as_deref().map(|cookies| ("cookie", cookies));
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain(cookies).collect();
        let answer = self.http.send(method, target, &headers, body).await;
        self.keep_cookies(&answer);
        answer
    }

    async fn follow(&mut self, method: Method, target: &str, from: From, body: Vec<u8>) -> Page {
        let mut url = Url::parse(&self.http.url(target)).expect("because a test asks for an address");
        let (mut method, mut body, mut hops) = (method, body, Vec::new());
        loop {
            let answer = self.request(&method, &url, from, std::mem::take(&mut body)).await;
            hops.push((answer.status, url.to_string()));
            assert!(hops.len() <= MOST_HOPS, "the redirects do not end: {hops:?}");
            let location = answer.location().filter(|_| (300..400).contains(&answer.status));
            let Some(location) = location.map(str::to_owned) else {
                let html = answer.text().to_owned();
                return Page { status: answer.status, url, headers: answer.headers, html, away: None, hops };
            };
            let next = url.join(&location).expect("because a redirect goes to an address");
            if next.origin().ascii_serialization() != self.origin {
                let (status, headers) = (answer.status, answer.headers);
                return Page { status, url, headers, html: String::new(), away: Some(location), hops };
            }
            assert_ne!(answer.status, 307, "a password would travel on (RFC 9700 §4.12)");
            (method, url) = (Method::GET, next);
        }
    }

    async fn request(&mut self, method: &Method, url: &Url, from: From, body: Vec<u8>) -> Answer {
        let cookies = self.cookie_header();
        let mut headers = vec![
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"),
            ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            ("sec-fetch-site", from.site()),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-user", "?1"),
        ];
        if *method == Method::POST {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
            headers.push(("origin", if from == From::Elsewhere { "https://evil.example" } else { &self.origin }));
        }
        headers.extend(cookies.as_deref().map(|cookies| ("cookie", cookies)));
        // A header of the test's own stands in place of the usual one.
        let own = |name: &str| self.headers.iter().any(|(set, _)| set == name);
        headers.retain(|(name, _)| !own(name));
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let answer = self.http.send(method.clone(), url.as_str(), &headers, body).await;
        self.keep_cookies(&answer);
        answer
    }

    fn cookie_header(&self) -> Option<String> {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().expect("because our headers are ASCII");
            let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
            let (name, value) = pair.split_once('=').expect("because a cookie has a name");
            let is_over = attributes.to_ascii_lowercase().split(';').any(|attribute| attribute.trim() == "max-age=0");
            if is_over {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
