//! "Is it still you?": before something sensitive a person shows again what they have. The password after
//! 15 minutes; the second factor too, where the session was opened without it.

use super::account::{AccountRefusal, confirm};
use super::factors;
use super::second_step::{BY_CODE, SignInPolicy};
use super::session::Origin;
use super::sign_in::SignInContext;
use crate::clock::UnixTime;
use crate::domain::secret::Secret;
use crate::domain::session::{Session, is_recent};
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::user::User;
use crate::outcome::{Error, consult, transact};
use crate::store::{Database, Result as StoreResult, sessions};
use crate::tokens::session_recheck;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The password.
    pub password: bool,
    /// A code of the second factor.
    pub code: bool,
    /// A passkey: there is no other second factor, and it was not shown here.
    pub passkey: bool,
}

impl Wanted {
    /// Whether nothing is.
    pub fn is_nothing(self) -> bool {
        !self.password && !self.code && !self.passkey
    }
}

/// What somebody typed.
#[derive(Clone, Debug)]
pub struct Proofs {
    /// The password.
    pub password: Secret,
    /// The code.
    pub code: Secret,
}

/// What a person at a session has to show.
///
/// # Errors
/// When the store fails.
pub fn wanted(db: &mut Database, now: UnixTime, session: &Session) -> StoreResult<Wanted> {
    let factors = factors::find(db, session.user_id)?;
    let has_factor = factors.is_any();
    // A session that owes what cannot be shown here shows the password: a factor that was removed since, or
    // a mailed code (ours: a link to set a new password would go to the same mailbox).
    let is_password_pending = session.owes_factor && !factors.can_show_two();
    Ok(Wanted {
        password: !is_recent(now, session.authenticated_at) || is_password_pending,
        code: has_factor && !session.has_shown_factor(),
        passkey: !has_factor && factors.can_show_two() && !session.has_shown_factor(),
    })
}

/// Judges the code where the session was opened without one; the caller holds the rows of person and
/// session, which is as the transaction sees it.
///
/// # Errors
/// Why the code does not count.
pub(super) fn show_factor(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (session, user): (&Session, &User),
    (code, origin): (&Secret, &Origin),
) -> Result<(), Error<AccountRefusal>> {
    if !wanted(tx, now, session)?.code {
        return Ok(());
    }
    let shown = factors::show(tx, now, sign_in_policy, (user, code, origin));
    shown.map_err(|error| error.map_refusal(AccountRefusal::Code))?;
    let methods = session.methods.union(&BY_CODE.iter().collect::<SpaceSeparated>());
    Ok(sessions::set_factor_shown(tx, session.id, &methods)?)
}

/// Judges what is asked for and notes at the session when that was.
///
/// # Errors
/// A wrong password or code, or why it cannot be judged now.
pub async fn confirm_session(
    context: SignInContext<'_>,
    now: UnixTime,
    (session, user): (&Session, &User),
    (proofs, origin): (Proofs, &Origin),
) -> Result<(), Error<AccountRefusal>> {
    let asked = session.clone();
    let wanted_now = consult(context.store, move |db| Ok(wanted(db, now, &asked)?)).await?;
    let Proofs { password, code } = proofs;
    let confirmed = match wanted_now.password {
        true => Some(confirm(context, now, (user, password, &origin.address)).await?),
        false => None,
    };
    let (sign_in_policy, session, origin) = (context.sign_in_policy(), session.clone(), origin.clone());
    let noted = transact(context.store, move |tx| {
        if let Some(confirmed) = &confirmed {
            confirmed.still_counts(tx)?;
        }
        let found = session_recheck::lock_active(tx, now, &sign_in_policy.token_settings.lifetimes, &session)?;
        let (session, user) = found.ok_or(Error::Refused(AccountRefusal::WrongPassword))?;
        if confirmed.is_none() && wanted(tx, now, &session)?.password {
            return Err(Error::Refused(AccountRefusal::WrongPassword));
        }
        show_factor(tx, now, &sign_in_policy, (&session, &user), (&code, &origin))?;
        if confirmed.is_some() {
            sessions::set_authenticated(tx, session.id, now)?;
        }
        if session.owes_factor && !factors::find(tx, user.id)?.can_show_two() {
            sessions::clear_second_factor_pending(tx, session.id)?;
        }
        Ok(())
    })
    .await;
    context.mail.wake();
    noted
}
