//! `/account/tokens`: the tokens that a person made, and their generator.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Payload};
use askama::Template;

use super::token_offer::capitalized;
use super::{confirm, last_used};
use crate::clock::{UnixTime, in_words};
use crate::domain::access_list::{AccessList, Tier};
use crate::domain::api::{ApiScope, BUILT_IN_SCOPES};
use crate::domain::id::Id;
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::domain::user::User;
use crate::oauth::parameters::Parameters;
use crate::store::{Database, StoreError, apis, tokens};
use crate::tokens::personal::{self, HELD};
use crate::tokens::studio;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Chrome, ok, see_other};
use crate::web::pages::read_form;

/// The most tokens on the page, and the most that are ended in one step.
const MOST: i64 = 1_000;
/// Resources that are named in a sentence; the others are counted.
const NAMED: usize = 5;
/// What was just done, as the address says it, and what a person reads.
const DONE: [(&str, &str); 4] = [
    ("revoked", "The token is revoked. Whatever still sends it is refused."),
    ("unused", "The tokens that were never used are revoked."),
    ("all", "All tokens are revoked."),
    ("replaced", "The generator is replaced. The old one no longer works."),
];

/// One token, without its secret.
#[derive(Clone, Debug)]
pub struct HeldTokenRow {
    /// What the form names it by.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Whether the generator made it.
    pub is_generated: bool,
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
    /// How many of them were never used.
    pub unused: usize,
    /// Whether those that were not used for longest stand first.
    pub is_by_use: bool,
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
pub(super) fn may(token: &TokenRecord, scopes: &[ApiScope]) -> Vec<String> {
    let mut sentences: Vec<String> = token.class().map(|class| class.in_words().to_owned()).into_iter().collect();
    sentences.extend(token.resource.as_ref().map(|fileset| format!("Read the fileset {fileset}")));
    sentences.extend(token.access_list.iter().flat_map(on_resources));
    sentences.extend(token.scope.tokens().map(|name| {
        let built_in = BUILT_IN_SCOPES.iter().find(|(known, _)| *known == name).map(|(_, sentence)| *sentence);
        let of_api = scopes.iter().find(|scope| scope.name == name).map(|scope| scope.sentence.as_str());
        of_api.or(built_in).map_or_else(|| format!("Use the scope {name}"), capitalized)
    }));
    sentences
}

/// One sentence for each tier, the narrowest first; long lists are cut.
fn on_resources(list: &AccessList) -> Vec<String> {
    let on_tier = |(tier, _, words): &(Tier, u32, &str)| {
        let entries = list.entries().iter().filter(|entry| entry.access.access_tier == *tier);
        let paths: Vec<&str> = entries.map(|entry| entry.path_id.as_str()).collect();
        let named = paths.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        match paths.len() {
            0 => None,
            count if count > NAMED => Some(format!("On {named} and {} more: {words}", count - NAMED)),
            _ => Some(format!("On {named}: {words}")),
        }
    };
    Tier::ALL.iter().filter_map(on_tier).collect()
}

/// When a token ends, for a person.
pub(super) fn ends(now: UnixTime, end: Option<UnixTime>) -> String {
    end.map_or_else(|| "never".to_owned(), |end| format!("in {}", in_words(end.since(now))))
}

fn row(now: UnixTime, token: &TokenRecord, scopes: &[ApiScope]) -> HeldTokenRow {
    let from = token.last_used_from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    HeldTokenRow {
        id: token.id.number().to_string(),
        name: token.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| "Without a name".to_owned()),
        is_generated: token.made_by.is_some(),
        prefix: prefix(token.kind),
        last_four: token.last_four.clone().unwrap_or_default(),
        may: may(token, scopes),
        created: token.created_at.readable(),
        expires: ends(now, token.expires_at),
        last_used: format!("{}{from}", last_used(now, token.last_used_at)),
    }
}

/// What the page is asked to show.
#[derive(Clone, Copy, Default)]
struct View {
    shows_generator: bool,
    is_by_use: bool,
    notice: Option<&'static str>,
}

