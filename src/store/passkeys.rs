//! The table `passkeys`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::passkey::Passkey;
use crate::domain::user::User;
use crate::schema::passkeys;

/// Finds the passkey with this id.
pub fn find(tx: &mut Database, id: Id<Passkey>) -> Result<Option<Passkey>> {
    let row = passkeys::table.filter(passkeys::id.eq(id));
    Ok(on!(tx, |c| row.select(Passkey::as_select()).get_result(c)).optional()?)
}

/// Finds the passkey with this credential id.
pub fn find_by_credential(tx: &mut Database, credential_id: &str) -> Result<Option<Passkey>> {
    let row = passkeys::table.filter(passkeys::credential_id.eq(credential_id));
    Ok(on!(tx, |c| row.select(Passkey::as_select()).get_result(c)).optional()?)
}

/// Lists a person's passkeys, oldest first.
pub fn list(tx: &mut Database, user: Id<User>) -> Result<Vec<Passkey>> {
    let rows = passkeys::table.filter(passkeys::user_id.eq(user)).order(passkeys::id);
    Ok(on!(tx, |c| rows.select(Passkey::as_select()).load(c))?)
}

/// Inserts a new passkey.
pub fn insert(tx: &mut Database, passkey: &Passkey) -> Result<()> {
    on!(tx, |c| diesel::insert_into(passkeys::table).values(passkey).execute(c))?;
    Ok(())
}

/// Records that a person signed in with the passkey.
pub fn note_use(tx: &mut Database, now: UnixTime, id: Id<Passkey>, counter: i64) -> Result<()> {
    let row = diesel::update(passkeys::table.filter(passkeys::id.eq(id)));
    on!(tx, |c| row.set((passkeys::counter.eq(counter), passkeys::last_used_at.eq(Some(now)))).execute(c))?;
    Ok(())
}

/// Records that the passkey may have been copied.
pub fn suspect(tx: &mut Database, now: UnixTime, id: Id<Passkey>) -> Result<()> {
    let row = diesel::update(passkeys::table.filter(passkeys::id.eq(id)));
    on!(tx, |c| row.set(passkeys::suspected_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Changes the name of a passkey.
pub fn rename(tx: &mut Database, id: Id<Passkey>, name: &str) -> Result<()> {
    on!(tx, |c| diesel::update(passkeys::table.filter(passkeys::id.eq(id))).set(passkeys::name.eq(name)).execute(c))?;
    Ok(())
}

/// Deletes the row of a passkey.
pub fn delete(tx: &mut Database, id: Id<Passkey>) -> Result<()> {
    on!(tx, |c| diesel::delete(passkeys::table.filter(passkeys::id.eq(id))).execute(c))?;
    Ok(())
}
