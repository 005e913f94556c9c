//! `gatepost client …`: registers and administers applications (OAuth clients).

use std::sync::Arc;

use clap::{ArgAction, Args, Subcommand};
use serde_json::{Value, json};

use super::client_keys::Keys;
use super::client_secret::{Rotate, rotate_secret, with_secrets};
use super::{CommandError, output, start, user};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::domain::base_key::BaseKeys;
use crate::domain::client::{Client as Application, ClientType, GrantType};
use crate::domain::registration::Draft;
use crate::domain::security_log::SecurityEvent;
use crate::domain::token::{ClientSecret, Token};
use crate::domain::user::fold;
use crate::oauth::clients::{self, By, draft_of, update};
use crate::oauth::dynamic_registration::issue_initial_token;
use crate::outcome::{Error, transact};
use crate::store::{self, Store, client_secrets, users};

/// The subcommands of `gatepost client`.
#[derive(Subcommand)]
pub enum Client {
    /// Register an application. Its secret is printed once.
    Create(Create),
    /// List all applications.
    List,
    /// Show one application.
    Show(Named),
    /// Change what is named; the rest stays.
    Update(Update),
    /// Make a new secret, printed once.
    RotateSecret(Rotate),
    /// Suspend an application: it and its tokens stop working at once. Undone by enable, without loss.
    Disable(Named),
    /// Enable a suspended application.
    Enable(Named),
    /// Delete an application: whoever allowed it is signed out of it.
    Delete(Named),
    /// Make a token with which applications may register themselves (dynamic_registration = token).
    RegistrationToken(InitialToken),
}

/// The settings of an application that options can set.
#[derive(Args, Default)]
pub struct Fields {
    /// An address that authorization answers may go to; may be repeated; "" for none.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// An address that the login redirect may return to, exactly. One that ends in / also allows what is below it,
    /// unless = stands in front: =https://app.example/maps/. May be repeated; "" for none.
    #[arg(long = "login-return-url", value_name = "URL")]
    #[allow(rustdoc::bare_urls, reason = "`--help` prints this comment as it is written")]
    login_return_urls: Vec<String>,
    /// A query parameter in which such an address may differ and still be it; may be repeated; "" for none.
    #[arg(long = "login-varying-parameter", value_name = "NAME")]
    login_varying_parameters: Vec<String>,
    /// A grant that it may use: authorization_code, refresh_token, client_credentials,
    /// urn:ietf:params:oauth:grant-type:device_code or …:token-exchange; may be repeated.
    #[arg(long = "grant-type", value_name = "GRANT")]
    grant_types: Vec<String>,
    /// A scope that it may ask for; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Refuse authorization requests without a PKCE challenge.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    require_pkce: Option<bool>,
    /// Take `plain` PKCE challenges too; only for an application with a secret.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    allow_plain_pkce: Option<bool>,
    /// How the login redirect gives the token: query, fragment or code.
    #[arg(long, value_name = "HOW")]
    login_delivery: Option<String>,
    /// Seconds that its login-redirect tokens live.
    #[arg(long, value_name = "SECONDS")]
    login_token_lifetime: Option<i64>,
    #[command(flatten)]
    keys: Keys,
    /// How userinfo is signed for it: RS256 or ES256; none for plain JSON.
    #[arg(long, value_name = "ALGORITHM")]
    userinfo_signed_response_alg: Option<String>,
    /// Refuse token requests without a DPoP proof.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    dpop_bound_access_tokens: Option<bool>,
    /// Whether the operator runs it: then its login tokens see the whole account.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    first_party: Option<bool>,
    /// Whether the operator vouches for it: what is made here is verified, what people register is not.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    verified: Option<bool>,
    /// Take only authorization requests that it pushed first (RFC 9126).
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    require_par: Option<bool>,
    /// An address that people may go to after an OpenID logout; may be repeated; "" for none.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// How its ID tokens are signed: RS256 or ES256.
    #[arg(long, value_name = "ALGORITHM")]
    id_token_signed_response_alg: Option<String>,
    /// Put the claims of granted scopes into its ID tokens too, not only into userinfo.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    id_token_claims: Option<bool>,
}

