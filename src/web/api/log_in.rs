//! `POST /v3/account/login`: logs a person in with their password.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::account::answer;
use super::error::ApiError;
use super::json;
use crate::domain::secret::Secret;
use crate::identity::api_log_in::log_in;
use crate::identity::factors::CodeRefusal;
use crate::identity::sign_in::{SignInRefusal, SubmittedCredentials};
use crate::identity::throttle::Throttled;
use crate::web::app::App;

impl From<SignInRefusal> for ApiError {
    /// The status is never 401 for a wrong password, because a client of the platform ignores the body of a
    /// 401 and reports a wrong address.
    fn from(refusal: SignInRefusal) -> Self {
        match refusal {
            // Only browsers learn that an account can still be restored, because a program cannot do that.
            SignInRefusal::Wrong | SignInRefusal::BeingDeleted(_) => Self::invalid("Invalid username or password."),
            // The platform's clients compare the exact message.
            SignInRefusal::NoPassword => Self::invalid("No password configured."),
            SignInRefusal::Throttled(seconds) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, Throttled(seconds).to_string()).retry_after(seconds)
            }
            SignInRefusal::CodeRequired => Self::new(
                StatusCode::FORBIDDEN,
                "This account has a second step. Send code too, from the authenticator app or a recovery code, or log in \
                 with a browser.",
            ),
            SignInRefusal::BrowserRequired => Self::new(
                StatusCode::FORBIDDEN,
                "This account has a second step that needs a browser. Log in there, or start a remote session.",
            ),
            SignInRefusal::Code(CodeRefusal::Throttled(seconds)) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many wrong codes. Try again later.").retry_after(seconds)
            }
            SignInRefusal::Code(_) => {
                Self::new(StatusCode::FORBIDDEN, "The code is wrong, or it was used already. Send the next one.")
            }
            SignInRefusal::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "The server is busy right now.").retry_after(1)
            }
        }
    }
}

/// Verifies the password, and issues a user token.
pub async fn post(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let body = json::read(payload).await?;
    let most = app.token_settings.lifetimes.user_token_max;
    let lifetime = body.seconds("validFor")?.unwrap_or(app.token_settings.lifetimes.usual_user_token());
    if lifetime > most {
        return Err(ApiError::invalid(format!("validFor may be at most {most} seconds.")));
    }
    let credentials = SubmittedCredentials {
        login: body.required("username")?.to_owned(),
        password: Secret::new(body.required("password")?),
        origin: app.origin_of(&request),
    };
    let code = body.text("code")?.map(Secret::new);
    let now = app.now();
    let issued = log_in(app.sign_in_context(), now, (credentials, code, lifetime)).await?;
    Ok(answer(&json!({
        "token": issued.token.expose(),
        "validFor": issued.expires_in,
        "expires": now.plus(issued.expires_in).rfc3339(),
    })))
}
