//! The tokens that a user created: how many there may be, and their revocation.

use super::last_use::{LastUse, Seen};
use crate::clock::UnixTime;
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Origin;
use crate::domain::token_in_use::{Life, TokenInUse};
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::domain::user::User;
use crate::store::{Database, Result, grants, security_log, tokens, users};

/// The kinds of token that a user creates and that their page lists.
pub const PERSONAL_KINDS: [TokenKind; 3] = [TokenKind::Personal, TokenKind::Studio, TokenKind::Fileset];
/// The kinds of token of the second platform's endpoints.
pub const STUDIO_KINDS: [TokenKind; 2] = [TokenKind::Studio, TokenKind::Fileset];

/// Personal tokens that one user may have at once (ours).
const MAX_PERSONAL: i64 = 1_000;
/// Studio and fileset tokens that one user may have at once: programs create them (ours).
const MAX_STUDIO: i64 = 10_000;
/// The message for a user who has as many tokens as allowed.
pub const TOO_MANY: &str = "You hold as many tokens as there may be. Revoke those that are not needed, then try again";

/// Whether a user may have one more token of these kinds, which are counted together. Locks the user's row.
///
/// # Errors
/// When the store fails.
pub fn has_room(tx: &mut Database, now: UnixTime, user: Id<User>, kinds: &[TokenKind]) -> Result<bool> {
    let most = if kinds.contains(&TokenKind::Personal) { MAX_PERSONAL } else { MAX_STUDIO };
    users::lock(tx, user)?;
    Ok(tokens::count_personal(tx, now, (user, kinds))? < most)
}

fn find(
    db: &mut Database,
    now: UnixTime,
    (user, kinds): (Id<User>, &[TokenKind]),
    id: Id<TokenRecord>,
) -> Result<Option<TokenInUse>> {
    Ok(tokens::find_in_use(db, id)?.filter(|token| {
        token.basis.grant.user_id == Some(user) && kinds.contains(&token.record.kind) && token.life(now) == Life::Alive
    }))
}

/// Whether a token is active, this user's, and of these kinds.
///
/// # Errors
/// When the store fails.
pub fn is_active(db: &mut Database, now: UnixTime, who: (Id<User>, &[TokenKind]), id: Id<TokenRecord>) -> Result<bool> {
    Ok(find(db, now, who, id)?.is_some())
}

/// Revokes one token of a user, with its grant. `false` when it is not theirs or not active.
///
/// # Errors
/// When the store fails.
pub fn revoke(
    tx: &mut Database,
    now: UnixTime,
    who: (Id<User>, &[TokenKind]),
    id: Id<TokenRecord>,
    origin: &Origin,
) -> Result<bool> {
    let Some(token) = find(tx, now, who, id)? else { return Ok(false) };
    tokens::revoke(tx, now, id)?;
    grants::revoke(tx, now, token.basis.grant.id)?;
    let name = token.record.name.unwrap_or_default();
    security_log::append(tx, now, who.0, (SecurityEvent::PersonalTokenRevoked, &name), Some(origin))?;
    Ok(true)
}

/// Revokes all tokens that a user created.
///
/// # Errors
/// When the store fails.
pub fn revoke_all(tx: &mut Database, now: UnixTime, (user, origin): (Id<User>, &Origin)) -> Result<()> {
    let count = tokens::count_personal(tx, now, (user, &PERSONAL_KINDS))?;
    grants::revoke_personal(tx, now, (user, &PERSONAL_KINDS))?;
    log_count(tx, now, (user, origin), count)
}

/// Writes one log entry with the number of tokens; none when the number is 0.
fn log_count(tx: &mut Database, now: UnixTime, (user, origin): (Id<User>, &Origin), count: i64) -> Result<()> {
    let tokens = match count {
        0 => return Ok(()),
        1 => "1 token".to_owned(),
        count => format!("{count} tokens"),
    };
    security_log::append(tx, now, user, (SecurityEvent::PersonalTokensRevoked, &tokens), Some(origin))
}

/// Revokes the tokens that no program ever used; a use that waits to be written counts.
///
/// # Errors
/// When the store fails.
pub fn revoke_unused(
    tx: &mut Database,
    now: UnixTime,
    last_use: &LastUse,
    (user, origin): (Id<User>, &Origin),
) -> Result<()> {
    let unused: Vec<Id<Grant>> = list_unused(tx, now, last_use, user)?;
    grants::revoke_each(tx, now, &unused)?;
    log_count(tx, now, (user, origin), i64::try_from(unused.len()).unwrap_or(i64::MAX))
}

/// Lists the grants of the tokens that no program ever used.
///
/// # Errors
/// When the store fails.
pub fn list_unused(db: &mut Database, now: UnixTime, last_use: &LastUse, user: Id<User>) -> Result<Vec<Id<Grant>>> {
    let unused = tokens::list_unused(db, now, (user, &PERSONAL_KINDS))?.into_iter();
    Ok(unused.filter(|(token, _)| !last_use.is_pending(Seen::Token(*token))).map(|(_, grant)| grant).collect())
}
