//! The APIs that a token is for (RFC 8707): registered ones only. A request may use any spelling of their address;
//! grants and answers use the registered spelling.

use std::sync::Arc;

use super::Result;
use super::problem::Problem;
use crate::domain::api::PLATFORM_SCOPE;
use crate::domain::api_directory::{ApiDirectory, RegisteredApi};
use crate::domain::api_identifier::normal;
use crate::domain::space_separated::SpaceSeparated;
use crate::store::{Database, StoreError, apis};
use crate::tokens::TokenSettings;
use crate::tokens::audience::{self, Claim};

/// What a `resource` parameter can name.
enum Target<'a> {
    /// The platform, by one of this server's own names.
    Platform(String),
    Api(&'a RegisteredApi),
}

/// Everything that a `resource` parameter can name, found by any spelling.
struct Directory {
    own_names: [String; 2],
    apis: Arc<ApiDirectory>,
}

impl Directory {
    fn read(db: &mut Database, token_settings: &TokenSettings) -> std::result::Result<Self, StoreError> {
        Ok(Self { own_names: token_settings.own_names(), apis: apis::directory(db)? })
    }

    /// Compares the exact spelling first: when two registered identifiers are the same address, each is found by
    /// its own.
    fn find(&self, named: &str) -> Option<Target<'_>> {
        let own = |is_meant: &dyn Fn(&str) -> bool| self.own_names.iter().find(|name| is_meant(name)).cloned();
        if let Some(name) = own(&|name| name == named) {
            return Some(Target::Platform(name));
        }
        if let Some(found) = self.apis.find_by_identifier(named).filter(|found| found.is_active) {
            return Some(Target::Api(found));
        }
        let address = normal(named);
        if let Some(name) = own(&|name| normal(name) == address) {
            return Some(Target::Platform(name));
        }
        self.apis.find_active_at(&address).map(Target::Api)
    }
}

/// Returns the registered identifiers of the APIs that a request names. `None` when one of them is not registered
/// here (§2, `invalid_target`), or when `claim` does not open it. Text that is not an absolute URI is never an
/// identifier. This server's own names mean the platform, where the scope opens it.
///
/// # Errors
/// When the store fails.
pub fn find_registered(
    db: &mut Database,
    token_settings: &TokenSettings,
    asked: &[String],
    claim: Claim<'_>,
) -> std::result::Result<Option<SpaceSeparated>, StoreError> {
    if asked.is_empty() {
        return Ok(Some(SpaceSeparated::default()));
    }
    let directory = Directory::read(db, token_settings)?;
    let mut named: Vec<String> = Vec::new();
    for identifier in asked {
        let target = directory.find(identifier).filter(|_| !identifier.contains(' '));
        let (registered, api) = match target {
            Some(Target::Platform(name)) => (name, None),
            Some(Target::Api(found)) => (found.api.identifier.clone(), Some(found)),
            None => return Ok(None),
        };
        if named.contains(&registered) {
            continue;
        }
        let is_opened = match api {
            Some(found) => audience::opens(found, claim),
            None => claim.is_persons && claim.scope.holds(PLATFORM_SCOPE),
        };
        if !is_opened {
            return Ok(None);
        }
        named.push(registered);
    }
    Ok(Some(named.into_iter().collect()))
}

/// Returns the APIs that one access token is for: those of the granted ones that the request names and that still
/// open to `claim`.
///
/// # Errors
/// [`Problem::InvalidTarget`] when an API was not granted, and when none of the named ones opens any more.
pub fn at_issue(
    db: &mut Database,
    (granted, asked): (&SpaceSeparated, &[String]),
    claim: Claim<'_>,
) -> Result<SpaceSeparated> {
    let named = narrow(granted, asked).ok_or_else(|| Problem::InvalidTarget.because("the resource was not granted"))?;
    let open = still_open(db, named, claim)?;
    open.ok_or_else(|| Problem::InvalidTarget.because("the API no longer opens to this client"))
}

/// Returns all granted APIs, or those that the token request names (§2.2). `None` when it names one that was not
/// granted.
fn narrow(granted: &SpaceSeparated, asked: &[String]) -> Option<SpaceSeparated> {
    if asked.is_empty() {
        return Some(granted.clone());
    }
    let spelled: Vec<(&str, String)> = granted.iter().map(|word| (word, normal(word))).collect();
    let mut narrowed: Vec<&str> = Vec::new();
    for identifier in asked.iter().filter(|identifier| !identifier.contains(' ')) {
        let address = normal(identifier);
        let exact = spelled.iter().find(|(word, _)| *word == identifier.as_str());
        let (word, _) = exact.or_else(|| spelled.iter().find(|(_, of_word)| *of_word == address))?;
        if !narrowed.contains(word) {
            narrowed.push(word);
        }
    }
    (!narrowed.is_empty()).then(|| narrowed.into_iter().collect())
}

/// Removes the APIs that registered no scopes and no longer open to `claim`. Such an API opens by its name alone,
/// and one that validates JWTs offline would not learn that the operator no longer vouches for the client. `None`
/// when none of the named APIs is left.
fn still_open(
    db: &mut Database,
    named: SpaceSeparated,
    claim: Claim<'_>,
) -> std::result::Result<Option<SpaceSeparated>, StoreError> {
    if named.is_empty() {
        return Ok(Some(named));
    }
    let directory = apis::directory(db)?;
    let is_closed = |identifier: &str| {
        let found = directory.find_by_identifier(identifier);
        found.is_some_and(|found| found.scopes.is_empty() && !audience::opens(found, claim))
    };
    let left: SpaceSeparated = named.iter().filter(|identifier| !is_closed(identifier)).collect();
    Ok((!left.is_empty()).then_some(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_what_was_granted_or_less() {
        let granted: SpaceSeparated = ["https://a.example", "https://b.example"].iter().collect();
        let narrowed = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|identifier| (*identifier).to_owned()).collect();
            narrow(&granted, &asked).map(|words| words.as_str().to_owned())
        };
        assert_eq!(narrowed(&[]).as_deref(), Some("https://a.example https://b.example"));
        assert_eq!(narrowed(&["https://b.example"]).as_deref(), Some("https://b.example"));
        for spelling in ["https://a.example/", "https://A.example", "https://a.example:443"] {
            assert_eq!(narrowed(&[spelling, "https://a.example"]).as_deref(), Some("https://a.example"), "{spelling}");
        }
        for foreign in ["https://c.example", "https://a.example/x", "https://a.example https://b.example", " "] {
            assert_eq!(narrowed(&[foreign]), None, "{foreign}");
        }
        assert_eq!(narrow(&SpaceSeparated::default(), &["https://a.example".to_owned()]), None, "nothing was granted");
    }
}
