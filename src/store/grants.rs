//! The table `grants`: revoking is one update here.

use std::collections::HashMap;

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::statement::{Written, insert};
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::device_code::GRACE;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::session::Session;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token_in_use::{GrantInUse, Person};
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::domain::user::User;
use crate::schema::{authorization_codes, device_codes, grants, login_codes, tokens, users};

/// The grant with this key, with all that decides whether it stands.
pub fn find_in_use(tx: &mut Database, id: Id<Grant>) -> Result<Option<GrantInUse>> {
    let row: Option<(Grant, Option<Person>)> = on!(tx, |c| grants::table
        .left_join(users::table)
        .filter(grants::id.eq(id))
        .select(Written((Grant::as_select(), Option::<Person>::as_select())))
        .get_result(c))
    .optional()?;
    let Some((grant, person)) = row else { return Ok(None) };
    let application = super::clients::find_application(tx, &grant)?;
    Ok(Some(GrantInUse { grant, person, application }))
}

/// Whether a grant of the same kind, person and application (without one, of the same address) stands
/// that gives all that this one would.
pub fn is_covered(tx: &mut Database, now: UnixTime, new: &Grant) -> Result<bool> {
    let authorized_app = grants::table
        .filter(grants::user_id.eq(new.user_id))
        .filter(grants::kind.eq(new.kind))
        .filter(grants::revoked_at.is_null())
        .filter(grants::expires_at.is_null().or(grants::expires_at.gt(now)))
        .select((grants::scope, grants::audience))
        .distinct();
    let given: Vec<(Scope, SpaceSeparated)> = match new.client_key {
        Some(client) => on!(tx, |c| authorized_app.filter(grants::client_key.eq(client)).load(c))?,
        None => {
            let of_nobody = authorized_app.filter(grants::client_key.is_null());
            on!(tx, |c| of_nobody.filter(grants::return_url.eq(&new.return_url)).load(c))?
        }
    };
    let covers =
        |scope: &Scope, audience: &SpaceSeparated| new.scope.is_within(scope) && new.audience.is_within(audience);
    Ok(given.iter().any(|(scope, audience)| covers(scope, audience)))
}

/// Adds a grant.
pub fn insert(tx: &mut Database, grant: &Grant) -> Result<()> {
    if let Some(deferred) = tx.for_deferred_query() {
        deferred.add_grant(grant);
        return Ok(());
    }
    on!(tx, |c| InsertGrant(grant).execute(c))?;
    Ok(())
}

insert!(
    InsertGrant,
    grants,
    Grant {
        id,
        kind,
        user_id,
        client_key,
        session_id,
        return_url,
        scope,
        created_at,
        expires_at,
        revoked_at,
        audience,
        ends_with_session,
    }
);

/// Ends one grant and with it every code and token that hangs on it. `false` when it was ended before.
pub fn revoke(tx: &mut Database, now: UnixTime, id: Id<Grant>) -> Result<bool> {
    let row = grants::table.filter(grants::id.eq(id)).filter(grants::revoked_at.is_null());
    Ok(on!(tx, |c| diesel::update(row).set(grants::revoked_at.eq(Some(now))).execute(c))? == 1)
}

/// Ends all that a person ever allowed.
pub fn revoke_of_person(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<()> {
    let rows = grants::table.filter(grants::user_id.eq(user)).filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Ends all that a person gave to programs, by a password or by consent; tokens that they made for
/// themselves stay, and so does the grant `kept`.
pub fn revoke_given_to_programs(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    kept: Option<Id<Grant>>,
) -> Result<()> {
    let rows = grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::kind.ne(GrantKind::Personal))
        .filter(grants::id.ne(kept.unwrap_or(Id::from_number(0)))) // no row has this key
        .filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Ends all that a person allowed an application. `false` when nothing of it stood.
pub fn revoke_of_person_and_client(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    client: Id<Client>,
) -> Result<bool> {
    let rows = grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::client_key.eq(client))
        .filter(grants::revoked_at.is_null());
    Ok(on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))? > 0)
}

/// What a person allowed an application and did not revoke, expired or not; exchanged grants (RFC 8693)
/// aside.
pub fn list_allowed(tx: &mut Database, user: Id<User>, client: Id<Client>) -> Result<Vec<Grant>> {
    let rows = grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::client_key.eq(client))
        .filter(grants::kind.ne(GrantKind::TokenExchange))
        .filter(grants::revoked_at.is_null());
    Ok(on!(tx, |c| rows.select(Grant::as_select()).load(c))?)
}

