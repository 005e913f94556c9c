//! Requests as they go over the wire, one at a time, following nothing.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

/// The most that is read of an answer's body, in bytes.
const MAX_BODY: usize = 4 * 1_024 * 1_024;

/// Sends requests to one server. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    client: Rc<awc::Client>,
    address: SocketAddr,
    issuer: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Http {
    pub fn new(address: SocketAddr, issuer: &str) -> Self {
        let client = awc::Client::builder().disable_redirects().no_default_headers().timeout(Duration::from_secs(60));
        Self { client: Rc::new(client.finish()), address, issuer: issuer.to_owned() }
    }

    /// The whole address of a path; a whole address stays.
    pub fn url(&self, path: &str) -> String {
        if path.starts_with('/') { format!("{}{path}", self.issuer) } else { path.to_owned() }
    }

    /// Sends one request. `target` is a path below the issuer, or a whole address of the server.
    pub async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let url = Url::parse(&self.url(target)).expect("because a test asks for an address");
        // The public URL may be https; what listens is plain HTTP, as behind a proxy.
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let here = format!("http://{}{}{query}", self.address, url.path());
        let authority = url.host_str().map(|host| match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
        let mut request = self.client.request(method, here);
        request = request.insert_header(("host", authority.unwrap_or_default()));
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("because a test spells its headers right");
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("because a test spells its headers right");
            request = request.append_header((name, value));
        }
        let body: Vec<u8> = body.into();
        let sent = if body.is_empty() { request.send().await } else { request.send_body(body).await };
        let mut response = sent.unwrap_or_else(|error| panic!("{target}: {error}"));
        let body = response.body().limit(MAX_BODY).await.unwrap_or_else(|error| panic!("{target}: {error}"));
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body: body.to_vec() }
    }

    /// Asks as if the server had another name.
    pub async fn send_as(&self, host: &str, target: &str) -> Answer {
        let elsewhere = Self { issuer: format!("http://{host}"), ..self.clone() };
        elsewhere.send(Method::GET, target, &[], "").await
    }

    /// Asks for a page or document.
    pub async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, &[], "").await
    }

    /// Asks with a token in the header.
    pub async fn get_with_token(&self, target: &str, token: &str) -> Answer {
        self.send(Method::GET, target, &[("authorization", &format!("Bearer {token}"))], "").await
    }

    /// Sends a form as a program does.
    pub async fn post(&self, target: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
        let form_type = ("content-type", "application/x-www-form-urlencoded");
        let headers: Vec<(&str, &str)> = std::iter::once(form_type).chain(headers.iter().copied()).collect();
        self.send(Method::POST, target, &headers, encode(form)).await
    }
}

/// The text of a form.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The value of a query parameter of an address, decoded; a fragment does not count.
pub fn parameter(location: &str, name: &str) -> Option<String> {
    let url = Url::parse(location).expect("because a redirect goes to a whole address");
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

impl Answer {
    /// A header's text; the first one when there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("because our headers are ASCII"))
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("because our answers are UTF-8")
    }

    /// The body as JSON, which its content type must say.
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).expect("because the content type says so")
    }

    /// Where a redirect goes.
    pub fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// The `error` of a program's answer, with its status.
    pub fn error(&self) -> (u16, String) {
        let error = self.json()["error"].as_str().unwrap_or_default().to_owned();
        (self.status, error)
    }
}
