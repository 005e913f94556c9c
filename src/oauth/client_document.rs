//! Applications whose `client_id` is the URL of a document that describes them (client ID metadata documents;
//! `docs/decisions/0014-client-documents.md`): what a document must contain, and how long it is valid.

use super::client_metadata::{ClientMetadata, problem_of};
use super::clients;
use super::dynamic_registration::max_scope;
use super::problem::Problem;
use super::{Refusal, Result, self_registered_update};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::document_url::DocumentUrl;
use crate::domain::id::Id;
use crate::domain::registration::{FieldProblem, Registration, Rules};
use crate::domain::self_registration::{
    ApplicationType, AuthMethod, ClientDocuments, SelfRegistration, SelfRegistrationPolicy,
};
use crate::outcome::Error;
use crate::store::{Database, StoreError, self_registrations};

/// The least and the most seconds for which a document is valid, whatever its headers say.
const SHORTEST: i64 = 30;
const LONGEST: i64 = 86_400;
/// Seconds for which a document is valid without such headers (ours).
const USUAL: i64 = 300;
/// Seconds for which a document may still be used after it should have been read again (ours).
const GRACE: i64 = 86_400;

/// Whether this server reads documents from this host.
pub fn is_read(policy: &SelfRegistrationPolicy, url: &DocumentUrl) -> bool {
    match policy.documents {
        ClientDocuments::Off => false,
        ClientDocuments::Ask => true,
        ClientDocuments::Allowlist => policy.hosts.iter().any(|host| host == url.host_name()),
    }
}

/// Whether a document is stored, and whether it is still valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was read recently.
    Fresh,
    /// It should be read again; the stored content is used while its host does not answer.
    Stale,
    /// It has to be read again: the stored content is too old to be used.
    Old,
    /// It has to be read for the first time.
    Unread,
}

impl Known {
    fn of(now: UnixTime, document_valid_until: UnixTime) -> Self {
        if now < document_valid_until {
            Self::Fresh
        } else if now < document_valid_until.plus(GRACE) {
            Self::Stale
        } else {
            Self::Old
        }
    }

    /// Whether content of the document is stored.
    pub fn is_stored(self) -> bool {
        self != Self::Unread
    }
}

/// Finds out whether a document has to be read.
///
/// # Errors
/// When the store fails.
pub fn find_state(db: &mut Database, now: UnixTime, url: &DocumentUrl) -> std::result::Result<Known, StoreError> {
    let found = self_registrations::find_by_client_id(db, url.as_str())?;
    let document_valid_until = found.and_then(|(registration, _)| registration.document_valid_until);
    Ok(document_valid_until.map_or(Known::Unread, |until| Known::of(now, until)))
}

/// Whether the keys of a client with a document were read too long ago: its author may have revoked them since.
///
/// # Errors
/// When the store fails.
pub fn has_old_keys(db: &mut Database, now: UnixTime, client: &Client) -> std::result::Result<bool, StoreError> {
    let Ok(url) = client.client_id.parse::<DocumentUrl>() else { return Ok(false) };
    Ok(find_state(db, now, &url)? == Known::Old)
}

/// Whether the operator's present policy for documents lets a client act; a client without a document always may.
pub fn may_act(policy: &SelfRegistrationPolicy, client: &Client) -> bool {
    client.client_id.parse::<DocumentUrl>().map_or(true, |url| is_read(policy, &url))
}

/// Returns for how many seconds a document is valid, by the `Cache-Control` header that came with it (RFC 9111 §5.2.2).
pub fn lifetime(cache_control: Option<&str>) -> i64 {
    let directives = || cache_control.unwrap_or_default().split(',').map(|one| one.trim().to_ascii_lowercase());
    if directives().any(|one| one == "no-store" || one == "no-cache" || one.starts_with("no-cache=")) {
        return SHORTEST;
    }
    let max_age = directives().find_map(|one| one.strip_prefix("max-age=")?.trim_matches('"').parse::<i64>().ok());
    max_age.unwrap_or(USUAL).clamp(SHORTEST, LONGEST)
}

