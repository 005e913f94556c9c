//! `/keep?key=`: keeping an account that is about to be erased. Its link is in the letter about it, and
//! whoever logs in with the right password is sent here.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::Message;
use super::reset::{key_of, over};
use crate::domain::deletion::Deletion;
use crate::domain::id::Id;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::identity::deletion;
use crate::web::app::App;
use crate::web::error::PageError;
use crate::web::page::{Chrome, Link, ok, see_other};

/// `keep.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "keep.html")]
pub struct Keep {
    /// The frame.
    pub chrome: Chrome,
    /// Where the form goes: the same address.
    pub action: String,
    /// Whose account.
    pub username: String,
    /// When it is erased.
    pub erases_at: String,
    /// Where to go instead.
    pub home_url: String,
}

/// Sends somebody who just typed the right password to the page.
pub(super) async fn offer(app: &Data<App>, user: Id<User>) -> Result<HttpResponse, PageError> {
    let now = app.now();
    let offered = app.store.write(move |tx| deletion::offer(tx, now, user)).await;
    match offered.map_err(|error| PageError::unavailable(app, &error))? {
        Some(key) => Ok(see_other(&format!("{}?key={}", app.public.path("/keep"), key.expose()))),
        None => Err(over(app)),
    }
}

async fn living(app: &Data<App>, request: &HttpRequest) -> Result<(Secret, Deletion, User), PageError> {
    let key = key_of(request).ok_or_else(|| over(app))?;
    let (now, presented) = (app.now(), key.clone());
    let found = app.store.read(move |db| deletion::find(db, now, presented.expose())).await;
    let found = found.map_err(|error| PageError::unavailable(app, &error))?;
    found.map(|(_, deletion, user)| (key, deletion, user)).ok_or_else(|| over(app))
}

/// Asks; looking changes nothing.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let (_, deletion, user) = living(&app, &request).await?;
    Ok(ok(&Keep {
        chrome: app.chrome(),
        action: request.uri().to_string(),
        username: user.username,
        erases_at: deletion.erases_at.readable(),
        home_url: app.public.path("/"),
    }))
}

/// Keeps the account. Logging in comes after it, with all that it asks for.
pub async fn post(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let (key, _, user) = living(&app, &request).await?;
    let (now, origin) = (app.now(), app.origin_of(&request));
    let kept = app.store.write(move |tx| deletion::keep_by_link(tx, now, &key, &origin)).await;
    let kept = kept.map_err(|error| PageError::unavailable(&app, &error))?;
    let name = kept.ok_or_else(|| over(&app))?;
    let text = if name == user.username {
        "Nothing will be erased. Log in as before. Apps and programs must ask you again.".to_owned()
    } else {
        format!(
            "Nothing will be erased. Somebody took your user name meanwhile, so yours is now {name}. Log in with it; you \
             can choose another one on your profile page."
        )
    };
    Ok(ok(&Message {
        chrome: app.chrome(),
        heading: "Your account stays".to_owned(),
        text,
        action: Some(Link { label: "Log in".to_owned(), href: app.public.path("/login") }),
    }))
}
