//! A request to somebody else's API that a proxy asks about (`/auth/check`): may this token make it?

use super::personal::effective;
use crate::domain::access_list::{AccessList, Tier};
use crate::domain::api::BUILT_IN_SCOPES;
use crate::domain::request_class::{RequestClass, classify};
use crate::domain::token_in_use::TokenInUse;
use crate::domain::token_record::TokenKind;
use crate::domain::user::Role;
use crate::store::{Database, StoreError, apis, resources};

/// Where the second platform's filesets lie.
const FILESETS: &str = "/spatialstudio/oauth/v1/filesets/";

/// A request as the proxy tells of it: the path is plain, the query is left out.
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

    /// Whether the path is a fileset's, or of a file in it (B7).
    fn is_in_fileset(&self, fileset: &str) -> bool {
        let below = self.path.strip_prefix(FILESETS).and_then(|rest| rest.strip_prefix(fileset));
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The one resource that the path names, where the platform's paths name one. A coded letter is
    /// the same letter to whoever serves the path.
    fn resource(&self) -> Option<String> {
        let name = percent_encoding::percent_decode_str(self.segment()?).decode_utf8_lossy().into_owned();
        Some(name)
    }

    fn segment(&self) -> Option<&str> {
        let mut segments = self.path.strip_prefix("/v3/")?.split('/');
        match segments.next()? {
            "path" => segments.next(),
            "ogc" => segments.nth(1),
            _ => None,
        }
        .filter(|name| !name.is_empty())
    }
}

/// Decides about a living token.
///
/// # Errors
/// When the store fails.
pub fn decide(db: &mut Database, token: &TokenInUse, request: &ForwardedRequest) -> Result<Decision, StoreError> {
    if let Some(missing) = wrong_api(db, token, request)? {
        return Ok(Decision::Missing(missing));
    }
    let is_consumer = token.basis.person.as_ref().is_some_and(|person| person.role == Role::Consumer);
    if is_consumer && !request.reads() {
        return Ok(Decision::Missing("write"));
    }
    Ok(match token.record.kind {
        // Only one that was exchanged for a personal token has a list, and is judged like it.
        TokenKind::OAuth if token.record.access_list.is_some() => personal(db, token, request)?,
        TokenKind::User | TokenKind::OAuth => Decision::Allowed(None),
        TokenKind::Generator => Decision::Missing("any: a generator only makes tokens"),
        TokenKind::Studio => {
            let class = classify(&request.method, &request.path);
            match token.record.class() {
                Some(held) if held.opens(class) => Decision::Allowed(None),
                _ => Decision::Missing(right_of(class)),
            }
        }
        TokenKind::Fileset => match &token.record.resource {
            Some(fileset) if request.reads() && request.is_in_fileset(fileset) => Decision::Allowed(None),
            _ => Decision::Missing("read of this fileset"),
        },
        TokenKind::Personal => personal(db, token, request)?,
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

/// An API that the proxy names must be one of ours, and the token must be for it: everybody's own
/// tokens only where the operator runs the API, others where they hold one of its scopes.
fn wrong_api(
    db: &mut Database,
    token: &TokenInUse,
    request: &ForwardedRequest,
) -> Result<Option<&'static str>, StoreError> {
    let holds = |scopes: &[crate::domain::api::ApiScope], id| {
        scopes.iter().any(|scope| scope.api_id == id && token.record.scope.holds(&scope.name))
    };
    let bound = token.record.resource.as_deref().filter(|_| token.record.kind == TokenKind::OAuth);
    if bound.is_some_and(|bound| request.api.as_deref() != Some(bound)) {
        return Ok(Some("a token for this API"));
    }
    let Some(identifier) = &request.api else {
        // The platform's own door: what is for some other API's scopes alone has no business here.
        let is_for_platform = match token.record.kind {
            TokenKind::OAuth => BUILT_IN_SCOPES.iter().any(|(name, _)| token.record.scope.holds(name)),
            TokenKind::Personal => token.record.access_list.is_some(),
            _ => true,
        };
        return Ok((!is_for_platform).then_some("a token for this API"));
    };
    let Some(api) = apis::find_by_identifier(db, identifier)? else { return Ok(Some("a registered API")) };
    let scopes = apis::list_scopes(db)?;
    let is_for_it = match token.record.kind {
        TokenKind::OAuth => {
            holds(&scopes, api.id)
                || (api.is_first_party && token.record.access_list.is_some())
                || (api.is_first_party && BUILT_IN_SCOPES.iter().any(|(name, _)| token.record.scope.holds(name)))
        }
        TokenKind::Personal => holds(&scopes, api.id) || (api.is_first_party && token.record.access_list.is_some()),
        _ => api.is_first_party,
    };
    Ok((!is_for_it).then_some("a token for this API"))
}

/// On a registered resource an entry for it, or for what it lies in, must go far enough. What the
/// platform did not tell us of is left to the API, which gets the list.
fn personal(db: &mut Database, token: &TokenInUse, request: &ForwardedRequest) -> Result<Decision, StoreError> {
    let (Some(list), Some(person)) = (&token.record.access_list, &token.basis.person) else {
        return Ok(Decision::Allowed(None));
    };
    let list = effective(db, person, list)?;
    let needed = if request.reads() { Tier::View } else { Tier::Edit };
    let reaches = list.entries().iter().any(|entry| entry.access.access_tier >= needed);
    if !request.reads() && !reaches {
        return Ok(Decision::Missing(needed.as_str()));
    }
    if let Some(path) = request.resource() {
        let line = resources::list_with_ancestors(db, &path)?;
        let covers =
            |name: &str| list.entries().iter().any(|entry| entry.path_id == name && entry.access.access_tier >= needed);
        let is_listed = list.entries().iter().any(|entry| entry.path_id == path);
        let is_covered = if line.is_empty() {
            !is_listed || covers(&path)
        } else {
            line.iter().any(|resource| covers(&resource.path))
        };
        if !is_covered {
            return Ok(Decision::Missing(needed.as_str()));
        }
    }
    Ok(Decision::Allowed(Some(list)))
}
