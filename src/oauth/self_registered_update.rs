//! What follows when an application that nobody vouches for describes itself anew: by `PUT` (RFC 7592
//! §2.2), or by a document that says something else than before.

use super::client_metadata::DescribedClient;
use super::clients::{ask_again_if_somebody_else, draft_of};
use super::{clients, operator_marks};
use crate::domain::client::{Client, ClientType};
use crate::domain::registration::{Draft, FieldProblem, Registration, Rules};
use crate::outcome::Error;
use crate::store::{self, Database, StoreError, self_registrations};

/// What is described, over what is stored: what a description cannot say stays as the operator set it.
fn draft_over(old: &Client, described: &DescribedClient) -> Draft {
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

/// Checks a description by the rules for strangers, who may also not bear a name that deceives.
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

/// Writes a new description; people are asked again when somebody else may be behind it, and what the operator
/// said of the application ends when it is another one.
///
/// # Errors
/// When the store fails.
pub(super) fn write(tx: &mut Database, old: &Client, new: &Registration) -> Result<(), StoreError> {
    ask_again_if_somebody_else(tx, old, new)?;
    store::clients::update(tx, old.id, new)?;
    operator_marks::end_if_changed(tx, old, new)?;
    self_registrations::set_client_type(tx, old.id, new.client_type)
}
