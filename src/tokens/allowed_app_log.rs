//! Writes a security log entry when a user allows an application something new. A grant that an active consent
//! or grant covers already gets no entry.

use super::revoke::holder_in_words;
use crate::clock::UnixTime;
use crate::domain::consent::ConsentKind;
use crate::domain::grant::Grant;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Origin;
use crate::store::{Database, Result, consents, grants, security_log};

/// Logs a grant that is about to be inserted, unless a remembered consent or an active grant of its kind covers
/// it. Where a consent cannot be remembered the user is asked every time, and only the first time changes
/// anything.
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
