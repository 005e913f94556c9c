//! A third party: a small server on a port of its own, which answers as a test tells it and remembers who came.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header::{HOST, HeaderName, HeaderValue, LOCATION, REFERER};
use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use url::Url;

/// A request as the third party saw it.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Scheme, host and port, as the browser named them.
    pub origin: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The header `Referer`.
    pub referer: Option<String>,
    /// All headers, their names in small letters.
    pub headers: Vec<(String, String)>,
}

/// What the third party answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A page with this body.
    Page(String),
    /// A 303 to this address.
    SeeOther(String),
}

/// The third party's server; it ends with the test.
pub struct Site {
    port: u16,
    mind: Arc<Mind>,
}

/// What the third party does, and what it remembers.
struct Mind {
    rule: Box<dyn Fn(&Visit) -> Answer + Send + Sync>,
    visits: Mutex<Vec<Visit>>,
}

impl Site {
    /// Starts a server that answers by a rule.
    pub fn start(rule: impl Fn(&Visit) -> Answer + Send + Sync + 'static) -> Self {
        let mind = Arc::new(Mind { rule: Box::new(rule), visits: Mutex::default() });
        let shared = Data::from(Arc::clone(&mind));
        let server = HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::to(answer)));
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("because a port is free");
        let port = server.addrs().first().expect("because it was just bound").port();
        rt::spawn(server.run());
        Self { port, mind }
    }

    /// A server whose pages all read so.
    pub fn that_says(body: &str) -> Self {
        let body = body.to_owned();
        Self::start(move |_| Answer::Page(body.clone()))
    }

    /// An address of this server. To browsers `localhost` is the same site as the server under test, `127.0.0.1` is
    /// another; either is another origin.
    pub fn at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }

    /// Everything that was asked so far, but the icon that browsers ask for by themselves.
    pub fn visits(&self) -> Vec<Visit> {
        let visits = self.mind.visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.iter().filter(|visit| visit.target != "/favicon.ico").cloned().collect()
    }
}

impl Visit {
    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A header; empty when it was not sent, the values with a comma between when it was sent twice.
    pub fn header(&self, name: &str) -> String {
        let all = self.headers.iter().filter(|(sent, _)| sent == name).map(|(_, value)| value.as_str());
        all.collect::<Vec<_>>().join(",")
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let url = Url::parse("http://site.example").and_then(|base| base.join(&self.target));
        let url = url.expect("because a browser sent it");
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

async fn answer(request: HttpRequest, mind: Data<Mind>) -> HttpResponse {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let header = |name: HeaderName| request.headers().get(name).map(text);
    let visit = Visit {
        method: request.method().to_string(),
        headers: request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        origin: format!("http://{}", header(HOST).unwrap_or_default()),
        target: request.uri().to_string(),
        referer: header(REFERER),
    };
    let answer = (mind.rule)(&visit);
    mind.visits.lock().unwrap_or_else(PoisonError::into_inner).push(visit);
    match answer {
        Answer::Page(body) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .body(format!("<!doctype html><html lang=en><title>Third party</title><body>{body}")),
        Answer::SeeOther(location) => HttpResponse::SeeOther().insert_header((LOCATION, location)).finish(),
    }
}
