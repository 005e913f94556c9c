//! `/account`: a person's own pages.

pub mod apps;
pub mod confirm;
pub mod log;
mod log_file;
pub mod new_token;
pub mod passkeys;
pub mod recovery_codes;
pub mod security;
pub mod sessions;
pub mod token_offer;
mod token_wish;
pub mod tokens;
pub mod totp;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::token_record::TokenRecord;
use crate::identity::session;
use crate::oauth::parameters::Parameters;
use crate::store::grants;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Chrome, ok, see_other};

/// `account/index.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/index.html")]
pub struct AccountHome {
    /// The frame.
    pub chrome: Chrome,
    /// The name.
    pub username: String,
    /// The address.
    pub email: Option<String>,
    /// Whether it is proven.
    pub is_email_verified: bool,
    /// What the person's tokens may be at most.
    pub role: String,
    /// When the account was made.
    pub member_since: String,
    /// Living sessions.
    pub session_count: usize,
    /// Applications with access.
    pub app_count: usize,
}

/// Shows the overview.
pub async fn get(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, lifetimes, user) = (app.now(), app.mint.lifetimes, visitor.user.id);
    let counted = app.store.read(move |db| {
        Ok((session::list(db, now, &lifetimes, user)?.len(), grants::list_standings(db, now, user)?.len()))
    });
    let (session_count, app_count) = counted.await.map_err(|error| PageError::unavailable(&app, &error))?;
    Ok(ok(&AccountHome {
        chrome: visitor.chrome(&app),
        username: visitor.user.username.clone(),
        email: visitor.user.email.clone(),
        is_email_verified: visitor.user.email_verified_at.is_some(),
        role: visitor.user.role.as_str().to_owned(),
        member_since: visitor.user.created_at.readable(),
        session_count,
        app_count,
    }))
}

/// Where other platforms keep these pages.
pub async fn moved(app: Data<App>, page: Path<String>) -> HttpResponse {
    let is_about_security = page.as_str() == "security";
    see_other(&app.public.path(if is_about_security { "/account/security" } else { "/account" }))
}

/// Where a list goes on, as the address says it.
pub(super) fn before(request: &HttpRequest) -> Option<Id<TokenRecord>> {
    let query = Parameters::parse(request.query_string().as_bytes()).ok()?;
    query.get("before")?.parse::<i64>().ok().map(Id::from_number)
}

/// When something was last used, for a person to read.
pub(super) fn last_used(now: UnixTime, at: Option<UnixTime>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| format!("{} ago", crate::clock::in_words(now.since(at))))
}
