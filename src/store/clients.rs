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

/// The client with this key, deleted and suspended ones too.
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

/// The client with this public name, deleted and suspended ones too.
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

/// The same from its row, for who changes it.
pub fn find_to_change(tx: &mut Database, client_id: &str) -> Result<Option<Arc<Client>>> {
    tx.read_rows();
    find_by_client_id(tx, client_id)
}

/// The application that a grant was made for.
pub(super) fn find_application(tx: &mut Database, grant: &Grant) -> Result<Option<Application>> {
    let Some(client) = grant.client_key else { return Ok(None) };
    Ok(find(tx, client)?.map(|client| Application::from(&*client)))
}

/// Takes the client's row until the transaction ends: what it has of secrets is counted and changed one by one.
/// SQLite has one writer, who holds everything already.
pub fn lock(tx: &mut Database, id: Id<Client>) -> Result<()> {
    tx.read_rows();
    if let Some(connection) = tx.for_query_of_postgres()? {
        let row = clients::table.filter(clients::id.eq(id)).select(clients::id).for_no_key_update();
        row.get_result::<Id<Client>>(connection).optional()?;
    }
    Ok(())
}

/// The name of the person who registered it.
pub fn find_owner_name(tx: &mut Database, client: &Client) -> Result<Option<String>> {
    let Some(owner) = client.owner_id else { return Ok(None) };
    Ok(on!(tx, |c| users::table.filter(users::id.eq(owner)).select(users::username).get_result(c)).optional()?)
}

/// Adds a client.
pub fn insert(tx: &mut Database, client: &Client) -> Result<()> {
    on!(tx, |c| diesel::insert_into(clients::table).values(client).execute(c))?;
    login_return_hosts::insert(tx, client.id, &client.login_return_urls)
}

/// The clients of one person, or all that belong to people, oldest first.
pub fn list(tx: &mut Database, owner: Option<Id<User>>) -> Result<Vec<Client>> {
    let rows =
        clients::table.filter(clients::deleted_at.is_null()).filter(clients::owner_id.is_not_null()).order(clients::id);
    Ok(match owner {
        Some(owner) => on!(tx, |c| rows.filter(clients::owner_id.eq(owner)).select(Client::as_select()).load(c))?,
        None => on!(tx, |c| rows.select(Client::as_select()).load(c))?,
    })
}

/// The names that the operator vouches for, suspended clients' too, each with its client.
pub fn list_verified_names(tx: &mut Database) -> Result<Vec<(Id<Client>, String)>> {
    // Not `IS NOT NULL`: SQLite finds no beginning in the index for that.
    let verified = clients::verified_at.gt(UnixTime::from_seconds(0));
    let rows = clients::table.filter(verified).filter(clients::deleted_at.is_null());
    Ok(on!(tx, |c| rows.select((clients::id, clients::name)).load(c))?)
}

/// Writes what its owner may change.
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

/// Marks it as run by the operator, or not.
pub fn set_first_party(tx: &mut Database, id: Id<Client>, is_first_party: bool) -> Result<()> {
    tx.note_change();
    let row = diesel::update(clients::table.filter(clients::id.eq(id)));
    on!(tx, |c| row.set(clients::is_first_party.eq(is_first_party)).execute(c))?;
    Ok(())
}

/// Lets it count as verified since then, or not at all.
pub fn set_verified(tx: &mut Database, id: Id<Client>, at: Option<UnixTime>) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::update(clients::table.filter(clients::id.eq(id))).set(clients::verified_at.eq(at)).execute(c))?;
    Ok(())
}

/// Takes only pushed authorization requests from it, or others too.
pub fn set_require_pushed_requests(tx: &mut Database, id: Id<Client>, is_required: bool) -> Result<()> {
    tx.note_change();
    let row = diesel::update(clients::table.filter(clients::id.eq(id)));
    on!(tx, |c| row.set(clients::require_pushed_requests.eq(is_required)).execute(c))?;
    Ok(())
}

/// Takes the public keys away: nobody authenticates as it by them any more.
pub fn remove_keys(tx: &mut Database, id: Id<Client>) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::update(clients::table.filter(clients::id.eq(id)))
        .set((clients::jwks.eq(None::<String>), clients::jwks_uri.eq(None::<String>)))
        .execute(c))?;
    Ok(())
}

/// Suspends it, or undoes that without loss: it, its tokens and secrets are judged at every use.
pub fn set_disabled(tx: &mut Database, id: Id<Client>, at: Option<UnixTime>) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::update(clients::table.filter(clients::id.eq(id))).set(clients::disabled_at.eq(at)).execute(c))?;
    Ok(())
}

/// Marks it as deleted; it can act no more and is in no list.
pub fn delete(tx: &mut Database, now: UnixTime, id: Id<Client>) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::update(clients::table.filter(clients::id.eq(id)))
        .set(clients::deleted_at.eq(Some(now)))
        .execute(c))?;
    login_return_hosts::delete(tx, id)
}
