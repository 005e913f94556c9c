//! Registers and changes applications, in the same way for the console and the command line.

use super::client_changes::{self, Change};
use super::{hosts, operator_marks, scopes};
use crate::clock::UnixTime;
use crate::domain::client::{Client, ClientType, LoginDelivery, client_id_of};
use crate::domain::client_secret::ClientSecretRecord;
use crate::domain::deception;
use crate::domain::id::Id;
use crate::domain::jose::algorithm::Algorithm;
use crate::domain::jose::jwk::KeySet;
use crate::domain::registration::{Draft, FieldProblem, Registration, Rules};
use crate::domain::security_log::{BY_OPERATOR, SecurityEvent};
use crate::domain::session::Origin;
use crate::domain::token::{ClientSecret, Token};
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::{Database, StoreError, client_secrets, clients, consents, security_log};
use crate::tokens::revoke;

/// Applications that a person may own, unless an operator registers more for them.
pub const MOST_PER_PERSON: usize = 50;
/// Applications that a person without a verified email address may own.
pub const MOST_WITHOUT_EMAIL: usize = 3;
/// Secrets that may be valid at once: the new one, and the old one until all servers use the new one.
const LIVING_SECRETS: usize = 2;

/// An application that was just registered, with the plaintext of its secret, which is not stored.
#[derive(Debug)]
pub struct Registered {
    pub client: Client,
    pub secret: Option<Token<ClientSecret>>,
}

/// The person who registers an application.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// The operator, for this owner: the application counts as verified.
    Operator(Id<User>),
    /// The owner, in the console.
    Owner(Id<User>),
}

type Result<T> = std::result::Result<T, Error<Vec<FieldProblem>>>;

/// Refuses a name that could be mistaken for the server's own, or for that of an application that the operator
/// verified. An application may keep the name that it has.
///
/// # Errors
/// A problem of the field `client_name`.
pub(super) fn refuse_deceiving_name(tx: &mut Database, new: &Registration, old: Option<&Client>) -> Result<()> {
    if old.is_some_and(|old| old.name == new.name) {
        return Ok(());
    }
    let verified = clients::list_verified_names(tx)?;
    let others = verified.iter().filter(|(id, _)| old.is_none_or(|old| old.id != *id));
    match deception::find_deception(&new.name, others.map(|(_, name)| name.as_str())) {
        Some(deception) => {
            Err(Error::Refused(vec![FieldProblem { field: "client_name", message: deception.to_string() }]))
        }
        None => Ok(()),
    }
}

pub(super) fn validate(tx: &mut Database, rules: &Rules, draft: Draft) -> Result<Registration> {
    let known = scopes::known_scope(tx)?;
    if let Some(Err(error)) = draft.jwks.as_deref().map(KeySet::parse) {
        return Err(Error::Refused(vec![FieldProblem { field: "jwks", message: format!("{error}.") }]));
    }
    if let Some(Err(_)) = draft.token_endpoint_auth_signing_alg.as_deref().map(str::parse::<Algorithm>) {
        let message = format!("Write one of: {}.", Algorithm::NAMES.join(", "));
        return Err(Error::Refused(vec![FieldProblem { field: "token_endpoint_auth_signing_alg", message }]));
    }
    draft.validate(&known, rules).map_err(Error::Refused)
}

/// Refuses a draft with fields that could not be read, together with its other problems.
///
/// # Errors
/// All problems, when `unread` is not empty.
pub fn refuse_with(db: &mut Database, rules: &Rules, draft: &Draft, unread: Vec<FieldProblem>) -> Result<()> {
    match validate(db, rules, draft.clone()) {
        _ if unread.is_empty() => Ok(()),
        Err(Error::Refused(problems)) => Err(Error::Refused(problems.into_iter().chain(unread).collect())),
        Err(failed) => Err(failed),
        Ok(_) => Err(Error::Refused(unread)),
    }
}

/// Returns how many applications a person may own.
pub fn max_apps_of(owner: &User) -> usize {
    if owner.email_verified_at.is_some() { MOST_PER_PERSON } else { MOST_WITHOUT_EMAIL }
}

/// Registers an application. `origin` is the owner's request; `None` when an operator registers it.
///
/// # Errors
/// All problems of the draft at once.
pub fn register(
    tx: &mut Database,
    now: UnixTime,
    rules: &Rules,
    (by, draft): (By, Draft),
    origin: Option<&Origin>,
) -> Result<Registered> {
    let new = validate(tx, rules, draft)?;
    let (owner, verified_at) = match by {
        By::Operator(owner) => (owner, Some(now)),
        By::Owner(owner) => {
            refuse_deceiving_name(tx, &new, None)?;
            hosts::refuse_foreign(tx, Some(owner), &new, None)?;
            (owner, None)
        }
    };
    let registered = insert(tx, now, (Some(owner), verified_at), new)?;
    log_for_owner(tx, now, &registered.client, SecurityEvent::ClientCreated, origin)?;
    Ok(registered)
}

