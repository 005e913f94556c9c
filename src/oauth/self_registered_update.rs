//! The update of a self-registered application: by `PUT` (RFC 7592 §2.2), or by a document whose content changed.

use super::client_metadata::DescribedClient;
use super::clients::{ask_again_if_somebody_else, draft_of};
use super::{clients, operator_marks};
use crate::domain::client::{Client, ClientType};
use crate::domain::registration::{Draft, FieldProblem, Registration, Rules};
use crate::outcome::Error;
use crate::store::{self, Database, StoreError, self_registrations};

/// Merges a new description into the stored client: settings that a description cannot contain stay as the operator
/// set them.
fn draft_over(old: &Client, described: &DescribedClient) -> Draft {
    let (old, new) = (draft_of(old), described.draft.clone());
    Draft {
        // A public client may not use `plain`.
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

/// Validates a description by the rules for self-registered applications, and refuses a name that deceives.
///
/// # Errors
/// All problems at once.
pub(super) fn validate(
    tx: &mut Database,
    rules: &Rules,
    old: Option<&Client>,
    described: &DescribedClient,
) -> Result<Registration, Error<Vec<FieldProblem>>> {
    let draft = old.map_or_else(|| described.draft.clone(), |old| draft_over(old, described));
    let new = clients::validate(tx, &rules.for_self_registered(), draft)?;
    clients::refuse_deceiving_name(tx, &new, old)?;
    Ok(new)
}

/// Writes a new description. Consents are removed when another party may be behind the application, and the
/// operator's marks are removed when it is no longer what the operator saw.
///
/// # Errors
/// When the store fails.
pub(super) fn write(tx: &mut Database, old: &Client, new: &Registration) -> Result<(), StoreError> {
    ask_again_if_somebody_else(tx, old, new)?;
    store::clients::update(tx, old.id, new)?;
    operator_marks::end_if_changed(tx, old, new)?;
    self_registrations::set_client_type(tx, old.id, new.client_type)
}
