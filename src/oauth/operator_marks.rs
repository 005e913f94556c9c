//! The marks "verified" and "first-party": the operator sets them for an application as it is at that time. Another
//! name, client type, address or key ends both, unless the operator makes the change.

use serde_json::Value;

use crate::domain::client::Client;
use crate::domain::registration::Registration;
use crate::domain::space_separated::SpaceSeparated;
use crate::store::{Database, StoreError, clients};

/// Ends both marks when the update changes what the operator has seen.
///
/// # Errors
/// When the store fails.
pub(super) fn end_if_changed(tx: &mut Database, old: &Client, new: &Registration) -> Result<(), StoreError> {
    let has_new = |old: &SpaceSeparated, new: &SpaceSeparated| !new.is_within(old);
    let is_another = old.name != new.name
        || old.client_type != new.client_type
        || has_new(&old.redirect_uris, &new.redirect_uris)
        || has_new(&old.login_return_urls, &new.login_return_urls)
        || has_new(&old.post_logout_redirect_uris, &new.post_logout_redirect_uris)
        || has_other_keys(old, new);
    if is_another {
        // Written in any case: the operator may set a mark at this moment, for the application as it was.
        clients::set_verified(tx, old.id, None)?;
        clients::set_first_party(tx, old.id, false)?;
    }
    Ok(())
}

/// Whether the update changes the keys by which the application authenticates.
pub(super) fn has_other_keys(old: &Client, new: &Registration) -> bool {
    let read = |keys: &Option<String>| keys.as_ref().map(|keys| serde_json::from_str::<Value>(keys).ok());
    // A key set that cannot be read equals no other one; white space makes no difference.
    let (before, after) = (read(&old.jwks), read(&new.jwks));
    let is_same_set = before == after && before != Some(None);
    !is_same_set || old.jwks_uri != new.jwks_uri
}