pub(super) fn insert(
    tx: &mut Database,
    now: UnixTime,
    (owner_id, verified_at): (Option<Id<User>>, Option<UnixTime>),
    new: Registration,
) -> std::result::Result<Registered, StoreError> {
    write(tx, now, (None, owner_id, verified_at), new)
}

/// Inserts a client that describes itself, with its own `client_id`.
pub(super) fn insert_as(
    tx: &mut Database,
    now: UnixTime,
    client_id: &str,
    new: Registration,
) -> std::result::Result<Registered, StoreError> {
    write(tx, now, (Some(client_id), None, None), new)
}

fn write(
    tx: &mut Database,
    now: UnixTime,
    (client_id, owner_id, verified_at): (Option<&str>, Option<Id<User>>, Option<UnixTime>),
    new: Registration,
) -> std::result::Result<Registered, StoreError> {
    let id = Id::next(now);
    let client = Client {
        id,
        client_id: client_id.map_or_else(|| client_id_of(id), str::to_owned),
        owner_id,
        name: new.name,
        client_type: new.client_type,
        scope: new.scope,
        grant_types: new.grant_types,
        redirect_uris: new.redirect_uris,
        login_return_urls: new.login_return_urls,
        login_delivery: new.login_delivery,
        login_token_lifetime: new.login_token_lifetime,
        require_pkce: new.require_pkce,
        allow_plain_pkce: new.allow_plain_pkce,
        is_first_party: false,
        verified_at,
        disabled_at: None,
        deleted_at: None,
        created_at: now,
        require_pushed_requests: false,
        post_logout_redirect_uris: new.post_logout_redirect_uris,
        id_token_signed_response_alg: new.id_token_signed_response_alg,
        id_token_claims: new.id_token_claims,
        jwks: new.jwks,
        dpop_bound_access_tokens: new.dpop_bound_access_tokens,
        jwks_uri: new.jwks_uri,
        userinfo_signed_response_alg: new.userinfo_signed_response_alg,
        login_varying_parameters: new.login_varying_parameters,
        token_endpoint_auth_signing_alg: new.token_endpoint_auth_signing_alg,
    };
    clients::insert(tx, &client)?;
    // A client with keys needs no secret, and a secret that does not exist cannot leak here.
    let secret = match client.client_type {
        ClientType::Confidential if !client.has_keys() => Some(add_secret(tx, now, id)?),
        _ => None,
    };
    Ok(Registered { client, secret })
}

/// Removes the consents to an application whose answers may now go to another address, or to the holder of other
/// keys: people consented to what they were shown (ours; RFC 9700 §4.11.2).
///
/// # Errors
/// When the store fails.
pub(super) fn ask_again_if_somebody_else(
    tx: &mut Database,
    old: &Client,
    new: &Registration,
) -> std::result::Result<(), StoreError> {
    let is_less_safe = old.login_delivery == LoginDelivery::Code && new.login_delivery != LoginDelivery::Code;
    let is_same = !has_new_addresses(old, new)
        && old.client_type == new.client_type
        && !operator_marks::has_other_keys(old, new)
        && !is_less_safe;
    if is_same { Ok(()) } else { consents::forget_client(tx, old.id) }
}

fn has_new_addresses(old: &Client, new: &Registration) -> bool {
    !new.redirect_uris.is_within(&old.redirect_uris) || !new.login_return_urls.is_within(&old.login_return_urls)
}

/// Writes the changes that an application's owner made, or an operator (`origin` is `None`), and logs each change.
/// The client type stays; once the application has keys, its secrets end.
///
/// # Errors
/// All problems of the draft at once.
pub fn update(
    tx: &mut Database,
    now: UnixTime,
    rules: &Rules,
    (client, draft): (&Client, Draft),
    origin: Option<&Origin>,
) -> Result<Vec<Change>> {
    let new = validate(tx, rules, Draft { client_type: client.client_type, ..draft })?;
    if origin.is_some() {
        refuse_deceiving_name(tx, &new, Some(client))?;
        hosts::refuse_foreign(tx, client.owner_id, &new, Some(client))?;
        operator_marks::end_if_changed(tx, client, &new)?;
        ask_again_if_somebody_else(tx, client, &new)?;
    }
    clients::update(tx, client.id, &new)?;
    if new.jwks.is_some() || new.jwks_uri.is_some() {
        client_secrets::end_all(tx, client.id, now)?;
    }
    let changes = client_changes::list(client, &new);
    log_changes(tx, now, (client, &changes), origin)?;
    Ok(changes)
}

