//! Dynamic registration: applications register themselves (RFC 7591) and manage their registration (RFC 7592).

use std::sync::Arc;

use super::client_metadata::{ClientMetadata, DescribedClient, problem_of};
use super::clients::{self, add_secret};
use super::problem::Problem;
use super::{Refusal, Result, scopes, self_registered_update};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::registration::{Registration, Rules};
use crate::domain::scope::Scope;
use crate::domain::self_registration::{
    AuthMethod, DynamicRegistration, InitialAccessTokenRecord, SelfRegistration, SelfRegistrationPolicy,
};
use crate::domain::token::{ClientSecret, InitialAccessToken, RegistrationToken, Token};
use crate::outcome::Error;
use crate::store::{self, Database, StoreError, client_secrets, self_registrations};
use crate::tokens::revoke;

/// The content of an answer about a registration (RFC 7591 §3.2.1).
#[derive(Debug)]
pub struct Answer {
    pub client: Client,
    pub registration: SelfRegistration,
    /// The plaintext of a secret that was just generated.
    pub secret: Option<Token<ClientSecret>>,
    /// The registration access token.
    pub token: Token<RegistrationToken>,
}

/// Returns the largest scope of a self-registered application: the operator's setting, limited to the scopes that
/// exist.
///
/// # Errors
/// When the store fails.
pub fn max_scope(db: &mut Database, policy: &SelfRegistrationPolicy) -> std::result::Result<Scope, StoreError> {
    Ok(policy.scope.intersection(&scopes::known_scope(db)?))
}

/// Checks that the holder of `token` may register an application.
///
/// # Errors
/// [`Problem::RegistrationOff`]; [`Problem::TokenMissing`] or [`Problem::TokenRevoked`] when an initial access token is needed and is
/// missing or not valid.
pub fn admit(db: &mut Database, now: UnixTime, policy: &SelfRegistrationPolicy, token: Option<&str>) -> Result<()> {
    match policy.registration {
        DynamicRegistration::Off => Err(Problem::RegistrationOff.because("dynamic registration is switched off")),
        DynamicRegistration::Open => Ok(()),
        DynamicRegistration::Token => {
            let token =
                token.ok_or_else(|| Problem::TokenMissing.because("registration needs an initial access token"))?;
            let unknown = || Problem::TokenRevoked.because("the initial access token is unknown or has expired");
            let token = Token::<InitialAccessToken>::parse(token).map_err(|_malformed| unknown())?;
            let found = self_registrations::find_initial_token(db, token.id())?;
            let found = found.filter(|record| record.digest.matches(&token.digest()) && now < record.expires_at);
            found.map(drop).ok_or_else(unknown)
        }
    }
}

/// Issues an initial access token that is valid for `seconds`.
///
/// # Errors
/// When the store fails.
pub fn issue_initial_token(
    tx: &mut Database,
    now: UnixTime,
    seconds: i64,
) -> std::result::Result<Token<InitialAccessToken>, StoreError> {
    let token = Token::<InitialAccessToken>::generate(Id::next(now));
    let expires_at = now.plus(seconds);
    let record = InitialAccessTokenRecord { id: token.id(), digest: token.digest(), created_at: now, expires_at };
    self_registrations::insert_initial_token(tx, &record)?;
    Ok(token)
}

fn validated(
    tx: &mut Database,
    (policy, rules): (&SelfRegistrationPolicy, &Rules),
    (old, metadata): (Option<&Client>, &ClientMetadata),
) -> Result<(DescribedClient, Registration)> {
    let described = metadata.to_registration(&max_scope(tx, policy)?).map_err(Error::Refused)?;
    let new = self_registered_update::validate(tx, rules, old, &described).map_err(|error| {
        error.map_refusal(|problems| {
            let (problem, cause) = problem_of(&problems);
            Refusal { problem, cause }
        })
    })?;
    Ok((described, new))
}

/// Registers an application that describes itself and has no owner.
///
/// # Errors
/// A problem of the description.
pub fn register(
    tx: &mut Database,
    now: UnixTime,
    (policy, rules): (&SelfRegistrationPolicy, &Rules),
    metadata: &ClientMetadata,
) -> Result<Answer> {
    let (described, new) = validated(tx, (policy, rules), (None, metadata))?;
    let registered = clients::insert(tx, now, (None, None), new)?;
    let token = Token::<RegistrationToken>::generate(Id::next(now));
    let registration = SelfRegistration {
        id: token.id(),
        client_key: registered.client.id,
        digest: Some(token.digest()),
        auth_method: described.auth_method,
        application_type: described.application_type,
        document_valid_until: None,
        created_at: now,
        used_at: None,
    };
    self_registrations::insert(tx, &registration)?;
    Ok(Answer { client: registered.client, registration, secret: registered.secret, token })
}

