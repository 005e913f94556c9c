//! The table `mailed_links`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::user::User;
use crate::schema::mailed_links;

/// Finds the link with this digest.
pub fn find(tx: &mut Database, digest: &str) -> Result<Option<MailedLink>> {
    let row = mailed_links::table.filter(mailed_links::digest.eq(digest));
    Ok(on!(tx, |c| row.select(MailedLink::as_select()).get_result(c)).optional()?)
}

/// Inserts a new link.
pub fn insert(tx: &mut Database, link: &MailedLink) -> Result<()> {
    on!(tx, |c| diesel::insert_into(mailed_links::table).values(link).execute(c))?;
    Ok(())
}

/// Marks a valid link as used; the database decides a race.
pub fn redeem(tx: &mut Database, now: UnixTime, id: Id<MailedLink>) -> Result<bool> {
    let row = mailed_links::table
        .filter(mailed_links::id.eq(id))
        .filter(mailed_links::used_at.is_null())
        .filter(mailed_links::expires_at.gt(now));
    Ok(on!(tx, |c| diesel::update(row).set(mailed_links::used_at.eq(Some(now))).execute(c))? == 1)
}

/// Ends a person's unused links of these kinds, because what they were for has changed.
pub fn end(tx: &mut Database, now: UnixTime, user: Id<User>, kinds: &[LinkKind]) -> Result<()> {
    let rows = mailed_links::table
        .filter(mailed_links::user_id.eq(user))
        .filter(mailed_links::kind.eq_any(kinds.to_vec()))
        .filter(mailed_links::used_at.is_null());
    on!(tx, |c| diesel::update(rows).set(mailed_links::used_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Ends a person's unused links of one kind that were sent to other addresses than this one.
pub fn end_elsewhere(
    tx: &mut Database,
    now: UnixTime,
    (user, kind): (Id<User>, LinkKind),
    email_folded: &str,
) -> Result<()> {
    let rows = mailed_links::table
        .filter(mailed_links::user_id.eq(user))
        .filter(mailed_links::kind.eq(kind))
        .filter(mailed_links::email_folded.ne(email_folded))
        .filter(mailed_links::used_at.is_null());
    on!(tx, |c| diesel::update(rows).set(mailed_links::used_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Finds a person's newest valid link of one of these kinds.
pub fn find_waiting(
    tx: &mut Database,
    now: UnixTime,
    (user, kinds): (Id<User>, &[LinkKind]),
) -> Result<Option<MailedLink>> {
    let rows = mailed_links::table
        .filter(mailed_links::user_id.eq(user))
        .filter(mailed_links::kind.eq_any(kinds.to_vec()))
        .filter(mailed_links::used_at.is_null())
        .filter(mailed_links::expires_at.gt(now))
        .order(mailed_links::id.desc());
    let found: Vec<MailedLink> = on!(tx, |c| rows.select(MailedLink::as_select()).load(c))?;
    Ok(found.into_iter().next())
}

/// Finds the link with this id.
pub fn find_by_id(tx: &mut Database, id: Id<MailedLink>) -> Result<Option<MailedLink>> {
    let row = mailed_links::table.filter(mailed_links::id.eq(id));
    Ok(on!(tx, |c| row.select(MailedLink::as_select()).get_result(c)).optional()?)
}

/// Finds the email address that a person wants in place of the present one and has not verified; the newest of several.
pub fn find_pending_email(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<Option<String>> {
    Ok(find_waiting(tx, now, (user, &[LinkKind::ChangeEmail]))?.map(|link| link.email))
}

/// Whether a link of these kinds was mailed for a person to this address after `since`.
pub fn has_mailed(
    tx: &mut Database,
    since: UnixTime,
    (user, kinds): (Id<User>, &[LinkKind]),
    email_folded: &str,
) -> Result<bool> {
    let rows = mailed_links::table
        .filter(mailed_links::user_id.eq(user))
        .filter(mailed_links::kind.eq_any(kinds.to_vec()))
        .filter(mailed_links::email_folded.eq(email_folded))
        .filter(mailed_links::created_at.gt(since));
    Ok(on!(tx, |c| diesel::select(diesel::dsl::exists(rows.select(mailed_links::id))).get_result::<bool>(c))?)
}

/// Whether a person invited this address after `since`.
pub fn has_invited(tx: &mut Database, since: UnixTime, (inviter, email_folded): (Id<User>, &str)) -> Result<bool> {
    let rows = mailed_links::table
        .filter(mailed_links::invited_by.eq(inviter))
        .filter(mailed_links::email_folded.eq(email_folded))
        .filter(mailed_links::created_at.gt(since));
    Ok(on!(tx, |c| diesel::select(diesel::dsl::exists(rows.select(mailed_links::id))).get_result::<bool>(c))?)
}

/// Counts the people whom a person invited after `since`.
pub fn count_invited_by(tx: &mut Database, since: UnixTime, user: Id<User>) -> Result<i64> {
    let rows = mailed_links::table.filter(mailed_links::invited_by.eq(user)).filter(mailed_links::created_at.gt(since));
    Ok(on!(tx, |c| rows.count().get_result(c))?)
}
