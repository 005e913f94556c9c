//! `gatepost api …`: registers and administers protected APIs (resource servers).

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CommandError, output, start};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::api::{Api as Resource, TokenFormat};
use crate::domain::api_identifier::own_names;
use crate::domain::client::Client;
use crate::domain::token::{ClientSecret, Token};
use crate::oauth::apis::{ApiDraft, register};
use crate::oauth::clients::roll_secret;
use crate::outcome::transact;
use crate::store::{Store, StoreError, apis, clients};
use crate::tokens::revoke;
use crate::web::app::PublicUrl;

/// The subcommands of `gatepost api`.
#[derive(Subcommand)]
pub enum Api {
    /// Register an API. Its secret for introspection is printed once.
    Create(Create),
    /// List all APIs.
    List,
    /// Show one API.
    Show(Named),
    /// Make a new secret, printed once; the old one ends.
    RotateSecret(Named),
    /// Delete an API and its scopes.
    Delete(Named),
}

/// Arguments of `gatepost api create`.
#[derive(Args)]
pub struct Create {
    /// Its address, which names it.
    #[arg(long, value_name = "URI")]
    identifier: String,
    /// The name that people read.
    #[arg(long)]
    name: String,
    /// A scope of it, as 'name: what a person reads'; may be repeated. Without any it opens as a whole, to
    /// apps that you created or verified; with --first-party to those that hold `projects`.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// What its access tokens look like: opaque, or jwt (RFC 9068), which it judges without us; a token
    /// that was taken back may then work up to 10 minutes more.
    #[arg(long, default_value = "opaque")]
    token_format: String,
    /// The operator runs it: it may introspect everybody's user tokens.
    #[arg(long)]
    first_party: bool,
}

/// The API that a command is about.
#[derive(Args)]
pub struct Named {
    /// Its identifier.
    identifier: String,
}

/// Runs one of the `api` commands.
///
/// # Errors
/// When the database cannot be used, or when the command is refused.
pub async fn run(command: Api, config: Config, is_json: bool) -> Result<(), CommandError> {
    let (store, _) = start::store(&config, &Clock::System).await?;
    let now = Clock::System.now();
    match command {
        Api::Create(new) => {
            let format: Result<TokenFormat, _> = new.token_format.parse();
            let token_format = format.map_err(|error| CommandError::Refused(format!("token-format {error}")))?;
            let (identifier, name) = (new.identifier, new.name);
            let (scopes, is_first_party) = (new.scopes, new.first_party);
            let draft = ApiDraft { identifier, name, scopes, is_first_party, token_format };
            // Without `public_url` the issuer contains the port that `serve` binds, which is not known here.
            let issuer = config.public_url.as_ref().map(|url| PublicUrl::new(url).issuer);
            let own_names = issuer.map_or_else(Vec::new, |issuer| own_names(&issuer).to_vec());
            let registered = transact(&store, move |tx| register(tx, now, &own_names, draft.clone()));
            let (api, registered) = registered.await?;
            output::record(&shown(&api, &registered.client, registered.secret.as_ref()), is_json)
        }
        Api::List => {
            let all = store.read(|db| {
                let with_client = |db: &mut crate::store::Database, api: &Resource| {
                    Ok::<_, StoreError>(clients::find(db, api.client_key)?.map(|client| shown(api, &client, None)))
                };
                let all = apis::directory(db)?;
                all.iter().map(|found| with_client(db, &found.api)).collect::<Result<Vec<_>, _>>()
            });
            output::list(&all.await?.into_iter().flatten().collect::<Vec<_>>(), is_json)
        }
        Api::Show(named) => {
            let (api, client) = find(&store, &named).await?;
            output::record(&shown(&api, &client, None), is_json)
        }
        Api::RotateSecret(named) => {
            let (api, client) = find(&store, &named).await?;
            if !client.has_secret() {
                return Err(CommandError::Refused("this API has no secret: it has keys".to_owned()));
            }
            let asked = client.clone();
            let secret = store.write(move |tx| roll_secret(tx, now, (&asked, 0), None)).await?;
            output::record(&shown(&api, &client, Some(&secret)), is_json)
        }
        Api::Delete(named) => {
            let (api, _) = find(&store, &named).await?;
            store.write(move |tx| revoke::delete_api(tx, now, &api)).await?;
            let said = format!("deleted {}", named.identifier);
            output::done(&json!({ "identifier": named.identifier, "deleted": true }), &said, is_json)
        }
    }
}

async fn find(store: &Store, named: &Named) -> Result<(Resource, Arc<Client>), CommandError> {
    let identifier = named.identifier.clone();
    let found = store.read(move |db| {
        let directory = apis::directory(db)?;
        let Some(found) = directory.find_named(&identifier) else { return Ok(None) };
        Ok(clients::find(db, found.api.client_key)?.map(|client| (found.api.clone(), client)))
    });
    found.await?.ok_or_else(|| CommandError::Refused(format!("there is no API '{}'", named.identifier)))
}

fn shown(api: &Resource, client: &Client, secret: Option<&Token<ClientSecret>>) -> Value {
    let mut shown = json!({
        "identifier": api.identifier,
        "name": api.name,
        "token_format": api.token_format.as_str(),
        "first_party": api.is_first_party,
        "client_id": client.client_id,
    });
    if let (Some(secret), Value::Object(members)) = (secret, &mut shown) {
        members.insert("client_secret".to_owned(), json!(secret.expose()));
    }
    shown
}
