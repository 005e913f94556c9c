//! `gatepost user delete` and `user keep`: what an operator does about an account that goes.

use super::CommandError;
use super::user::{Named, find, letters, operator};
use crate::clock::UnixTime;
use crate::config::Config;
use crate::domain::base_key::BaseKeys;
use crate::domain::user::{User, fold};
use crate::identity::deletion;
use crate::store::{Store, deletions};

/// The person of a deletion that can be undone.
async fn find_leaving(store: &Store, now: UnixTime, named: &Named) -> Result<Option<User>, CommandError> {
    let folded = fold(&named.username);
    Ok(store.read(move |db| deletion::find_by_login(db, now, &folded)).await?)
}

/// Deletes a person, or erases one: also somebody who is on their way out already.
///
/// # Errors
/// Nobody of this name, or a store that fails.
pub async fn delete(
    store: &Store,
    now: UnixTime,
    (config, keys): (&Config, BaseKeys),
    (named, is_now): (&Named, bool),
) -> Result<(), CommandError> {
    let user = match find_leaving(store, now, named).await? {
        Some(user) if is_now => user,
        // Somebody else may have the name by now.
        _ => {
            let (user, mail) = (find(store, named).await?, letters(config, keys)?);
            let person = user.clone();
            let begun = store.write(move |tx| match &mail {
                Some(mail) if !is_now => deletion::begin(tx, now, mail, (&person, &operator(now), None)),
                _ => deletion::begin_untold(tx, now, (&person, None)).map(drop),
            });
            begun.await?;
            user
        }
    };
    let (id, username) = (user.id, user.username);
    if is_now {
        store.write(move |tx| deletions::hasten(tx, now, id)).await?;
        deletion::erase(store, now, id).await?;
        println!("{username} is erased; the user name and the e-mail address are free");
    } else {
        println!("{username} is deleted and will be erased in 24 hours; until then: gatepost user keep {username}");
    }
    Ok(())
}

/// Keeps a person.
///
/// # Errors
/// Nobody of this name who can be kept.
pub async fn keep(store: &Store, now: UnixTime, named: &Named) -> Result<(), CommandError> {
    let nobody =
        || CommandError::Refused(format!("nobody named '{}' was deleted in the last 24 hours", named.username));
    let user = find_leaving(store, now, named).await?.ok_or_else(nobody)?;
    let kept = store.write(move |tx| deletion::keep(tx, now, user.id, None)).await?;
    println!("{} is kept; their sessions and tokens have ended", kept.ok_or_else(nobody)?.username);
    Ok(())
}
