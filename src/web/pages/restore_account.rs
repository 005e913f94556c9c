//! `/keep`: restores an account that is scheduled for erasure. The email about the erasure links to it, and a
//! log-in with the correct password leads to it.

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

/// The data of the template `restore_account.html`.
#[derive(Clone, Template)]
#[template(path = "restore_account.html")]
pub struct RestoreAccount {
    pub layout: Layout,
    /// The name of the hidden field.
    pub proof_name: &'static str,
    /// The value of the hidden field, a secret.
    pub proof: String,
    /// The user name of the account.
    pub username: String,
    /// When the account is erased, as text.
    pub erases_at: String,
    /// The address of the front page.
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

/// Shows the form to a person who has just entered the correct password.
pub(super) async fn offer(app: &Data<App>, user: Id<User>) -> Result<HttpResponse, PageError> {
    let now = app.now();
    let found = app.store.read(move |db| deletion::find_restorable(db, now, user)).await?;
    let (deletion, user) = found.ok_or_else(link_ended)?;
    let proof = deletion::offer(&app.token_settings.keys, now, &deletion);
    Ok(ask(app, &proof, (&deletion, user)))
}

/// Shows the form to a person who opened the emailed link. It changes nothing.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let proof = Proof::Link(key_of(&request).ok_or_else(link_ended)?);
    let (now, shared, presented) = (app.now(), app.clone(), proof.clone());
    let found = app.store.read(move |db| deletion::find(db, now, &shared.token_settings.keys, &presented)).await?;
    let (deletion, user) = found.ok_or_else(link_ended)?;
    Ok(ask(&app, &proof, (&deletion, user)))
}

/// Restores the account. The person logs in afterwards, with all required steps.
pub async fn post(app: Data<App>, request: HttpRequest, Form(form): Form) -> Result<HttpResponse, PageError> {
    let proof = match (form.get("offer"), form.get("key")) {
        (Some(sealed), _) => Proof::Offer(Secret::new(sealed)),
        (None, Some(key)) => Proof::Link(Secret::new(key)),
        (None, None) => return Err(link_ended()),
    };
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(&request));
    let kept = app
        .store
        .write(move |tx| deletion::restore_by_proof(tx, now, (&shared.token_settings.keys, &proof), &origin))
        .await;
    let kept = kept?.ok_or_else(link_ended)?;
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
