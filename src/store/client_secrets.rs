//! The table `client_secrets`.

use std::sync::Arc;

use diesel::prelude::*;

use super::statement::Fixed;
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::client_secret::ClientSecretRecord;
use crate::domain::id::Id;
use crate::schema::{client_secrets, clients};

/// A secret, and the client that authenticates with it.
pub type Authenticator = (Arc<ClientSecretRecord>, Arc<Client>);

/// Finds the secret with this id and its client, with at most one query. `last_used_at` of the secret may be out of
/// date.
pub fn find_with_client(tx: &mut Database, id: Id<ClientSecretRecord>) -> Result<Option<Authenticator>> {
    let snapshot = tx.snapshot()?;
    if let Some(snapshot) = &snapshot
        && let Some(secret) = snapshot.secrets.find(&id)
        && let Some(client) = snapshot.clients.find(&secret.client_key)
    {
        return Ok(Some((secret, client)));
    }
    let row = client_secrets::table.inner_join(clients::table).filter(client_secrets::id.eq(id));
    let row: Option<(ClientSecretRecord, Client)> =
        on!(tx, |c| row.select((ClientSecretRecord::as_select(), Client::as_select())).get_result(c)).optional()?;
    let Some((secret, client)) = row else { return Ok(None) };
    let (secret, client) = (Arc::new(secret), Arc::new(client));
    if let Some(snapshot) = snapshot.filter(|_| tx.may_fill()) {
        snapshot.secrets.insert(id, &secret);
        snapshot.clients.insert(client.id, &client);
    }
    Ok(Some((secret, client)))
}

/// Inserts a new client secret.
pub fn insert(tx: &mut Database, secret: &ClientSecretRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(client_secrets::table).values(secret).execute(c))?;
    Ok(())
}

/// Lists a client's secrets that are valid at `now`, newest first.
pub fn list(tx: &mut Database, now: UnixTime, client: Id<Client>) -> Result<Vec<ClientSecretRecord>> {
    let rows = client_secrets::table
        .filter(client_secrets::client_key.eq(client))
        .filter(client_secrets::expires_at.is_null().or(client_secrets::expires_at.gt(now)));
    Ok(on!(tx, |c| rows.order(client_secrets::id.desc()).select(ClientSecretRecord::as_select()).load(c))?)
}

/// Sets the end of one secret of a client to `at`. `false` when it ends earlier, or is not this client's.
pub fn end(tx: &mut Database, client: Id<Client>, id: Id<ClientSecretRecord>, at: UnixTime) -> Result<bool> {
    tx.note_change();
    let row = client_secrets::table
        .filter(client_secrets::id.eq(id))
        .filter(client_secrets::client_key.eq(client))
        .filter(client_secrets::expires_at.is_null().or(client_secrets::expires_at.gt(at)));
    Ok(on!(tx, |c| diesel::update(row).set(client_secrets::expires_at.eq(Some(at))).execute(c))? == 1)
}

/// Sets the end of all secrets of a client to `at`, unless they end earlier.
pub fn end_all(tx: &mut Database, client: Id<Client>, at: UnixTime) -> Result<()> {
    tx.note_change();
    let rows = client_secrets::table
        .filter(client_secrets::client_key.eq(client))
        .filter(client_secrets::expires_at.is_null().or(client_secrets::expires_at.gt(at)));
    on!(tx, |c| diesel::update(rows).set(client_secrets::expires_at.eq(Some(at))).execute(c))?;
    Ok(())
}

/// Records when the secret was last used.
pub fn touch(tx: &mut Database, id: Id<ClientSecretRecord>, at: UnixTime) -> Result<()> {
    let row = diesel::update(client_secrets::table.filter(client_secrets::id.eq(id)));
    on!(tx, |c| Fixed(row.set(client_secrets::last_used_at.eq(Some(at)))).execute(c))?;
    Ok(())
}

/// Records that the secret was found in a public place; `false` when that is recorded already.
pub fn flag(tx: &mut Database, now: UnixTime, id: Id<ClientSecretRecord>) -> Result<bool> {
    tx.note_change();
    let row = client_secrets::table.filter(client_secrets::id.eq(id)).filter(client_secrets::flagged_at.is_null());
    Ok(on!(tx, |c| diesel::update(row).set(client_secrets::flagged_at.eq(Some(now))).execute(c))? == 1)
}
