//! The outermost middleware. It adds a request id to every refusal and `Strict-Transport-Security` to every
//! response over https, and it closes each connection after its response when the server stops.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderValue, STRICT_TRANSPORT_SECURITY};
use actix_web::web::Data;
use actix_web::{Error, HttpResponse, ResponseError};
use futures_util::future::{LocalBoxFuture, Ready, ready};

use super::app::App;
use super::error::TokenError;
use super::error_answers;
use crate::oauth::Refusal;
use crate::oauth::problem::Problem;

/// The outermost middleware, which wraps all routes of the server.
pub struct EveryAnswer(pub Data<App>);

/// The service of [`EveryAnswer`] with the routes of the server.
pub struct Around<S> {
    app: Data<App>,
    inner: S,
}

impl<S, B> Transform<S, ServiceRequest> for EveryAnswer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Around<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Around { app: self.0.clone(), inner }))
    }
}

impl<S, B> Service<ServiceRequest> for Around<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let app = self.app.clone();
        if holds_nul(request.path()) {
            let response = request.into_response(refuse_nul());
            return Box::pin(finish(app, response));
        }
        let is_stopping = app.readiness.is_stopping();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?.map_into_boxed_body();
            if is_stopping {
                // The client opens its next connection to another node.
                response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
            finish(app, response).await
        })
    }
}

async fn finish(app: Data<App>, mut response: ServiceResponse) -> Result<ServiceResponse, Error> {
    if app.public.is_https {
        // RFC 9700 §2.6, FAPI 2.0: a client that used https once never uses http again.
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if error_answers::is_refusal(&response) {
        // Most responses are no refusals, so the future is allocated only when it is needed.
        return Ok(Box::pin(error_answers::finish(&app, response)).await);
    }
    Ok(response)
}

/// Returns whether a path contains NUL. PostgreSQL cannot store it, so no name contains it (RFC 3986 §7.3
/// warns of it).
fn holds_nul(path: &str) -> bool {
    path.as_bytes().windows(3).any(|three| three == b"%00")
}

fn refuse_nul() -> HttpResponse {
    let refusal = Refusal { problem: Problem::MalformedRequest, cause: "the path holds NUL" };
    TokenError::from(refusal).with_message().error_response()
}
