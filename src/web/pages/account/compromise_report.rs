//! `/account/not-me`: a signed-in person reports that their account is compromised.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::identity::compromise_report;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::ok;
use crate::web::pages::compromise_report::{CompromiseReport, answer};

/// Shows the form of the report.
pub async fn get(app: Data<App>, visitor: Visitor) -> HttpResponse {
    ok(&CompromiseReport {
        layout: visitor.layout(&app),
        action: app.public.path("/account/not-me"),
        is_recoverable: app.mail.is_on() && visitor.user.proven_email().is_some(),
        username: visitor.user.username,
        restored: None,
        is_deleted: false,
        is_signed_in: true,
    })
}

/// Ends all access to the account. It requires no password, because it gives the caller no access.
pub async fn post(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let next =
        compromise_report::in_session(app.sign_in_context(), app.now(), &visitor.session, &app.origin_of(&request))
            .await;
    answer(&app, next)
}
