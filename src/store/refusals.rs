//! The table `refusals`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::refusal_record::RefusalRecord;
use crate::schema::refusals;

/// Inserts lines about refused requests.
pub fn insert(tx: &mut Database, lines: &[RefusalRecord]) -> Result<()> {
    for line in lines {
        on!(tx, |c| diesel::insert_into(refusals::table).values(line).execute(c))?;
    }
    Ok(())
}

/// Removes all but the newest `most` lines of one kind of a client.
pub fn trim(tx: &mut Database, (client, is_client_authenticated): (Id<Client>, bool), most: i64) -> Result<()> {
    let own = refusals::client_key.eq(client).and(refusals::is_client_authenticated.eq(is_client_authenticated));
    let newest = refusals::table.filter(own).order(refusals::id.desc()).select(refusals::id);
    let oldest: Option<i64> = on!(tx, |c| newest.offset(most - 1).limit(1).get_result(c)).optional()?;
    if let Some(oldest) = oldest {
        on!(tx, |c| diesel::delete(refusals::table.filter(own).filter(refusals::id.lt(oldest))).execute(c))?;
    }
    Ok(())
}

/// Lists a client's lines, newest first; only those of one request if `request_id` is given.
pub fn list(db: &mut Database, client: Id<Client>, request_id: Option<&str>) -> Result<Vec<RefusalRecord>> {
    let rows = refusals::table.filter(refusals::client_key.eq(client)).order(refusals::id.desc());
    // The trimmed table has no more lines of a client than one page shows.
    Ok(match request_id {
        Some(request_id) => {
            on!(db, |c| rows.filter(refusals::request_id.eq(request_id)).select(RefusalRecord::as_select()).load(c))?
        }
        None => on!(db, |c| rows.select(RefusalRecord::as_select()).load(c))?,
    })
}
