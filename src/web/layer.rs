//! A synchronous middleware: it checks requests before they are handled, and changes responses before they
//! are sent. It costs one allocation for each request; `from_fn` of actix costs three.

use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::{Error, HttpResponse};
use futures_util::future::{LocalBoxFuture, Ready, ready};

/// The behavior of a layer.
pub trait Layer: 'static {
    /// Returns a response when the request must not be handled further.
    fn before(&self, _request: &ServiceRequest) -> Option<HttpResponse> {
        None
    }

    /// Changes a response, including one of [`Self::before`].
    fn after(&self, _response: &mut ServiceResponse) {}
}

/// The middleware that puts a layer around a service.
pub struct Around<L>(Rc<L>);

/// A service with its layer.
pub struct Wrapped<L, S> {
    layer: Rc<L>,
    inner: S,
}

impl<L: Layer> Around<L> {
    /// Returns the middleware, for `wrap`.
    pub fn new(layer: L) -> Self {
        Self(Rc::new(layer))
    }
}

impl<L, S, B> Transform<S, ServiceRequest> for Around<L>
where
    L: Layer,
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Wrapped<L, S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Wrapped { layer: self.0.clone(), inner }))
    }
}

impl<L, S, B> Service<ServiceRequest> for Wrapped<L, S>
where
    L: Layer,
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let layer = self.layer.clone();
        if let Some(response) = layer.before(&request) {
            let mut response = request.into_response(response);
            layer.after(&mut response);
            return Box::pin(ready(Ok(response)));
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?.map_into_boxed_body();
            layer.after(&mut response);
            Ok(response)
        })
    }
}
