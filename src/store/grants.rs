//! The table `grants`: revoking everything that was issued from a grant is one update here.

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

/// Finds the grant with this id, with everything that decides whether it is valid.
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

/// Whether there is a valid grant of the same kind, person and application (without an application: of the same
/// return URL) that covers all of this one.
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
            let without_client = authorized_app.filter(grants::client_key.is_null());
            on!(tx, |c| without_client.filter(grants::return_url.eq(&new.return_url)).load(c))?
        }
    };
    let covers =
        |scope: &Scope, audience: &SpaceSeparated| new.scope.is_within(scope) && new.audience.is_within(audience);
    Ok(given.iter().any(|(scope, audience)| covers(scope, audience)))
}

/// Inserts a new grant.
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

/// Revokes one grant, and with it every code and token of it. `false` when it was revoked before.
pub fn revoke(tx: &mut Database, now: UnixTime, id: Id<Grant>) -> Result<bool> {
    let row = grants::table.filter(grants::id.eq(id)).filter(grants::revoked_at.is_null());
    Ok(on!(tx, |c| diesel::update(row).set(grants::revoked_at.eq(Some(now))).execute(c))? == 1)
}

/// Revokes all grants of a person.
pub fn revoke_of_person(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<()> {
    let rows = grants::table.filter(grants::user_id.eq(user)).filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Revokes the grants that a person gave to programs, by a password or by consent; tokens that they made for
/// themselves stay valid, and so does the grant `kept`.
pub fn revoke_given_to_programs(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    kept: Option<Id<Grant>>,
) -> Result<()> {
    let rows = grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::kind.ne(GrantKind::Personal))
        .filter(grants::id.ne(kept.unwrap_or(Id::from_number(0)))) // no row has this id
        .filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Revokes the grants of a person to an application. `false` when there were none.
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

/// Lists the grants of a person to an application that were not revoked, also expired ones, but not exchanged ones
/// (RFC 8693).
pub fn list_allowed(tx: &mut Database, user: Id<User>, client: Id<Client>) -> Result<Vec<Grant>> {
    let rows = grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::client_key.eq(client))
        .filter(grants::kind.ne(GrantKind::TokenExchange))
        .filter(grants::revoked_at.is_null());
    Ok(on!(tx, |c| rows.select(Grant::as_select()).load(c))?)
}

/// Revokes the grants of all people to an application.
pub fn revoke_of_client(tx: &mut Database, now: UnixTime, client: Id<Client>) -> Result<()> {
    let rows = grants::table.filter(grants::client_key.eq(client)).filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Revokes the grants that an application got for itself (RFC 6749 §4.4).
pub fn revoke_of_client_itself(tx: &mut Database, now: UnixTime, client: Id<Client>) -> Result<()> {
    let rows = grants::table
        .filter(grants::client_key.eq(client))
        .filter(grants::kind.eq(GrantKind::ClientCredentials))
        .filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Revokes the grants of a person's tokens of these kinds, each of which has its own grant.
pub fn revoke_personal(tx: &mut Database, now: UnixTime, (user, kinds): (Id<User>, &[TokenKind])) -> Result<()> {
    let held = tokens::table.filter(tokens::kind.eq_any(kinds.to_vec())).filter(tokens::revoked_at.is_null());
    let rows = grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::revoked_at.is_null())
        .filter(grants::id.eq_any(held.select(tokens::grant_id)));
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Revokes the grants with these ids.
pub fn revoke_each(tx: &mut Database, now: UnixTime, ids: &[Id<Grant>]) -> Result<()> {
    // A statement can have only some thousands of values.
    for some in ids.chunks(500) {
        let rows = grants::table.filter(grants::id.eq_any(some.to_vec())).filter(grants::revoked_at.is_null());
        on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    }
    Ok(())
}

/// Revokes the grants that may change the settings of a person's account, except those of the session `here`: the
/// account has a second factor now, which the holders of these grants never showed.
pub fn revoke_whole(tx: &mut Database, now: UnixTime, user: Id<User>, here: Option<Id<Session>>) -> Result<()> {
    let here = here.unwrap_or(Id::from_number(0)); // no row has this id
    let rows = grants::table
        .filter(grants::user_id.eq(user))
        .filter(grants::kind.eq_any(GrantKind::WHOLE.to_vec()))
        .filter(grants::session_id.is_null().or(grants::session_id.ne(here)))
        .filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Revokes the grants of all tokens that one generator created.
pub fn revoke_of_generator(tx: &mut Database, now: UnixTime, generator: Id<TokenRecord>) -> Result<()> {
    let made = tokens::table.filter(tokens::generator_id.eq(generator)).select(tokens::grant_id);
    let rows = grants::table.filter(grants::id.eq_any(made)).filter(grants::revoked_at.is_null());
    on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Revokes the grants that end with a browser session: its login-redirect tokens, except those of programs on the
/// device, and its unredeemed codes of every kind.
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

/// Moves the grants of one session to another session.
pub fn move_to_session(tx: &mut Database, from: Id<Session>, to: Id<Session>) -> Result<()> {
    let rows = grants::table.filter(grants::session_id.eq(from));
    on!(tx, |c| diesel::update(rows).set(grants::session_id.eq(Some(to))).execute(c))?;
    Ok(())
}

/// Revokes the oldest login-redirect tokens that this session gave this application (or programs on the device,
/// which belong to no application), so that with the new one at most `most` are valid.
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

/// An application that a person allowed, with its valid grants and tokens.
pub struct AuthorizedApp {
    pub client: Id<Client>,
    /// When its oldest valid grant was made.
    pub since: UnixTime,
    /// When any of its tokens was last used.
    pub last_used_at: Option<UnixTime>,
    /// The number of its valid tokens.
    pub tokens: usize,
    /// All scopes of its valid grants.
    pub scope: Scope,
    /// Whether a login redirect gave it a user token.
    pub has_login: bool,
}

/// Lists the applications to which a person has valid grants.
pub fn list_authorized_apps(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<Vec<AuthorizedApp>> {
    let rows: Vec<(Grant, Option<TokenRecord>)> = on!(tx, |c| grants::table
        .left_join(tokens::table)
        .filter(grants::user_id.eq(user))
        .filter(grants::client_key.is_not_null())
        // The person allowed nothing to a client that exchanged a token.
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

/// Counts the people who have a valid grant to an application.
pub fn count_people(tx: &mut Database, now: UnixTime, client: Id<Client>) -> Result<usize> {
    let people: i64 = on!(tx, |c| grants::table
        .filter(grants::client_key.eq(client))
        .filter(grants::revoked_at.is_null())
        .filter(grants::expires_at.is_null().or(grants::expires_at.gt(now)))
        .select(diesel::dsl::count(grants::user_id).aggregate_distinct())
        .get_result(c))?;
    Ok(usize::try_from(people).unwrap_or_default())
}
