//! The tables `installation` and `setup_links`.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{AnyConnection, Database, Result, on};
use crate::domain::id::Id;
use crate::domain::installation::{Installation, SetupLinkRecord};
use crate::schema::{installation, setup_links};

#[derive(QueryableByName)]
struct Tables {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whether anything was ever made in this database. Asks without the tables that it asks for.
pub fn is_begun(tx: &mut Database) -> Result<bool> {
    let query = match tx.connection {
        AnyConnection::Sqlite(_) => "SELECT count(*) AS count FROM sqlite_master WHERE name = 'installation'",
        AnyConnection::Postgres(_) | AnyConnection::Deferred(_) => {
            "SELECT count(*) AS count FROM pg_class WHERE oid = to_regclass('installation')"
        }
    };
    Ok(on!(tx, |c| diesel::sql_query(query).get_result::<Tables>(c))?.count > 0)
}

/// The installation's one row, once there is one.
pub fn find(tx: &mut Database) -> Result<Option<Installation>> {
    Ok(on!(tx, |c| installation::table.select(Installation::as_select()).get_result(c)).optional()?)
}

/// Writes something that nobody reads: whether it can. What is written differs each time, since SQLite does
/// not write what is there already.
pub fn probe(tx: &mut Database) -> Result<bool> {
    let counted = installation::probes.eq(installation::probes + 1);
    Ok(on!(tx, |c| diesel::update(installation::table).set(counted).execute(c))? == 1)
}

/// Writes the one row.
pub fn insert(tx: &mut Database, new: &Installation) -> Result<()> {
    on!(tx, |c| diesel::insert_into(installation::table).values(new).execute(c))?;
    Ok(())
}

/// The set-up link with this key.
pub fn find_setup_link(tx: &mut Database, id: Id<SetupLinkRecord>) -> Result<Option<SetupLinkRecord>> {
    let row = setup_links::table.filter(setup_links::id.eq(id));
    Ok(on!(tx, |c| row.select(SetupLinkRecord::as_select()).get_result(c)).optional()?)
}

/// Adds a set-up link.
pub fn insert_setup_link(tx: &mut Database, link: &SetupLinkRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(setup_links::table).values(link).execute(c))?;
    Ok(())
}

/// Uses a set-up link up; the database picks the winner of a race.
pub fn redeem_setup_link(tx: &mut Database, id: Id<SetupLinkRecord>) -> Result<bool> {
    Ok(on!(tx, |c| diesel::delete(setup_links::table.filter(setup_links::id.eq(id))).execute(c))? == 1)
}

/// Ends every set-up link: one was used, or the server started anew.
pub fn delete_setup_links(tx: &mut Database) -> Result<()> {
    on!(tx, |c| diesel::delete(setup_links::table).execute(c))?;
    Ok(())
}
