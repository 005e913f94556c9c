//! `/account/security/passkeys`: lists, adds, renames and removes the passkeys of a person.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{address_first, confirm, last_used};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::passkey::{MAX_NAME, MOST, Passkey};
use crate::domain::session::browser_in_words;
use crate::domain::webauthn::RelyingParty;
use crate::identity::passkeys::challenge::Purpose;
use crate::identity::passkeys::{self, PasskeyRefusal};
use crate::oauth::parameters::Parameters;
use crate::outcome::Error;
use crate::store;
use crate::web::app::App;
use crate::web::browser::{Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::page::{Forms, Layout, render, see_other};
use crate::web::pages::Form;
use crate::web::passkey;

/// The path of these pages.
const PATH: &str = "/account/security/passkeys";
/// The values of the query parameter `done`, with the notice that each shows.
const DONE: [(&str, &str); 3] = [
    ("added", "The passkey is added. From now on you can log in with it."),
    ("renamed", "The passkey has its new name."),
    ("removed", "The passkey is removed. Nobody can log in with it any more."),
];

/// A passkey in the list.
#[derive(Clone, Debug)]
pub struct PasskeyRow {
    pub id: String,
    pub name: String,
    /// Where the passkey is kept: in a password manager that may copy it to other devices, or on one device.
    pub kept: &'static str,
    /// When it was added, as text.
    pub added: String,
    /// When it was last used to authenticate, as text.
    pub last_used: String,
    /// Whether it is disabled because it may have been copied.
    pub is_stopped: bool,
}

/// The data of the template `account/passkeys.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/passkeys.html")]
pub struct Passkeys {
    pub layout: Layout,
    pub error: Option<String>,
    pub rows: Vec<PasskeyRow>,
    /// The passkeys that the server accepts, as JSON. A password manager may delete the others.
    pub accepted: Option<String>,
    /// Whether the server has a relying party ID, without which there are no passkeys.
    pub is_possible: bool,
    /// The maximum number of passkeys.
    pub most: usize,
    /// The maximum length of a name.
    pub max_name: usize,
}

/// The data of the template `account/new_passkey.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/new_passkey.html")]
pub struct NewPasskey {
    pub layout: Layout,
    pub error: Option<String>,
    /// The WebAuthn creation options, as JSON.
    pub options: String,
    /// The name of the new passkey.
    pub name: String,
    /// The maximum length of a name.
    pub max_name: usize,
}

fn row(now: UnixTime, passkey: &Passkey) -> PasskeyRow {
    PasskeyRow {
        id: passkey.id.number().to_string(),
        name: passkey.name.clone(),
        kept: if passkey.is_backup_eligible { "In a password manager" } else { "On one device" },
        added: passkey.created_at.readable(),
        last_used: last_used(now, passkey.last_used_at),
        is_stopped: passkey.suspected_at.is_some(),
    }
}

async fn list(app: &Data<App>, visitor: &Visitor) -> Result<Vec<Passkey>, PageError> {
    let user = visitor.user.id;
    Ok(app.store.read(move |db| store::passkeys::list(db, user)).await?)
}

async fn show(
    app: &Data<App>,
    visitor: &Visitor,
    (notice, error): (Option<&str>, Option<String>),
) -> Result<HttpResponse, PageError> {
    let (now, held) = (app.now(), list(app, visitor).await?);
    let party = app.public.relying_party.as_ref();
    let layout = visitor.layout(app);
    let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = Passkeys {
        layout: notice.map_or(layout.clone(), |notice| layout.with_notice(notice)),
        error,
        rows: held.iter().map(|passkey| row(now, passkey)).collect(),
        accepted: party.map(|party| passkey::accepted(party, (&visitor.user, &held))),
        is_possible: party.is_some(),
        most: MOST,
        max_name: MAX_NAME,
    };
    Ok(render(status, Forms::Stay, &page))
}

/// Shows the list of passkeys.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let query = Parameters::parse(request.query_string().as_bytes());
    let query = query?;
    let notice = DONE.iter().find(|(done, _)| query.get("done") == Some(done)).map(|(_, words)| *words);
    show(&app, &visitor, (notice, None)).await
}