/// Arguments of `gatepost client create`.
#[derive(Args)]
pub struct Create {
    /// The name that people read at consent.
    #[arg(long)]
    name: String,
    /// The user name of its owner.
    #[arg(long)]
    owner: String,
    /// It runs on people's devices and can keep no secret.
    #[arg(long)]
    public: bool,
    #[command(flatten)]
    fields: Box<Fields>,
}

/// Arguments of `gatepost client update`.
#[derive(Args)]
pub struct Update {
    /// The application.
    client_id: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    fields: Box<Fields>,
}

/// The application that a command is about.
#[derive(Args)]
pub struct Named {
    /// The application.
    client_id: String,
}

/// Arguments of `gatepost client registration-token`.
#[derive(Args)]
pub struct InitialToken {
    /// Seconds that it is good for.
    #[arg(long, default_value_t = 2_592_000, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=315_360_000))]
    expires_in: i64,
}

/// Runs one of the `client` commands.
///
/// # Errors
/// When the database cannot be used, or when the command is refused.
pub async fn run(command: Client, config: Config, is_json: bool) -> Result<(), CommandError> {
    let (store, keys) = start::store(&config, &Clock::System).await?;
    let now = Clock::System.now();
    match command {
        Client::Create(new) => create(&store, now, &config, new, is_json).await,
        Client::List => {
            let all = store.read(|db| store::clients::list(db, None)).await?;
            output::list(&all.iter().map(|client| shown(client, None)).collect::<Vec<_>>(), is_json)
        }
        Client::Show(named) => {
            let client = find(&store, &named.client_id).await?;
            let key = client.id;
            let secrets = store.read(move |db| client_secrets::list(db, now, key)).await?;
            output::record(&with_secrets(shown(&client, None), &secrets), is_json)
        }
        Client::Update(changes) => change(&store, now, (&config, keys), changes, is_json).await,
        Client::RotateSecret(rotate) => rotate_secret(&store, now, rotate, is_json).await,
        Client::RegistrationToken(InitialToken { expires_in }) => {
            let token = store.write(move |tx| issue_initial_token(tx, now, expires_in)).await?;
            output::record(&json!({ "initial_access_token": token.expose(), "expires_in": expires_in }), is_json)
        }
        Client::Disable(named) => set_disabled(&store, now, &named, true, is_json).await,
        Client::Enable(named) => set_disabled(&store, now, &named, false, is_json).await,
        Client::Delete(named) => {
            let client = find(&store, &named.client_id).await?;
            store.write(move |tx| clients::delete(tx, now, &client, None)).await?;
            let deleted = json!({ "client_id": named.client_id, "deleted": true });
            output::done(&deleted, &format!("deleted {}", named.client_id), is_json)
        }
    }
}

