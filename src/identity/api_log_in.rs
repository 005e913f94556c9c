//! `POST /v3/account/login`: a program of the platform sends its user's password and gets a user token
//! (`docs/compatibility/ellipsis.md#logging-in`).

use super::second_step::SecondStepKind;
use super::sign_in::{SignInContext, SignInRefusal, SubmittedCredentials, enter, verify};
use super::{factors, new_device};
use crate::clock::UnixTime;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::known_network::prefix;
use crate::domain::secret::Secret;
use crate::domain::security_log::SecurityEvent;
use crate::domain::token::UserToken;
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::{Database, StoreError, grants, known_networks, security_log};
use crate::tokens::issue::{Issued, user_token};

/// Verifies the password, and the code if the account has a second factor, and issues a user token for
/// `lifetime` seconds. With a second factor the password alone is not enough (`docs/threat-model.md#e20`).
///
/// # Errors
/// [`SignInRefusal`], or why the store failed.
pub async fn log_in(
    context: SignInContext<'_>,
    now: UnixTime,
    (credentials, code, lifetime): (SubmittedCredentials, Option<Secret>, i64),
) -> Result<Issued<UserToken>, Error<SignInRefusal>> {
    let verified = verify(context, now, &credentials).await?;
    let (sign_in_policy, mail, origin) = (context.sign_in_policy(), context.mail.clone(), credentials.origin);
    let network = prefix(&origin.address);
    let issue = move |tx: &mut Database, user: &User| {
        match (sign_in_policy.asks(user, &factors::find(tx, user.id)?), &code) {
            (None, _) => {}
            (Some(SecondStepKind::Code), Some(code)) => factors::show(tx, now, &sign_in_policy, (user, code, &origin))
                .map_err(|error| error.map_refusal(SignInRefusal::from))?,
            (Some(SecondStepKind::Code), None) => return Err(Error::Refused(SignInRefusal::CodeRequired)),
            (Some(SecondStepKind::MailedCode | SecondStepKind::Passkey | SecondStepKind::SetUp), _) => {
                return Err(Error::Refused(SignInRefusal::BrowserRequired));
            }
        }
        known_networks::note(tx, now, (user.id, &network))?;
        security_log::append(tx, now, user.id, (SecurityEvent::ProgramSignedIn, ""), Some(&origin))?;
        new_device::record_and_notify(tx, now, &mail, (user, &origin))?;
        Ok(issue_full_access(tx, now, (user.id, GrantKind::PasswordLogin), lifetime)?)
    };
    let issued = enter(context, verified, issue).await.map(|(issued, _)| issued);
    context.mail.wake();
    issued
}

/// Issues a full-access token, with all rights of its user.
///
/// # Errors
/// When the store fails.
pub(super) fn issue_full_access(
    tx: &mut Database,
    now: UnixTime,
    (user, kind): (Id<User>, GrantKind),
    lifetime: i64,
) -> Result<Issued<UserToken>, StoreError> {
    let grant = Grant { user_id: Some(user), ..Grant::new(now, kind, Some(now.plus(lifetime))) };
    grants::insert(tx, &grant)?;
    user_token(tx, now, &grant, lifetime)
}
