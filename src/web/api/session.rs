//! The signed-in person for addresses that respond with JSON: without a session the response is 401, where a
//! page would redirect to the log-in page.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use super::error::ApiError;
use crate::clock::UnixTime;
use crate::outcome::Error;
use crate::store::Database;
use crate::web::app::App;
use crate::web::browser::{BrowserSession, Visitor};

/// A signed-in person, for requests of scripts of this server's pages.
pub struct SessionVisitor(Visitor);

/// The response has no challenge, because these addresses accept no bearer token.
fn signed_out() -> ApiError {
    let message = "This address needs a browser session; tokens go to /spatialstudio/oauth/v1.";
    ApiError::new(StatusCode::UNAUTHORIZED, message).without_challenge()
}

impl SessionVisitor {
    /// Returns the signed-in person.
    pub fn visitor(&self) -> &Visitor {
        &self.0
    }

    /// Returns the person when they authenticated in the last 15 minutes.
    ///
    /// # Errors
    /// 403 with advice when they did not.
    pub fn require_recent_authentication(self, now: UnixTime) -> Result<Self, ApiError> {
        if self.0.has_recent_authentication(now) {
            return Ok(self);
        }
        let message = "Sign in again: this works for 15 minutes after a sign-in.";
        Err(ApiError::new(StatusCode::FORBIDDEN, message))
    }

    /// Returns the person as read inside a transaction that writes.
    ///
    /// # Errors
    /// 401 when the session ended meanwhile.
    pub fn recheck(&self, tx: &mut Database, app: &App, now: UnixTime) -> Result<Visitor, Error<ApiError>> {
        self.0.recheck(tx, app, now)?.ok_or_else(|| Error::Refused(signed_out()))
    }
}

impl FromRequest for SessionVisitor {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let app = request.app_data::<Data<App>>().expect("because every server is given its App").clone();
        let browser = BrowserSession::from_request(request, payload);
        Box::pin(async move {
            let Ok(browser) = browser.await;
            browser.visitor(&app).await?.map(Self).ok_or_else(signed_out)
        })
    }
}
