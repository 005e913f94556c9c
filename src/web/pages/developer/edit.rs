//! `/developer/apps/{client_id}`: shows, changes and deletes an application.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::return_addresses::{ComesBack, NOTICE, ReturnRow, delivery_in, delivery_of, offered, rows, with_offer};
use super::{confirm_first, find_own, kind, lines, metadata_url};
use crate::clock::{UnixTime, in_words};
use crate::domain::client::{Client, GrantType};
use crate::domain::client_secret::ClientSecretRecord;
use crate::domain::login_return_url::LoginReturnUrl;
use crate::domain::registration::{Draft, FieldProblem};
use crate::domain::secret::random_word;
use crate::domain::token::{ClientSecret, Token};
use crate::domain::user::fold;
use crate::identity::alerts;
use crate::identity::emailed_links::requester;
use crate::oauth::client_changes::for_emails;
use crate::oauth::clients::{self, draft_of, refuse_with, update};
use crate::oauth::parameters::Parameters;
use crate::outcome::{Error, transact};
use crate::store::{client_secrets, grants, host_proofs};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, render, see_other};
use crate::web::pages::Form;
use crate::web::pages::account::{address_first, last_used};

/// A client secret in the list, without its value.
#[derive(Clone, Debug)]
pub struct SecretRow {
    pub id: String,
    /// The last four characters of the secret.
    pub last_four: String,
    /// When it was created, as text.
    pub created: String,
    /// When it was last used, as text.
    pub last_used: String,
    /// When it expires after it was replaced, as text.
    pub ends: Option<String>,
    /// When the secret was reported as leaked, as text.
    pub flagged: Option<String>,
}

/// The settings that the owner may change, as entered.
#[derive(Clone, Debug)]
pub struct NewAppForm {
    pub client_name: String,
    /// One URI on each line.
    pub redirect_uris: String,
    /// One URL on each line.
    pub login_return_urls: String,
    /// The query parameters in which login return URLs may differ, separated by spaces.
    pub login_varying_parameters: String,
    /// How the login redirect delivers the token.
    pub login_delivery: String,
    pub requires_pkce: bool,
    /// Whether the application may use the device authorization grant (RFC 8628).
    pub is_on_devices: bool,
    /// The public keys of the application, as a JSON Web Key Set.
    pub jwks: String,
    /// The URL of the key set, when the application publishes it.
    pub jwks_uri: String,
    /// Whether every token must be bound to a DPoP key (RFC 9449).
    pub requires_dpop: bool,
}

/// The data of the template `developer/app.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "developer/app.html")]
pub struct AppPage {
    pub layout: Layout,
    pub client_id: String,
    /// The name for people.
    pub name: String,
    /// The client type, as text.
    pub kind: String,
    pub is_confidential: bool,
    /// Whether the client authenticates with a secret and not with keys.
    pub has_secret: bool,
    /// Whether the operator vouches for the application.
    pub is_verified: bool,
    /// When it was registered, as text.
    pub created: String,
    pub redirect_uris: Vec<String>,
    /// The login return URLs.
    pub returns: Vec<ReturnRow>,
    /// The return URL with its answer, for each way of delivery.
    pub comes_back: ComesBack,
    /// The scopes that the application may request.
    pub scope: String,
    pub grant_types: Vec<String>,
    pub requires_pkce: bool,
    pub secrets: Vec<SecretRow>,
    /// A new secret, which is shown once.
    pub new_secret: Option<String>,
    /// The number of the form for a new secret. A form that is submitted twice creates one secret.
    pub once: String,
    /// The number of people who authorized the application.
    pub people: usize,
    /// The URL of the discovery document.
    pub metadata_url: String,
    pub issuer: String,
    /// The URL of the login redirect.
    pub log_in_url: String,
    pub errors: Vec<FieldError>,
    pub form: NewAppForm,
}

fn form_of(client: &Client) -> NewAppForm {
    NewAppForm {
        client_name: client.name.clone(),
        redirect_uris: client.redirect_uris.to_vec().join("\n"),
        login_return_urls: client.login_return_urls.to_vec().join("\n"),
        login_varying_parameters: client.login_varying_parameters.as_str().to_owned(),
        login_delivery: delivery_of(client),
        requires_pkce: client.require_pkce,
        is_on_devices: client.may_use(GrantType::DeviceCode),
        jwks: client.jwks.clone().unwrap_or_default(),
        jwks_uri: client.jwks_uri.clone().unwrap_or_default(),
        requires_dpop: client.dpop_bound_access_tokens,
    }
}

