//! `POST /v3/account/login`: a program of the platform has its person's password and wants a user
//! token (`compatibility.md`, A2.1).

use super::familiar;
use super::sign_in::{Attempt, Desk, SignInRefusal, enter, verify};
use crate::clock::UnixTime;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::known_network::prefix;
use crate::domain::security_log::SecurityEvent;
use crate::domain::token::UserToken;
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::{Database, StoreError, grants, known_networks, security_log};
use crate::tokens::issue::{Issued, user_token};

/// Judges the password and issues a user token that lives `lifetime` seconds.
///
/// # Errors
/// Why there is none.
pub async fn log_in(
    desk: Desk<'_>,
    now: UnixTime,
    (attempt, lifetime): (Attempt, i64),
) -> Result<Issued<UserToken>, Error<SignInRefusal>> {
    let verified = verify(desk, now, &attempt).await?;
    let (mail, origin) = (desk.mail.clone(), attempt.origin);
    let network = prefix(&origin.address);
    let issue = move |tx: &mut Database, user: &User| {
        known_networks::note(tx, now, (user.id, &network))?;
        security_log::append(tx, now, user.id, (SecurityEvent::ProgramSignedIn, ""), Some(&origin))?;
        familiar::greet(tx, now, &mail, (user, &origin))?;
        issue_whole(tx, now, (user.id, GrantKind::PasswordLogin), lifetime)
    };
    let (issued, _) = enter(desk, verified, issue).await?;
    desk.mail.wake();
    Ok(issued)
}

/// Issues a user token that opens everything its person may.
///
/// # Errors
/// When the store fails.
pub(super) fn issue_whole(
    tx: &mut Database,
    now: UnixTime,
    (user, kind): (Id<User>, GrantKind),
    lifetime: i64,
) -> Result<Issued<UserToken>, StoreError> {
    let grant = Grant { user_id: Some(user), ..Grant::new(now, kind, Some(now.plus(lifetime))) };
    grants::insert(tx, &grant)?;
    user_token(tx, now, &grant, lifetime)
}
