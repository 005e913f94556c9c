//! Decides forward auth requests (`/auth/check`): whether a token may make the request to an API that a proxy
//! asks about.

use super::TokenSettings;
use super::audience::{is_for, is_for_platform};
use super::check::ProtectedResource;
use super::new_personal_token::effective;
use super::own_addresses::resources_of;
use crate::domain::access_list::{AccessList, Entry, Tier};
use crate::domain::column;
use crate::domain::plain_path::PlainPath;
use crate::domain::request_class::{RequestClass, RequestRules};
use crate::domain::token_in_use::TokenInUse;
use crate::domain::token_record::TokenKind;
use crate::domain::user::Role;
use crate::store::{Database, StoreError, apis, resources};

/// The request that the proxy describes, without its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedRequest {
    /// The method, in upper case.
    pub method: String,
    pub path: PlainPath,
    /// The identifier of the API behind the proxy, if the proxy names one.
    pub api: Option<String>,
}

column::named! {
    /// Who compares the access list of a personal token with the path (the setting `forward_auth.judge`).
    Judge {
        /// This server: a path that the list does not cover is refused.
        Gatepost = "gatepost",
        /// The API, which gets the list in a header.
        Api = "api",
    }
}

/// The operator's settings for forward auth.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// The rules that classify requests.
    pub rules: &'a RequestRules,
    /// Who judges access lists.
    pub judge: Judge,
}

/// The decision about a forwarded request.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The token may make it; with the access list as it counts now.
    Allowed(Option<AccessList>),
    /// Everyone may make it, with or without a token.
    Public,
    /// The token may not make it; the name of the missing right.
    Missing(&'static str),
}

/// Names of missing rights that are more specific than a tier or a class.
const FOR_THE_PLATFORM: &str = "a token for the platform; for a token of another API, the proxy's address of \
                                /auth/check must name that API with ?api=";
const FOR_THIS_API: &str = "a token for the API that the proxy names with ?api=";
const A_RESOURCE: &str = "one for more than the resources in its list, and the path names none of them";
const OWN: &str = "a token from the person's own log-in, not an app's";

impl ForwardedRequest {
    fn reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

/// Decides whether an active token may make the request. A resource that the public may read, any token may
/// read.
///
/// # Errors
/// When the store fails.
pub fn decide(
    db: &mut Database,
    token_settings: &TokenSettings,
    policy: Policy<'_>,
    (token, request): (&TokenInUse, &ForwardedRequest),
) -> Result<Decision, StoreError> {
    Ok(match of_token(db, token_settings, policy, (token, request))? {
        Decision::Missing(_) if is_public(db, policy.rules, request)? => Decision::Public,
        decision => decision,
    })
}

/// Whether a request needs no token: it reads a resource of the platform that is shared with the public.
///
/// # Errors
/// When the store fails.
pub fn is_public(db: &mut Database, rules: &RequestRules, request: &ForwardedRequest) -> Result<bool, StoreError> {
    let is_read = matches!(request.method.as_str(), "GET" | "HEAD");
    if !is_read || !resources_of(&request.method, &request.path).is_empty() {
        return Ok(false);
    }
    if let Some(named) = &request.api {
        let directory = apis::directory(db)?;
        if !directory.find_named(named).is_some_and(|found| found.api.is_first_party && found.is_active) {
            return Ok(false);
        }
    }
    let Some(path) = rules.resource(&request.path) else { return Ok(false) };
    let line = resources::list_with_ancestors(db, &path)?;
    Ok(line.iter().any(|resource| resource.public_tier >= Some(Tier::View)))
}

fn of_token(
    db: &mut Database,
    token_settings: &TokenSettings,
    policy: Policy<'_>,
    (token, request): (&TokenInUse, &ForwardedRequest),
) -> Result<Decision, StoreError> {
    let is_for_platform = is_for_platform(db, token_settings, token)?;
    // Without an API in the question the request is for the platform: a token that is only for another API is
    // refused.
    match &request.api {
        None if !is_for_platform => return Ok(Decision::Missing(FOR_THE_PLATFORM)),
        Some(api) if !apis::directory(db)?.find_named(api).is_some_and(|found| is_for(token, found)) => {
            return Ok(Decision::Missing(FOR_THIS_API));
        }
        _ => {}
    }
    let resources = resources_of(&request.method, &request.path);
    if let Some(closed) = resources.into_iter().find(|resource| !resource.accepts(token, is_for_platform)) {
        return Ok(Decision::Missing(right_at(closed)));
    }
    let is_consumer = token.basis.person.as_ref().is_some_and(|person| person.role == Role::Consumer);
    if is_consumer && !request.reads() {
        return Ok(Decision::Missing("write"));
    }
    let rules = policy.rules;
    Ok(match token.record.kind {
        // Only a token that was exchanged for a personal token has a list; it is judged like a personal token.
        TokenKind::OAuth if token.record.access_list.is_some() => {
            personal(db, token_settings, policy, (token, request))?
        }
        TokenKind::User | TokenKind::OAuth => Decision::Allowed(None),
        TokenKind::Generator => Decision::Missing("any: a generator only makes tokens"),
        TokenKind::Studio => {
            let class = rules.classify(&request.method, &request.path);
            match token.record.class() {
                Some(held) if held.opens(class) => Decision::Allowed(None),
                _ => Decision::Missing(right_of(class)),
            }
        }
        TokenKind::Fileset => match &token.record.resource {
            Some(fileset) if request.reads() && rules.is_in_fileset(&request.path, fileset) => Decision::Allowed(None),
            _ => Decision::Missing("read of this fileset"),
        },
        TokenKind::Personal => personal(db, token_settings, policy, (token, request))?,
    })
}

fn right_at(resource: ProtectedResource) -> &'static str {
    if resource == ProtectedResource::StudioTokens { right_of(RequestClass::Mint) } else { OWN }
}

