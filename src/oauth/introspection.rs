//! Introspection (RFC 7662): the state of a token, for those clients only that may see it.

use serde::Serialize;

use super::Result;
use super::problem::Problem;
use super::signing::Signer;
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::jose::claims::Confirmation;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token::{RefreshToken, Token};
use crate::domain::token_class::{Action, ResourceType};
use crate::domain::token_in_use::{Life, TokenInUse};
use crate::domain::token_record::TokenKind;
use crate::outcome::Error;
use crate::store::{Database, apis, grants, refresh_tokens};
use crate::tokens::TokenSettings;
use crate::tokens::audience::is_for;
use crate::tokens::check::{judge, note_use};
use crate::tokens::last_use::{LastUse, Seen};
use crate::tokens::new_personal_token::effective;

/// The answer to an introspection request (RFC 7662 §2.2). Only `active` is present when it is false.
#[derive(Debug, Default, Serialize)]
pub struct Introspection {
    pub active: bool,
    /// The key whose proof must be sent with the token (RFC 9449 §6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The application that it was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// `Bearer` (RFC 6750) or `DPoP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// When it was issued, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// The person's id in UUID form, or the `client_id` of a client that acts for itself (RFC 9068 §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The APIs that it is for: one, or a list (RFC 7662 §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<serde_json::Value>,
    /// The platform's name for the kind of token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_kind: Option<&'static str>,
    /// The resources that a personal token opens at this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_list: Option<serde_json::Value>,
    /// What a studio token may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    /// The type of resource to which it may do that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<&'static str>,
    /// The only fileset that the token opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// Answers the authenticated client `asker`. A token that it may not see is answered as inactive, exactly like an
/// unknown one.
///
/// # Errors
/// [`Problem::NotAnIntrospector`] for a public client.
pub fn introspect(
    db: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    last_use: &LastUse,
    (asker, token, signer): (&Client, &str, &Signer),
) -> Result<Introspection> {
    let issuer = signer.issuer();
    if asker.is_public() {
        return Err(Problem::NotAnIntrospector.because("a public client asked for introspection"));
    }
    if let Ok(token) = Token::<RefreshToken>::parse(token) {
        return introspect_refresh_token(db, now, last_use, (asker, &token, issuer));
    }
    let Ok(presented) = signer.read(db, token)? else { return Ok(Introspection::default()) };
    let token = match judge(db, now, &presented) {
        Ok(token) => token,
        Err(Error::Refused(_)) => return Ok(Introspection::default()),
        Err(Error::Failed(error)) => return Err(error.into()),
    };
    if !may_see(db, asker, &token)? {
        return Ok(Introspection::default());
    }
    note_use(last_use, now, &token, None);
    let person = token.basis.person.as_ref();
    let access_list = match (&token.record.access_list, person) {
        (Some(list), Some(person)) => Some(effective(db, &token_settings.limits, person, list)?),
        _ => None,
    };
    Ok(Introspection {
        access_list: access_list.and_then(|list| serde_json::to_value(list.entries()).ok()),
        action: token.record.action.map(Action::as_str),
        resource_type: token.record.resource_type.map(ResourceType::as_str),
        resource: token.record.resource.clone(),
        active: true,
        scope: (!token.record.scope.is_empty()).then(|| token.record.scope.to_string()),
        client_id: token.made_for(),
        username: person.map(|person| person.username.clone()),
        token_type: Some(if token.record.dpop_jkt.is_some() { "DPoP" } else { "Bearer" }),
        cnf: token.record.dpop_jkt.clone().map(|jkt| Confirmation { jkt }),
        exp: token.record.expires_at.map(UnixTime::seconds),
        iat: Some(token.record.created_at.seconds()),
        sub: token.subject(),
        iss: Some(issuer.to_owned()),
        aud: aud(&token.record.audience),
        token_kind: Some(token.record.kind.as_str()),
    })
}

/// Whether a client may see a token: one that was issued to the client itself, one that is for its API, and every
/// personal token if the operator runs its API.
fn may_see(db: &mut Database, asker: &Client, token: &TokenInUse) -> Result<bool> {
    if token.basis.application.as_ref().is_some_and(|client| client.id == asker.id) {
        return Ok(true);
    }
    let directory = apis::directory(db)?;
    let Some(found) = directory.find_by_client(asker.id) else { return Ok(false) };
    Ok((found.api.is_first_party && token.record.kind == TokenKind::Personal) || is_for(token, found))
}

/// Returns one API as a string, several as a list (RFC 7519 §4.1.3).
fn aud(audience: &SpaceSeparated) -> Option<serde_json::Value> {
    match audience.to_vec().as_slice() {
        [] => None,
        [only] => Some(only.as_str().into()),
        several => Some(several.into()),
    }
}

fn introspect_refresh_token(
    db: &mut Database,
    now: UnixTime,
    last_use: &LastUse,
    (asker, token, issuer): (&Client, &Token<RefreshToken>, &str),
) -> Result<Introspection> {
    let record = refresh_tokens::find(db, token.id())?.filter(|record| record.digest.matches(&token.digest()));
    let Some(record) = record.filter(|record| record.consumed_at.is_none() && now < record.expires_at) else {
        return Ok(Introspection::default());
    };
    let grant = grants::find_in_use(db, record.grant_id)?.filter(|grant| grant.life(now) == Life::Alive);
    let is_own = |client: &crate::domain::token_in_use::Application| client.id == asker.id;
    let Some(grant) = grant.filter(|grant| grant.application.as_ref().is_some_and(is_own)) else {
        return Ok(Introspection::default());
    };
    last_use.note(Seen::RefreshToken(record.id), now, record.last_used_at);
    Ok(Introspection {
        active: true,
        scope: (!grant.grant.scope.is_empty()).then(|| grant.grant.scope.to_string()),
        client_id: grant.application.map(|client| client.client_id),
        username: grant.person.as_ref().map(|person| person.username.clone()),
        exp: Some(record.expires_at.seconds()),
        iat: Some(record.created_at.seconds()),
        sub: grant.person.as_ref().map(|person| person.id.uuid()),
        iss: Some(issuer.to_owned()),
        aud: aud(&grant.grant.audience),
        cnf: record.dpop_jkt.map(|jkt| Confirmation { jkt }),
        ..Introspection::default()
    })
}
