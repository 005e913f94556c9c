//! The table `users`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::users;

/// Finds the person with this id.
pub fn find(tx: &mut Database, id: Id<User>) -> Result<Option<User>> {
    Ok(on!(tx, |c| users::table.filter(users::id.eq(id)).select(User::as_select()).get_result(c)).optional()?)
}

/// Finds the person with this folded username, but not a deleted one.
pub fn find_by_username(tx: &mut Database, folded: &str) -> Result<Option<User>> {
    Ok(on!(tx, |c| users::table.filter(users::username_folded.eq(folded)).select(User::as_select()).get_result(c))
        .optional()?)
}

/// Finds the person who signs in with this folded username or verified email address. A username has no `@`, an
/// address has one: each takes one query, so the time does not show whether the account exists.
pub fn find_by_login(tx: &mut Database, folded: &str) -> Result<Option<User>> {
    if !folded.contains('@') {
        return find_by_username(tx, folded);
    }
    let by_email = users::table.filter(users::verified_email_folded.eq(folded));
    Ok(on!(tx, |c| by_email.select(User::as_select()).get_result(c)).optional()?)
}

/// Finds the only active person who entered this folded address and has not verified it; `None` when there are several.
pub fn find_by_unproven_email(tx: &mut Database, folded: &str) -> Result<Option<User>> {
    let rows = users::table
        .filter(users::email_folded.eq(folded))
        .filter(users::email_verified_at.is_null())
        .filter(users::deleted_at.is_null())
        .filter(users::disabled_at.is_null());
    let mut found: Vec<User> = on!(tx, |c| rows.select(User::as_select()).limit(2).load(c))?;
    Ok(found.pop().filter(|_| found.is_empty()))
}

/// Locks the person's row until the transaction ends, so that transactions that issue or revoke something in their
/// name run one at a time. On SQLite nothing is needed, because it has only one writer.
pub fn lock(tx: &mut Database, id: Id<User>) -> Result<()> {
    if let Some(connection) = tx.for_query_of_postgres()? {
        let row = users::table.filter(users::id.eq(id)).select(users::id).for_no_key_update();
        row.get_result::<Id<User>>(connection).optional()?;
    }
    Ok(())
}

/// Whether no account exists.
pub fn is_empty(tx: &mut Database) -> Result<bool> {
    let everybody = users::table.select(users::id);
    Ok(!on!(tx, |c| diesel::select(diesel::dsl::exists(everybody)).get_result::<bool>(c))?)
}

/// Inserts a person. A username or verified address that exists already is a conflict.
pub fn insert(tx: &mut Database, user: &User) -> Result<()> {
    on!(tx, |c| diesel::insert_into(users::table).values(user).execute(c))?;
    Ok(())
}

/// Lists all people, oldest first.
pub fn list(tx: &mut Database) -> Result<Vec<User>> {
    Ok(on!(tx, |c| users::table.order(users::id).select(User::as_select()).load(c))?)
}

/// Replaces the password hash, if it is still the one that was verified.
pub fn replace_password_digest(tx: &mut Database, id: Id<User>, old: &str, new: &str) -> Result<bool> {
    let row = users::table.filter(users::id.eq(id)).filter(users::password_digest.eq(old));
    Ok(on!(tx, |c| diesel::update(row).set(users::password_digest.eq(new)).execute(c))? == 1)
}

/// Sets a password without checking the old one.
pub fn set_password_digest(tx: &mut Database, id: Id<User>, new: &str) -> Result<()> {
    on!(tx, |c| diesel::update(users::table.filter(users::id.eq(id))).set(users::password_digest.eq(new)).execute(c))?;
    Ok(())
}

/// Disables the person, or enables them again.
pub fn set_disabled(tx: &mut Database, id: Id<User>, at: Option<UnixTime>) -> Result<()> {
    on!(tx, |c| diesel::update(users::table.filter(users::id.eq(id))).set(users::disabled_at.eq(at)).execute(c))?;
    Ok(())
}

