//! The table `tokens`: every kind of token that opens doors.

use diesel::prelude::*;

use super::{Database, Result};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::refresh_token::RefreshTokenRecord;
use crate::domain::token_in_use::{Application, GrantInUse, Person, TokenInUse};
use crate::domain::token_record::TokenRecord;
use crate::domain::user::User;
use crate::schema::{clients, grants, tokens, users};

/// The token with this key, with all that decides whether it lives: one query.
pub fn find_in_use(tx: &mut Database, id: Id<TokenRecord>) -> Result<Option<TokenInUse>> {
    let row: Option<(TokenRecord, Grant, Option<Person>, Option<Application>)> = tokens::table
        .inner_join(grants::table.left_join(users::table).left_join(clients::table))
        .filter(tokens::id.eq(id))
        .select((
            TokenRecord::as_select(),
            Grant::as_select(),
            Option::<Person>::as_select(),
            Option::<Application>::as_select(),
        ))
        .get_result(tx)
        .optional()?;
    Ok(row.map(|(record, grant, person, application)| TokenInUse {
        record,
        basis: GrantInUse { grant, person, application },
    }))
}

/// Adds a token.
pub fn insert(tx: &mut Database, token: &TokenRecord) -> Result<()> {
    diesel::insert_into(tokens::table).values(token).execute(tx)?;
    Ok(())
}

/// Ends one token alone.
pub fn revoke(tx: &mut Database, now: UnixTime, id: Id<TokenRecord>) -> Result<()> {
    let row = tokens::table.filter(tokens::id.eq(id)).filter(tokens::revoked_at.is_null());
    diesel::update(row).set(tokens::revoked_at.eq(Some(now))).execute(tx)?;
    Ok(())
}

/// The access tokens that were given together with a refresh token, and when each was last seen.
pub fn list_given_with(
    tx: &mut Database,
    refresh_token: Id<RefreshTokenRecord>,
) -> Result<Vec<(Id<TokenRecord>, Option<UnixTime>)>> {
    let rows = tokens::table.filter(tokens::refresh_token_id.eq(refresh_token));
    Ok(rows.select((tokens::id, tokens::last_used_at)).load(tx)?)
}

/// A person's living login-redirect tokens with the applications that they are for, newest first.
pub fn list_login_tokens(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
) -> Result<Vec<(TokenRecord, Grant, Option<Client>)>> {
    let rows = tokens::table
        .inner_join(grants::table.left_join(clients::table))
        .filter(grants::user_id.eq(user))
        .filter(grants::kind.eq_any([GrantKind::LoginRedirect, GrantKind::Application]))
        .filter(grants::revoked_at.is_null())
        .filter(tokens::revoked_at.is_null())
        .filter(tokens::expires_at.gt(now))
        .order(tokens::id.desc());
    Ok(rows.select((TokenRecord::as_select(), Grant::as_select(), Option::<Client>::as_select())).load(tx)?)
}

/// Notes that it was seen.
pub fn touch(tx: &mut Database, id: Id<TokenRecord>, at: UnixTime) -> Result<()> {
    diesel::update(tokens::table.filter(tokens::id.eq(id))).set(tokens::last_used_at.eq(Some(at))).execute(tx)?;
    Ok(())
}