fn invalid<T>(cause: &'static str) -> std::result::Result<T, Refusal> {
    Err(Refusal { problem: Problem::InvalidClientDocument, cause })
}

/// Checks the members that a document must have, and those that it must not have.
fn check(url: &DocumentUrl, metadata: &ClientMetadata) -> std::result::Result<(), Refusal> {
    if metadata.text("client_id")? != Some(url.as_str()) {
        return invalid("the document's client_id is not its own address");
    }
    if metadata.text("client_name")?.is_none() {
        return invalid("the document has no client_name");
    }
    // Anybody can read the document, so it cannot hold a secret.
    if metadata.has("client_secret") || metadata.has("client_secret_expires_at") {
        return invalid("the document holds a secret");
    }
    Ok(())
}

fn validated_registration(
    tx: &mut Database,
    (policy, rules): (&SelfRegistrationPolicy, &Rules),
    (url, metadata): (&DocumentUrl, &ClientMetadata),
    old: Option<&Client>,
) -> Result<(AuthMethod, ApplicationType, Registration)> {
    let same = |refusal: Refusal| Refusal { problem: Problem::InvalidClientDocument, cause: refusal.cause };
    check(url, metadata).map_err(same).map_err(Error::Refused)?;
    let described = metadata.to_registration(&max_scope(tx, policy)?).map_err(same).map_err(Error::Refused)?;
    if matches!(described.auth_method, AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost) {
        return Err(Problem::InvalidClientDocument.because("the document asks for a shared secret"));
    }
    let refused = |problems: Vec<FieldProblem>| Refusal {
        problem: Problem::InvalidClientDocument,
        cause: problem_of(&problems).1,
    };
    let new =
        self_registered_update::validate(tx, rules, old, &described).map_err(|error| error.map_refusal(refused))?;
    Ok((described.auth_method, described.application_type, new))
}

/// Stores what a document says. A client that the operator suspended or deleted stays suspended or deleted.
///
/// # Errors
/// [`Problem::InvalidClientDocument`] when the document is not valid.
pub fn store_document(
    tx: &mut Database,
    now: UnixTime,
    (policy, rules): (&SelfRegistrationPolicy, &Rules),
    (url, metadata): (&DocumentUrl, &ClientMetadata),
    lifetime: i64,
) -> Result<()> {
    let found = self_registrations::find_by_client_id(tx, url.as_str())?;
    let old = found.as_ref().map(|(_, client)| client);
    let (auth_method, application_type, new) = validated_registration(tx, (policy, rules), (url, metadata), old)?;
    let document_valid_until = Some(now.plus(lifetime));
    if let Some((old, client)) = found {
        self_registered_update::write(tx, &client, &new)?;
        return Ok(self_registrations::update(
            tx,
            &SelfRegistration { auth_method, application_type, document_valid_until, ..old },
        )?);
    }
    let registered = clients::insert_as(tx, now, url.as_str(), new)?;
    let registration = SelfRegistration {
        id: Id::next(now),
        client_key: registered.client.id,
        digest: None,
        auth_method,
        application_type,
        document_valid_until,
        created_at: now,
        used_at: None,
    };
    Ok(self_registrations::insert(tx, &registration)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_believed_for_half_a_minute_to_a_day() {
        for (header, seconds) in [
            (None, 300),
            (Some("max-age=600"), 600),
            (Some("public, max-age=5"), 30),
            (Some("max-age=999999"), 86_400),
            (Some("Max-Age=\"120\""), 120),
            (Some("no-store"), 30),
            (Some("no-cache, max-age=600"), 30),
            (Some("max-age=soon"), 300),
            (Some("max-age=-7"), 30),
        ] {
            assert_eq!(lifetime(header), seconds, "{header:?}");
        }
    }
}
