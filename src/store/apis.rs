//! The tables `apis` and `api_scopes`.

use std::sync::Arc;

use diesel::prelude::*;

use super::snapshot::all_or_read;
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::api::{Api, ApiScope};
use crate::domain::api_directory::ApiDirectory;
use crate::domain::id::Id;
use crate::schema::{api_scopes, apis, clients};

/// Returns all APIs with their scopes, including suspended and deleted ones.
pub fn directory(tx: &mut Database) -> Result<Arc<ApiDirectory>> {
    all_or_read(
        tx,
        |snapshot| &snapshot.apis,
        |tx| {
            type Ends = (Option<UnixTime>, Option<UnixTime>);
            let rows = apis::table.inner_join(clients::table).order(apis::id);
            let ends = (clients::disabled_at, clients::deleted_at);
            let rows: Vec<(Api, Ends)> = on!(tx, |c| rows.select((Api::as_select(), ends)).load(c))?;
            let scopes = api_scopes::table.order(api_scopes::id);
            let scopes = on!(tx, |c| scopes.select(ApiScope::as_select()).load(c))?;
            let is_active = |(disabled_at, deleted_at): Ends| disabled_at.is_none() && deleted_at.is_none();
            Ok(ApiDirectory::new(rows.into_iter().map(|(api, ends)| (api, is_active(ends))).collect(), scopes))
        },
    )
}

/// Inserts an API. An identifier that exists already is a conflict.
pub fn insert(tx: &mut Database, api: &Api) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::insert_into(apis::table).values(api).execute(c))?;
    Ok(())
}

/// Inserts a scope. A name that exists already is a conflict.
pub fn insert_scope(tx: &mut Database, scope: &ApiScope) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::insert_into(api_scopes::table).values(scope).execute(c))?;
    Ok(())
}

/// Deletes an API and its scopes; its client stays, and the caller marks it as deleted.
pub fn delete(tx: &mut Database, id: Id<Api>) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::delete(api_scopes::table.filter(api_scopes::api_id.eq(id))).execute(c))?;
    on!(tx, |c| diesel::delete(apis::table.filter(apis::id.eq(id))).execute(c))?;
    Ok(())
}
