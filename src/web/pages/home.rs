//! `/`: what this server is, and the way in for each of three kinds of people.

use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use crate::web::app::App;
use crate::web::browser::MaybeVisitor;
use crate::web::error::PageError;
use crate::web::page::{Chrome, ok};

/// `home.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "home.html")]
pub struct Home {
    /// The frame.
    pub chrome: Chrome,
}

/// Shows the front page.
pub async fn get(app: Data<App>, visitor: MaybeVisitor) -> HttpResponse {
    ok(&Home { chrome: visitor.chrome(&app) })
}

/// Whatever is not there.
pub async fn nothing(app: Data<App>, visitor: MaybeVisitor) -> HttpResponse {
    PageError::not_found(&app).seen_by(visitor.chrome(&app)).error_response()
}
