//! The table `tokens`: every kind of token that gives access.

use diesel::prelude::*;

use super::statement::{Fixed, Written, insert};
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::api::TokenFormat;
use crate::domain::client::Client;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::refresh_token::RefreshTokenRecord;
use crate::domain::token_in_use::{GrantInUse, Person, TokenInUse};
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::domain::user::User;
use crate::schema::{clients, grants, tokens, users};

/// Finds the token with this id, with everything that decides whether it is valid: one query, without its
/// application if that is in memory; the same again for the subject token of an exchange.
pub fn find_in_use(tx: &mut Database, id: Id<TokenRecord>) -> Result<Option<TokenInUse>> {
    let found = match tx.for_deferred_query() {
        Some(deferred) => deferred.find(id)?,
        None => {
            let row = in_use().filter(tokens::id.eq(id));
            on!(tx, |c| row.select(Written(TokenRow::as_select())).get_result(c)).optional()?
        }
    };
    let Some(TokenRow { record, grant, person }) = found else { return Ok(None) };
    let application = super::clients::find_application(tx, &grant)?;
    let exchanged = match record.subject_token_id {
        Some(subject) => find_in_use(tx, subject)?.map(Box::new),
        None => None,
    };
    Ok(Some(TokenInUse { record, basis: GrantInUse { grant, person, application }, exchanged }))
}

/// Lists the tokens with these ids.
pub(super) fn list_by_ids(tx: &mut Database, ids: Vec<Id<TokenRecord>>) -> Result<Vec<TokenRow>> {
    let rows = in_use().filter(tokens::id.eq_any(ids));
    Ok(on!(tx, |c| Fixed(rows.select(TokenRow::as_select())).load(c))?)
}

/// The query for tokens with everything that decides whether they are valid.
#[diesel::dsl::auto_type]
fn in_use() -> _ {
    tokens::table.inner_join(grants::table.left_join(users::table))
}

/// A token with its grant and its person.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = tokens)]
pub(super) struct TokenRow {
    #[diesel(embed)]
    pub record: TokenRecord,
    #[diesel(embed)]
    grant: Grant,
    #[diesel(embed)]
    person: Option<Person>,
}

/// Inserts a new token.
pub fn insert(tx: &mut Database, token: &TokenRecord) -> Result<()> {
    if let Some(deferred) = tx.for_deferred_query() {
        deferred.add_token(token);
        return Ok(());
    }
    on!(tx, |c| InsertToken(token).execute(c))?;
    Ok(())
}

insert!(
    InsertToken,
    tokens,
    TokenRecord {
        id,
        kind,
        digest,
        grant_id,
        refresh_token_id,
        scope,
        created_at,
        expires_at,
        revoked_at,
        last_used_at,
        name,
        last_four,
        access_list,
        action,
        resource_type,
        resource,
        generator_id,
        subject_token_id,
        token_encrypted,
        last_used_from,
        is_shared,
        flagged_at,
        format,
        audience,
        dpop_jkt,
    }
);

/// Binds a token that was just issued to a key.
pub fn bind(tx: &mut Database, id: Id<TokenRecord>, jkt: &str) -> Result<()> {
    on!(tx, |c| diesel::update(tokens::table.filter(tokens::id.eq(id)))
        .set(tokens::dpop_jkt.eq(Some(jkt)))
        .execute(c))?;
    Ok(())
}

