//! `/`: the front page, which describes the server and links to its parts for three kinds of people.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::Data;
use actix_web::{Error, HttpResponse, ResponseError};
use askama::Template;

use crate::web::app::App;
use crate::web::browser::MaybeVisitor;
use crate::web::error::PageError;
use crate::web::page::{Layout, ok};

/// The data of the template `home.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "home.html")]
pub struct Home {
    pub layout: Layout,
}

/// Shows the front page.
pub async fn get(app: Data<App>, visitor: MaybeVisitor) -> HttpResponse {
    ok(&Home { layout: visitor.layout(&app) })
}

/// Returns the error page for a path that does not exist.
pub async fn nothing(visitor: MaybeVisitor) -> HttpResponse {
    PageError::not_found().seen_by(visitor.person()).error_response()
}

/// Returns the error page for a method that the path does not support, with the methods that it supports
/// (RFC 9110 §15.5.6).
pub async fn wrong_method(visitor: MaybeVisitor, allow: HeaderValue) -> HttpResponse {
    let what = "This address does not take that kind of request, so nothing was changed.";
    let advice = "Open the page it belongs to and use its buttons.";
    let page = PageError::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "Not like this", what, advice)
        .with_action("Go to the front page", "/")
        .seen_by(visitor.person());
    let mut response = page.error_response();
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// Returns the error for a path variable that cannot be parsed, such as an invalid number.
pub fn no_such_path() -> Error {
    PageError::not_found().into()
}
