//! A request to somebody else's API that a proxy asks about (`/auth/check`): may it be made?

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

/// A request as the proxy tells of it, without its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedRequest {
    /// The method, in capitals.
    pub method: String,
    /// The path.
    pub path: PlainPath,
    /// The API that the proxy stands in front of, by its identifier.
    pub api: Option<String>,
}

column::named! {
    /// Who holds a personal token's list against the path (the setting `forward_auth.judge`).
    Judge {
        /// We do: what the list does not cover is refused.
        Gatepost = "gatepost",
        /// The API does, which gets the list.
        Api = "api",
    }
}

/// What the operator says of forwarded requests.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// What they are.
    pub rules: &'a RequestRules,
    /// Who judges lists.
    pub judge: Judge,
}

/// What is decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It may; with the access list as it counts now.
    Allowed(Option<AccessList>),
    /// It may, and whoever asks may: the token adds nothing.
    Public,
    /// It may not: the right that is missing.
    Missing(&'static str),
}

/// The rights whose names tell more than a tier or a class does.
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

/// Decides about a living token. What the public may read, its holder may read as one of the public.
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

/// Whether a request needs no token: it reads a resource that is shared with the public, at the platform.
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
    // Where the proxy names no API it is the platform's own door: what is for some other API alone has
    // no business there.
    match &request.api {
        None if !is_for_platform => return Ok(Decision::Missing(FOR_THE_PLATFORM)),
        Some(api) if !apis::directory(db)?.find_named(api).is_some_and(|found| is_for(token, found)) => {
            return Ok(Decision::Missing(FOR_THIS_API));
        }
        _ => {}
    }
    let doors = resources_of(&request.method, &request.path);
    if let Some(closed) = doors.into_iter().find(|resource| !resource.accepts(token, is_for_platform)) {
        return Ok(Decision::Missing(right_at(closed)));
    }
    let is_consumer = token.basis.person.as_ref().is_some_and(|person| person.role == Role::Consumer);
    if is_consumer && !request.reads() {
        return Ok(Decision::Missing("write"));
    }
    let rules = policy.rules;
    Ok(match token.record.kind {
        // Only one that was exchanged for a personal token has a list, and is judged like it.
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

/// The path must name a resource that the list covers, or the operator must have said that a read needs
/// no more than some token that reads. A token without a list holds scopes, which its API judges.
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
    // One that nobody registered lies in nothing: it must be listed itself.
    let line = resources::list_with_ancestors(db, &path)?;
    let names = if line.is_empty() { vec![path] } else { line.into_iter().map(|resource| resource.path).collect() };
    let covers = |entry: &Entry| names.contains(&entry.path_id) && entry.access.access_tier >= needed;
    Ok(match list.entries().iter().any(covers) {
        true => Decision::Allowed(Some(list)),
        false => Decision::Missing(needed.as_str()),
    })
}
