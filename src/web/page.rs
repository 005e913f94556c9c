//! The one page responder: every page has the same headers.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::assets;
use crate::domain::registration::FieldProblem;
use crate::oauth::Refusal;
use crate::oauth::problem::TOO_LARGE;

/// What every page shows around its content.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The path that all our addresses begin with.
    pub base: String,
    /// Who is signed in.
    pub person: Option<String>,
    /// One line on top, shown once.
    pub notice: Option<String>,
}

impl Layout {
    /// The address of one of our files.
    pub fn asset(&self, name: &str) -> String {
        format!("{}{}", self.base, assets::path(name))
    }

    /// The same frame with a line on top.
    pub fn with_notice(self, notice: &str) -> Self {
        Self { notice: Some(notice.to_owned()), ..self }
    }
}

/// The app that sent a person to log in.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Its name.
    pub name: String,
    /// Where the person goes back to.
    pub host: String,
    /// Who the app thinks they are (OpenID Connect Core §3.1.2.1).
    pub login_hint: Option<String>,
}

/// A field that cannot be taken.
#[derive(Clone, Debug)]
pub struct FieldError {
    /// The field's name, which is also its id.
    pub field: &'static str,
    /// One sentence.
    pub message: String,
}

impl From<FieldProblem> for FieldError {
    fn from(problem: FieldProblem) -> Self {
        Self { field: problem.field, message: problem.message }
    }
}

/// A link with its words.
#[derive(Clone, Debug)]
pub struct Link {
    /// The words.
    pub label: String,
    /// The address.
    pub href: String,
}

/// Whether a page's form may lead on to another site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// Its forms stay here.
    Stay,
    /// Its form is answered by a redirect to an app. Chromium enforces `form-action` on every
    /// redirect after a POST, and would cancel the app's own onward ones.
    Leave,
}

/// Bytes that a page has room for at first.
const ROOM: usize = 16 * 1_024;

/// Answers with a page.
pub fn render(status: StatusCode, forms: Forms, template: &impl Template) -> HttpResponse {
    // Large enough for nearly every page, so that none is copied while it grows.
    let mut html = String::with_capacity(ROOM);
    match template.render_into(&mut html) {
        Ok(()) => headers(&mut HttpResponse::build(status), forms).body(html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Answers 200 with a page whose forms stay here.
pub fn ok(template: &impl Template) -> HttpResponse {
    render(StatusCode::OK, Forms::Stay, template)
}

fn headers(builder: &mut HttpResponseBuilder, forms: Forms) -> &mut HttpResponseBuilder {
    macro_rules! policy {
        ($more:literal) => {
            concat!(
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; ",
                "base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
                $more
            )
        };
    }
    let policy = match forms {
        Forms::Stay => policy!("; form-action 'self'"),
        Forms::Leave => policy!(""),
    };
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, policy),
        // A page without any referrer would send `Origin: null` with its own forms.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        builder.insert_header((name, HeaderValue::from_static(value)));
    }
    builder
}

/// The address of a request on this server. A whole one in the request line (RFC 9112 §3.2.2) may name any other
/// site, so path and query are all that counts.
pub fn here(request: &HttpRequest) -> String {
    request.uri().path_and_query().map_or_else(|| request.path().to_owned(), |here| here.as_str().to_owned())
}

/// The longest address that a request is turned into, in bytes (ours): proxies pass no more on. It is the only bound
/// of `state`.
const LONGEST: usize = 16_384;

/// An address of ours with the parameters that came in another's query and in a form, which was written anew.
///
/// # Errors
/// [`TOO_LARGE`].
pub fn with_both(path: String, query: &str, form: &str) -> Result<String, Refusal> {
    let parts: Vec<&str> = [query, form].into_iter().filter(|part| !part.is_empty()).collect();
    let address = if parts.is_empty() { path } else { format!("{path}?{}", parts.join("&")) };
    match address.len() <= LONGEST {
        true => Ok(address),
        false => Err(Refusal { problem: &TOO_LARGE, cause: "the parameters are too long for an address" }),
    }
}

/// Whether a person's browser goes there, and not a program that reads a status.
pub fn is_navigation(request: &HttpRequest) -> bool {
    let says = |name: HeaderName, what: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.to_ascii_lowercase().contains(what))
    };
    says(HeaderName::from_static("sec-fetch-mode"), "navigate") || says(ACCEPT, "text/html")
}

/// A page that says when another try counts: in so many seconds (RFC 9110 §10.2.3).
pub fn retry_after(mut page: HttpResponse, seconds: i64) -> HttpResponse {
    page.headers_mut().insert(RETRY_AFTER, seconds.max(1).into());
    page
}

/// What no address holds as it is (RFC 3986 §2), beside all that is not ASCII: so no text breaks a header.
const UNFIT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');

/// Sends the browser on with GET (RFC 9700 §4.12: never 307), telling nobody where it came from.
pub fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, utf8_percent_encode(location, UNFIT).to_string()))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}
