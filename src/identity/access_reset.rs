//! What ends when an account is reset: a new password was set by an emailed link, or by the operator. An
//! earlier user of the account may still hold sessions, tokens or other credentials that the owner of the email
//! address does not know (`docs/decisions/0011-what-a-reset-ends.md`).

use super::factors;
use super::session::Origin;
use crate::clock::UnixTime;
use crate::domain::mailed_link::LinkKind;
use crate::domain::security_log::{BY_OPERATOR, SecurityEvent};
use crate::domain::user::User;
use crate::store::{
    Database, Result, client_secrets, clients, consents, grants, mailed_links, remembered_browsers, security_log,
    seen_devices, sessions,
};
use crate::tokens::{TokenSettings, revoke, studio};

/// Links that an earlier user of the account may hold.
const LINKS: [LinkKind; 3] = [LinkKind::Reset, LinkKind::ResetByOperator, LinkKind::ChangeEmail];

/// Ends everything that gives access to the account: sessions, tokens, grants and consents, passkeys, the
/// authenticator app, recovery codes, remembered browsers, and the secrets and keys of the user's own
/// applications. `user` is the row before the change; an operator has no `origin`.
///
/// # Errors
/// When the store fails.
pub fn end_all_access(tx: &mut Database, now: UnixTime, user: &User, origin: Option<&Origin>) -> Result<()> {
    mailed_links::end(tx, now, user.id, &LINKS)?;
    // The generator's grant ends too; a new one is created on request.
    revoke::everything(tx, now, user.id)?;
    end_other_credentials(tx, now, user, origin)
}

/// Like [`end_all_access`], but tokens that the user created for themselves stay. Returns `false` when they
/// ended too: before the email address was proven, they may be someone else's.
///
/// # Errors
/// When the store fails.
pub(super) fn end_access_but_own_tokens(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    user: &User,
    origin: &Origin,
) -> Result<bool> {
    if user.email_verified_at.is_none() {
        end_all_access(tx, now, user, Some(origin))?;
        return Ok(false);
    }
    mailed_links::end(tx, now, user.id, &LINKS)?;
    sessions::end_all(tx, now, user.id)?;
    remembered_browsers::forget_all(tx, user.id)?;
    revoke::given_to_programs(tx, now, user.id, None)?;
    studio::replace_generator(tx, now, token_settings, (user, false))?;
    end_other_credentials(tx, now, user, Some(origin))?;
    Ok(true)
}

/// Ends the credentials that are not sessions, tokens or grants.
///
/// # Errors
/// When the store fails.
pub(super) fn end_other_credentials(
    tx: &mut Database,
    now: UnixTime,
    user: &User,
    origin: Option<&Origin>,
) -> Result<()> {
    factors::remove_all(tx, now, user.id, origin)?;
    // A remembered consent would give an app a new grant without a question.
    consents::forget_all(tx, user.id)?;
    seen_devices::forget(tx, user.id)?;
    end_credentials_of_apps(tx, now, user, origin)
}

/// Ends secrets, keys and own tokens of a user's applications: with them an earlier user of the account could
/// act as the application.
fn end_credentials_of_apps(tx: &mut Database, now: UnixTime, user: &User, origin: Option<&Origin>) -> Result<()> {
    for client in clients::list(tx, Some(user.id))? {
        grants::revoke_of_client_itself(tx, now, client.id)?;
        if client_secrets::list(tx, now, client.id)?.is_empty() && !client.has_keys() {
            continue;
        }
        client_secrets::end_all(tx, client.id, now)?;
        clients::remove_keys(tx, client.id)?;
        let about = match origin {
            Some(_) => client.name,
            None => format!("{}, {BY_OPERATOR}", client.name),
        };
        security_log::append(tx, now, user.id, (SecurityEvent::ClientSecretEnded, &about), origin)?;
    }
    Ok(())
}