/// Writes what a person says about themselves.
pub fn update_profile(tx: &mut Database, user: &User) -> Result<()> {
    on!(tx, |c| diesel::update(users::table.filter(users::id.eq(user.id)))
        .set((
            users::about.eq(&user.about),
            users::homepage.eq(&user.homepage),
            users::allow_contact.eq(user.allow_contact),
        ))
        .execute(c))?;
    Ok(())
}

/// Changes a person's username. One that exists already is a conflict.
pub fn rename(tx: &mut Database, id: Id<User>, name: &str, folded: &str) -> Result<()> {
    let row = diesel::update(users::table.filter(users::id.eq(id)));
    on!(tx, |c| row.set((users::username.eq(name), users::username_folded.eq(folded))).execute(c))?;
    Ok(())
}

/// Marks a person as deleted. The compared forms of username and verified address get values that no person can choose.
pub fn mark_deleted(tx: &mut Database, now: UnixTime, id: Id<User>) -> Result<()> {
    on!(tx, |c| diesel::update(users::table.filter(users::id.eq(id)))
        .set((
            users::deleted_at.eq(Some(now)),
            users::username_folded.eq(format!("@{}", id.number())),
            users::verified_email_folded.eq(None::<String>),
        ))
        .execute(c))?;
    Ok(())
}

/// Removes the mark. The caller has found that this username, and this verified address if any, are free.
pub fn restore(
    tx: &mut Database,
    id: Id<User>,
    (name, folded): (&str, &str),
    email_folded: Option<&str>,
) -> Result<()> {
    on!(tx, |c| diesel::update(users::table.filter(users::id.eq(id)))
        .set((
            users::deleted_at.eq(None::<UnixTime>),
            users::username.eq(name),
            users::username_folded.eq(folded),
            users::verified_email_folded.eq(email_folded),
        ))
        .execute(c))?;
    Ok(())
}

/// Removes the password: the account cannot be opened with a password until a new one is set.
pub fn remove_password(tx: &mut Database, id: Id<User>) -> Result<()> {
    let row = diesel::update(users::table.filter(users::id.eq(id)));
    on!(tx, |c| row.set(users::password_digest.eq(None::<String>)).execute(c))?;
    Ok(())
}

/// Removes the email address: a person who reads its mailbox proves nothing by that any more.
pub fn remove_email(tx: &mut Database, id: Id<User>) -> Result<()> {
    on!(tx, |c| diesel::update(users::table.filter(users::id.eq(id)))
        .set((
            users::email.eq(None::<String>),
            users::email_folded.eq(None::<String>),
            users::verified_email_folded.eq(None::<String>),
            users::email_verified_at.eq(None::<UnixTime>),
        ))
        .execute(c))?;
    Ok(())
}

/// Keeps the address but marks it as not verified, because another person verified it.
pub fn doubt_email(tx: &mut Database, id: Id<User>) -> Result<()> {
    let row = diesel::update(users::table.filter(users::id.eq(id)));
    on!(tx, |c| row.set(users::email_verified_at.eq(None::<UnixTime>)).execute(c))?;
    Ok(())
}

/// Finds active people whose username begins with this text, for the search of a signed-in person.
pub fn search(tx: &mut Database, folded: &str, most: i64) -> Result<Vec<User>> {
    let escaped = folded.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let rows = users::table
        .filter(users::username_folded.like(format!("{escaped}%")).escape('\\'))
        .filter(users::deleted_at.is_null())
        .filter(users::disabled_at.is_null());
    Ok(on!(tx, |c| rows.order(users::username_folded).limit(most).select(User::as_select()).load(c))?)
}

/// Makes a verified address the person's. An address that another person has verified meanwhile is a conflict.
pub fn prove_email(tx: &mut Database, now: UnixTime, id: Id<User>, (email, folded): (&str, &str)) -> Result<()> {
    on!(tx, |c| diesel::update(users::table.filter(users::id.eq(id)))
        .set((
            users::email.eq(Some(email)),
            users::email_folded.eq(Some(folded)),
            users::verified_email_folded.eq(Some(folded)),
            users::email_verified_at.eq(Some(now)),
        ))
        .execute(c))?;
    Ok(())
}
