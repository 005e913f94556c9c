//! What ends when an account begins anew: a new password was set by an emailed link, or by the operator.
//! Whoever used the account before may have left a way back in, and the owner of the address knows of
//! none of them (`docs/decisions/0011-what-a-reset-ends.md`).

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

/// Ends all that could open the account: sessions, tokens, grants and consents, passkeys, the authenticator
/// app, recovery codes, remembered browsers, and the secrets and keys of the person's own applications.
/// `user` is the row as it was before; an operator has no `origin`.
///
/// # Errors
/// When the store fails.
pub fn end_all_access(tx: &mut Database, now: UnixTime, user: &User, origin: Option<&Origin>) -> Result<()> {
    mailed_links::end(tx, now, user.id, &LINKS)?;
    // The generator's grant ends with the rest; the next one is made when it is asked for.
    revoke::everything(tx, now, user.id)?;
    end_other_credentials(tx, now, user, origin)
}

/// The same, but tokens that the person created for themselves stay. `false` when they ended too: before an
/// address was proven, anybody may have created them.
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

/// Ends what outlives sessions, tokens and grants.
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
    // A remembered consent would let an app in again without a question.
    consents::forget_all(tx, user.id)?;
    seen_devices::forget(tx, user.id)?;
    end_credentials_of_apps(tx, now, user, origin)
}

/// Ends secrets, keys and own tokens of a person's applications: whoever holds them acts as the application.
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
