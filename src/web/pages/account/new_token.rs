//! `/account/tokens/new`: creates a token. A link may prefill the form, but only the person submits it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded::Serializer;

use super::confirm;
use super::token_offer::{self, API, ApiChoice, Choice};
use super::token_request::{TokenRequest, asked_scopes};
use super::tokens::{ends, may};
use crate::domain::api::{Api, ApiScope};
use crate::domain::secret::random_word;
use crate::domain::token_record::TokenKind;
use crate::identity::alerts;
use crate::identity::emailed_links::requester;
use crate::oauth::parameters::Parameters;
use crate::outcome::{Error, transact};
use crate::store::apis;
use crate::tokens::studio::MAX_MINUTES;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, here, ok, render, see_other};
use crate::web::pages::Form;

/// The fields that a link may prefill. The form keeps them while the person confirms their password.
const FIELDS: [&str; 8] = ["name", "kind", "resource", "tier", "expires_in", "studio_expires_in", "days", "is_shared"];
/// The maximum length in bytes of a query that keeps the form.
const LONGEST: usize = 2_000;

/// The data of the template `account/new_token.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/new_token.html")]
pub struct NewToken {
    pub layout: Layout,
    /// The number of this form. A form that is submitted twice creates one token.
    pub once: String,
    /// Whether a link prefilled the form.
    pub is_prefilled: bool,
    pub errors: Vec<FieldError>,
    /// The name of the token.
    pub name: String,
    /// What the token may do.
    pub kinds: Vec<Choice>,
    /// Resource ids, one on each line.
    pub resource: String,
    /// The tiers of access to the resources.
    pub tiers: Vec<Choice>,
    /// The scopes, grouped by API.
    pub apis: Vec<ApiChoice>,
    /// The lifetimes of a token.
    pub lives: Vec<Choice>,
    /// The lifetimes of a studio token.
    pub studio_lives: Vec<Choice>,
    /// Whether the person chose to enter the lifetime in days.
    pub wants_days: bool,
    /// The lifetime in days, as entered.
    pub days: String,
    /// Whether the token will be part of links that others can see.
    pub is_shared: bool,
}

/// The data of the template `account/token_made.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/token_made.html")]
pub struct TokenMade {
    pub layout: Layout,
    /// The token, which is shown once.
    pub token: String,
    /// The name of the token.
    pub name: String,
    /// What the token may do, in sentences.
    pub may: Vec<String>,
    /// When the token expires, as text.
    pub expires: String,
    /// The issuer, for the example request.
    pub issuer: String,
}

/// The APIs and scopes that a token can be for.
struct Stock {
    apis: Vec<Api>,
    scopes: Vec<ApiScope>,
}

async fn stock(app: &Data<App>) -> Result<Stock, PageError> {
    let found = app.store.read(|db| {
        let directory = apis::directory(db)?;
        let apis = directory.iter().map(|found| found.api.clone()).collect();
        Ok(Stock { apis, scopes: directory.scopes().to_vec() })
    });
    Ok(found.await?)
}

fn form_page(app: &App, visitor: &Visitor, stock: &Stock, form: &Parameters) -> NewToken {
    let (limits, role) = (&app.config.token_limits, visitor.user.role);
    let field = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let asked = asked_scopes(form, &stock.scopes);
    let kind = form.get("kind").unwrap_or(if asked.is_empty() { token_offer::RESOURCES } else { API });
    let expires_in = form.get("expires_in");
    let mut lives = token_offer::lives(limits, expires_in);
    let wants_days = expires_in == Some("days");
    lives.iter_mut().filter(|_| wants_days).for_each(|life| life.is_chosen = false);
    let studio_expires_in = form.get("studio_expires_in").or(expires_in);
    NewToken {
        layout: visitor.layout(app),
        once: random_word(),
        is_prefilled: false,
        errors: Vec::new(),
        name: field("name"),
        kinds: token_offer::kinds(role, !stock.scopes.is_empty(), kind),
        resource: field("resource"),
        tiers: token_offer::tiers(role, form.get("tier").unwrap_or("view")),
        apis: token_offer::scopes(&stock.apis, &stock.scopes, &asked),
        lives,
        studio_lives: token_offer::studio_lives(limits, studio_expires_in, MAX_MINUTES * 60),
        wants_days,
        days: field("days"),
        is_shared: form.get("is_shared") == Some("true"),
    }
}

