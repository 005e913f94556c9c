//! `/account/tokens`: lists and revokes a person's personal tokens, and shows the token generator.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;

use super::token_offer::capitalized;
use super::{before, confirm, last_used};
use crate::clock::{UnixTime, in_words};
use crate::domain::access_list::{AccessList, Tier};
use crate::domain::api::{ApiScope, BUILT_IN_SCOPES};
use crate::domain::id::Id;
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::domain::user::User;
use crate::oauth::parameters::Parameters;
use crate::store::{Database, StoreError, apis, tokens};
use crate::tokens::personal_tokens::{self, PERSONAL_KINDS};
use crate::tokens::studio::{self, Generator};
use crate::web::app::App;
use crate::web::browser::{Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::page::{Layout, ok, see_other};
use crate::web::pages::Form;

/// The number of tokens on one page.
const PAGE: i64 = 100;
/// The path of this page.
const PATH: &str = "/account/tokens";
/// The maximum number of resources that a sentence names; more are counted.
const NAMED: usize = 5;
/// The values of the query parameter `done`, with the notice that each shows.
const DONE: [(&str, &str); 4] = [
    ("revoked", "The token is revoked. Whatever still sends it is refused."),
    ("unused", "The tokens that were never used are revoked."),
    ("all", "All tokens are revoked."),
    ("replaced", "The generator is replaced. The old one no longer works."),
];

/// A personal token in the list, without its secret.
#[derive(Clone, Debug)]
pub struct PersonalTokenRow {
    pub id: String,
    pub name: String,
    /// Whether the token generator created it.
    pub is_generated: bool,
    /// The first characters of the token.
    pub prefix: &'static str,
    /// The last four characters of the token.
    pub last_four: String,
    /// What the token may do, in sentences.
    pub may: Vec<String>,
    /// When the token was created, as text.
    pub created: String,
    /// When the token expires, as text.
    pub expires: String,
    /// When and from which address it was last used, as text.
    pub last_used: String,
    /// When the token was reported as leaked, as text.
    pub flagged: Option<String>,
}

/// The data of the template `account/tokens.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/tokens.html")]
pub struct Tokens {
    pub layout: Layout,
    pub tokens: Vec<PersonalTokenRow>,
    /// The number of tokens on all pages.
    pub total: usize,
    /// The address of the page with older tokens.
    pub older: Option<String>,
    /// The number of tokens that were never used, on all pages.
    pub unused: usize,
    /// Whether the tokens are sorted by last use, the longest unused first.
    pub is_by_use: bool,
    /// The token generator, when the person asked to see it.
    pub generator: Option<String>,
    pub generator_last_four: String,
}

fn prefix(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Studio => "gps_",
        TokenKind::Fileset => "gpf_",
        _ => "gpp_",
    }
}

/// Describes what a token may do, in sentences.
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

/// Returns one sentence for each tier, the narrowest first. Long lists of resources are shortened.
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

/// Formats when a token expires, for a person.
pub(super) fn ends(now: UnixTime, end: Option<UnixTime>) -> String {
    end.map_or_else(|| "never".to_owned(), |end| format!("in {}", in_words(end.since(now))))
}

fn row(now: UnixTime, token: &TokenRecord, scopes: &[ApiScope]) -> PersonalTokenRow {
    let from = token.last_used_from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    PersonalTokenRow {
        id: token.id.number().to_string(),
        name: token.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| "Without a name".to_owned()),
        is_generated: token.generator_id.is_some(),
        prefix: prefix(token.kind),
        last_four: token.last_four.clone().unwrap_or_default(),
        may: may(token, scopes),
        created: token.created_at.readable(),
        expires: ends(now, token.expires_at),
        last_used: format!("{}{from}", last_used(now, token.last_used_at)),
        flagged: token.flagged_at.map(UnixTime::readable),
    }
}

/// The view that the request asks for.
#[derive(Clone, Copy, Default)]
struct View {
    shows_generator: bool,
    is_by_use: bool,
    notice: Option<&'static str>,
    before: Option<Id<TokenRecord>>,
}

/// The data of the page, as read from the store.
struct Stock {
    held: Vec<TokenRecord>,
    total: i64,
    unused: usize,
    scopes: Vec<ApiScope>,
    generator: Option<Generator>,
}

fn read(db: &mut Database, now: UnixTime, app: &App, user: Id<User>, view: View) -> Result<Stock, StoreError> {
    let who = (user, PERSONAL_KINDS.as_slice());
    let held = match view.is_by_use {
        true => tokens::list_longest_unused(db, now, who, PAGE)?,
        false => tokens::list_personal(db, now, who, (view.before, PAGE + 1))?,
    };
    Ok(Stock {
        held,
        total: tokens::count_personal(db, now, who)?,
        unused: personal_tokens::list_unused(db, now, &app.last_use, user)?.len(),
        scopes: apis::directory(db)?.scopes().to_vec(),
        generator: studio::find_generator(db, now, &app.token_settings, user)?,
    })
}

