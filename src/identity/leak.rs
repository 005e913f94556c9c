//! Reports of leaked secrets: most secrets end; the owner of one that stays active gets an email
//! (`docs/decisions/0013-public-revocation.md`).

use super::emailed_links::requester;
use crate::clock::UnixTime;
use crate::domain::session::Origin;
use crate::domain::user::User;
use crate::mail::Mail;
use crate::mail::warnings::FoundInTheOpen;
use crate::store::{Database, Result, users};
use crate::tokens::find_by_secret::ReportedSecret;
use crate::tokens::leak::{self, FlaggedSecret};

/// Ends or flags a reported secret, if this server issued it, and emails the owner of a flagged one.
///
/// # Errors
/// When the store fails.
pub fn report(
    tx: &mut Database,
    now: UnixTime,
    (mail, origin): (&Mail, &Origin),
    reported: &ReportedSecret,
) -> Result<()> {
    let Some(flagged) = leak::report(tx, now, reported, origin)? else { return Ok(()) };
    let owner = flagged.owner.map(|owner| users::find(tx, owner)).transpose()?.flatten();
    let Some(owner) = owner.filter(User::is_active) else { return Ok(()) };
    let is_client_secret = matches!(flagged.what, FlaggedSecret::ClientSecret(_));
    let username = owner.username.clone();
    mail.warn(tx, (&owner, &requester(now, origin)), &FoundInTheOpen { username, is_client_secret })
}
