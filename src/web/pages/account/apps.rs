//! `/account/apps`: shows the applications that a person authorized, and removes one.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;

use super::last_used;
use crate::domain::consent::ConsentKind;
use crate::domain::space_separated::SpaceSeparated;
use crate::oauth::scopes;
use crate::store::{Database, StoreError, clients, consents, grants};
use crate::tokens::revoke;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Layout, ok, see_other};
use crate::web::pages::consent::made_by;

/// An application that has access to the account.
#[derive(Clone, Debug)]
pub struct AppAccessRow {
    pub client_id: String,
    pub name: String,
    /// The name of the owner, or who registered the application when it has no owner.
    pub owner: String,
    /// What the application may do, in sentences.
    pub scopes: Vec<String>,
    /// When the person first allowed it, as text.
    pub allowed: String,
    /// When the application last used its access, as text.
    pub last_used: String,
    /// The number of active tokens.
    pub tokens: usize,
    /// The APIs that validate tokens offline, where a token may work for a while after its revocation.
    pub validated_offline_at: Vec<String>,
}

/// The data of the template `account/apps.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/apps.html")]
pub struct Apps {
    pub layout: Layout,
    pub apps: Vec<AppAccessRow>,
}

/// Shows the applications with access.
pub async fn get(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user) = (app.now(), visitor.user.id);
    let apps = app.store.read(move |db| rows(db, now, user)).await?;
    Ok(ok(&Apps { layout: visitor.layout(&app), apps }))
}

fn rows(
    db: &mut Database,
    now: crate::clock::UnixTime,
    user: crate::domain::id::Id<crate::domain::user::User>,
) -> Result<Vec<AppAccessRow>, StoreError> {
    let (known, consents) = (scopes::known(db)?, consents::list(db, user)?);
    let mut rows = Vec::new();
    for authorized_app in grants::list_authorized_apps(db, now, user)? {
        let Some(client) = clients::find(db, authorized_app.client)?.filter(|client| client.deleted_at.is_none())
        else {
            continue;
        };
        let mut sentences = Vec::new();
        if authorized_app.has_login {
            sentences.push("Everything of yours, except the settings of your account (a log-in token)".to_owned());
        }
        sentences.extend(scopes::sentences(&known, &authorized_app.scope).into_iter().map(|(_, sentence)| sentence));
        let allowed = consents
            .iter()
            .filter(|consent| consent.client_key == client.id && consent.kind == ConsentKind::Authorization);
        rows.push(AppAccessRow {
            owner: clients::find_owner_name(db, &client)?.unwrap_or_else(|| made_by(&client)),
            client_id: client.client_id.clone(),
            name: client.name.clone(),
            scopes: sentences,
            allowed: allowed
                .map(|consent| consent.allowed_at)
                .chain([authorized_app.since])
                .min()
                .unwrap_or(authorized_app.since)
                .readable(),
            last_used: last_used(now, authorized_app.last_used_at),
            tokens: authorized_app.tokens,
            validated_offline_at: scopes::list_validating_offline(
                db,
                &SpaceSeparated::default(),
                &authorized_app.scope,
            )?,
        });
    }
    Ok(rows)
}

/// Removes an application: revokes its tokens at once and deletes the consent, so that it must ask again.
pub async fn remove(app: Data<App>, client_id: Path<String>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user) = (app.now(), visitor.user.id);
    let removed = app.store.write(move |tx| {
        let Some(client) = clients::find_by_client_id(tx, &client_id)? else { return Ok(false) };
        revoke::application(tx, now, (user, &visitor.origin), &client)?;
        Ok(true)
    });
    match removed.await {
        Ok(true) => Ok(see_other(&app.public.path("/account/apps"))),
        Ok(false) => Err(PageError::not_found()),
        Err(error) => Err(error.into()),
    }
}
