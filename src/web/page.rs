//! Renders pages. All pages have the same headers.

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
use crate::oauth::problem::Problem;

/// What every page shows around its content.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The path that all addresses of this server begin with.
    pub base: String,
    /// The user name of the signed-in person.
    pub person: Option<String>,
    /// A message at the top, which is shown once.
    pub notice: Option<String>,
}

impl Layout {
    /// Returns the address of a static file.
    pub fn asset(&self, name: &str) -> String {
        format!("{}{}", self.base, assets::path(name))
    }

    /// Returns the layout with a message at the top.
    pub fn with_notice(self, notice: &str) -> Self {
        Self { notice: Some(notice.to_owned()), ..self }
    }
}

/// The application that sent a person to log in.
#[derive(Clone, Debug)]
pub struct RequestingApp {
    pub name: String,
    /// The host that the person returns to.
    pub host: String,
    /// The user name that the application expects (OpenID Connect Core §3.1.2.1).
    pub login_hint: Option<String>,
}

/// The error of a form field.
#[derive(Clone, Debug)]
pub struct FieldError {
    /// The name of the field, which is also its id in the page.
    pub field: &'static str,
    pub message: String,
}

impl From<FieldProblem> for FieldError {
    fn from(problem: FieldProblem) -> Self {
        Self { field: problem.field, message: problem.message }
    }
}

/// A link with its label.
#[derive(Clone, Debug)]
pub struct Link {
    pub label: String,
    pub href: String,
}

/// Whether a form of the page may redirect to another site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// The responses to its forms stay on this site.
    Stay,
    /// The response to its form redirects to an application. Chromium enforces `form-action` on every
    /// redirect after a POST, and would block further redirects of the application.
    Leave,
}

/// The initial capacity for a page, in bytes.
const ROOM: usize = 16 * 1_024;

/// Responds with a page.
pub fn render(status: StatusCode, forms: Forms, template: &impl Template) -> HttpResponse {
    // The capacity is enough for nearly every page, so that the text is not copied while it grows.
    let mut html = String::with_capacity(ROOM);
    match template.render_into(&mut html) {
        Ok(()) => headers(&mut HttpResponse::build(status), forms).body(html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Responds with status 200 and a page whose forms stay on this site.
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
        // With the policy `no-referrer`, browsers would send `Origin: null` with the forms of the page.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        builder.insert_header((name, HeaderValue::from_static(value)));
    }
    builder
}

/// Returns path and query of a request. A request line may contain a whole URL with any host (RFC 9112
/// §3.2.2), so the host is ignored.
pub fn here(request: &HttpRequest) -> String {
    request.uri().path_and_query().map_or_else(|| request.path().to_owned(), |here| here.as_str().to_owned())
}

/// The maximum length of a redirect address that is made from a request, in bytes (our limit): proxies do not
/// forward longer ones. `state` has no other limit.
const LONGEST: usize = 16_384;

/// Returns an address with the parameters of a query and of a form, which is encoded as a query.
///
/// # Errors
/// [`Problem::TooLarge`] when the address is too long.
pub fn with_both(path: String, query: &str, form: &str) -> Result<String, Refusal> {
    let parts: Vec<&str> = [query, form].into_iter().filter(|part| !part.is_empty()).collect();
    let address = if parts.is_empty() { path } else { format!("{path}?{}", parts.join("&")) };
    match address.len() <= LONGEST {
        true => Ok(address),
        false => Err(Refusal { problem: Problem::TooLarge, cause: "the parameters are too long for an address" }),
    }
}

/// Returns whether a person's browser navigates, in contrast to a program that reads the status.
pub fn is_navigation(request: &HttpRequest) -> bool {
    let says = |name: HeaderName, what: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.to_ascii_lowercase().contains(what))
    };
    says(HeaderName::from_static("sec-fetch-mode"), "navigate") || says(ACCEPT, "text/html")
}

/// Adds `Retry-After` to a page, in seconds (RFC 9110 §10.2.3).
pub fn retry_after(mut page: HttpResponse, seconds: i64) -> HttpResponse {
    page.headers_mut().insert(RETRY_AFTER, seconds.max(1).into());
    page
}

/// The characters that are percent-encoded in an address (RFC 3986 §2), in addition to all that are not
/// ASCII. So no text can break a header.
const UNFIT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');

/// Redirects the browser with GET (RFC 9700 §4.12: never 307), without a `Referer` header.
pub fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, utf8_percent_encode(location, UNFIT).to_string()))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}
