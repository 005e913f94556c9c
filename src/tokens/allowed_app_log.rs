//! Whether what a person allows an application now is new: then their security log tells of it. What was
//! allowed before and still stands is given again without a word.

use super::revoke::holder_in_words;
use crate::clock::UnixTime;
use crate::domain::consent::ConsentKind;
use crate::domain::grant::Grant;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Origin;
use crate::store::{Database, Result, consents, grants, security_log};

/// Tells a person of a grant that is about to be written, if nothing covers it yet: no consent that is
/// remembered, and no grant of its kind that stands. Where a consent cannot be remembered the person is
/// asked every time, and only the first of those times changes anything.
///
/// # Errors
/// When the store fails.
pub fn record_if_new(
    tx: &mut Database,
    now: UnixTime,
    (grant, kind): (&Grant, ConsentKind),
    origin: &Origin,
) -> Result<()> {
    let Some(person) = grant.user_id else { return Ok(()) };
    if let Some(client) = grant.client_key {
        let remembered = consents::list_of(tx, person, client, kind)?;
        if remembered.iter().any(|consent| consent.covers(&grant.scope, &grant.audience)) {
            return Ok(());
        }
    }
    if grants::is_covered(tx, now, grant)? {
        return Ok(());
    }
    let mut holder = holder_in_words(tx, grant)?;
    if let (None, Some(host)) = (grant.client_key, &grant.return_url) {
        holder = format!("{holder} ({host})");
    }
    security_log::append(tx, now, person, (SecurityEvent::ApplicationAllowed, &holder), Some(origin))
}
