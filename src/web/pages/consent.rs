//! The consent page: what an application may do, in words that everybody understands.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::log_in;
use super::permissions::Permissions;
use crate::clock::in_words;
use crate::domain::client::{Client, GrantType};
use crate::domain::scope::Scope;
use crate::oauth::authorization::AuthorizationRequest;
use crate::oauth::consent::Allowed;
use crate::oauth::scopes;
use crate::store::{StoreError, clients};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Forms, Layout, render};

/// Describes who is responsible for an application without an owner.
pub fn made_by(client: &Client) -> String {
    client.described_at().unwrap_or_else(|| "nobody we know: it registered itself".to_owned())
}

/// The data of the template `consent.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "consent.html")]
pub struct Consent {
    pub layout: Layout,
    /// The address that the decision is submitted to: the same authorization request.
    pub action: String,
    /// A digest of what the page shows. The decision counts only with the same digest.
    pub shown: String,
    /// The host of the client ID metadata document, when the application is described by one.
    pub described_at: Option<String>,
    pub app_name: String,
    /// The owner of the application, or who registered it when it has no owner.
    pub owner: String,
    /// Whether the operator vouches for the application.
    pub is_verified: bool,
    /// How long ago it was registered, as text.
    pub registered: String,
    pub redirect_host: String,
    pub redirect_uri: String,
    /// Whether any program on this device could receive the answer.
    pub is_on_this_device: bool,
    /// The user name of the signed-in person.
    pub username: String,
    /// The requested permissions, for people.
    pub may: Permissions,
    pub has_been_allowed_before: bool,
    /// How long the consent lasts, as a sentence.
    pub lasts: String,
    /// The address where the person signs in with another account.
    pub other_account_url: String,
}

/// Shows the consent page of an authorization request.
///
/// # Errors
/// When the store fails.
pub async fn show(
    app: &Data<App>,
    (asked, allowed): (&AuthorizationRequest, &Allowed),
    visitor: &Visitor,
    query: &str,
    notice: Option<&str>,
) -> Result<HttpResponse, PageError> {
    let (shared, wish, before) = (app.clone(), asked.clone(), allowed.clone());
    let found = app.store.read(move |db| {
        let owner = clients::find_owner_name(db, &wish.client)?.unwrap_or_else(|| made_by(&wish.client));
        let validated_offline = scopes::list_validating_offline(db, &wish.audience, &wish.scope)?;
        let may = Permissions::read(db, &shared.token_settings, (&wish.scope, &wish.audience), &before)?;
        Ok::<_, StoreError>((owner, validated_offline, may))
    });
    let (owner, validated_offline, may) = found.await?;
    let layout = visitor.layout(app);
    let path = app.public.path("/oauth/authorize");
    let action = format!("{path}?{query}");
    let page = Consent {
        layout: notice.map_or(layout.clone(), |notice| layout.with_notice(notice)),
        other_account_url: log_in::for_another(app, &action),
        action,
        shown: asked.shown_to(visitor.user.id),
        described_at: asked.client.described_at(),
        app_name: asked.client.name.clone(),
        owner,
        is_verified: asked.client.verified_at.is_some(),
        registered: format!("{} ago", in_words(app.now().since(asked.client.created_at))),
        redirect_host: asked.redirect_uri.host(),
        redirect_uri: asked.redirect_uri.as_str().to_owned(),
        is_on_this_device: !asked.has_proven_address(),
        username: visitor.user.username.clone(),
        may,
        has_been_allowed_before: !allowed.is_empty(),
        lasts: lasts(app, (&asked.client, &asked.scope), &validated_offline),
    };
    Ok(render(StatusCode::OK, Forms::Leave, &page))
}

/// Describes in a sentence how long the permissions of an application last.
pub(super) fn lasts(app: &App, (client, scope): (&Client, &Scope), validated_offline: &[String]) -> String {
    let lifetimes = app.token_settings.lifetimes;
    // A refresh token that is not rotated expires at the maximum lifetime of any token.
    let oldest = app.token_settings.limits.max_lifetime.filter(|_| !client.is_public()).unwrap_or(i64::MAX);
    let lasts = if client.may_use(GrantType::RefreshToken) || scope.holds("offline_access") {
        format!(
            "It lasts until you remove the app, until the app has not used it for {}, or for {} at most.",
            in_words(lifetimes.refresh_idle),
            in_words(lifetimes.refresh_max.min(oldest))
        )
    } else {
        format!("It lasts {}, or until you remove the app.", in_words(lifetimes.access))
    };
    match validated_offline {
        [] => lasts,
        names => format!("{lasts} Then it may work up to 10 minutes more at {}.", names.join(", ")),
    }
}
