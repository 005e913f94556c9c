//! Replaces and ends the secrets of an application.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use super::edit::show_with_secret;
use super::{confirm_first, find_own};
use crate::domain::id::Id;
use crate::identity::alerts;
use crate::identity::emailed_links::requester;
use crate::oauth::clients::{end_secret, roll_secret};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::see_other;
use crate::web::pages::Form;
use crate::web::pages::account::address_first;

/// How long an old secret may stay valid beside the new one, in seconds: a week at most.
const LONGEST_OVERLAP: i64 = 604_800;

/// Creates a new secret and shows it once. The old secret expires when the owner chooses.
pub async fn roll(
    app: Data<App>,
    client_id: Path<String>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    if let Some(page) = address_first(&app, &visitor) {
        return Err(page);
    }
    if !visitor.has_recent_authentication(app.now()) {
        return Ok(confirm_first(&app, &client_id));
    }
    let number = (visitor.user.id, form.get("once"));
    if let Some(location) = app.sent_forms.find(app.now(), number) {
        return Ok(see_other(&location));
    }
    let keep_old_for = form.get("keep_old_for").and_then(|seconds| seconds.parse::<i64>().ok()).unwrap_or(0);
    let keep_old_for = keep_old_for.clamp(0, LONGEST_OVERLAP);
    let (now, shared, who, id) = (app.now(), app.clone(), visitor.clone(), client_id.to_string());
    let rolled = app.store.write(move |tx| {
        // A person whose session ended meanwhile, for example by a new password, gets no secret.
        let Some(Visitor { user, origin, .. }) = who.recheck(tx, &shared, now)? else { return Ok(None) };
        let client = find_own(tx, &user, &id)?.filter(|client| client.has_secret());
        let Some(client) = client else { return Ok(None) };
        alerts::secret_made(tx, (&shared.mail, &requester(now, &origin)), (&user, &client))?;
        roll_secret(tx, now, (&client, keep_old_for), Some(&origin)).map(Some)
    });
    match rolled.await {
        Ok(Some(secret)) => {
            app.sent_forms.remember(now, number, &app.public.path(&format!("/developer/apps/{client_id}")));
            show_with_secret(&app, &visitor, &client_id, &secret).await
        }
        Ok(None) => Err(PageError::not_found()),
        Err(error) => Err(error.into()),
    }
}

/// Ends one secret at once.
pub async fn end(app: Data<App>, path: Path<(String, i64)>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (client_id, secret) = path.into_inner();
    if !visitor.has_recent_authentication(app.now()) {
        return Ok(confirm_first(&app, &client_id));
    }
    let (now, user, id) = (app.now(), visitor.user.clone(), client_id.clone());
    let ended = app.store.write(move |tx| match find_own(tx, &user, &id)? {
        Some(client) => end_secret(tx, now, (&client, Id::from_number(secret)), &visitor.origin),
        None => Ok(false),
    });
    match ended.await {
        Ok(true) => Ok(see_other(&app.public.path(&format!("/developer/apps/{client_id}")))),
        Ok(false) => Err(PageError::not_found()),
        Err(error) => Err(error.into()),
    }
}