/// Appends an entry for each change to the security log of the application's owner.
fn log_changes(
    tx: &mut Database,
    now: UnixTime,
    (client, changes): (&Client, &[Change]),
    origin: Option<&Origin>,
) -> std::result::Result<(), StoreError> {
    if changes.is_empty() {
        return log_for_owner(tx, now, client, SecurityEvent::ClientChanged, origin);
    }
    for change in changes {
        // The name before the change, so that the entries of the log stay connected.
        let told = Client { name: format!("{}: {}", client.name, change.in_words), ..client.clone() };
        log_for_owner(tx, now, &told, SecurityEvent::ClientChanged, origin)?;
    }
    Ok(())
}

/// Appends an event to the security log of the application's owner; does nothing when it has no owner.
///
/// # Errors
/// When the store fails.
pub fn log_for_owner(
    tx: &mut Database,
    now: UnixTime,
    client: &Client,
    event: SecurityEvent,
    origin: Option<&Origin>,
) -> std::result::Result<(), StoreError> {
    let Some(owner) = client.owner_id else { return Ok(()) };
    match origin {
        Some(origin) => security_log::append(tx, now, owner, (event, &client.name), Some(origin)),
        None => {
            let about = format!("{}, {BY_OPERATOR}", client.name);
            security_log::append(tx, now, owner, (event, &about), None)
        }
    }
}

/// Deletes an application for its owner or an operator.
///
/// # Errors
/// When the store fails.
pub fn delete(
    tx: &mut Database,
    now: UnixTime,
    client: &Client,
    origin: Option<&Origin>,
) -> std::result::Result<(), StoreError> {
    revoke::delete_client(tx, now, client.id)?;
    log_for_owner(tx, now, client, SecurityEvent::ClientDeleted, origin)
}

/// Ends one secret of an application at once. `false` when it has ended before, or belongs to another application.
///
/// # Errors
/// When the store fails.
pub fn end_secret(
    tx: &mut Database,
    now: UnixTime,
    (client, secret): (&Client, Id<ClientSecretRecord>),
    origin: &Origin,
) -> std::result::Result<bool, StoreError> {
    let is_ended = client_secrets::end(tx, client.id, secret, now)?;
    if is_ended {
        log_for_owner(tx, now, client, SecurityEvent::ClientSecretEnded, Some(origin))?;
    }
    Ok(is_ended)
}

/// Returns the present settings of an application as a draft to change.
pub fn draft_of(client: &Client) -> Draft {
    Draft {
        name: client.name.clone(),
        client_type: client.client_type,
        redirect_uris: client.redirect_uris.to_vec(),
        login_return_urls: client.login_return_urls.to_vec(),
        login_delivery: client.login_delivery,
        login_token_lifetime: client.login_token_lifetime,
        grant_types: client.grant_types.iter().flat_map(str::parse).collect(),
        scope: Some(client.scope.to_string()),
        require_pkce: client.require_pkce,
        allow_plain_pkce: client.allow_plain_pkce,
        post_logout_redirect_uris: client.post_logout_redirect_uris.to_vec(),
        id_token_signed_response_alg: client.id_token_signed_response_alg,
        id_token_claims: client.id_token_claims,
        jwks: client.jwks.clone(),
        dpop_bound_access_tokens: client.dpop_bound_access_tokens,
        jwks_uri: client.jwks_uri.clone(),
        userinfo_signed_response_alg: client.userinfo_signed_response_alg,
        login_varying_parameters: client.login_varying_parameters.to_vec(),
        token_endpoint_auth_signing_alg: client.token_endpoint_auth_signing_alg.clone(),
    }
}

/// Gives an application a new secret; the older ones end after `keep_old_for` seconds. At most two are valid at once.
///
/// # Errors
/// When the store fails.
pub fn roll_secret(
    tx: &mut Database,
    now: UnixTime,
    (client, keep_old_for): (&Client, i64),
    origin: Option<&Origin>,
) -> std::result::Result<Token<ClientSecret>, StoreError> {
    clients::lock(tx, client.id)?;
    client_secrets::end_all(tx, client.id, now.plus(keep_old_for.max(0)))?;
    for surplus in client_secrets::list(tx, now, client.id)?.into_iter().skip(LIVING_SECRETS - 1) {
        client_secrets::end(tx, client.id, surplus.id, now)?;
    }
    log_for_owner(tx, now, client, SecurityEvent::ClientSecretCreated, origin)?;
    add_secret(tx, now, client.id)
}

pub(super) fn add_secret(
    tx: &mut Database,
    now: UnixTime,
    client: Id<Client>,
) -> std::result::Result<Token<ClientSecret>, StoreError> {
    let secret = Token::<ClientSecret>::generate(Id::next(now));
    let record = ClientSecretRecord {
        id: secret.id(),
        client_key: client,
        digest: secret.digest(),
        last_four: secret.last_four(),
        created_at: now,
        expires_at: None,
        last_used_at: None,
        flagged_at: None,
    };
    client_secrets::insert(tx, &record)?;
    Ok(secret)
}
