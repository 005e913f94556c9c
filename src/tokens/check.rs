//! May this token make this request? One table, door × kind; what is not in it is refused.

use super::Mint;
use super::last_use::Seen;
use crate::clock::UnixTime;
use crate::domain::token_in_use::{Life, TokenInUse};
use crate::domain::token_record::{BearerToken, TokenKind};
use crate::outcome::Error;
use crate::store::{Database, tokens};

/// The doors that a bearer token can open here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `GET /v3/account`.
    AccountDetails,
}

/// Why a token opens nothing (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It is no token of ours.
    Malformed,
    /// Its time is over.
    Expired,
    /// It was ended, or never was.
    RevokedOrUnknown,
    /// It lives, but not for this door.
    InsufficientScope,
}

/// The token that somebody presented, if it lives. A wrong secret is an unknown token.
///
/// # Errors
/// Why it opens nothing.
pub fn find_living(
    db: &mut Database,
    now: UnixTime,
    mint: &Mint,
    presented: &BearerToken,
) -> Result<TokenInUse, Error<Rejection>> {
    let found = tokens::find_in_use(db, presented.id())?.filter(|token| presented.is(&token.record));
    let Some(token) = found else { return Err(Error::Refused(Rejection::RevokedOrUnknown)) };
    match token.life(now) {
        Life::Alive => {
            mint.last_use.note(Seen::Token(token.record.id), now, token.record.last_used_at);
            Ok(token)
        }
        Life::Expired => Err(Error::Refused(Rejection::Expired)),
        Life::Ended => Err(Error::Refused(Rejection::RevokedOrUnknown)),
    }
}

/// Lets a living token through a door, or names the missing right.
///
/// # Errors
/// Why it does not open this door.
pub fn open(
    db: &mut Database,
    now: UnixTime,
    mint: &Mint,
    (door, presented): (Door, &BearerToken),
) -> Result<TokenInUse, Error<Rejection>> {
    let token = find_living(db, now, mint, presented)?;
    let is_open = match (door, token.record.kind) {
        (Door::AccountDetails, TokenKind::User) => true,
        (Door::AccountDetails, TokenKind::OAuth) => token.record.scope.holds("projects"),
    };
    if is_open { Ok(token) } else { Err(Error::Refused(Rejection::InsufficientScope)) }
}
