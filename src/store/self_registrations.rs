//! The tables `self_registrations` and `registration_tokens`.

use diesel::prelude::*;

use super::batch::BATCH;
use super::{Database, Result, login_return_hosts, on};
use crate::clock::UnixTime;
use crate::domain::client::{Client, ClientType};
use crate::domain::id::Id;
use crate::domain::self_registration::{InitialAccessTokenRecord, SelfRegistration};
use crate::schema::{
    client_secrets, clients, consents, device_codes, grants, pushed_requests, registration_tokens, self_registrations,
};

/// Finds the registration with this id, and its client.
pub fn find(tx: &mut Database, id: Id<SelfRegistration>) -> Result<Option<(SelfRegistration, Client)>> {
    let row = self_registrations::table.inner_join(clients::table).filter(self_registrations::id.eq(id));
    Ok(on!(tx, |c| row.select((SelfRegistration::as_select(), Client::as_select())).get_result(c)).optional()?)
}

/// Finds the registration of the client with this `client_id`.
pub fn find_by_client_id(tx: &mut Database, client_id: &str) -> Result<Option<(SelfRegistration, Client)>> {
    let row = self_registrations::table.inner_join(clients::table).filter(clients::client_id.eq(client_id));
    Ok(on!(tx, |c| row.select((SelfRegistration::as_select(), Client::as_select())).get_result(c)).optional()?)
}

/// Inserts a new registration.
pub fn insert(tx: &mut Database, registration: &SelfRegistration) -> Result<()> {
    on!(tx, |c| diesel::insert_into(self_registrations::table).values(registration).execute(c))?;
    Ok(())
}

/// Writes the changed settings of a registration; the token and its first use stay.
pub fn update(tx: &mut Database, new: &SelfRegistration) -> Result<()> {
    on!(tx, |c| diesel::update(self_registrations::table.filter(self_registrations::id.eq(new.id)))
        .set((
            self_registrations::auth_method.eq(new.auth_method),
            self_registrations::application_type.eq(new.application_type),
            self_registrations::document_valid_until.eq(new.document_valid_until),
        ))
        .execute(c))?;
    Ok(())
}

/// Writes the client type, which only a self-registered client may change.
pub fn set_client_type(tx: &mut Database, client: Id<Client>, client_type: ClientType) -> Result<()> {
    tx.note_change();
    let row = diesel::update(clients::table.filter(clients::id.eq(client)));
    on!(tx, |c| row.set(clients::client_type.eq(client_type)).execute(c))?;
    Ok(())
}

/// Finds the initial access token with this id.
pub fn find_initial_token(
    tx: &mut Database,
    id: Id<InitialAccessTokenRecord>,
) -> Result<Option<InitialAccessTokenRecord>> {
    let row = registration_tokens::table.filter(registration_tokens::id.eq(id));
    Ok(on!(tx, |c| row.select(InitialAccessTokenRecord::as_select()).get_result(c)).optional()?)
}

/// Inserts a new initial access token.
pub fn insert_initial_token(tx: &mut Database, token: &InitialAccessTokenRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(registration_tokens::table).values(token).execute(c))?;
    Ok(())
}

/// Removes one batch of the clients that were registered before `before` and that no person ever allowed anything.
/// Returns how many were processed.
pub(super) fn clean(tx: &mut Database, before: UnixTime) -> Result<usize> {
    // A client document would be read again, so a client that the operator deleted or suspended keeps its row.
    let stays_out = clients::deleted_at.is_not_null().or(clients::disabled_at.is_not_null());
    let unused = self_registrations::table
        .inner_join(clients::table)
        .filter(self_registrations::document_valid_until.is_null().or(diesel::dsl::not(stays_out)))
        .filter(self_registrations::used_at.is_null())
        .filter(self_registrations::created_at.lt(before));
    let keys: Vec<i64> = on!(tx, |c| unused.select(self_registrations::client_key).limit(BATCH).load(c))?;
    let used = grants::table.filter(grants::client_key.eq_any(keys.clone()));
    let used: Vec<Option<i64>> = on!(tx, |c| used.select(grants::client_key).distinct().load(c))?;
    let (used, unused): (Vec<i64>, Vec<i64>) = keys.iter().partition(|key| used.contains(&Some(**key)));
    let in_use = self_registrations::table.filter(self_registrations::client_key.eq_any(used));
    on!(tx, |c| diesel::update(in_use).set(self_registrations::used_at.eq(Some(before))).execute(c))?;
    if unused.is_empty() {
        return Ok(keys.len());
    }
    tx.note_change();
    on!(tx, |c| diesel::delete(
        self_registrations::table.filter(self_registrations::client_key.eq_any(unused.clone()))
    )
    .execute(c))?;
    on!(tx, |c| diesel::delete(client_secrets::table.filter(client_secrets::client_key.eq_any(unused.clone())))
        .execute(c))?;
    on!(tx, |c| diesel::delete(pushed_requests::table.filter(pushed_requests::client_key.eq_any(unused.clone())))
        .execute(c))?;
    on!(tx, |c| diesel::delete(device_codes::table.filter(device_codes::client_key.eq_any(unused.clone())))
        .execute(c))?;
    on!(tx, |c| diesel::delete(consents::table.filter(consents::client_key.eq_any(unused.clone()))).execute(c))?;
    login_return_hosts::delete_of(tx, unused.clone())?;
    on!(tx, |c| diesel::delete(clients::table.filter(clients::id.eq_any(unused))).execute(c))?;
    Ok(keys.len())
}
