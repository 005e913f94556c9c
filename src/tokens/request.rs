//! A request to somebody else's API that a proxy asks about (`/auth/check`): may this token make it?

use super::Mint;
use super::audience::{is_for, is_for_platform};
use super::personal::effective;
use crate::domain::access_list::{AccessList, Tier};
use crate::domain::request_class::{RequestClass, RequestRules};
use crate::domain::token_in_use::TokenInUse;
use crate::domain::token_record::TokenKind;
use crate::domain::user::Role;
use crate::store::{Database, StoreError, apis, resources};

/// A request as the proxy tells of it: every server reads its path alike, the query is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedRequest {
    /// The method, in capitals.
    pub method: String,
    /// The path.
    pub path: String,
    /// The API that the proxy stands in front of, by its identifier.
    pub api: Option<String>,
}

/// What is decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It may; with the access list as it counts now.
    Allowed(Option<AccessList>),
    /// It may not: the right that is missing.
    Missing(&'static str),
}

impl ForwardedRequest {
    fn reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

/// Decides about a living token.
///
/// # Errors
/// When the store fails.
pub fn decide(
    db: &mut Database,
    mint: &Mint,
    rules: &RequestRules,
    (token, request): (&TokenInUse, &ForwardedRequest),
) -> Result<Decision, StoreError> {
    if !is_for_the_api(db, mint, token, request.api.as_deref())? {
        return Ok(Decision::Missing("a token for this API"));
    }
    let is_consumer = token.basis.person.as_ref().is_some_and(|person| person.role == Role::Consumer);
    if is_consumer && !request.reads() {
        return Ok(Decision::Missing("write"));
    }
    Ok(match token.record.kind {
        // Only one that was exchanged for a personal token has a list, and is judged like it.
        TokenKind::OAuth if token.record.access_list.is_some() => personal(db, mint, rules, (token, request))?,
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
        TokenKind::Personal => personal(db, mint, rules, (token, request))?,
    })
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

/// An API that the proxy names must be one of ours, and the token must be for it. Where the proxy
/// names none it is the platform's own door: what is for some other API alone has no business there.
fn is_for_the_api(db: &mut Database, mint: &Mint, token: &TokenInUse, api: Option<&str>) -> Result<bool, StoreError> {
    let Some(identifier) = api else { return is_for_platform(db, mint, token) };
    match apis::find_named(db, identifier)? {
        Some(api) => is_for(db, token, &api),
        None => Ok(false),
    }
}

/// On a registered resource an entry for it, or for what it lies in, must go far enough. What the
/// platform did not tell us of is left to the API, which gets the list, unless the operator refuses it.
fn personal(
    db: &mut Database,
    mint: &Mint,
    rules: &RequestRules,
    (token, request): (&TokenInUse, &ForwardedRequest),
) -> Result<Decision, StoreError> {
    let (Some(list), Some(person)) = (&token.record.access_list, &token.basis.person) else {
        return Ok(Decision::Allowed(None));
    };
    let list = effective(db, &mint.limits, person, list)?;
    let needed = if request.reads() { Tier::View } else { Tier::Edit };
    if !list.entries().iter().any(|entry| entry.access.access_tier >= needed) {
        return Ok(Decision::Missing(needed.as_str()));
    }
    let Some(path) = rules.resource(&request.path) else { return Ok(Decision::Allowed(Some(list))) };
    let line = resources::list_with_ancestors(db, &path)?;
    let listed = |name: &str| list.entries().iter().find(|entry| entry.path_id == name);
    let covers = |name: &str| listed(name).is_some_and(|entry| entry.access.access_tier >= needed);
    let is_covered = match line.is_empty() {
        true => mint.limits.accept_unknown_resources && (listed(&path).is_none() || covers(&path)),
        false => line.iter().any(|resource| covers(&resource.path)),
    };
    Ok(if is_covered { Decision::Allowed(Some(list)) } else { Decision::Missing(needed.as_str()) })
}
