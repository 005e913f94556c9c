//! `/developer`: registers and manages the applications of a person. The rules are the same as in the command.

pub mod edit;
pub mod hosts;
pub mod log;
pub mod new;
pub mod return_addresses;
pub mod secrets;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::oauth::clients::{MOST_WITHOUT_EMAIL, max_apps_of};
use crate::oauth::parameters::Parameters;
use crate::store::{Database, StoreError, client_secrets, clients, grants};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Layout, ok};
use crate::web::pages::account::{confirm, last_used};

/// An application in the list.
#[derive(Clone, Debug)]
pub struct AppRow {
    pub client_id: String,
    /// The name for people.
    pub name: String,
    /// The client type, as text.
    pub kind: String,
    /// When it was registered, as text.
    pub created: String,
    /// When one of its secrets was last used, as text.
    pub last_used: String,
    /// The number of people who authorized the application.
    pub people: usize,
}

/// The data of the template `developer/index.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "developer/index.html")]
pub struct DeveloperHome {
    pub layout: Layout,
    pub apps: Vec<AppRow>,
    /// Whether the person may register another application.
    pub may_create: bool,
    /// Why the person may not register another, or how many more they may.
    pub limit_note: Option<String>,
    /// The URL of the discovery document.
    pub metadata_url: String,
}

/// Shows the applications of the person.
pub async fn get(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, owner) = (app.now(), visitor.user.id);
    let rows = app.store.read(move |db| {
        clients::list(db, Some(owner))?
            .iter()
            .map(|client| row(db, now, client))
            .collect::<Result<Vec<_>, StoreError>>()
    });
    let apps = rows.await?;
    let may_add_credentials = app.sign_in_context().sign_in_policy().may_add_credentials(&visitor.user);
    Ok(ok(&DeveloperHome {
        layout: visitor.layout(&app),
        may_create: may_add_credentials && apps.len() < max_apps_of(&visitor.user),
        limit_note: match may_add_credentials {
            true => limit_note(&visitor.user, apps.len()),
            false => Some("Confirm your e-mail address first. Then you can register apps.".to_owned()),
        },
        apps,
        metadata_url: metadata_url(&app),
    }))
}

fn row(db: &mut Database, now: UnixTime, client: &Client) -> Result<AppRow, StoreError> {
    let secrets = client_secrets::list(db, now, client.id)?;
    Ok(AppRow {
        client_id: client.client_id.clone(),
        name: client.name.clone(),
        kind: kind(client),
        created: client.created_at.readable(),
        last_used: last_used(now, secrets.iter().filter_map(|secret| secret.last_used_at).max()),
        people: grants::count_people(db, now, client.id)?,
    })
}

fn limit_note(user: &User, owned: usize) -> Option<String> {
    let most = max_apps_of(user);
    if most == MOST_WITHOUT_EMAIL {
        Some(format!("You may own {most} applications while your e-mail address is not verified."))
    } else {
        (owned >= most).then(|| format!("You own {owned} applications, which is the most here."))
    }
}

pub(super) fn metadata_url(app: &App) -> String {
    format!("{}/.well-known/oauth-authorization-server", app.public.issuer)
}

pub(super) fn kind(client: &Client) -> String {
    if client.is_public() { "has no secret" } else { "has a secret" }.to_owned()
}

/// Returns the addresses in a text area, one from each line.
pub(super) fn lines(form: &Parameters, name: &str) -> Vec<String> {
    let text = form.get(name).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Returns an application of the person, or `None` when it does not exist or has another owner.
pub(super) fn find_own(db: &mut Database, user: &User, client_id: &str) -> Result<Option<Arc<Client>>, StoreError> {
    let found = clients::find_for_update(db, client_id)?;
    Ok(found.filter(|client| client.owner_id == Some(user.id) && client.deleted_at.is_none()))
}

/// Asks for a recent authentication before an action that ends access of the application or gives access to
/// it. Returns to the page of the application.
pub(super) fn confirm_first(app: &App, client_id: &str) -> HttpResponse {
    confirm::first(app, &app.public.path(&format!("/developer/apps/{client_id}")))
}
