//! `/`: what this server is, and the way in for each of three kinds of people.

use actix_web::error::ErrorNotFound;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use askama::Template;

use crate::web::app::App;
use crate::web::browser::MaybeVisitor;
use crate::web::error::PageError;
use crate::web::page::{Layout, ok};

/// `home.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "home.html")]
pub struct Home {
    /// The frame.
    pub layout: Layout,
}

/// Shows the front page.
pub async fn get(app: Data<App>, visitor: MaybeVisitor) -> HttpResponse {
    ok(&Home { layout: visitor.layout(&app) })
}

/// Whatever is not there.
pub async fn nothing(app: Data<App>, visitor: MaybeVisitor) -> HttpResponse {
    PageError::not_found(&app).seen_by(visitor.layout(&app)).error_response()
}

/// An address that is there, asked in a way that it does not answer, with those that it does (RFC 9110 §15.5.6).
pub async fn wrong_method(app: Data<App>, visitor: MaybeVisitor, allow: HeaderValue) -> HttpResponse {
    let what = "This address does not take that kind of request, so nothing was changed.";
    let advice = "Open the page it belongs to and use its buttons.";
    let page = PageError::new(&app, StatusCode::METHOD_NOT_ALLOWED, ("wrong-method", "Not like this"), what, advice)
        .with_action("Go to the front page", &app.public.path("/"))
        .seen_by(visitor.layout(&app));
    let mut response = page.error_response();
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// An address with a part that cannot be read, such as a number that is none.
pub fn no_such_path(request: &HttpRequest) -> Error {
    match request.app_data::<Data<App>>() {
        Some(app) => PageError::not_found(app).into(),
        None => ErrorNotFound("not found"),
    }
}
