//! The table `refresh_tokens`.

use diesel::prelude::*;

use super::statement::Fixed;
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::refresh_token::RefreshTokenRecord;
use crate::schema::refresh_tokens;

/// Finds the refresh token with this id.
pub fn find(tx: &mut Database, id: Id<RefreshTokenRecord>) -> Result<Option<RefreshTokenRecord>> {
    let row = refresh_tokens::table.filter(refresh_tokens::id.eq(id));
    Ok(on!(tx, |c| row.select(RefreshTokenRecord::as_select()).get_result(c)).optional()?)
}

/// Inserts a new refresh token.
pub fn insert(tx: &mut Database, token: &RefreshTokenRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(refresh_tokens::table).values(token).execute(c))?;
    Ok(())
}

/// Binds a token that was just issued to a key, or to none. `false` when it is bound to another one, because it was
/// issued before.
pub fn bind(tx: &mut Database, id: Id<RefreshTokenRecord>, jkt: Option<&str>) -> Result<bool> {
    let row = refresh_tokens::table.filter(refresh_tokens::id.eq(id));
    let Some(jkt) = jkt else {
        let free = row.filter(refresh_tokens::dpop_jkt.is_null()).count();
        return Ok(on!(tx, |c| free.get_result::<i64>(c))? == 1);
    };
    let free = row.filter(refresh_tokens::dpop_jkt.is_null().or(refresh_tokens::dpop_jkt.eq(jkt)));
    Ok(on!(tx, |c| diesel::update(free).set(refresh_tokens::dpop_jkt.eq(Some(jkt))).execute(c))? == 1)
}

/// Removes a token that was added in this transaction and is not answered.
pub fn delete(tx: &mut Database, id: Id<RefreshTokenRecord>) -> Result<()> {
    on!(tx, |c| diesel::delete(refresh_tokens::table.filter(refresh_tokens::id.eq(id))).execute(c))?;
    Ok(())
}

/// Replaces a token by its successor; one conditional update decides a race.
pub fn consume(
    tx: &mut Database,
    now: UnixTime,
    id: Id<RefreshTokenRecord>,
    successor: Id<RefreshTokenRecord>,
) -> Result<bool> {
    let row = refresh_tokens::table.filter(refresh_tokens::id.eq(id)).filter(refresh_tokens::consumed_at.is_null());
    let exchanged = (
        refresh_tokens::consumed_at.eq(Some(now)),
        refresh_tokens::successor_id.eq(Some(successor)),
        refresh_tokens::last_used_at.eq(Some(now)),
    );
    Ok(on!(tx, |c| Fixed(diesel::update(row).set(exchanged)).execute(c))? == 1)
}

/// Extends the lifetime of a stable token that was used.
pub fn extend(tx: &mut Database, now: UnixTime, id: Id<RefreshTokenRecord>, until: UnixTime) -> Result<()> {
    on!(tx, |c| diesel::update(refresh_tokens::table.filter(refresh_tokens::id.eq(id)))
        .set((refresh_tokens::last_used_at.eq(Some(now)), refresh_tokens::expires_at.eq(until)))
        .execute(c))?;
    Ok(())
}

/// Records when the token was last used.
pub fn touch(tx: &mut Database, id: Id<RefreshTokenRecord>, at: UnixTime) -> Result<()> {
    let row = diesel::update(refresh_tokens::table.filter(refresh_tokens::id.eq(id)));
    on!(tx, |c| Fixed(row.set(refresh_tokens::last_used_at.eq(Some(at)))).execute(c))?;
    Ok(())
}
