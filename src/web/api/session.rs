//! Who sits at the browser, for addresses that answer JSON: a missing session is 401 in words, where a
//! page would send its reader to log in.

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

/// A signed-in person behind a script of a page of ours.
pub struct SessionVisitor(Visitor);

/// No bearer token opens these addresses, so the answer has no challenge for one.
fn signed_out() -> ApiError {
    let message = "This address needs a browser session; tokens go to /spatialstudio/oauth/v1.";
    ApiError::new(StatusCode::UNAUTHORIZED, message).without_challenge()
}

impl SessionVisitor {
    /// Who it is.
    pub fn visitor(&self) -> &Visitor {
        &self.0
    }

    /// The same, if they proved who they are in the last 15 minutes.
    ///
    /// # Errors
    /// 403 with what to do.
    pub fn require_recent_authentication(self, now: UnixTime) -> Result<Self, ApiError> {
        if self.0.has_recent_authentication(now) {
            return Ok(self);
        }
        let message = "Sign in again: this works for 15 minutes after a sign-in.";
        Err(ApiError::new(StatusCode::FORBIDDEN, message))
    }

    /// The same inside a transaction that writes.
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