async fn show(app: &Data<App>, visitor: &Visitor, view: View) -> Result<HttpResponse, PageError> {
    let (now, shared, user) = (app.now(), app.clone(), visitor.user.clone());
    // The generator is made when it is first looked at.
    let found = app.store.write(move |tx| {
        let held = tokens::list_held(tx, now, (user.id, &HELD), (None, MOST))?;
        Ok((held, apis::list_scopes(tx)?, studio::generator(tx, now, &shared.mint, &user)?))
    });
    let (mut held, scopes, generator) = found.await.map_err(|error| PageError::unavailable(app, &error))?;
    if view.is_by_use {
        held.sort_by_key(|token| token.last_used_at);
    }
    let chrome = visitor.chrome(app);
    Ok(ok(&Tokens {
        chrome: view.notice.map_or(chrome.clone(), |notice| chrome.with_notice(notice)),
        unused: held.iter().filter(|token| token.last_used_at.is_none()).count(),
        is_by_use: view.is_by_use,
        tokens: held.iter().map(|token| row(now, token, &scopes)).collect(),
        generator: view.shows_generator.then(|| generator.text.expose().to_owned()),
        generator_last_four: generator.record.last_four.unwrap_or_default(),
    }))
}

/// Shows the tokens; the generator masked.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let query = Parameters::parse(request.query_string().as_bytes());
    let query = query.map_err(|refusal| PageError::of_problem(&app, refusal.problem))?;
    let notice = DONE.iter().find(|(done, _)| query.get("done") == Some(done)).map(|(_, words)| *words);
    show(&app, &visitor, View { is_by_use: query.get("order") == Some("use"), notice, ..View::default() }).await
}

/// Shows the generator itself, to somebody who just proved who they are.
pub async fn show_generator(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    if !visitor.is_fresh(app.now()) {
        return Ok(see_other(&confirm::location(&app, &app.public.path("/account/tokens"))));
    }
    show(&app, &visitor, View { shows_generator: true, ..View::default() }).await
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
    back(&app, "replaced", made.await.map(|()| true))
}

/// Revokes one token.
pub async fn revoke(app: Data<App>, id: Path<i64>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user, id) = (app.now(), visitor.user.id, Id::<TokenRecord>::from_number(*id));
    let revoked = app.store.write(move |tx| personal::revoke(tx, now, (user, &HELD), id)).await;
    back(&app, "revoked", revoked)
}

/// Revokes those that no program ever used.
pub async fn revoke_unused(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user) = (app.now(), visitor.user.id);
    let revoked = app.store.write(move |tx| revoke_where(tx, now, user, |token| token.last_used_at.is_none())).await;
    back(&app, "unused", revoked)
}

/// Revokes all.
pub async fn revoke_all(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user) = (app.now(), visitor.user.id);
    let revoked = app.store.write(move |tx| revoke_where(tx, now, user, |_| true)).await;
    back(&app, "all", revoked)
}

/// Goes through all of a person's tokens, also those that no page shows.
fn revoke_where(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    is_meant: impl Fn(&TokenRecord) -> bool,
) -> Result<bool, StoreError> {
    let mut before = None;
    loop {
        let held = tokens::list_held(tx, now, (user, &HELD), (before, MOST))?;
        for token in held.iter().filter(|token| is_meant(token)) {
            personal::revoke(tx, now, (user, &HELD), token.id)?;
        }
        match held.last() {
            Some(last) => before = Some(last.id),
            None => return Ok(true),
        }
    }
}

fn back(app: &Data<App>, done: &str, outcome: Result<bool, StoreError>) -> Result<HttpResponse, PageError> {
    match outcome {
        Ok(true) => Ok(see_other(&format!("{}?done={done}", app.public.path("/account/tokens")))),
        Ok(false) => Err(PageError::not_found(app)),
        Err(error) => Err(PageError::unavailable(app, &error)),
    }
}
