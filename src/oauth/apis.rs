//! Registers protected APIs: an identifier, scopes with sentences, and credentials for introspection.

use url::Url;

use super::client_authentication::{ClientCredentials, authenticate};
use super::clients::{self, Registered};
use super::problem::Problem;
use crate::clock::UnixTime;
use crate::domain::address::is_unbroken;
use crate::domain::api::{Api, ApiScope, TokenFormat};
use crate::domain::api_identifier::is_same;
use crate::domain::client::ClientType;
use crate::domain::id::Id;
use crate::domain::registration::{Draft, FieldProblem, Rules};
use crate::domain::scope::Scope;
use crate::oauth::scopes;
use crate::outcome::Error;
use crate::store::named_locks::{self, NamedLock};
use crate::store::{Database, apis};
use crate::tokens::TokenSettings;
use crate::tokens::last_use::LastUse;

/// The registration rules for an API's own client, to which no browser is ever redirected.
const RULES: Rules = Rules { longest_login_token: i64::MAX, private_schemes: Vec::new(), allow_insecure_http: false };

/// Authenticates an API that the operator runs.
///
/// # Errors
/// When the credentials are wrong, or are not those of an API that the operator runs.
pub fn authenticate_first_party(
    db: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    last_use: &LastUse,
    credentials: &ClientCredentials,
) -> super::Result<Api> {
    let client = authenticate(db, now, token_settings, last_use, credentials)?;
    let directory = apis::directory(db)?;
    let found = directory.find_by_client(client.id).filter(|found| found.api.is_first_party);
    let api = found.map(|found| found.api.clone());
    api.ok_or_else(|| Problem::NotFirstParty.because("these are not the credentials of an API that the operator runs"))
}

/// The description of a new API, not validated yet.
#[derive(Clone, Debug)]
pub struct ApiDraft {
    /// An absolute URI without a fragment (RFC 8707 §2).
    pub identifier: String,
    /// The name that people read.
    pub name: String,
    /// `name: sentence`, one per element.
    pub scopes: Vec<String>,
    /// Whether the operator runs it.
    pub is_first_party: bool,
    /// The format of its access tokens.
    pub token_format: TokenFormat,
}

/// Registers an API with its credentials. `own_names` mean the platform, so no API may have one of them.
///
/// # Errors
/// The problems of the draft.
pub fn register(
    tx: &mut Database,
    now: UnixTime,
    own_names: &[String],
    draft: ApiDraft,
) -> Result<(Api, Registered), Error<Vec<FieldProblem>>> {
    let refuse = |field, message: &str| Error::Refused(vec![FieldProblem { field, message: message.to_owned() }]);
    let is_plain = !draft.identifier.contains('#') && is_unbroken(&draft.identifier);
    if Url::parse(&draft.identifier).is_err() || !is_plain {
        return Err(refuse("identifier", "Write an absolute URI without a fragment, such as https://api.example."));
    }
    if own_names.iter().any(|name| is_same(name, &draft.identifier)) {
        return Err(refuse("identifier", "This address means this server itself; the scope projects opens it."));
    }
    named_locks::acquire(tx, &[NamedLock::Apis])?;
    let directory = apis::directory(tx)?;
    if let Some(found) = directory.find_named(&draft.identifier) {
        let taken = &found.api.identifier;
        return Err(refuse("identifier", &format!("An API with this identifier exists: {taken}.")));
    }
    let known = scopes::known_scope(tx)?;
    let mut rows: Vec<(String, String)> = Vec::new();
    for scope in &draft.scopes {
        let (name, sentence) =
            scope.split_once(": ").ok_or_else(|| refuse("scope", "Write a scope as 'name: what a person reads'."))?;
        let is_one_word = name
            .parse::<Scope>()
            .is_ok_and(|parsed| parsed.as_str() == name && !name.contains(' ') && !name.is_empty());
        if !is_one_word {
            return Err(refuse("scope", "A scope's name is one word of printable ASCII."));
        }
        if rows.iter().any(|(other, _)| other == name) {
            return Err(refuse("scope", &format!("The scope {name} is named twice.")));
        }
        if known.holds(name) {
            let owner = directory.list_owners_of_scopes(&[name]).into_iter().next();
            let owner =
                owner.map_or_else(|| "this server itself".to_owned(), |api| format!("the API {}", api.identifier));
            return Err(refuse("scope", &format!("A scope with the name {name} exists: {owner} has it.")));
        }
        rows.push((name.to_owned(), sentence.trim().to_owned()));
    }
    let credentials = Draft { scope: Some(String::new()), ..Draft::new(draft.name.clone(), ClientType::Confidential) };
    let new = credentials.validate(&known, &RULES).map_err(Error::Refused)?;
    let registration = crate::domain::registration::Registration { grant_types: Default::default(), ..new };
    let registered = clients::insert(tx, now, (None, Some(now)), registration)?;
    let api = Api {
        id: Id::next(now),
        identifier: draft.identifier,
        name: registered.client.name.clone(),
        token_format: draft.token_format,
        is_first_party: draft.is_first_party,
        client_key: registered.client.id,
        created_at: now,
    };
    apis::insert(tx, &api)?;
    for (name, sentence) in rows {
        apis::insert_scope(tx, &ApiScope { id: Id::next(now), api_id: api.id, name, sentence })?;
    }
    Ok((api, registered))
}
