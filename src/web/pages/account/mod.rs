//! `/account`: the pages where a person manages their account.

pub mod apps;
pub mod compromise_report;
pub mod confirm;
pub mod delete;
pub mod log;
mod log_file;
pub mod new_token;
pub mod passkeys;
pub mod password;
pub mod profile;
pub mod recovery_codes;
pub mod security;
pub mod sessions;
pub mod token_offer;
mod token_request;
pub mod tokens;
pub mod totp;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::token_record::TokenRecord;
use crate::identity::{email, email_code, session};
use crate::oauth::parameters::Parameters;
use crate::store::{grants, tokens as personal_tokens};
use crate::tokens::personal_tokens::PERSONAL_KINDS;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{FieldError, Layout, ok, see_other};

/// The data of the template `account/index.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/index.html")]
pub struct AccountHome {
    pub layout: Layout,
    pub username: String,
    pub email: Option<String>,
    pub is_email_verified: bool,
    /// The role, which limits what the person's tokens may do, as text.
    pub role: String,
    /// When the account was created, as text.
    pub member_since: String,
    /// The number of active sessions.
    pub session_count: usize,
    /// The number of applications with access.
    pub app_count: usize,
    /// The number of personal tokens.
    pub token_count: usize,
    pub has_password: bool,
    /// The email address that is not proven yet.
    pub waiting: Option<String>,
    /// Whether the emailed code can be entered on this page.
    pub has_code: bool,
    /// Always empty: the page of the code shows its own errors.
    pub errors: Vec<FieldError>,
}

/// Shows the overview of the account.
pub async fn get(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, lifetimes, who) = (app.now(), app.token_settings.lifetimes, visitor.clone());
    let counted = app.store.read(move |db| {
        let user = who.user.id;
        let sessions = session::list(db, now, &lifetimes, user)?.len();
        let apps = grants::list_authorized_apps(db, now, user)?.len();
        let tokens = personal_tokens::count_personal(db, now, (user, &PERSONAL_KINDS))?;
        let waiting = email::find_waiting(db, now, &who.user)?.map(|link| link.email);
        Ok(((sessions, apps, tokens), waiting, email_code::find_address(db, now, &who.session)?))
    });
    let ((session_count, app_count, token_count), waiting, code_sent_to) = counted.await?;
    Ok(ok(&AccountHome {
        layout: visitor.layout(&app),
        username: visitor.user.username.clone(),
        email: visitor.user.email.clone(),
        is_email_verified: visitor.user.email_verified_at.is_some(),
        role: visitor.user.role.as_str().to_owned(),
        member_since: visitor.user.created_at.readable(),
        session_count,
        app_count,
        token_count: usize::try_from(token_count).unwrap_or_default(),
        has_password: visitor.user.password_digest.is_some(),
        waiting,
        has_code: code_sent_to.is_some(),
        errors: Vec::new(),
    }))
}

/// Redirects from the addresses of these pages on compatible platforms.
pub async fn moved(app: Data<App>, page: Path<String>) -> HttpResponse {
    see_other(&app.public.path(&format!("/account/{page}")))
}

/// Returns an error page when the email address must be proven before the account, or an application of it,
/// gets new credentials.
pub(in crate::web) fn address_first(app: &App, visitor: &Visitor) -> Option<PageError> {
    if app.sign_in_context().sign_in_policy().may_add_credentials(&visitor.user) {
        return None;
    }
    let (id, heading) = ("address-not-confirmed", "Confirm your e-mail address first");
    let what =
        "Passkeys, a second step and apps of your own come after that: then nobody else can say that it is theirs.";
    let advice = "Open the link that we emailed to you, or send it again from your profile.";
    let page = PageError::new(StatusCode::FORBIDDEN, id, heading, what, advice).seen_by(visitor.person());
    Some(page.with_action("Go to your profile", "/account/profile#address"))
}

/// Returns the position in a list that the query parameter `before` names.
pub(super) fn before(request: &HttpRequest) -> Option<Id<TokenRecord>> {
    let query = Parameters::parse(request.query_string().as_bytes()).ok()?;
    query.get("before")?.parse::<i64>().ok().map(Id::from_number)
}

/// Formats when something was last used, for a person to read.
pub(super) fn last_used(now: UnixTime, at: Option<UnixTime>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| format!("{} ago", crate::clock::in_words(now.since(at))))
}