fn secret_row(now: UnixTime, secret: &ClientSecretRecord) -> SecretRow {
    SecretRow {
        id: secret.id.number().to_string(),
        last_four: secret.last_four.clone(),
        created: secret.created_at.readable(),
        last_used: last_used(now, secret.last_used_at),
        ends: secret.expires_at.map(|end| format!("in {}", in_words(end.since(now)))),
        flagged: secret.flagged_at.map(UnixTime::readable),
    }
}

/// What the page shows in addition to the application itself.
#[derive(Default)]
struct Shown {
    new_secret: Option<String>,
    errors: Vec<FieldProblem>,
    form: Option<NewAppForm>,
    offered: Option<LoginReturnUrl>,
    notice: Option<&'static str>,
}

async fn show(app: &Data<App>, visitor: &Visitor, client_id: &str, shown: Shown) -> Result<HttpResponse, PageError> {
    let (now, user, client_id) = (app.now(), visitor.user.clone(), client_id.to_owned());
    let found = app.store.read(move |db| {
        let Some(client) = find_own(db, &user, &client_id)? else { return Ok(None) };
        let (secrets, people) = (client_secrets::list(db, now, client.id)?, grants::count_people(db, now, client.id)?);
        Ok(Some((client, secrets, people, host_proofs::list_of(db, user.id)?)))
    });
    let found = found.await?;
    let (client, secrets, people, proofs) = found.ok_or_else(|| PageError::not_found().seen_by(visitor.person()))?;
    let status = if shown.errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let layout = visitor.layout(app);
    let mut form = shown.form.unwrap_or_else(|| form_of(&client));
    form.login_return_urls = with_offer(form.login_return_urls, shown.offered.as_ref());
    let page = AppPage {
        layout: shown.notice.map_or(layout.clone(), |notice| layout.with_notice(notice)),
        kind: kind(&client),
        is_confidential: !client.is_public(),
        has_secret: client.has_secret(),
        is_verified: client.verified_at.is_some(),
        created: client.created_at.readable(),
        redirect_uris: client.redirect_uris.to_vec(),
        returns: rows(&client, &proofs),
        comes_back: ComesBack::for_first(&form.login_return_urls),
        scope: client.scope.to_string(),
        grant_types: client.grant_types.to_vec(),
        requires_pkce: client.require_pkce,
        secrets: secrets.iter().map(|secret| secret_row(now, secret)).collect(),
        new_secret: shown.new_secret,
        once: random_word(),
        people,
        metadata_url: metadata_url(app),
        issuer: app.public.issuer.clone(),
        log_in_url: format!("{}/logIn", app.public.issuer),
        errors: shown.errors.into_iter().map(FieldError::from).collect(),
        form,
        client_id: client.client_id.clone(),
        name: client.name.clone(),
    };
    Ok(render(status, Forms::Stay, &page))
}

/// Shows the page with a new secret, which is stored as a digest only.
pub(super) async fn show_with_secret(
    app: &Data<App>,
    visitor: &Visitor,
    client_id: &str,
    secret: &Token<ClientSecret>,
) -> Result<HttpResponse, PageError> {
    let new_secret = Some(secret.expose().to_owned());
    show(app, visitor, client_id, Shown { new_secret, ..Shown::default() }).await
}

/// Shows an application. A link may prefill a login return URL, but only the owner submits it.
pub async fn get(
    app: Data<App>,
    request: HttpRequest,
    client_id: Path<String>,
    visitor: Visitor,
) -> Result<HttpResponse, PageError> {
    let offered = offered(&request);
    let notice = offered.is_some().then_some(NOTICE);
    show(&app, &visitor, &client_id, Shown { offered, notice, ..Shown::default() }).await
}