/// Creates the token generator on the first visit. Returns `None` when the session ended meanwhile.
async fn first_generator(app: &Data<App>, visitor: &Visitor) -> Result<Option<Generator>, StoreError> {
    let (now, shared, visitor) = (app.now(), app.clone(), visitor.clone());
    let made = app.store.write(move |tx| match visitor.recheck(tx, &shared, now)? {
        Some(visitor) => studio::generator(tx, now, &shared.token_settings, &visitor.user).map(Some),
        None => Ok(None),
    });
    made.await
}

async fn show(app: &Data<App>, visitor: &Visitor, view: View) -> Result<HttpResponse, PageError> {
    let (now, shared, user) = (app.now(), app.clone(), visitor.user.id);
    let found = app.store.read(move |db| read(db, now, &shared, user, view)).await;
    let Stock { mut held, total, unused, scopes, generator } = found?;
    let generator = match generator {
        Some(generator) => Some(generator),
        None => first_generator(app, visitor).await?,
    };
    let Some(generator) = generator else { return Ok(see_other(&log_in_first(app, &app.public.path(PATH)))) };
    let most = usize::try_from(PAGE).unwrap_or_default();
    let has_more = held.len() > most;
    held.truncate(most);
    let last = held.last().filter(|_| has_more);
    let older = last.map(|last| format!("{}?before={}", app.public.path(PATH), last.id.number()));
    let layout = visitor.layout(app);
    Ok(ok(&Tokens {
        layout: view.notice.map_or(layout.clone(), |notice| layout.with_notice(notice)),
        total: usize::try_from(total).unwrap_or_default(),
        older,
        unused,
        is_by_use: view.is_by_use,
        tokens: held.iter().map(|token| row(now, token, &scopes)).collect(),
        generator: view.shows_generator.then(|| generator.text.expose().to_owned()),
        generator_last_four: generator.record.last_four.unwrap_or_default(),
    }))
}

/// Shows the tokens, with the token generator masked.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let query = Parameters::parse(request.query_string().as_bytes());
    let query = query?;
    let notice = DONE.iter().find(|(done, _)| query.get("done") == Some(done)).map(|(_, words)| *words);
    show(
        &app,
        &visitor,
        View { is_by_use: query.get("order") == Some("use"), notice, before: before(&request), ..View::default() },
    )
    .await
}

/// Shows the token generator itself. It requires a recent authentication.
pub async fn show_generator(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    if !visitor.has_recent_authentication(app.now()) {
        return Ok(confirm::first(&app, &app.public.path("/account/tokens")));
    }
    show(&app, &visitor, View { shows_generator: true, ..View::default() }).await
}

/// Replaces the token generator.
pub async fn regenerate(app: Data<App>, visitor: Visitor, Form(form): Form) -> Result<HttpResponse, PageError> {
    let ends_children = form.get("ends_children") == Some("true");
    let (now, shared) = (app.now(), app.clone());
    let made = app.store.write(move |tx| match visitor.recheck(tx, &shared, now)? {
        Some(visitor) => {
            studio::regenerate(tx, now, &shared.token_settings, (&visitor.user, ends_children), &visitor.origin)
                .map(drop)?;
            Ok(true)
        }
        None => Ok(false),
    });
    back(&app, "replaced", made.await)
}

/// Revokes one personal token.
pub async fn revoke(app: Data<App>, id: Path<i64>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user, id) = (app.now(), visitor.user.id, Id::<TokenRecord>::from_number(*id));
    let revoked =
        app.store.write(move |tx| personal_tokens::revoke(tx, now, (user, &PERSONAL_KINDS), id, &visitor.origin)).await;
    back(&app, "revoked", revoked)
}

/// Revokes the tokens that were never used.
pub async fn revoke_unused(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, shared, user) = (app.now(), app.clone(), visitor.user.id);
    let revoke =
        move |tx: &mut Database| personal_tokens::revoke_unused(tx, now, &shared.last_use, (user, &visitor.origin));
    let revoked = app.store.write(revoke).await;
    back(&app, "unused", revoked.map(|()| true))
}

/// Revokes all personal tokens.
pub async fn revoke_all(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user) = (app.now(), visitor.user.id);
    let revoked = app.store.write(move |tx| personal_tokens::revoke_all(tx, now, (user, &visitor.origin))).await;
    back(&app, "all", revoked.map(|()| true))
}

fn back(app: &Data<App>, done: &str, outcome: Result<bool, StoreError>) -> Result<HttpResponse, PageError> {
    match outcome {
        Ok(true) => Ok(see_other(&format!("{}?done={done}", app.public.path("/account/tokens")))),
        Ok(false) => Err(PageError::not_found()),
        Err(error) => Err(error.into()),
    }
}