/// Shows the form, prefilled from the query.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    if !visitor.has_recent_authentication(app.now()) {
        return Ok(confirm::first(&app, &here(&request)));
    }
    let form = Parameters::parse(request.query_string().as_bytes()).and_then(Parameters::without_repeats);
    let form = form?;
    let stock = stock(&app).await?;
    let is_prefilled = FIELDS.iter().chain(&["scope"]).any(|name| form.get(name).is_some());
    Ok(ok(&NewToken { is_prefilled, ..form_page(&app, &visitor, &stock, &form) }))
}

/// Returns the address of the form with the submitted values, or without them when the query would be too long.
fn carried(app: &App, form: &Parameters, scopes: &[ApiScope]) -> String {
    let path = app.public.path("/account/tokens/new");
    let mut query = Serializer::new(String::new());
    query.extend_pairs(FIELDS.iter().filter_map(|name| Some((name, form.get(name)?))));
    let asked = asked_scopes(form, scopes).join(" ");
    query.extend_pairs((!asked.is_empty()).then_some(("scope", asked)));
    let query = query.finish();
    if query.is_empty() || query.len() > LONGEST { path } else { format!("{path}?{query}") }
}

/// Creates the token and shows it once.
pub async fn post(app: Data<App>, visitor: Visitor, Form(form): Form) -> Result<HttpResponse, PageError> {
    let (now, list) = (app.now(), app.public.path("/account/tokens"));
    let number = (visitor.user.id, form.get("once"));
    if let Some(location) = app.sent_forms.find(now, number) {
        return Ok(see_other(&location));
    }
    let stock = stock(&app).await?;
    if !visitor.has_recent_authentication(now) {
        return Ok(confirm::first(&app, &carried(&app, &form, &stock.scopes)));
    }
    let again = |errors: Vec<FieldError>| {
        let page = NewToken { errors, ..form_page(&app, &visitor, &stock, &form) };
        render(StatusCode::BAD_REQUEST, Forms::Stay, &page)
    };
    let request = match TokenRequest::parse(&form, &app.config.token_limits, &stock.scopes) {
        Ok(request) => request,
        Err(errors) => return Ok(again(errors)),
    };
    let (shared, who) = (app.clone(), visitor.clone());
    let made = transact(&app.store, move |tx| {
        let ended = || FieldError { field: "", message: "You were logged out meanwhile. Log in again.".to_owned() };
        let visitor = who.recheck(tx, &shared, now)?.ok_or_else(|| Error::Refused(ended()))?;
        let who = (&visitor.user, &visitor.origin);
        let made = request.carry_out(tx, now, &shared.config.token_limits, who)?;
        let (name, is_studio) = (made.1.name.clone().unwrap_or_default(), made.1.kind != TokenKind::Personal);
        let requester = requester(now, &visitor.origin);
        alerts::token_made(tx, now, (&shared.mail, &requester), &visitor.user, (&name, is_studio))?;
        Ok(made)
    });
    match made.await {
        Ok((text, record)) => {
            app.sent_forms.remember(now, number, &list);
            Ok(ok(&TokenMade {
                layout: visitor.layout(&app),
                token: text.expose().to_owned(),
                name: record.name.clone().unwrap_or_default(),
                may: may(&record, &stock.scopes),
                expires: ends(now, record.expires_at),
                issuer: app.public.issuer.clone(),
            }))
        }
        Err(Error::Refused(error)) => Ok(again(vec![error])),
        Err(Error::Failed(error)) => Err(error.into()),
    }
}