fn right_of(class: RequestClass) -> &'static str {
    match class {
        RequestClass::Metadata => "read_only/all",
        RequestClass::Stream => "read_only/dataset_streaming",
        RequestClass::RefreshTiles => "read_write/dataset_streaming_refreshing",
        RequestClass::PublishedProject => "read_only/embedded_published_project",
        RequestClass::Write => "read_write/all",
        RequestClass::Mint => "the generator's, at this server itself",
    }
}

/// Judges a token with an access list: the path must name a resource that the list covers, or the operator must
/// have configured that such a read needs any token that reads. A token without a list holds scopes, which its
/// API judges.
fn personal(
    db: &mut Database,
    token_settings: &TokenSettings,
    policy: Policy<'_>,
    (token, request): (&TokenInUse, &ForwardedRequest),
) -> Result<Decision, StoreError> {
    let needed = if request.reads() { Tier::View } else { Tier::Edit };
    let Some(list) = &token.record.access_list else { return Ok(Decision::Allowed(None)) };
    let Some(person) = &token.basis.person else { return Ok(Decision::Missing(needed.as_str())) };
    let list = effective(db, &token_settings.limits, person, list)?;
    if !list.entries().iter().any(|entry| entry.access.access_tier >= needed) {
        return Ok(Decision::Missing(needed.as_str()));
    }
    if policy.judge == Judge::Api {
        return Ok(Decision::Allowed(Some(list)));
    }
    let Some(path) = policy.rules.resource(&request.path) else {
        return Ok(match policy.rules.is_open_to_readers(&request.method, &request.path) {
            true => Decision::Allowed(Some(list)),
            false => Decision::Missing(A_RESOURCE),
        });
    };
    // An unregistered resource has no ancestors: it must be listed itself.
    let line = resources::list_with_ancestors(db, &path)?;
    let names = if line.is_empty() { vec![path] } else { line.into_iter().map(|resource| resource.path).collect() };
    let covers = |entry: &Entry| names.contains(&entry.path_id) && entry.access.access_tier >= needed;
    Ok(match list.entries().iter().any(covers) {
        true => Decision::Allowed(Some(list)),
        false => Decision::Missing(needed.as_str()),
    })
}
