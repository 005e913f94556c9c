//! `/account/security/recovery-codes`: creates new recovery codes, shows them once, and sends them as a file.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{address_first, confirm, security};
use crate::domain::one_time_code::TypedCode;
use crate::domain::second_factor::RECOVERY_CODES;
use crate::domain::secret::Secret;
use crate::identity::factors;
use crate::oauth::problem::Problem;
use crate::web::app::App;
use crate::web::browser::{Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::page::{Layout, ok, see_other};
use crate::web::pages::Form;

/// The data of the template `account/recovery_codes.html`.
#[derive(Clone, Template)]
#[template(path = "account/recovery_codes.html")]
pub struct RecoveryCodesShown {
    pub layout: Layout,
    /// The codes, which are shown once.
    pub codes: Vec<String>,
    /// The codes in one line, for the form that downloads them.
    pub line: String,
    /// The address where the person continues.
    pub next: String,
}

impl std::fmt::Debug for RecoveryCodesShown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RecoveryCodesShown(…)")
    }
}

/// Returns the page that shows new codes once.
pub(in crate::web::pages) fn shown_once(layout: Layout, codes: &[Secret], next: &str) -> HttpResponse {
    let codes: Vec<String> = codes.iter().map(|code| code.expose().to_owned()).collect();
    let line = codes.join(",");
    ok(&RecoveryCodesShown { layout, codes, line, next: next.to_owned() })
}

/// Creates new codes for a person with a second factor. The old codes end.
pub async fn regenerate(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let now = app.now();
    if let Some(page) = address_first(&app, &visitor) {
        return Err(page);
    }
    if !visitor.has_recent_authentication(now) {
        return Ok(confirm::first(&app, &security::path(&app)));
    }
    let (sign_in_policy, origin, shared) =
        (app.sign_in_context().sign_in_policy(), app.origin_of(&request), app.clone());
    let who = visitor.clone();
    let made = app.store.write(move |tx| {
        let Some(visitor) = who.recheck(tx, &shared, now)? else { return Ok(None) };
        match factors::find(tx, visitor.user.id)?.is_any() && visitor.has_recent_authentication(now) {
            true => factors::new_codes(tx, now, &sign_in_policy, (&visitor.user, &origin)).map(Some),
            false => Ok(Some(Vec::new())),
        }
    });
    let made = made.await?;
    app.mail.wake();
    match made {
        None => Ok(see_other(&log_in_first(&app, &security::path(&app)))),
        Some(codes) if codes.is_empty() => Ok(see_other(&security::path(&app))),
        Some(codes) => Ok(shown_once(visitor.layout(&app), &codes, &security::path(&app))),
    }
}

/// Sends the codes of the page back as a file, which also works without scripts. It accepts recovery codes
/// only, so that it cannot be used to create files with other content.
pub async fn download(app: Data<App>, visitor: Visitor, Form(form): Form) -> Result<HttpResponse, PageError> {
    let codes: Vec<&str> = form.get("codes").unwrap_or_default().split(',').collect();
    let are_codes = codes.iter().all(|code| matches!(TypedCode::parse(code), Some(TypedCode::Recovery(_))));
    if codes.len() != RECOVERY_CODES || !are_codes {
        return Err(PageError::from(Problem::MalformedRequest));
    }
    let text = format!(
        "Recovery codes for {} at {}\r\nEach works once, in place of a code of your authenticator app.\r\n\r\n{}\r\n",
        visitor.user.username,
        app.public.issuer,
        codes.join("\r\n")
    );
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"recovery-codes.txt\""))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(text))
}
