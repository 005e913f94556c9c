//! The table `clients`.

use std::sync::Arc;

use diesel::prelude::*;

use super::snapshot::find_or_read;
use super::{Database, Result, login_return_hosts, on};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::domain::registration::Registration;
use crate::domain::token_in_use::Application;
use crate::domain::user::User;
use crate::schema::{clients, users};

/// Finds the client with this id, also a deleted or suspended one.
pub fn find(tx: &mut Database, id: Id<Client>) -> Result<Option<Arc<Client>>> {
    find_or_read(
        tx,
        |snapshot| &snapshot.clients,
        &id,
        |tx| {
            let row = clients::table.filter(clients::id.eq(id));
            Ok(on!(tx, |c| row.select(Client::as_select()).get_result(c)).optional()?)
        },
    )
}

/// Finds the client with this `client_id`, also a deleted or suspended one.
pub fn find_by_client_id(tx: &mut Database, client_id: &str) -> Result<Option<Arc<Client>>> {
    find_or_read(
        tx,
        |snapshot| &snapshot.named_clients,
        client_id,
        |tx| {
            let row = clients::table.filter(clients::client_id.eq(client_id));
            Ok(on!(tx, |c| row.select(Client::as_select()).get_result(c)).optional()?)
        },
    )
}

/// Like [`find_by_client_id`], but reads the row: for callers that change it.
pub fn find_for_update(tx: &mut Database, client_id: &str) -> Result<Option<Arc<Client>>> {
    tx.read_rows();
    find_by_client_id(tx, client_id)
}

/// Finds the application that a grant was made for.
pub(super) fn find_application(tx: &mut Database, grant: &Grant) -> Result<Option<Application>> {
    let Some(client) = grant.client_key else { return Ok(None) };
    Ok(find(tx, client)?.map(|client| Application::from(&*client)))
}

/// Locks the client's row until the transaction ends, so that its secrets are counted and changed by one
/// transaction at a time. On SQLite nothing is needed, because it has only one writer.
pub fn lock(tx: &mut Database, id: Id<Client>) -> Result<()> {
    tx.read_rows();
    if let Some(connection) = tx.for_query_of_postgres()? {
        let row = clients::table.filter(clients::id.eq(id)).select(clients::id).for_no_key_update();
        row.get_result::<Id<Client>>(connection).optional()?;
    }
    Ok(())
}

/// Finds the username of the client's owner.
pub fn find_owner_name(tx: &mut Database, client: &Client) -> Result<Option<String>> {
    let Some(owner) = client.owner_id else { return Ok(None) };
    Ok(on!(tx, |c| users::table.filter(users::id.eq(owner)).select(users::username).get_result(c)).optional()?)
}

/// Inserts a new client and its login return hosts.
pub fn insert(tx: &mut Database, client: &Client) -> Result<()> {
    on!(tx, |c| diesel::insert_into(clients::table).values(client).execute(c))?;
    login_return_hosts::insert(tx, client.id, &client.login_return_urls)
}

/// Lists the clients of one owner, or all that have an owner, oldest first.
pub fn list(tx: &mut Database, owner: Option<Id<User>>) -> Result<Vec<Client>> {
    let rows =
        clients::table.filter(clients::deleted_at.is_null()).filter(clients::owner_id.is_not_null()).order(clients::id);
    Ok(match owner {
        Some(owner) => on!(tx, |c| rows.filter(clients::owner_id.eq(owner)).select(Client::as_select()).load(c))?,
        None => on!(tx, |c| rows.select(Client::as_select()).load(c))?,
    })
}

/// Lists the names of the clients that the operator verified, including suspended ones, with their ids.
pub fn list_verified_names(tx: &mut Database) -> Result<Vec<(Id<Client>, String)>> {
    // Not `IS NOT NULL`: SQLite cannot use the index for that.
    let verified = clients::verified_at.gt(UnixTime::from_seconds(0));
    let rows = clients::table.filter(verified).filter(clients::deleted_at.is_null());
    Ok(on!(tx, |c| rows.select((clients::id, clients::name)).load(c))?)
}

