//! A browser as far as a whole sign-in needs one: cookies, redirects, the last form of a page. Every person logs in with
//! a new one, allows the application, and the application swaps the code for a token.

use std::collections::BTreeMap;
use std::io::{Error, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use scraper::{Html, Selector};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::requests::basic;
use crate::seed::{CALLBACK, Credentials, PASSWORD};
use crate::server::PUBLIC_URL;

/// Redirects and pages that one sign-in may take.
const MOST_STEPS: usize = 12;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A browser that has seen nothing yet.
pub struct Browser {
    stream: TcpStream,
    cookies: BTreeMap<String, String>,
}

/// An answer.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Browser {
    /// Opens a connection to the server.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LONGEST_WAIT))?;
        Ok(Self { stream, cookies: BTreeMap::new() })
    }

    /// Authorization request, log-in, consent, code and token of one person and one application.
    ///
    /// # Errors
    /// When any of it is answered otherwise.
    pub fn sign_in(&mut self, person: &str, client: &Credentials) -> Result<()> {
        let asked = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.client_id)
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("scope", "projects")
            .append_pair("state", "measured")
            .finish();
        let mut answer = self.get(&format!("/oauth/authorize?{asked}"))?;
        for _ in 0..MOST_STEPS {
            match answer.header("location").map(str::to_owned) {
                Some(location) if location.starts_with(CALLBACK) => return self.redeem(&location, client),
                Some(location) => answer = self.get(&local(&location)?)?,
                None => answer = self.fill_in(&answer, person)?,
            }
        }
        Err(Error::other("the sign-in does not end"))
    }

    /// Sends the last form of a page, with name and password where it asks for them, and "allow" where it asks that.
    fn fill_in(&mut self, page: &Answer, person: &str) -> Result<Answer> {
        if page.status != 200 {
            return Err(Error::other(format!("{}: {}", page.status, page.body)));
        }
        let form = Form::last_of(&page.body).ok_or_else(|| Error::other(format!("no form: {}", page.body)))?;
        let mut body = Serializer::new(String::new());
        for (name, value) in &form.fields {
            let value = match name.as_str() {
                "username" => person,
                "password" => PASSWORD,
                _ => value,
            };
            body.append_pair(name, value);
        }
        if form.decides {
            body.append_pair("decision", "allow");
        }
        let headers = format!("Origin: {PUBLIC_URL}\r\nSec-Fetch-Site: same-origin\r\n");
        self.post(&local(&form.action)?, &headers, &body.finish())
    }

    fn redeem(&mut self, location: &str, client: &Credentials) -> Result<()> {
        let url = Url::parse(location).map_err(Error::other)?;
        let code = url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        let code = code.ok_or_else(|| Error::other(format!("no code: {location}")))?;
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", &code)
            .append_pair("redirect_uri", CALLBACK)
            .finish();
        let answer = self.post("/oauth/token", &basic(client), &form)?;
        match answer.status {
            200 => Ok(()),
            status => Err(Error::other(format!("token: {status} {}", answer.body))),
        }
    }

    fn get(&mut self, target: &str) -> Result<Answer> {
        self.exchange("GET", target, "", "")
    }

    fn post(&mut self, target: &str, headers: &str, form: &str) -> Result<Answer> {
        let kind = "Content-Type: application/x-www-form-urlencoded";
        self.exchange("POST", target, &format!("{headers}{kind}\r\nContent-Length: {}\r\n", form.len()), form)
    }

    fn exchange(&mut self, method: &str, target: &str, headers: &str, body: &str) -> Result<Answer> {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: Mozilla/5.0\r\n");
        self.stream.write_all(format!("{head}{cookies}{headers}\r\n{body}").as_bytes())?;
        let answer = self.receive()?;
        for (_, value) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = value.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.trim().to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }

    fn receive(&mut self) -> Result<Answer> {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 16_384]);
        loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                let mut lines = head.lines();
                let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
                let pair = |line: &str| {
                    line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
                };
                let headers: Vec<_> = lines.filter_map(pair).collect();
                let mut answer = Answer { status, headers, body: String::new() };
                let length: usize = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
                if bytes.len() >= end + 4 + length {
                    answer.body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
                    return Ok(answer);
                }
            }
            match self.stream.read(&mut buffer)? {
                0 => return Err(Error::other("the server closed the connection")),
                count => bytes.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

/// What a browser would send of a form.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
    /// Whether it has a button that allows.
    decides: bool,
}

impl Form {
    fn last_of(page: &str) -> Option<Self> {
        let selector = |text: &str| Selector::parse(text).expect("because it is a selector");
        let document = Html::parse_document(page);
        let form = document.select(&selector("form")).next_back()?;
        let field = |input: scraper::ElementRef<'_>| {
            let name = input.value().attr("name")?.to_owned();
            let is_ticked = input.value().attr("type") != Some("checkbox") || input.value().attr("checked").is_some();
            is_ticked.then(|| (name, input.value().attr("value").unwrap_or_default().to_owned()))
        };
        Some(Self {
            action: form.value().attr("action").unwrap_or_default().to_owned(),
            fields: form.select(&selector("input")).filter_map(field).collect(),
            decides: form.select(&selector("button[name=decision][value=allow]")).next().is_some(),
        })
    }
}

/// The path and query of an address of the server.
fn local(address: &str) -> Result<String> {
    let url = Url::parse(PUBLIC_URL).and_then(|base| base.join(address)).map_err(Error::other)?;
    Ok(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
}
