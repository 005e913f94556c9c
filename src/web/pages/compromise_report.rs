//! `/not-me?key=`: the page behind the link in every email about the security of an account.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::Message;
use super::account::security;
use super::reset::key_of;
use crate::identity::account::AccountRefusal;
use crate::identity::compromise_report::{self, Found, Next};
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::error::PageError;
use crate::web::page::{Layout, Link, here, ok, see_other};
use crate::web::pages::log_out::forgetting;

/// The data of the template `compromise_report.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "compromise_report.html")]
pub struct CompromiseReport {
    pub layout: Layout,
    /// The address that the form is submitted to: the address of the page itself.
    pub action: String,
    pub username: String,
    /// The email address that the report restores.
    pub restored: Option<String>,
    /// Whether the account is deleted, so that the report also restores it.
    pub is_deleted: bool,
    /// Whether the person is signed in with this browser.
    pub is_signed_in: bool,
    /// Whether an email can help the person back into the account. Otherwise the password stays valid.
    pub is_recoverable: bool,
}

/// Returns the error page for a link that was used or has expired. A link works for a month, so the person
/// may still need help.
fn link_ended() -> PageError {
    let what = "A link like this works once, for a month.";
    let advice = "If somebody may be in your account, set a new password. It logs everybody else out.";
    PageError::new(StatusCode::NOT_FOUND, "link-over", "This link is over", what, advice)
        .with_action("Set a new password", "/reset")
}

/// Shows the form. It changes nothing, because mail programs open links by themselves.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let key = key_of(&request).ok_or_else(link_ended)?;
    let now = app.now();
    let found = app.store.read(move |db| compromise_report::find(db, now, key.expose())).await?;
    let Found { user, former, .. } = found.ok_or_else(link_ended)?;
    Ok(ok(&CompromiseReport {
        layout: app.layout(),
        action: here(&request),
        username: user.username,
        restored: former.map(|former| former.email),
        is_deleted: user.deleted_at.is_some(),
        is_signed_in: false,
        is_recoverable: true,
    }))
}

/// Ends all access to the account.
pub async fn post(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let key = key_of(&request).ok_or_else(link_ended)?;
    let next = compromise_report::by_link(app.sign_in_context(), app.now(), key, &app.origin_of(&request)).await;
    answer(&app, next)
}

/// Returns the response that tells the person how to continue.
pub(super) fn answer(app: &Data<App>, next: Result<Next, Error<AccountRefusal>>) -> Result<HttpResponse, PageError> {
    let message = |text: String, action: Option<Link>| Message {
        layout: app.layout(),
        heading: "Everything was ended".to_owned(),
        text,
        action,
    };
    match next {
        Ok(Next::SetPassword(key)) => {
            Ok(forgetting(see_other(&format!("{}?key={}", app.public.path("/reset/finish"), key.expose()))))
        }
        Ok(Next::ChangePassword) => Ok(see_other(&security::location(app, "ended"))),
        Ok(Next::ReadEmail(address)) => {
            let text = format!(
                "All log-ins, tokens and apps of this account ended, and the password no longer works. A letter with a link \
                 to set a new one is on its way to {address}. Once you are back, look at what was changed."
            );
            let again = Link { label: "Send the letter again".to_owned(), href: app.public.path("/reset") };
            Ok(forgetting(ok(&message(text, Some(again)))))
        }
        Ok(Next::AskOperator) => {
            let text = "All log-ins, tokens and apps of this account ended, and the password no longer works. Somebody else \
                        uses your old address by now, so we cannot tell who you are. Ask the people who run this server.";
            Ok(forgetting(ok(&message(text.to_owned(), None))))
        }
        Err(Error::Refused(_)) => Err(link_ended()),
        Err(Error::Failed(error)) => Err(error.into()),
    }
}