/// Revokes one token, but not its grant.
pub fn revoke(tx: &mut Database, now: UnixTime, id: Id<TokenRecord>) -> Result<()> {
    let row = tokens::table.filter(tokens::id.eq(id)).filter(tokens::revoked_at.is_null());
    on!(tx, |c| diesel::update(row).set(tokens::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// An access token that was issued together with a refresh token.
pub struct Given {
    pub id: Id<TokenRecord>,
    /// When it was last used.
    pub last_used_at: Option<UnixTime>,
    pub format: TokenFormat,
    pub created_at: UnixTime,
}

/// Lists the access tokens that were issued together with a refresh token.
pub fn list_given_with(tx: &mut Database, refresh_token: Id<RefreshTokenRecord>) -> Result<Vec<Given>> {
    let rows = tokens::table.filter(tokens::refresh_token_id.eq(refresh_token));
    let rows: Vec<(Id<TokenRecord>, Option<UnixTime>, TokenFormat, UnixTime)> =
        on!(tx, |c| rows.select((tokens::id, tokens::last_used_at, tokens::format, tokens::created_at)).load(c))?;
    let given = |(id, last_used_at, format, created_at)| Given { id, last_used_at, format, created_at };
    Ok(rows.into_iter().map(given).collect())
}

/// Lists a person's valid user tokens with the applications that they are for, newest first, only those before
/// `before`.
pub fn list_user_tokens(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    (before, most): (Option<Id<TokenRecord>>, i64),
) -> Result<Vec<(TokenRecord, Grant, Option<Client>)>> {
    let rows = tokens::table
        .inner_join(grants::table.left_join(clients::table))
        .filter(grants::user_id.eq(user))
        .filter(grants::kind.eq_any(GrantKind::OF_USER_TOKEN))
        .filter(tokens::kind.eq(TokenKind::User))
        .filter(grants::revoked_at.is_null())
        .filter(tokens::revoked_at.is_null())
        .filter(tokens::expires_at.gt(now))
        .filter(tokens::id.lt(before.unwrap_or(Id::from_number(i64::MAX))))
        .order(tokens::id.desc())
        .limit(most);
    Ok(on!(tx, |c| rows.select((TokenRecord::as_select(), Grant::as_select(), Option::<Client>::as_select())).load(c))?)
}

/// Records when the token was last used, and from which address if that is known.
pub fn touch(tx: &mut Database, id: Id<TokenRecord>, at: UnixTime, from: Option<&str>) -> Result<()> {
    let row = diesel::update(tokens::table.filter(tokens::id.eq(id)));
    match from {
        Some(from) => {
            on!(tx, |c| row.set((tokens::last_used_at.eq(Some(at)), tokens::last_used_from.eq(Some(from)))).execute(c))?
        }
        None => on!(tx, |c| Fixed(row.set(tokens::last_used_at.eq(Some(at)))).execute(c))?,
    };
    Ok(())
}

/// The query for a person's valid tokens of these kinds.
#[diesel::dsl::auto_type]
fn held(now: UnixTime, user: Id<User>, kinds: Vec<TokenKind>) -> _ {
    tokens::table
        .inner_join(grants::table)
        .filter(grants::user_id.eq(user))
        .filter(grants::revoked_at.is_null())
        .filter(tokens::kind.eq_any(kinds))
        .filter(tokens::revoked_at.is_null())
        .filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(now)))
}

/// Lists a person's valid tokens of these kinds, newest first, only those before `before`.
pub fn list_personal(
    tx: &mut Database,
    now: UnixTime,
    (user, kinds): (Id<User>, &[TokenKind]),
    (before, most): (Option<Id<TokenRecord>>, i64),
) -> Result<Vec<TokenRecord>> {
    let rows = held(now, user, kinds.to_vec()).filter(tokens::id.lt(before.unwrap_or(Id::from_number(i64::MAX))));
    Ok(on!(tx, |c| rows.order(tokens::id.desc()).limit(most).select(TokenRecord::as_select()).load(c))?)
}

/// Lists a person's valid tokens of these kinds, the longest unused first.
pub fn list_longest_unused(
    tx: &mut Database,
    now: UnixTime,
    (user, kinds): (Id<User>, &[TokenKind]),
    most: i64,
) -> Result<Vec<TokenRecord>> {
    let rows = held(now, user, kinds.to_vec())
        // The two databases sort NULL differently.
        .order((tokens::last_used_at.is_not_null(), tokens::last_used_at, tokens::id));
    Ok(on!(tx, |c| rows.limit(most).select(TokenRecord::as_select()).load(c))?)
}

/// Counts the tokens of these kinds that a person made after `since`, without those that their generator made.
pub fn count_made(tx: &mut Database, since: UnixTime, (user, kinds): (Id<User>, &[TokenKind])) -> Result<i64> {
    let rows = tokens::table
        .inner_join(grants::table)
        .filter(grants::user_id.eq(user))
        .filter(tokens::kind.eq_any(kinds.to_vec()))
        .filter(tokens::generator_id.is_null())
        .filter(tokens::created_at.gt(since));
    Ok(on!(tx, |c| rows.count().get_result(c))?)
}

/// Counts a person's valid tokens of these kinds.
pub fn count_personal(tx: &mut Database, now: UnixTime, (user, kinds): (Id<User>, &[TokenKind])) -> Result<i64> {
    Ok(on!(tx, |c| held(now, user, kinds.to_vec()).count().get_result(c))?)
}

/// Lists a person's valid tokens of these kinds whose rows have no time of use, with their grants.
pub fn list_unused(
    tx: &mut Database,
    now: UnixTime,
    (user, kinds): (Id<User>, &[TokenKind]),
) -> Result<Vec<(Id<TokenRecord>, Id<Grant>)>> {
    let rows = held(now, user, kinds.to_vec()).filter(tokens::last_used_at.is_null());
    Ok(on!(tx, |c| rows.select((tokens::id, tokens::grant_id)).load(c))?)
}

/// Records that the token was found in a public place; `false` when that is recorded already.
pub fn flag(tx: &mut Database, now: UnixTime, id: Id<TokenRecord>) -> Result<bool> {
    let row = tokens::table.filter(tokens::id.eq(id)).filter(tokens::flagged_at.is_null());
    Ok(on!(tx, |c| diesel::update(row).set(tokens::flagged_at.eq(Some(now))).execute(c))? == 1)
}