impl Fields {
    /// Overwrites the members of a draft with the options that were given.
    fn apply(self, mut draft: Draft) -> Result<Draft, CommandError> {
        let refused = |field: &str, error: &dyn std::fmt::Display| CommandError::Refused(format!("{field}: {error}"));
        draft.redirect_uris = listed(self.redirect_uris, draft.redirect_uris);
        draft.login_return_urls = listed(self.login_return_urls, draft.login_return_urls);
        draft.login_varying_parameters = listed(self.login_varying_parameters, draft.login_varying_parameters);
        draft.post_logout_redirect_uris = listed(self.post_logout_redirect_uris, draft.post_logout_redirect_uris);
        if !self.grant_types.is_empty() {
            let grants: Result<Vec<GrantType>, _> = self.grant_types.iter().map(|grant| grant.parse()).collect();
            draft.grant_types = grants.map_err(|error| refused("grant-type", &error))?;
        }
        if !self.scopes.is_empty() {
            draft.scope = Some(self.scopes.join(" "));
        }
        if let Some(delivery) = self.login_delivery {
            draft.login_delivery = delivery.parse().map_err(|error| refused("login-delivery", &error))?;
        }
        draft.login_token_lifetime = self.login_token_lifetime.or(draft.login_token_lifetime);
        self.keys.apply(&mut draft)?;
        if let Some(algorithm) = self.userinfo_signed_response_alg.as_deref() {
            let named = (algorithm != "none").then(|| algorithm.parse()).transpose();
            draft.userinfo_signed_response_alg =
                named.map_err(|error| refused("userinfo-signed-response-alg", &error))?;
        }
        draft.dpop_bound_access_tokens = self.dpop_bound_access_tokens.unwrap_or(draft.dpop_bound_access_tokens);
        draft.require_pkce = self.require_pkce.unwrap_or(draft.require_pkce);
        draft.allow_plain_pkce = self.allow_plain_pkce.unwrap_or(draft.allow_plain_pkce);
        if let Some(algorithm) = self.id_token_signed_response_alg {
            let algorithm = algorithm.parse().map_err(|error| refused("id-token-signed-response-alg", &error));
            draft.id_token_signed_response_alg = algorithm?;
        }
        draft.id_token_claims = self.id_token_claims.unwrap_or(draft.id_token_claims);
        Ok(draft)
    }
}

/// Returns the given list, or the previous one when the option is absent. A single empty text empties the list.
fn listed(said: Vec<String>, before: Vec<String>) -> Vec<String> {
    match said.as_slice() {
        [] => before,
        [one] if one.is_empty() => Vec::new(),
        _ => said,
    }
}

async fn create(store: &Store, now: UnixTime, config: &Config, new: Create, is_json: bool) -> Result<(), CommandError> {
    let folded = fold(&new.owner);
    let owner = store.read(move |db| users::find_by_login(db, &folded)).await?;
    let owner = owner.ok_or_else(|| CommandError::Refused(format!("there is no person named '{}'", new.owner)))?;
    let kind = if new.public { ClientType::Public } else { ClientType::Confidential };
    let is_first_party = new.fields.first_party.unwrap_or_default();
    let require_par = new.fields.require_par.unwrap_or_default();
    let verified_at = new.fields.verified.unwrap_or(true).then_some(now);
    let draft = new.fields.apply(Draft::new(new.name, kind))?;
    let rules = config.registration_rules();
    let registered = transact(store, move |tx| {
        let registered = clients::register(tx, now, &rules, (By::Operator(owner.id), draft.clone()), None)?;
        store::clients::set_first_party(tx, registered.client.id, is_first_party)?;
        store::clients::set_require_pushed_requests(tx, registered.client.id, require_par)?;
        store::clients::set_verified(tx, registered.client.id, verified_at)?;
        Ok::<_, Error<Vec<crate::domain::registration::FieldProblem>>>(registered)
    })
    .await?;
    let client = Application { is_first_party, require_pushed_requests: require_par, verified_at, ..registered.client };
    output::record(&shown(&client, registered.secret.as_ref()), is_json)
}

pub(super) async fn find(store: &Store, client_id: &str) -> Result<Application, CommandError> {
    let wanted = client_id.to_owned();
    let found = store.read(move |db| store::clients::find_by_client_id(db, &wanted)).await?;
    let found = found.filter(|client| client.deleted_at.is_none());
    let found = found.map(Arc::unwrap_or_clone);
    found.ok_or_else(|| CommandError::Refused(format!("there is no application '{client_id}'")))
}

