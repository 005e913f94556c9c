//! The consent page: what an application may do, said so that a tired person understands it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use url::form_urlencoded;

use crate::clock::in_words;
use crate::domain::client::GrantType;
use crate::domain::scope::Scope;
use crate::oauth::authorization::AuthorizationRequest;
use crate::oauth::scopes;
use crate::store::{StoreError, clients};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Chrome, Forms, render};

/// One permission.
#[derive(Clone, Debug)]
pub struct ScopeLine {
    /// The scope token.
    pub name: String,
    /// What a person reads.
    pub sentence: String,
    /// Whether the person did not allow it before.
    pub is_new: bool,
}

/// `consent.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "consent.html")]
pub struct Consent {
    /// The frame.
    pub chrome: Chrome,
    /// Where the decision goes: the same request.
    pub action: String,
    /// A digest of what is shown.
    pub shown: String,
    /// Who asks.
    pub app_name: String,
    /// Who registered it.
    pub owner: String,
    /// Whether the operator vouches for it.
    pub is_verified: bool,
    /// How long ago it was registered.
    pub registered: String,
    /// The host that the answer goes to.
    pub redirect_host: String,
    /// The whole address.
    pub redirect_uri: String,
    /// Whether any program on this device could receive the answer.
    pub is_on_this_device: bool,
    /// Who is signed in.
    pub username: String,
    /// What is asked.
    pub scopes: Vec<ScopeLine>,
    /// Whether the person allowed this application something before.
    pub has_been_allowed_before: bool,
    /// How long it lasts, as a sentence.
    pub lasts: String,
    /// Where to change the account.
    pub other_account_url: String,
}

/// Shows the page for a request whose address on this server has this query.
///
/// # Errors
/// When the store fails.
pub async fn show(
    app: &Data<App>,
    (asked, allowed): (&AuthorizationRequest, &Scope),
    visitor: &Visitor,
    query: &str,
    notice: Option<&str>,
) -> Result<HttpResponse, PageError> {
    let client = asked.client.clone();
    let found = app.store.read(move |db| {
        Ok::<_, StoreError>((clients::find_owner_name(db, &client)?.unwrap_or_default(), scopes::known(db)?))
    });
    let (owner, known) = found.await.map_err(|error| PageError::unavailable(app, &error))?;
    let scopes = scopes::sentences(&known, &asked.scope).into_iter();
    let chrome = visitor.chrome(app);
    let path = app.public.path("/oauth/authorize");
    let next: String = form_urlencoded::byte_serialize(format!("{path}?{query}").as_bytes()).collect();
    let page = Consent {
        chrome: notice.map_or(chrome.clone(), |notice| chrome.with_notice(notice)),
        action: format!("{path}?{query}"),
        shown: asked.shown_to(visitor.user.id),
        app_name: asked.client.name.clone(),
        owner,
        is_verified: asked.client.verified_at.is_some(),
        registered: format!("{} ago", in_words(app.now().since(asked.client.created_at))),
        redirect_host: asked.redirect_uri.host(),
        redirect_uri: asked.redirect_uri.as_str().to_owned(),
        is_on_this_device: !asked.has_proven_address(),
        username: visitor.user.username.clone(),
        scopes: scopes.map(|(name, sentence)| ScopeLine { is_new: !allowed.holds(&name), name, sentence }).collect(),
        has_been_allowed_before: !allowed.is_empty(),
        lasts: lasts(app, asked),
        other_account_url: format!("{}?next={next}", app.public.path("/logout")),
    };
    Ok(render(StatusCode::OK, Forms::Leave, &page))
}

fn lasts(app: &App, asked: &AuthorizationRequest) -> String {
    let lifetimes = app.mint.lifetimes;
    if asked.client.may_use(GrantType::RefreshToken) {
        format!(
            "It lasts until you remove the app, until the app has not used it for {}, or for {} at most.",
            in_words(lifetimes.refresh_idle),
            in_words(lifetimes.refresh_max)
        )
    } else {
        format!("It lasts {}, or until you remove the app.", in_words(lifetimes.access))
    }
}
