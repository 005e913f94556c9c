//! `/account/tokens/new`: making a token. Narrow kinds first; a link may prefill it, nothing submits it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::confirm;
use super::tokens::{ends, may};
use crate::domain::access_list::{Access, AccessList, Entry, Tier};
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::token::Token;
use crate::domain::token_record::TokenRecord;
use crate::oauth::parameters::Parameters;
use crate::oauth::scopes;
use crate::outcome::{Error, transact};
use crate::store::{Database, tokens};
use crate::tokens::personal::{self, Draft, PersonalRefusal};
use crate::tokens::studio::{self, Asked, StudioDraft, StudioRefusal};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Chrome, FieldError, Forms, ok, render, see_other};
use crate::web::pages::read_form;

/// One choice of a list.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent.
    pub value: &'static str,
    /// What a person reads.
    pub sentence: &'static str,
}

const fn choice(value: &'static str, sentence: &'static str) -> Choice {
    Choice { value, sentence }
}

/// What a token may do: narrow kinds first.
const KINDS: [Choice; 8] = [
    choice("resources", "Open chosen resources"),
    choice("fileset", "Read one fileset"),
    choice("read_only/dataset_streaming", "Stream datasets: tiles and GeoJSON, nothing else"),
    choice("read_write/dataset_streaming_refreshing", "Stream datasets and refresh their tiles"),
    choice("read_only/embedded_published_project", "Show published projects in other pages (visible to every visitor)"),
    choice("api", "Use scopes of an API"),
    choice("read_only/all", "Read everything of mine in the studio"),
    choice("read_write/all", "Read and change everything of mine in the studio"),
];

const LIVES: [Choice; 6] = [
    choice("86400", "1 day"),
    choice("604800", "7 days"),
    choice("2592000", "30 days"),
    choice("7776000", "90 days"),
    choice("31536000", "1 year"),
    choice("never", "Until I revoke it"),
];

/// `account/new_token.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/new_token.html")]
pub struct NewToken {
    /// The frame.
    pub chrome: Chrome,
    /// What was wrong.
    pub errors: Vec<FieldError>,
    /// What it is for.
    pub name: String,
    /// What was chosen.
    pub kind: String,
    /// The choices.
    pub kinds: Vec<Choice>,
    /// Ids, one per line.
    pub resource: String,
    /// How far.
    pub tier: String,
    /// The choices.
    pub tiers: Vec<Choice>,
    /// Scopes of an API.
    pub scope: String,
    /// How long, in seconds, or `never`.
    pub expires_in: String,
    /// The choices.
    pub lives: Vec<Choice>,
}

/// `account/token_made.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/token_made.html")]
pub struct TokenMade {
    /// The frame.
    pub chrome: Chrome,
    /// The token, shown once.
    pub token: String,
    /// What it is for.
    pub name: String,
    /// What it may do, in sentences.
    pub may: Vec<String>,
    /// When it ends.
    pub expires: String,
    /// The server, for the line to try it.
    pub issuer: String,
}

fn form_page(app: &App, visitor: &Visitor, form: &Parameters, errors: Vec<FieldError>) -> NewToken {
    let field = |name: &str, default: &str| form.get(name).unwrap_or(default).to_owned();
    let expires_in = field("expires_in", "2592000");
    let is_offered = LIVES.iter().any(|life| life.value == expires_in);
    NewToken {
        chrome: visitor.chrome(app),
        errors,
        name: field("name", ""),
        kind: field("kind", if form.get("scope").is_some() { "api" } else { "resources" }),
        kinds: KINDS.to_vec(),
        resource: field("resource", ""),
        tier: field("tier", "view"),
        tiers: Tier::ALL.map(|(tier, _, words)| choice(tier.as_str(), words)).to_vec(),
        scope: field("scope", ""),
        expires_in: if is_offered { expires_in } else { "2592000".to_owned() },
        lives: LIVES.to_vec(),
    }
}

/// Shows the form, filled in as the link says.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    if !visitor.is_fresh(app.now()) {
        return Ok(see_other(&confirm::location(&app, &request.uri().to_string())));
    }
    let form = Parameters::parse(request.query_string().as_bytes());
    let form = form.map_err(|refusal| PageError::of_problem(&app, refusal.problem))?;
    Ok(ok(&form_page(&app, &visitor, &form, Vec::new())))
}

/// Makes the token and shows it, once.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    visitor: Visitor,
    payload: Payload,
) -> Result<HttpResponse, PageError> {
    let form = read_form(&app, &request, payload).await?;
    if !visitor.is_fresh(app.now()) {
        return Ok(see_other(&confirm::location(&app, &app.public.path("/account/tokens/new"))));
    }
    let (now, shared, user, sent) = (app.now(), app.clone(), visitor.user.clone(), form.clone());
    let made = transact(&app.store, move |tx| make(tx, (&shared, now), &user, &sent)).await;
    match made {
        Ok((text, record)) => Ok(ok(&TokenMade {
            chrome: visitor.chrome(&app),
            token: text.expose().to_owned(),
            name: record.name.clone().unwrap_or_default(),
            may: may(&record),
            expires: ends(now, record.expires_at),
            issuer: app.public.issuer.clone(),
        })),
        Err(Error::Refused(error)) => {
            Ok(render(StatusCode::BAD_REQUEST, Forms::Stay, &form_page(&app, &visitor, &form, vec![error])))
        }
        Err(Error::Failed(error)) => Err(PageError::unavailable(&app, &error)),
    }
}

