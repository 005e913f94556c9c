//! What follows when an application that nobody vouches for describes itself anew: by `PUT` (RFC 7592
//! §2.2), or by a document that says something else than before.

use super::client_metadata::Described;
use super::clients::{ask_again_if_somebody_else, draft_of};
use crate::domain::client::{Client, ClientType};
use crate::domain::registration::{Draft, Registration};
use crate::store::{Database, StoreError, clients, self_registrations};

/// What is described, over what is stored: what a description cannot say stays as the operator set it.
pub(super) fn over(old: &Client, described: &Described) -> Draft {
    let (old, new) = (draft_of(old), described.draft.clone());
    Draft {
        // A public client may not keep it.
        allow_plain_pkce: old.allow_plain_pkce && new.client_type == ClientType::Confidential,
        login_return_urls: old.login_return_urls,
        login_delivery: old.login_delivery,
        login_token_lifetime: old.login_token_lifetime,
        login_varying_parameters: old.login_varying_parameters,
        require_pkce: old.require_pkce,
        id_token_claims: old.id_token_claims,
        ..new
    }
}

/// Writes a new description; people are asked again when somebody else may be behind it.
///
/// # Errors
/// When the store fails.
pub(super) fn write(tx: &mut Database, old: &Client, new: &Registration) -> Result<(), StoreError> {
    ask_again_if_somebody_else(tx, old, new)?;
    clients::update(tx, old.id, new)?;
    self_registrations::set_client_type(tx, old.id, new.client_type)
}
