//! `/account/tokens`: the tokens that a person made, and their generator.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Payload};
use askama::Template;

use super::{confirm, last_used};
use crate::clock::{UnixTime, in_words};
use crate::domain::id::Id;
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::store::{Database, StoreError, tokens};
use crate::tokens::personal::{self, HELD};
use crate::tokens::studio;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Chrome, ok, see_other};
use crate::web::pages::read_form;

/// The most tokens on the page.
const MOST: i64 = 1_000;

/// One token, without its secret.
#[derive(Clone, Debug)]
pub struct HeldTokenRow {
    /// What the form names it by.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// How it begins.
    pub prefix: &'static str,
    /// How it ends.
    pub last_four: String,
    /// What it may do, in sentences.
    pub may: Vec<String>,
    /// When it was made.
    pub created: String,
    /// When it ends.
    pub expires: String,
    /// When it was last used, and from where.
    pub last_used: String,
}

/// `account/tokens.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/tokens.html")]
pub struct Tokens {
    /// The frame.
    pub chrome: Chrome,
    /// The tokens.
    pub tokens: Vec<HeldTokenRow>,
    /// The generator, when the person asked to see it.
    pub generator: Option<String>,
    /// How it ends.
    pub generator_last_four: String,
}

fn prefix(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Studio => "gps_",
        TokenKind::Fileset => "gpf_",
        _ => "gpp_",
    }
}

/// What a token may do, in sentences.
pub(super) fn may(token: &TokenRecord) -> Vec<String> {
    let mut sentences: Vec<String> = token.class().map(|class| class.in_words().to_owned()).into_iter().collect();
    sentences.extend(token.resource.as_ref().map(|fileset| format!("Read the fileset {fileset}")));
    for entry in token.access_list.iter().flat_map(|list| list.entries()) {
        sentences.push(format!("{}: {}", entry.path_id, entry.access.access_tier.in_words()));
    }
    sentences.extend(token.scope.tokens().map(|scope| format!("Use the scope {scope}")));
    sentences
}

/// When a token ends, for a person.
pub(super) fn ends(now: UnixTime, end: Option<UnixTime>) -> String {
    end.map_or_else(|| "never".to_owned(), |end| format!("in {}", in_words(end.since(now))))
}

fn row(now: UnixTime, token: &TokenRecord) -> HeldTokenRow {
    let from = token.last_used_from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    HeldTokenRow {
        id: token.id.number().to_string(),
        name: token.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| "Without a name".to_owned()),
        prefix: prefix(token.kind),
        last_four: token.last_four.clone().unwrap_or_default(),
        may: may(token),
        created: token.created_at.readable(),
        expires: ends(now, token.expires_at),
        last_used: format!("{}{from}", last_used(now, token.last_used_at)),
    }
}

async fn show(app: &Data<App>, visitor: &Visitor, is_shown: bool) -> Result<HttpResponse, PageError> {
    let (now, shared, user) = (app.now(), app.clone(), visitor.user.clone());
    // The generator is made when it is first looked at.
    let found = app.store.write(move |tx| {
        let held = tokens::list_held(tx, now, (user.id, &HELD), (None, MOST))?;
        Ok((held, studio::generator(tx, now, &shared.mint, &user)?))
    });
    let (held, generator) = found.await.map_err(|error| PageError::unavailable(app, &error))?;
    Ok(ok(&Tokens {
        chrome: visitor.chrome(app),
        tokens: held.iter().map(|token| row(now, token)).collect(),
        generator: is_shown.then(|| generator.text.expose().to_owned()),
        generator_last_four: generator.record.last_four.unwrap_or_default(),
    }))
}

/// Shows the tokens; the generator masked.
pub async fn get(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    show(&app, &visitor, false).await
}

/// Shows the generator itself, to somebody who just proved who they are.
pub async fn show_generator(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    if !visitor.is_fresh(app.now()) {
        return Ok(see_other(&confirm::location(&app, &app.public.path("/account/tokens"))));
    }
    show(&app, &visitor, true).await
}

/// Replaces the generator.
pub async fn regenerate(
    app: Data<App>,
    request: HttpRequest,
    visitor: Visitor,
    payload: Payload,
) -> Result<HttpResponse, PageError> {
    let form = read_form(&app, &request, payload).await?;
    let ends_children = form.get("ends_children") == Some("true");
    let (now, shared, user) = (app.now(), app.clone(), visitor.user.clone());
    let made = app.store.write(move |tx| studio::regenerate(tx, now, &shared.mint, (&user, ends_children)).map(drop));
    back(&app, made.await.map(|()| true))
}

/// Revokes one token.
pub async fn revoke(app: Data<App>, id: Path<i64>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user, id) = (app.now(), visitor.user.id, Id::<TokenRecord>::from_number(*id));
    back(&app, app.store.write(move |tx| personal::revoke(tx, now, (user, &HELD), id)).await)
}

/// Revokes those that no program ever used.
pub async fn revoke_unused(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user) = (app.now(), visitor.user.id);
    back(&app, app.store.write(move |tx| revoke_where(tx, now, user, |token| token.last_used_at.is_none())).await)
}

/// Revokes all.
pub async fn revoke_all(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user) = (app.now(), visitor.user.id);
    back(&app, app.store.write(move |tx| revoke_where(tx, now, user, |_| true)).await)
}

fn revoke_where(
    tx: &mut Database,
    now: UnixTime,
    user: Id<crate::domain::user::User>,
    is_meant: impl Fn(&TokenRecord) -> bool,
) -> Result<bool, StoreError> {
    for token in tokens::list_held(tx, now, (user, &HELD), (None, MOST))?.iter().filter(|token| is_meant(token)) {
        personal::revoke(tx, now, (user, &HELD), token.id)?;
    }
    Ok(true)
}

fn back(app: &Data<App>, done: Result<bool, StoreError>) -> Result<HttpResponse, PageError> {
    match done {
        Ok(true) => Ok(see_other(&app.public.path("/account/tokens"))),
        Ok(false) => Err(PageError::not_found(app)),
        Err(error) => Err(PageError::unavailable(app, &error)),
    }
}