async fn change(
    store: &Store,
    now: UnixTime,
    (config, keys): (&Config, BaseKeys),
    changes: Update,
    is_json: bool,
) -> Result<(), CommandError> {
    let client = find(store, &changes.client_id).await?;
    let Fields { first_party, require_par, verified, .. } = *changes.fields;
    let mut draft = changes.fields.apply(draft_of(&client))?;
    draft.name = changes.name.unwrap_or(draft.name);
    let (rules, mail) = (config.registration_rules(), user::open_mail(config, keys)?);
    transact(store, move |tx| {
        let changes = update(tx, now, &rules, (&client, draft.clone()), None)?;
        user::email_owner_of_app(tx, now, mail.as_ref(), &client, &changes)?;
        if let Some(first_party) = first_party {
            store::clients::set_first_party(tx, client.id, first_party)?;
        }
        if let Some(require_par) = require_par {
            store::clients::set_require_pushed_requests(tx, client.id, require_par)?;
        }
        if let Some(verified) = verified {
            // An application that is verified already keeps the time of its first verification.
            let at = verified.then(|| client.verified_at.unwrap_or(now));
            store::clients::set_verified(tx, client.id, at)?;
        }
        Ok::<_, Error<Vec<crate::domain::registration::FieldProblem>>>(())
    })
    .await?;
    output::record(&shown(&find(store, &changes.client_id).await?, None), is_json)
}

async fn set_disabled(
    store: &Store,
    now: UnixTime,
    named: &Named,
    is_disabled: bool,
    is_json: bool,
) -> Result<(), CommandError> {
    let client = find(store, &named.client_id).await?;
    let event = if is_disabled { SecurityEvent::ClientDisabled } else { SecurityEvent::ClientEnabled };
    if client.disabled_at.is_some() != is_disabled {
        store
            .write(move |tx| {
                store::clients::set_disabled(tx, client.id, is_disabled.then_some(now))?;
                clients::log_for_owner(tx, now, &client, event, None)
            })
            .await?;
    }
    output::switched("client_id", &named.client_id, is_disabled, is_json)
}

/// Returns the application like a registration response (RFC 7591 §3.2.1), with the secret only when it was just
/// issued.
pub(super) fn shown(client: &Application, secret: Option<&Token<ClientSecret>>) -> Value {
    let mut shown = json!({
        "client_id": client.client_id,
        "client_name": client.name,
        "client_id_issued_at": client.created_at.seconds(),
        "redirect_uris": client.redirect_uris.to_vec(),
        "login_return_urls": client.login_return_urls.to_vec(),
        "login_varying_parameters": client.login_varying_parameters.to_vec(),
        "login_delivery": client.login_delivery.as_str(),
        "grant_types": client.grant_types.to_vec(),
        "scope": client.scope.as_str(),
        "token_endpoint_auth_method": client.authentication_method(),
        "require_pkce": client.require_pkce,
        "require_pushed_authorization_requests": client.require_pushed_requests,
        "post_logout_redirect_uris": client.post_logout_redirect_uris.to_vec(),
        "id_token_signed_response_alg": client.id_token_signed_response_alg.as_str(),
        "id_token_claims": client.id_token_claims,
        "dpop_bound_access_tokens": client.dpop_bound_access_tokens,
        "verified": client.verified_at.is_some(),
        "first_party": client.is_first_party,
        "disabled": client.disabled_at.is_some(),
    });
    if let (Some(jwks), Value::Object(members)) = (&client.jwks, &mut shown) {
        members.insert("jwks".to_owned(), jwks.parse().unwrap_or_default());
    }
    if let Some(jwks_uri) = &client.jwks_uri {
        shown["jwks_uri"] = json!(jwks_uri);
    }
    if let Some(algorithm) = client.userinfo_signed_response_alg {
        shown["userinfo_signed_response_alg"] = json!(algorithm.as_str());
    }
    if let Some(algorithm) = &client.token_endpoint_auth_signing_alg {
        shown["token_endpoint_auth_signing_alg"] = json!(algorithm);
    }
    if let (Some(secret), Value::Object(members)) = (secret, &mut shown) {
        members.insert("client_secret".to_owned(), json!(secret.expose()));
        members.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    shown
}
