//! The response of a path to a method that it does not support (RFC 9110 §15.5.6).

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, Data, resource};
use actix_web::{HttpResponse, Resource, ResponseError};

use super::route::Route;
use crate::oauth::Refusal;
use crate::oauth::problem::METHOD_NOT_ALLOWED;
use crate::web::app::App;
use crate::web::error::TokenError;
use crate::web::pages::home;

/// The kind of response to a method that a path does not support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherMethods {
    /// An error that a program can read.
    ErrorForPrograms,
    /// An error page for a person.
    ErrorPage,
    /// The response of the first route, which accepts every method.
    SameAnswer,
}

impl OtherMethods {
    /// Returns a resource with this response, without its routes.
    pub(super) fn resource(self, path: &str, routes: &[Route]) -> Resource {
        let methods = || routes.iter().map(|route| &route.method);
        match self {
            Self::ErrorForPrograms => for_programs(path, methods()),
            Self::ErrorPage => {
                let allow = allow(methods());
                let answer = move |app, visitor| home::wrong_method(app, visitor, allow.clone());
                resource(path.to_owned()).default_service(web::to(answer))
            }
            Self::SameAnswer => resource(path.to_owned()).default_service((routes[0].handler)()),
        }
    }
}

/// Returns a resource for programs, without its routes.
pub(super) fn for_programs<'a>(path: &str, methods: impl Iterator<Item = &'a Method>) -> Resource {
    let allow = allow(methods);
    resource(path.to_owned()).default_service(web::to(move |app| wrong_method(app, allow.clone())))
}

/// Returns the `Allow` header (RFC 9110 §10.2.1).
fn allow<'a>(methods: impl Iterator<Item = &'a Method>) -> HeaderValue {
    let name = |method: &'a Method| if *method == Method::GET { "GET, HEAD" } else { method.as_str() };
    let names: Vec<&str> = methods.map(name).collect();
    HeaderValue::try_from(names.join(", ")).expect("because the names of methods are letters")
}

async fn wrong_method(app: Data<App>, allow: HeaderValue) -> HttpResponse {
    let refusal = Refusal { problem: &METHOD_NOT_ALLOWED, cause: "another method" };
    let mut response = TokenError::refused(&app, refusal).with_message().error_response();
    response.headers_mut().insert(ALLOW, allow);
    response
}
