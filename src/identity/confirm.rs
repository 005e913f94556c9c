//! Confirmation ("Is it still you?"): before a sensitive action a user authenticates again. The password is
//! required after 15 minutes; the second factor too if the session was opened without it.

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

/// The proofs that a session must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingProofs {
    pub password: bool,
    pub code: bool,
    /// A passkey: the user has no other second factor, and it was not used in this session.
    pub passkey: bool,
}

impl MissingProofs {
    /// Whether no proof is required.
    pub fn is_nothing(self) -> bool {
        !self.password && !self.code && !self.passkey
    }
}

/// The submitted proofs; empty when not required.
#[derive(Clone, Debug)]
pub struct Proofs {
    pub password: Secret,
    /// The code of the second factor.
    pub code: Secret,
}

/// Returns the proofs that a session must give before a sensitive action.
///
/// # Errors
/// When the store fails.
pub fn missing_proofs(db: &mut Database, now: UnixTime, session: &Session) -> StoreResult<MissingProofs> {
    let factors = factors::find(db, session.user_id)?;
    let has_factor = factors.is_any();
    // A session with a pending factor that cannot be verified here asks for the password: the factor was
    // removed since, or it was an emailed code (ours: a link for a new password would go to the same mailbox).
    let is_password_pending = session.second_factor_pending && !factors.can_show_two();
    Ok(MissingProofs {
        password: !is_recent(now, session.authenticated_at) || is_password_pending,
        code: has_factor && !session.has_shown_factor(),
        passkey: !has_factor && factors.can_show_two() && !session.has_shown_factor(),
    })
}

/// Verifies the code if the session was opened without one. The caller holds the locks of the user's and the
/// session's row, and `session` is the row as this transaction reads it.
///
/// # Errors
/// [`AccountRefusal::Code`] when the code is not accepted.
pub(super) fn show_factor(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (session, user): (&Session, &User),
    (code, origin): (&Secret, &Origin),
) -> Result<(), Error<AccountRefusal>> {
    if !missing_proofs(tx, now, session)?.code {
        return Ok(());
    }
    let shown = factors::show(tx, now, sign_in_policy, (user, code, origin));
    shown.map_err(|error| error.map_refusal(AccountRefusal::Code))?;
    let methods = session.methods.union(&BY_CODE.iter().collect::<SpaceSeparated>());
    Ok(sessions::set_factor_shown(tx, session.id, &methods)?)
}

/// Verifies the required proofs and records the time in the session.
///
/// # Errors
/// A wrong password or code, or why they cannot be checked now.
pub async fn confirm_session(
    context: SignInContext<'_>,
    now: UnixTime,
    (session, user): (&Session, &User),
    (proofs, origin): (Proofs, &Origin),
) -> Result<(), Error<AccountRefusal>> {
    let asked = session.clone();
    let wanted_now = consult(context.store, move |db| Ok(missing_proofs(db, now, &asked)?)).await?;
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
        if confirmed.is_none() && missing_proofs(tx, now, &session)?.password {
            return Err(Error::Refused(AccountRefusal::WrongPassword));
        }
        show_factor(tx, now, &sign_in_policy, (&session, &user), (&code, &origin))?;
        if confirmed.is_some() {
            sessions::set_authenticated(tx, session.id, now)?;
        }
        if session.second_factor_pending && !factors::find(tx, user.id)?.can_show_two() {
            sessions::clear_second_factor_pending(tx, session.id)?;
        }
        Ok(())
    })
    .await;
    context.mail.wake();
    noted
}