/// Finds the registration of a registration access token (RFC 7592 §2). A token of another client counts as unknown.
///
/// # Errors
/// [`Problem::RegistrationOff`]; [`Problem::TokenMissing`] or [`Problem::TokenRevoked`] when the token is missing or not valid.
pub fn find(
    db: &mut Database,
    policy: &SelfRegistrationPolicy,
    (client_id, token): (&str, Option<&str>),
) -> Result<Answer> {
    if policy.registration == DynamicRegistration::Off {
        return Err(Problem::RegistrationOff.because("dynamic registration is switched off"));
    }
    let token = token.ok_or_else(|| Problem::TokenMissing.because("the registration access token is missing"))?;
    let unknown = || Problem::TokenRevoked.because("the registration access token is unknown");
    let token = Token::<RegistrationToken>::parse(token).map_err(|_malformed| unknown())?;
    let found = self_registrations::find(db, token.id())?.filter(|(registration, client)| {
        let digest = registration.digest.as_ref();
        digest.is_some_and(|digest| digest.matches(&token.digest()))
            && client.client_id == client_id
            && client.is_active()
    });
    let (registration, client) = found.ok_or_else(unknown)?;
    Ok(Answer { client, registration, secret: None, token })
}

/// Replaces a registration (RFC 7592 §2.2): a member that is left out is removed. Settings that only the operator
/// can make stay.
///
/// # Errors
/// A problem of the description or of the token.
pub fn replace(
    tx: &mut Database,
    now: UnixTime,
    (policy, rules): (&SelfRegistrationPolicy, &Rules),
    (client_id, token): (&str, Option<&str>),
    metadata: &ClientMetadata,
) -> Result<Answer> {
    let old = find(tx, policy, (client_id, token))?;
    if metadata.text("client_id").map_err(Error::Refused)? != Some(client_id) {
        return Err(Problem::InvalidClientMetadata.because("the client_id is missing, or another client's"));
    }
    if let Some(secret) = metadata.text("client_secret").map_err(Error::Refused)? {
        check_secret(tx, now, (&old.client, secret))?;
    }
    let (described, new) = validated(tx, (policy, rules), (Some(&old.client), metadata))?;
    self_registered_update::write(tx, &old.client, &new)?;
    let secret = match described.auth_method {
        AuthMethod::None | AuthMethod::PrivateKeyJwt => {
            client_secrets::end_all(tx, old.client.id, now)?;
            None
        }
        _ if client_secrets::list(tx, now, old.client.id)?.is_empty() => Some(add_secret(tx, now, old.client.id)?),
        _ => None,
    };
    let (auth_method, application_type) = (described.auth_method, described.application_type);
    let registration = SelfRegistration { auth_method, application_type, ..old.registration };
    self_registrations::update(tx, &registration)?;
    let client = store::clients::find(tx, old.client.id)?.map_or(old.client, Arc::unwrap_or_clone);
    Ok(Answer { client, registration, secret, token: old.token })
}

/// A secret in a description must be the one that the client has (RFC 7592 §2.2).
fn check_secret(tx: &mut Database, now: UnixTime, (client, secret): (&Client, &str)) -> Result<()> {
    let other = || Problem::InvalidClientMetadata.because("the client_secret is not the client's");
    let secret = Token::<ClientSecret>::parse(secret).map_err(|_malformed| other())?;
    let found = client_secrets::find_with_client(tx, secret.id())?;
    let is_own = found.is_some_and(|(record, owner)| {
        owner.id == client.id && record.digest.matches(&secret.digest()) && record.is_alive(now)
    });
    if is_own { Ok(()) } else { Err(other()) }
}

/// Deletes a registration and everything that people allowed it (RFC 7592 §2.3).
///
/// # Errors
/// A problem of the token.
pub fn delete(
    tx: &mut Database,
    now: UnixTime,
    policy: &SelfRegistrationPolicy,
    named: (&str, Option<&str>),
) -> Result<()> {
    let found = find(tx, policy, named)?;
    Ok(revoke::delete_client(tx, now, found.client.id)?)
}
