//! What all emailed links have in common: who requested them, whom they are for, and that they prove an email
//! address.

use super::session::Origin;
use crate::clock::UnixTime;
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::remote_session::digest_of_uuid;
use crate::domain::session::browser_in_words;
use crate::domain::user::User;
use crate::mail::email::EmailRequester;
use crate::store::{Database, Result, mailed_links, users};

/// Seconds in a day.
pub(super) const DAY: i64 = 86_400;

/// Returns who caused an email, for its text: time, network address and browser.
pub fn requester(now: UnixTime, origin: &Origin) -> EmailRequester {
    let program = browser_in_words(&origin.user_agent);
    EmailRequester { at: now, address: origin.address.clone(), program }
}

/// Returns the active link of a presented secret, if it is of one of these kinds.
pub(super) fn find_active(
    db: &mut Database,
    now: UnixTime,
    (presented, kinds): (&str, &[LinkKind]),
) -> Result<Option<MailedLink>> {
    let found = mailed_links::find(db, &digest_of_uuid(presented))?;
    Ok(found.filter(|link| kinds.contains(&link.kind) && link.is_alive(now)))
}

/// Like [`find_active`], with the link's active user.
pub(super) fn find_active_with_user(
    db: &mut Database,
    now: UnixTime,
    (presented, kinds): (&str, &[LinkKind]),
) -> Result<Option<(MailedLink, User)>> {
    let Some(link) = find_active(db, now, (presented, kinds))? else { return Ok(None) };
    let Some(person) = link.user_id else { return Ok(None) };
    Ok(users::find(db, person)?.filter(User::is_active).map(|user| (link, user)))
}

/// Makes the email address of a link the user's. `false` when another user proved it meanwhile.
pub(super) fn prove_email(tx: &mut Database, now: UnixTime, (link, user): (&MailedLink, &User)) -> Result<bool> {
    if users::find_by_login(tx, &link.email_folded)?.is_some_and(|other| other.id != user.id) {
        return Ok(false);
    }
    users::prove_email(tx, now, user.id, (&link.email, &link.email_folded))?;
    Ok(true)
}