/// Saves the changed settings.
pub async fn post(
    app: Data<App>,
    client_id: Path<String>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    if let Some(page) = address_first(&app, &visitor) {
        return Err(page);
    }
    // These settings decide who receives codes and who can authenticate as the client, so they need the same
    // protection as its secrets.
    if !visitor.has_recent_authentication(app.now()) {
        return Ok(confirm_first(&app, &client_id));
    }
    let (who, id, shared, sent) = (visitor.clone(), client_id.to_string(), app.clone(), form.clone());
    let now = app.now();
    let updated = transact(&app.store, move |tx| {
        let Some(Visitor { user, origin, .. }) = who.recheck(tx, &shared, now)? else { return Ok(false) };
        let Some(client) = find_own(tx, &user, &id)? else { return Ok(false) };
        let ((draft, unread), rules) = (changed(&client, &sent), shared.config.registration_rules());
        refuse_with(tx, &rules, &draft, unread.into_iter().collect())?;
        let changes = update(tx, now, &rules, (&client, draft), Some(&origin))?;
        alerts::app_changed(tx, (&shared.mail, &requester(now, &origin)), (&user, &client), &for_emails(&changes))?;
        Ok(true)
    });
    let (updated, notice) = (updated.await, Some("Saved."));
    app.mail.wake();
    match updated {
        Ok(true) => show(&app, &visitor, &client_id, Shown { notice, ..Shown::default() }).await,
        Ok(false) => Err(PageError::not_found()),
        Err(Error::Refused(errors)) => {
            let typed = |name: &str| form.get(name).unwrap_or_default().to_owned();
            let form = Some(NewAppForm {
                client_name: typed("client_name"),
                redirect_uris: typed("redirect_uris"),
                login_return_urls: typed("login_return_urls"),
                login_varying_parameters: typed("login_varying_parameters"),
                login_delivery: typed("login_delivery"),
                requires_pkce: form.get("require_pkce").is_some(),
                is_on_devices: form.get("on_devices").is_some(),
                jwks: typed("jwks"),
                jwks_uri: typed("jwks_uri"),
                requires_dpop: form.get("dpop_bound_access_tokens").is_some(),
            });
            show(&app, &visitor, &client_id, Shown { errors, form, ..Shown::default() }).await
        }
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

fn words(form: &Parameters, name: &str) -> Vec<String> {
    form.get(name)
        .unwrap_or_default()
        .split([' ', ',', '\n', '\r', '\t'])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn trimmed(form: &Parameters, name: &str) -> Option<String> {
    form.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Returns the changed settings as a draft, and the problem of a field that cannot be parsed.
fn changed(client: &Client, form: &Parameters) -> (Draft, Option<FieldProblem>) {
    let (login_delivery, unread) = delivery_in(form, client);
    let draft = draft_of(client);
    let others = draft.grant_types.iter().copied().filter(|grant| *grant != GrantType::DeviceCode);
    let device = form.get("on_devices").map(|_ticked| GrantType::DeviceCode);
    let draft = Draft {
        grant_types: others.chain(device).collect(),
        name: form.get("client_name").unwrap_or_default().to_owned(),
        redirect_uris: lines(form, "redirect_uris"),
        login_return_urls: lines(form, "login_return_urls"),
        login_varying_parameters: words(form, "login_varying_parameters"),
        login_delivery,
        require_pkce: form.get("require_pkce").is_some(),
        jwks: trimmed(form, "jwks"),
        jwks_uri: trimmed(form, "jwks_uri"),
        dpop_bound_access_tokens: form.get("dpop_bound_access_tokens").is_some(),
        ..draft
    };
    (draft, unread)
}

/// Deletes an application after its name was typed, and revokes all its grants.
pub async fn delete(
    app: Data<App>,
    client_id: Path<String>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    if !visitor.has_recent_authentication(app.now()) {
        return Ok(confirm_first(&app, &client_id));
    }
    let typed = form.get("confirm").unwrap_or_default().to_owned();
    let (now, user, id, origin) = (app.now(), visitor.user.clone(), client_id.to_string(), visitor.origin.clone());
    let deleted = transact(&app.store, move |tx| {
        let Some(client) = find_own(tx, &user, &id)? else { return Ok(false) };
        if fold(&typed) != fold(&client.name) {
            let message = "Type the application's name to delete it.".to_owned();
            return Err(Error::Refused(vec![FieldProblem { field: "confirm", message }]));
        }
        clients::delete(tx, now, &client, Some(&origin))?;
        Ok(true)
    });
    match deleted.await {
        Ok(true) => Ok(see_other(&app.public.path("/developer"))),
        Ok(false) => Err(PageError::not_found()),
        Err(Error::Refused(errors)) => show(&app, &visitor, &client_id, Shown { errors, ..Shown::default() }).await,
        Err(Error::Failed(error)) => Err(error.into()),
    }
}
