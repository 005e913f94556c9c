//! The table `refusals`.

use diesel::prelude::*;

use super::{Database, Result};
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::refusal_record::RefusalRecord;
use crate::schema::refusals;

/// Adds lines.
pub fn insert(tx: &mut Database, lines: &[RefusalRecord]) -> Result<()> {
    for line in lines {
        diesel::insert_into(refusals::table).values(line).execute(tx)?;
    }
    Ok(())
}

/// Removes all but the newest `most` lines of one kind of a client.
pub fn trim(tx: &mut Database, (client, is_proven): (Id<Client>, bool), most: i64) -> Result<()> {
    let own = refusals::client_key.eq(client).and(refusals::is_proven.eq(is_proven));
    let newest = refusals::table.filter(own).order(refusals::id.desc()).select(refusals::id);
    let oldest: Option<i64> = newest.offset(most - 1).limit(1).get_result(tx).optional()?;
    if let Some(oldest) = oldest {
        diesel::delete(refusals::table.filter(own).filter(refusals::id.lt(oldest))).execute(tx)?;
    }
    Ok(())
}

/// A client's lines, the newest first; only those of one request if it is named.
pub fn list(db: &mut Database, client: Id<Client>, request_id: Option<&str>) -> Result<Vec<RefusalRecord>> {
    let mut rows = refusals::table.filter(refusals::client_key.eq(client)).into_boxed();
    if let Some(request_id) = request_id {
        rows = rows.filter(refusals::request_id.eq(request_id));
    }
    // The trimmed table holds no more than a page of them.
    Ok(rows.order(refusals::id.desc()).select(RefusalRecord::as_select()).load(db)?)
}
