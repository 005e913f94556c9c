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

/// Whether this database has the tables of Gatepost. The query does not need these tables.
pub fn is_begun(tx: &mut Database) -> Result<bool> {
    let query = match tx.connection {
        AnyConnection::Sqlite(_) => "SELECT count(*) AS count FROM sqlite_master WHERE name = 'installation'",
        AnyConnection::Postgres(_) | AnyConnection::Deferred(_) => {
            "SELECT count(*) AS count FROM pg_class WHERE oid = to_regclass('installation')"
        }
    };
    Ok(on!(tx, |c| diesel::sql_query(query).get_result::<Tables>(c))?.count > 0)
}

/// Finds the only row of the installation, if it exists.
pub fn find(tx: &mut Database) -> Result<Option<Installation>> {
    Ok(on!(tx, |c| installation::table.select(Installation::as_select()).get_result(c)).optional()?)
}

/// Tests whether the database can be written. The value differs each time, because SQLite does not write a value
/// that is unchanged.
pub fn probe(tx: &mut Database) -> Result<bool> {
    let counted = installation::probes.eq(installation::probes + 1);
    Ok(on!(tx, |c| diesel::update(installation::table).set(counted).execute(c))? == 1)
}

/// Inserts the only row of the installation.
pub fn insert(tx: &mut Database, new: &Installation) -> Result<()> {
    on!(tx, |c| diesel::insert_into(installation::table).values(new).execute(c))?;
    Ok(())
}

/// Finds the set-up link with this id.
pub fn find_setup_link(tx: &mut Database, id: Id<SetupLinkRecord>) -> Result<Option<SetupLinkRecord>> {
    let row = setup_links::table.filter(setup_links::id.eq(id));
    Ok(on!(tx, |c| row.select(SetupLinkRecord::as_select()).get_result(c)).optional()?)
}

/// Inserts a new set-up link.
pub fn insert_setup_link(tx: &mut Database, link: &SetupLinkRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(setup_links::table).values(link).execute(c))?;
    Ok(())
}

/// Deletes a set-up link when it is used; the database decides a race.
pub fn redeem_setup_link(tx: &mut Database, id: Id<SetupLinkRecord>) -> Result<bool> {
    Ok(on!(tx, |c| diesel::delete(setup_links::table.filter(setup_links::id.eq(id))).execute(c))? == 1)
}

/// Deletes every set-up link: one was used, or the server has started again.
pub fn delete_setup_links(tx: &mut Database) -> Result<()> {
    on!(tx, |c| diesel::delete(setup_links::table).execute(c))?;
    Ok(())
}