/// Ends all that anybody allowed an application.
pub fn revoke_of_client(tx: &mut Database, now: UnixTime, client: Id<Client>) -> Result<()> {
    let rows = grants::table.filter(grants::client_key.eq(client)).filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Ends what an application got for itself (RFC 6749 §4.4).
pub fn revoke_of_client_itself(tx: &mut Database, now: UnixTime, client: Id<Client>) -> Result<()> {
    let rows = grants::table
        .filter(grants::client_key.eq(client))
        .filter(grants::kind.eq(GrantKind::ClientCredentials))
        .filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Ends all tokens of these kinds that a person holds, each of which has a grant of its own.
pub fn revoke_personal(tx: &mut Database, now: UnixTime, (user, kinds): (Id<User>, &[TokenKind])) -> Result<()> {
    let held = tokens::table.filter(tokens::kind.eq_any(kinds.to_vec())).filter(tokens::revoked_at.is_null());
    let rows = grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::revoked_at.is_null())
        .filter(grants::id.eq_any(held.select(tokens::grant_id)));
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Ends these grants.
pub fn revoke_each(tx: &mut Database, now: UnixTime, ids: &[Id<Grant>]) -> Result<()> {
    // A statement has room for some thousands of values.
    for some in ids.chunks(500) {
        let rows = grants::table.filter(grants::id.eq_any(some.to_vec())).filter(grants::revoked_at.is_null());
        on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    }
    Ok(())
}

/// Ends what may open the settings of a person's account, but for what the session `here` gave: there is a
/// second factor now, which whoever holds it never showed.
pub fn revoke_whole(tx: &mut Database, now: UnixTime, user: Id<User>, here: Option<Id<Session>>) -> Result<()> {
    let here = here.unwrap_or(Id::from_number(0)); // no row has this key
    let rows = grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::kind.eq_any(GrantKind::WHOLE.to_vec()))
        .filter(grants::session_id.is_null().or(grants::session_id.ne(here)))
        .filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Ends all that one generator made.
pub fn revoke_made_by(tx: &mut Database, now: UnixTime, generator: Id<TokenRecord>) -> Result<()> {
    let made = tokens::table.filter(tokens::made_by.eq(generator)).select(tokens::grant_id);
    let rows = grants::table.filter(grants::id.eq_any(made)).filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Ends what ends with a browser session: its login-redirect tokens, but for those of programs on the device, and
/// its unredeemed codes of every kind.
pub fn revoke_with_session(tx: &mut Database, now: UnixTime, session: Id<Session>) -> Result<()> {
    let unredeemed = authorization_codes::table
        .filter(authorization_codes::redeemed_at.is_null())
        .filter(authorization_codes::expires_at.gt(now))
        .select(authorization_codes::grant_id);
    let unclaimed = device_codes::table
        .filter(device_codes::redeemed_at.is_null())
        .filter(device_codes::expires_at.gt(now.plus(-GRACE)))
        .select(device_codes::grant_id);
    let unswapped = login_codes::table
        .filter(login_codes::redeemed_at.is_null())
        .filter(login_codes::expires_at.gt(now))
        .select(login_codes::grant_id);
    let rows = grants::table.filter(grants::session_id.eq(session)).filter(grants::revoked_at.is_null()).filter(
        grants::kind
            .eq_any(GrantKind::OF_SESSION)
            .and(grants::ends_with_session)
            .or(grants::id.eq_any(unredeemed))
            .or(grants::id.eq_any(unswapped))
            .or(grants::id.nullable().eq_any(unclaimed)),
    );
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Lets what one session gave go on with another one.
pub fn move_to_session(tx: &mut Database, from: Id<Session>, to: Id<Session>) -> Result<()> {
    let rows = grants::table.filter(grants::session_id.eq(from));
    on!(tx, |c| diesel::update(rows).set(grants::session_id.eq(Some(to))).execute(c))?;
    Ok(())
}

/// Ends the oldest login-redirect tokens that this session gave this application (or programs of the device, which
/// are no application's), so that with the new one `most` live side by side.
pub fn revoke_surplus_logins(tx: &mut Database, now: UnixTime, new: &Grant, most: usize) -> Result<()> {
    let is_ended = tokens::table.filter(tokens::grant_id.eq(grants::id)).filter(tokens::revoked_at.is_not_null());
    let was_never_fetched = login_codes::table
        .filter(login_codes::grant_id.eq(grants::id))
        .filter(login_codes::redeemed_at.is_null())
        .filter(login_codes::expires_at.le(now));
    let rows = grants::table
        .filter(grants::session_id.eq(new.session_id))
        .filter(grants::kind.eq_any(GrantKind::OF_SESSION))
        .filter(grants::revoked_at.is_null())
        .filter(grants::expires_at.gt(now))
        .filter(not(exists(is_ended.select(tokens::id))))
        .filter(not(exists(was_never_fetched.select(login_codes::id))))
        .order(grants::id.desc())
        .select(grants::id);
    let living: Vec<Id<Grant>> = match new.client_key {
        Some(client) => on!(tx, |c| rows.filter(grants::client_key.eq(client)).load(c))?,
        None => {
            let of_this_kind = grants::client_key.is_null().and(grants::kind.eq(new.kind));
            on!(tx, |c| rows.filter(of_this_kind).load(c))?
        }
    };
    revoke_each(tx, now, living.get(most.saturating_sub(1)..).unwrap_or_default())
}

/// One application's standing with one person: when it was first allowed, last used, tokens alive.
pub struct AuthorizedApp {
    /// The application.
    pub client: Id<Client>,
    /// When its oldest living grant was made.
    pub since: UnixTime,
    /// When any of its tokens was last seen.
    pub last_used_at: Option<UnixTime>,
    /// Its tokens that live.
    pub tokens: usize,
    /// All scopes of its living grants.
    pub scope: Scope,
    /// Whether a login redirect gave it a user token.
    pub has_login: bool,
}

/// What lives of what a person allowed: one standing per application.
pub fn list_authorized_apps(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<Vec<AuthorizedApp>> {
    let rows: Vec<(Grant, Option<TokenRecord>)> = on!(tx, |c| grants::table
        .left_join(tokens::table)
        .filter(grants::user_id.eq(user))
        .filter(grants::client_key.is_not_null())
        // A client that exchanged a token was not allowed anything by the person.
        .filter(grants::kind.ne(GrantKind::TokenExchange))
        .filter(grants::revoked_at.is_null())
        .filter(grants::expires_at.is_null().or(grants::expires_at.gt(now)))
        .order(grants::id)
        .select((Grant::as_select(), Option::<TokenRecord>::as_select()))
        .load(c))?;
    let (mut authorized_apps, mut positions): (Vec<AuthorizedApp>, HashMap<Id<Client>, usize>) = Default::default();
    for (grant, token) in rows {
        let Some(client) = grant.client_key else { continue };
        let position = *positions.entry(client).or_insert_with(|| {
            let since = grant.created_at;
            let scope = Scope::default();
            authorized_apps.push(AuthorizedApp {
                client,
                since,
                last_used_at: None,
                tokens: 0,
                scope,
                has_login: false,
            });
            authorized_apps.len() - 1
        });
        let authorized_app = &mut authorized_apps[position];
        authorized_app.scope = authorized_app.scope.union(&grant.scope);
        authorized_app.has_login |= GrantKind::OF_SESSION.contains(&grant.kind);
        if let Some(token) = token {
            authorized_app.last_used_at = authorized_app.last_used_at.max(token.last_used_at);
            let is_alive = token.revoked_at.is_none() && token.expires_at.is_none_or(|end| now < end);
            authorized_app.tokens += usize::from(is_alive);
        }
    }
    Ok(authorized_apps)
}

/// How many people have allowed an application something that still stands.
pub fn count_people(tx: &mut Database, now: UnixTime, client: Id<Client>) -> Result<usize> {
    let people: i64 = on!(tx, |c| grants::table
        .filter(grants::client_key.eq(client))
        .filter(grants::revoked_at.is_null())
        .filter(grants::expires_at.is_null().or(grants::expires_at.gt(now)))
        .select(diesel::dsl::count(grants::user_id).aggregate_distinct())
        .get_result(c))?;
    Ok(usize::try_from(people).unwrap_or_default())
}