fn wrong(field: &'static str, message: impl Into<String>) -> Error<FieldError> {
    Error::Refused(FieldError { field, message: message.into() })
}

fn of_personal(error: Error<PersonalRefusal>) -> Error<FieldError> {
    error.map_refusal(|refusal| FieldError { field: "", message: refusal.to_string() })
}

fn of_studio(error: Error<StudioRefusal>) -> Error<FieldError> {
    error.map_refusal(|refusal| FieldError { field: "", message: format!("{refusal}.") })
}

fn make(
    tx: &mut Database,
    (app, now): (&App, crate::clock::UnixTime),
    user: &crate::domain::user::User,
    form: &Parameters,
) -> Result<(Secret, TokenRecord), Error<FieldError>> {
    let name = form.get("name").ok_or_else(|| wrong("name", "Say what the token is for."))?;
    let valid_for = match form.get("expires_in") {
        Some("never") => None,
        Some(seconds) => Some(
            seconds
                .parse::<i64>()
                .ok()
                .filter(|seconds| *seconds > 0)
                .ok_or_else(|| wrong("expires_in", "Choose how long it should work."))?,
        ),
        None => return Err(wrong("expires_in", "Choose how long it should work.")),
    };
    let limits = &app.config.token_limits;
    let kind = form.get("kind").unwrap_or_default();
    let lines: Vec<&str> =
        form.get("resource").unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = match kind {
        "fileset" => {
            let [fileset] = lines.as_slice() else { return Err(wrong("resource", "Write the id of one fileset.")) };
            let made = studio::create_fileset(tx, now, limits, (user, name, fileset, valid_for)).map_err(of_studio)?;
            shown(&made.token)
        }
        "resources" | "api" => {
            let draft = personal_draft(tx, form, (name, kind, &lines), valid_for)?;
            let made = personal::create(tx, now, limits, (user, &draft, None)).map_err(of_personal)?;
            shown(&made.token)
        }
        pair => {
            let (action, resource_type) =
                pair.split_once('/').ok_or_else(|| wrong("kind", "Choose what it may do."))?;
            // The studio counts in minutes, up to 9,999 of them; on this page a longer life ends then.
            let minutes = valid_for.map_or(-1, |seconds| (seconds / 60).clamp(1, studio::MAX_MINUTES)).to_string();
            let asked = Asked {
                name: Some(name),
                valid_time: Some(&minutes),
                action: Some(action),
                resource_type: Some(resource_type),
            };
            let draft = StudioDraft::parse(asked).map_err(|refusal| of_studio(Error::Refused(refusal)))?;
            let token = studio::create(tx, now, limits, (user, &draft, None), None).map_err(of_studio)?.token;
            shown(&token)
        }
    };
    let (text, id) = text;
    let record = tokens::find_in_use(tx, id)?.map(|token| token.record);
    Ok((text, record.ok_or_else(|| wrong("", "The token could not be made."))?))
}

fn shown<K: crate::domain::token::Kind<Record = TokenRecord>>(token: &Token<K>) -> (Secret, Id<TokenRecord>) {
    (Secret::new(token.expose()), token.id())
}

fn personal_draft(
    tx: &mut Database,
    form: &Parameters,
    (name, kind, lines): (&str, &str, &[&str]),
    valid_for: Option<i64>,
) -> Result<Draft, Error<FieldError>> {
    let description = name.to_owned();
    if kind == "api" {
        let scope: Scope = form
            .get("scope")
            .unwrap_or_default()
            .parse()
            .map_err(|error: crate::domain::scope::InvalidScope| wrong("scope", format!("{error}.")))?;
        let built_in = scope.tokens().any(crate::domain::api::is_built_in);
        if scope.is_empty() || built_in || !scope.is_within(&scopes::known_scope(tx)?) {
            return Err(wrong("scope", "Write scopes of an API that is registered here."));
        }
        return Ok(Draft { description, access_list: None, scope, valid_for });
    }
    let tier: Tier = form
        .get("tier")
        .unwrap_or("view")
        .parse()
        .map_err(|error: crate::domain::access_list::InvalidAccessList| wrong("tier", error.to_string()))?;
    if lines.is_empty() {
        return Err(wrong("resource", "Write at least one resource."));
    }
    let entry = |path: &&str| Entry {
        path_id: (*path).to_owned(),
        access: Access { access_tier: tier, geo_fence: None, property_fence: None },
    };
    let value = serde_json::to_value(lines.iter().map(entry).collect::<Vec<_>>()).unwrap_or_default();
    let list = AccessList::parse(&value).map_err(|error| wrong("resource", error.to_string()))?;
    Ok(Draft { description, access_list: Some(list), scope: Scope::default(), valid_for })
}
