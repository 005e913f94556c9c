//! `/keep`: keeping an account that is about to be erased. A link to it is in the letter about that, and
//! whoever logs in with the right password is asked here.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::reset::{key_of, link_ended};
use super::{Form, Message};
use crate::domain::deletion::Deletion;
use crate::domain::id::Id;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::identity::deletion::{self, Proof};
use crate::web::app::App;
use crate::web::error::PageError;
use crate::web::page::{Forms, Layout, Link, ok, render};

/// `restore_account.html`.
#[derive(Clone, Template)]
#[template(path = "restore_account.html")]
pub struct RestoreAccount {
    /// The frame.
    pub layout: Layout,
    /// The name of the hidden field.
    pub proof_name: &'static str,
    /// What it brings back: a secret.
    pub proof: String,
    /// Whose account.
    pub username: String,
    /// When it is erased.
    pub erases_at: String,
    /// Where to go instead.
    pub home_url: String,
}

fn ask(app: &App, proof: &Proof, (deletion, user): (&Deletion, User)) -> HttpResponse {
    let (proof_name, proof) = match proof {
        Proof::Link(key) => ("key", key),
        Proof::Offer(sealed) => ("offer", sealed),
    };
    let page = RestoreAccount {
        layout: app.layout(),
        proof_name,
        proof: proof.expose().to_owned(),
        username: user.username,
        erases_at: deletion.erases_at.readable(),
        home_url: app.public.path("/"),
    };
    render(StatusCode::OK, Forms::Stay, &page)
}

/// Asks somebody who just typed the right password.
pub(super) async fn offer(app: &Data<App>, user: Id<User>) -> Result<HttpResponse, PageError> {
    let now = app.now();
    let found = app.store.read(move |db| deletion::find_restorable(db, now, user)).await;
    let found = found.map_err(|error| PageError::unavailable(app, &error))?;
    let (deletion, user) = found.ok_or_else(|| link_ended(app))?;
    let proof = deletion::offer(&app.token_settings.keys, now, &deletion);
    let proof = proof.map_err(|error| PageError::unavailable(app, &error))?;
    Ok(ask(app, &proof, (&deletion, user)))
}

/// Asks whoever opened the link in the letter; looking changes nothing.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let proof = Proof::Link(key_of(&request).ok_or_else(|| link_ended(&app))?);
    let (now, shared, presented) = (app.now(), app.clone(), proof.clone());
    let found = app.store.read(move |db| deletion::find(db, now, &shared.token_settings.keys, &presented)).await;
    let found = found.map_err(|error| PageError::unavailable(&app, &error))?;
    let (deletion, user) = found.ok_or_else(|| link_ended(&app))?;
    Ok(ask(&app, &proof, (&deletion, user)))
}

/// Keeps the account. Logging in comes after it, with all that it asks for.
pub async fn post(app: Data<App>, request: HttpRequest, Form(form): Form) -> Result<HttpResponse, PageError> {
    let proof = match (form.get("offer"), form.get("key")) {
        (Some(sealed), _) => Proof::Offer(Secret::new(sealed)),
        (None, Some(key)) => Proof::Link(Secret::new(key)),
        (None, None) => return Err(link_ended(&app)),
    };
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(&request));
    let kept = app
        .store
        .write(move |tx| deletion::restore_by_proof(tx, now, (&shared.token_settings.keys, &proof), &origin))
        .await;
    let kept = kept.map_err(|error| PageError::unavailable(&app, &error))?.ok_or_else(|| link_ended(&app))?;
    let text = if kept.is_renamed {
        format!(
            "Nothing will be erased. Somebody took your user name meanwhile, so yours is now {}. Log in with it; you can \
             choose another one on your profile page.",
            kept.username
        )
    } else {
        "Nothing will be erased. Log in as before. Apps and programs must ask you again.".to_owned()
    };
    Ok(ok(&Message {
        layout: app.layout(),
        heading: "Your account stays".to_owned(),
        text,
        action: Some(Link { label: "Log in".to_owned(), href: app.public.path("/login") }),
    }))
}