/// Writes the settings that a client's owner may change.
pub fn update(tx: &mut Database, id: Id<Client>, new: &Registration) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::update(clients::table.filter(clients::id.eq(id)))
        .set((
            clients::name.eq(&new.name),
            clients::scope.eq(&new.scope),
            clients::grant_types.eq(&new.grant_types),
            clients::redirect_uris.eq(&new.redirect_uris),
            clients::login_return_urls.eq(&new.login_return_urls),
            clients::login_delivery.eq(new.login_delivery),
            clients::login_token_lifetime.eq(new.login_token_lifetime),
            clients::require_pkce.eq(new.require_pkce),
            clients::allow_plain_pkce.eq(new.allow_plain_pkce),
            clients::post_logout_redirect_uris.eq(&new.post_logout_redirect_uris),
            clients::id_token_signed_response_alg.eq(new.id_token_signed_response_alg),
            clients::id_token_claims.eq(new.id_token_claims),
            clients::jwks.eq(&new.jwks),
            clients::dpop_bound_access_tokens.eq(new.dpop_bound_access_tokens),
            clients::jwks_uri.eq(&new.jwks_uri),
            clients::userinfo_signed_response_alg.eq(new.userinfo_signed_response_alg),
            clients::login_varying_parameters.eq(&new.login_varying_parameters),
            clients::token_endpoint_auth_signing_alg.eq(&new.token_endpoint_auth_signing_alg),
        ))
        .execute(c))?;
    login_return_hosts::delete(tx, id)?;
    login_return_hosts::insert(tx, id, &new.login_return_urls)
}

/// Sets whether the operator runs the client.
pub fn set_first_party(tx: &mut Database, id: Id<Client>, is_first_party: bool) -> Result<()> {
    tx.note_change();
    let row = diesel::update(clients::table.filter(clients::id.eq(id)));
    on!(tx, |c| row.set(clients::is_first_party.eq(is_first_party)).execute(c))?;
    Ok(())
}

/// Sets since when the client counts as verified; `None` means not verified.
pub fn set_verified(tx: &mut Database, id: Id<Client>, at: Option<UnixTime>) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::update(clients::table.filter(clients::id.eq(id))).set(clients::verified_at.eq(at)).execute(c))?;
    Ok(())
}

/// Sets whether the client must push its authorization requests.
pub fn set_require_pushed_requests(tx: &mut Database, id: Id<Client>, is_required: bool) -> Result<()> {
    tx.note_change();
    let row = diesel::update(clients::table.filter(clients::id.eq(id)));
    on!(tx, |c| row.set(clients::require_pushed_requests.eq(is_required)).execute(c))?;
    Ok(())
}

/// Removes the public keys of a client: no one can authenticate with them any more.
pub fn remove_keys(tx: &mut Database, id: Id<Client>) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::update(clients::table.filter(clients::id.eq(id)))
        .set((clients::jwks.eq(None::<String>), clients::jwks_uri.eq(None::<String>)))
        .execute(c))?;
    Ok(())
}

/// Suspends a client, or ends the suspension. Nothing else is written: the suspension is checked at every use of
/// the client, its tokens and secrets.
pub fn set_disabled(tx: &mut Database, id: Id<Client>, at: Option<UnixTime>) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::update(clients::table.filter(clients::id.eq(id))).set(clients::disabled_at.eq(at)).execute(c))?;
    Ok(())
}

/// Marks a client as deleted; it can no longer act and is in no list.
pub fn delete(tx: &mut Database, now: UnixTime, id: Id<Client>) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::update(clients::table.filter(clients::id.eq(id)))
        .set(clients::deleted_at.eq(Some(now)))
        .execute(c))?;
    login_return_hosts::delete(tx, id)
}
