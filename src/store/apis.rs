//! The tables `apis` and `api_scopes`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::api::{Api, ApiScope};
use crate::domain::api_identifier::is_same;
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::schema::{api_scopes, apis, clients};

/// The API that asks with this client's credentials.
pub fn find_by_client(tx: &mut Database, client: Id<Client>) -> Result<Option<Api>> {
    Ok(on!(tx, |c| apis::table.filter(apis::client_key.eq(client)).select(Api::as_select()).get_result(c))
        .optional()?)
}

/// The API with this identifier, as it was registered.
pub fn find_by_identifier(tx: &mut Database, identifier: &str) -> Result<Option<Api>> {
    Ok(on!(tx, |c| apis::table.filter(apis::identifier.eq(identifier)).select(Api::as_select()).get_result(c))
        .optional()?)
}

/// The API that a request names, by the registered spelling of its identifier or by another one.
pub fn find_named(tx: &mut Database, named: &str) -> Result<Option<Api>> {
    match find_by_identifier(tx, named)? {
        Some(api) => Ok(Some(api)),
        None => Ok(list(tx)?.into_iter().find(|api| is_same(&api.identifier, named))),
    }
}

/// The API with this identifier, as it was registered, unless it was ended.
pub fn find_active(tx: &mut Database, identifier: &str) -> Result<Option<Api>> {
    let row = apis::table
        .inner_join(clients::table)
        .filter(apis::identifier.eq(identifier))
        .filter(clients::disabled_at.is_null())
        .filter(clients::deleted_at.is_null());
    Ok(on!(tx, |c| row.select(Api::as_select()).get_result(c)).optional()?)
}

/// The APIs that were not ended, oldest first.
pub fn list_active(tx: &mut Database) -> Result<Vec<Api>> {
    let rows = apis::table
        .inner_join(clients::table)
        .filter(clients::disabled_at.is_null())
        .filter(clients::deleted_at.is_null());
    Ok(on!(tx, |c| rows.order(apis::id).select(Api::as_select()).load(c))?)
}

/// All APIs, oldest first.
pub fn list(tx: &mut Database) -> Result<Vec<Api>> {
    Ok(on!(tx, |c| apis::table.order(apis::id).select(Api::as_select()).load(c))?)
}

/// All scopes of all APIs, oldest first.
pub fn list_scopes(tx: &mut Database) -> Result<Vec<ApiScope>> {
    Ok(on!(tx, |c| api_scopes::table.order(api_scopes::id).select(ApiScope::as_select()).load(c))?)
}

/// The scopes of one API, oldest first.
pub fn list_scopes_of(tx: &mut Database, api: Id<Api>) -> Result<Vec<ApiScope>> {
    let rows = api_scopes::table.filter(api_scopes::api_id.eq(api));
    Ok(on!(tx, |c| rows.order(api_scopes::id).select(ApiScope::as_select()).load(c))?)
}

/// The APIs that these scopes belong to, one for each scope that belongs to any.
pub fn list_owners_of_scopes(tx: &mut Database, names: &[&str]) -> Result<Vec<Api>> {
    let rows = apis::table.inner_join(api_scopes::table).filter(api_scopes::name.eq_any(names));
    Ok(on!(tx, |c| rows.select(Api::as_select()).load(c))?)
}

/// Adds an API. A taken identifier is a conflict.
pub fn insert(tx: &mut Database, api: &Api) -> Result<()> {
    on!(tx, |c| diesel::insert_into(apis::table).values(api).execute(c))?;
    Ok(())
}

/// Adds a scope. A taken name is a conflict.
pub fn insert_scope(tx: &mut Database, scope: &ApiScope) -> Result<()> {
    on!(tx, |c| diesel::insert_into(api_scopes::table).values(scope).execute(c))?;
    Ok(())
}

/// Removes an API and its scopes; its client stays, marked as deleted by the caller.
pub fn delete(tx: &mut Database, id: Id<Api>) -> Result<()> {
    on!(tx, |c| diesel::delete(api_scopes::table.filter(api_scopes::api_id.eq(id))).execute(c))?;
    on!(tx, |c| diesel::delete(apis::table.filter(apis::id.eq(id))).execute(c))?;
    Ok(())
}