async fn show_new(
    app: &Data<App>,
    (visitor, party): (&Visitor, &RelyingParty),
    (name, error): (String, Option<String>),
) -> Result<HttpResponse, PageError> {
    let held = list(app, visitor).await?;
    let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = NewPasskey {
        layout: visitor.layout(app),
        error,
        options: passkey::wanted(app, party, Purpose::Add(visitor.session.id), (&visitor.user, &held)),
        name,
        max_name: MAX_NAME,
    };
    Ok(render(status, Forms::Stay, &page))
}

/// Shows the form for a new passkey. It requires a recent authentication.
pub async fn get_new(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let Some(party) = &app.public.relying_party else { return Ok(see_other(&app.public.path(PATH))) };
    if let Some(page) = address_first(&app, &visitor) {
        return Err(page);
    }
    if !visitor.has_recent_authentication(app.now()) {
        return Ok(confirm::first(&app, &app.public.path(&format!("{PATH}/new"))));
    }
    let name = browser_in_words(&app.origin_of(&request).user_agent);
    show_new(&app, (&visitor, party), (name, None)).await
}

/// Adds the passkey to the account.
pub async fn post_new(
    app: Data<App>,
    request: HttpRequest,
    visitor: Visitor,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let Some(party) = &app.public.relying_party else { return Ok(see_other(&app.public.path(PATH))) };
    let name: String = form.get("name").unwrap_or_default().chars().take(4 * MAX_NAME).collect();
    let (session, origin) = (&visitor.session, app.origin_of(&request));
    let added = match passkey::offered(&form, name.clone()) {
        Ok(offered) => passkeys::add(app.sign_in_context(), app.now(), party, (session, &origin), offered).await,
        Err(_error) => Err(Error::Refused(PasskeyRefusal::Unusable)),
    };
    match added {
        Err(Error::Refused(PasskeyRefusal::NotRecent)) => {
            Ok(confirm::first(&app, &app.public.path(&format!("{PATH}/new"))))
        }
        Err(Error::Refused(refusal)) if refusal != PasskeyRefusal::SignedOut => {
            show_new(&app, (&visitor, party), (name, Some(refusal.to_string()))).await
        }
        other => answer(&app, &visitor, ("added", other)).await,
    }
}

/// Changes the name of one passkey.
pub async fn rename(
    app: Data<App>,
    id: Path<i64>,
    request: HttpRequest,
    visitor: Visitor,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let (id, name) = (Id::<Passkey>::from_number(*id), form.get("name").unwrap_or_default());
    let who = (&visitor.session, &app.origin_of(&request));
    let renamed = passkeys::rename(app.sign_in_context(), app.now(), who, (id, name)).await;
    answer(&app, &visitor, ("renamed", renamed)).await
}

/// Removes one passkey from the account.
pub async fn remove(
    app: Data<App>,
    id: Path<i64>,
    request: HttpRequest,
    visitor: Visitor,
) -> Result<HttpResponse, PageError> {
    let id = Id::<Passkey>::from_number(*id);
    let who = (&visitor.session, &app.origin_of(&request));
    let removed = passkeys::remove(app.sign_in_context(), app.now(), who, id).await;
    answer(&app, &visitor, ("removed", removed)).await
}

async fn answer(
    app: &Data<App>,
    visitor: &Visitor,
    (done, outcome): (&str, Result<(), Error<PasskeyRefusal>>),
) -> Result<HttpResponse, PageError> {
    let here = app.public.path(PATH);
    match outcome {
        Ok(()) => Ok(see_other(&format!("{here}?done={done}"))),
        Err(Error::Failed(error)) => Err(error.into()),
        Err(Error::Refused(PasskeyRefusal::Unknown)) => Err(PageError::not_found()),
        Err(Error::Refused(PasskeyRefusal::SignedOut)) => Ok(see_other(&log_in_first(app, &here))),
        Err(Error::Refused(PasskeyRefusal::NotRecent)) => Ok(confirm::first(app, &here)),
        Err(Error::Refused(refusal)) => show(app, visitor, (None, Some(refusal.to_string()))).await,
    }
}
