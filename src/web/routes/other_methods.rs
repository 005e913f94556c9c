//! The response of a path to a method that it does not support (RFC 9110 §15.5.6).

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, resource};
use actix_web::{HttpResponse, Resource, ResponseError, Route};

use crate::oauth::Refusal;
use crate::oauth::problem::Problem;
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
    pub(super) fn resource<'a>(
        self,
        path: &str,
        methods: impl Iterator<Item = &'a Method>,
        first: fn() -> Route,
    ) -> Resource {
        match self {
            Self::ErrorForPrograms => for_programs(path, methods),
            Self::ErrorPage => {
                let allow = allow(methods);
                let answer = move |visitor| home::wrong_method(visitor, allow.clone());
                resource(path.to_owned()).default_service(web::to(answer))
            }
            Self::SameAnswer => resource(path.to_owned()).default_service(first()),
        }
    }
}

/// Returns a resource for programs, without its routes.
pub(super) fn for_programs<'a>(path: &str, methods: impl Iterator<Item = &'a Method>) -> Resource {
    let allow = allow(methods);
    resource(path.to_owned()).default_service(web::to(move || wrong_method(allow.clone())))
}

/// Returns the `Allow` header (RFC 9110 §10.2.1).
fn allow<'a>(methods: impl Iterator<Item = &'a Method>) -> HeaderValue {
    let name = |method: &'a Method| if *method == Method::GET { "GET, HEAD" } else { method.as_str() };
    let names: Vec<&str> = methods.map(name).collect();
    HeaderValue::try_from(names.join(", ")).expect("because the names of methods are letters")
}

async fn wrong_method(allow: HeaderValue) -> HttpResponse {
    let refusal = Refusal { problem: Problem::MethodNotAllowed, cause: "another method" };
    let mut response = TokenError::from(refusal).with_message().error_response();
    response.headers_mut().insert(ALLOW, allow);
    response
}
