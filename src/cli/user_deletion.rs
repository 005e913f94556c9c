//! `gatepost user delete` and `user keep`: deletes an account, and restores one whose deletion has begun.

use serde_json::json;

use super::user::{Named, open_mail, operator, unknown_user};
use super::{CommandError, output};
use crate::clock::UnixTime;
use crate::config::Config;
use crate::domain::base_key::BaseKeys;
use crate::domain::user::fold;
use crate::identity::deletion;
use crate::store::{Store, deletions, users};

/// Deletes a person, or erases one at once. Also finds a person whose deletion has begun, unless another person has the
/// name now.
///
/// # Errors
/// When no person has this name, when the person is deleted already, or when the store fails.
pub async fn delete(
    store: &Store,
    now: UnixTime,
    (config, keys): (&Config, BaseKeys),
    (named, is_now): (&Named, bool),
    is_json: bool,
) -> Result<(), CommandError> {
    let folded = fold(&named.username);
    let (active, leaving) = store
        .read(move |db| Ok((users::find_by_login(db, &folded)?, deletions::find_by_login(db, now, &folded)?)))
        .await?;
    let user = match (active, leaving) {
        (None, Some(deletion)) if is_now => store.read(move |db| users::find(db, deletion.id)).await?,
        (None, Some(_)) => {
            let username = &named.username;
            let message = format!("{username} is deleted already; user delete {username} --now erases it at once");
            return Err(CommandError::Refused(message));
        }
        (active, _) => active,
    };
    let user = user.ok_or_else(|| unknown_user(named))?;
    let (id, username) = (user.id, user.username.clone());
    if user.deleted_at.is_none() {
        let mail = if is_now { None } else { open_mail(config, keys)? };
        let begun = store.write(move |tx| match &mail {
            Some(mail) => deletion::begin(tx, now, mail, (&user, &operator(now), None)),
            None => deletion::begin_without_email(tx, now, (&user, None)).map(drop),
        });
        begun.await?;
    }
    if is_now {
        store.write(move |tx| deletions::hasten(tx, now, id)).await?;
        deletion::erase(store, now, id).await?;
        let said = format!("{username} is erased; the e-mail address is free, and the user name in 90 days");
        output::done(&json!({ "username": username, "deleted": true, "erased": true }), &said, is_json)
    } else {
        let said =
            format!("{username} is deleted and will be erased in 24 hours; until then: gatepost user keep {username}");
        output::done(&json!({ "username": username, "deleted": true, "erased": false }), &said, is_json)
    }
}

/// Restores a person whose deletion has begun.
///
/// # Errors
/// When no person of this name can be restored, or when the store fails.
pub async fn restore(store: &Store, now: UnixTime, named: &Named, is_json: bool) -> Result<(), CommandError> {
    let not_restorable =
        || CommandError::Refused(format!("nobody named '{}' was deleted in the last 24 hours", named.username));
    let folded = fold(&named.username);
    let user = store.read(move |db| deletion::find_by_login(db, now, &folded)).await?.ok_or_else(not_restorable)?;
    let kept = store.write(move |tx| deletion::restore(tx, now, user.id, None)).await?;
    let username = kept.ok_or_else(not_restorable)?.username;
    let said = format!("{username} is kept; their sessions and tokens have ended");
    output::done(&json!({ "username": username, "deleted": false }), &said, is_json)
}
