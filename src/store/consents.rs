//! The table `consents`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::consent::{Consent, ConsentKind};
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::user::User;
use crate::schema::consents;

/// Lists what a person allowed an application before, one consent per list of APIs.
pub fn list_of(tx: &mut Database, user: Id<User>, client: Id<Client>, kind: ConsentKind) -> Result<Vec<Consent>> {
    let rows = consents::table
        .filter(consents::user_id.eq(user))
        .filter(consents::client_key.eq(client))
        .filter(consents::kind.eq(kind));
    Ok(on!(tx, |c| rows.order(consents::id).select(Consent::as_select()).load(c))?)
}

/// Lists all consents of a person.
pub fn list(tx: &mut Database, user: Id<User>) -> Result<Vec<Consent>> {
    let rows = consents::table.filter(consents::user_id.eq(user));
    Ok(on!(tx, |c| rows.order(consents::id).select(Consent::as_select()).load(c))?)
}

/// Records that a person allowed `scope` at the APIs of `audience`, in addition to earlier consents. Scopes that
/// were allowed at other APIs are not merged; earlier consents that the new one covers are deleted.
pub fn remember(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    client: Id<Client>,
    (kind, scope, audience): (ConsentKind, &Scope, &SpaceSeparated),
) -> Result<()> {
    let (earlier, audience) = (list_of(tx, user, client, kind)?, audience.sorted());
    if earlier.iter().any(|consent| consent.covers(scope, &audience)) {
        return Ok(());
    }
    let same = earlier.iter().filter(|consent| consent.audience == audience);
    let scope = same.fold(Scope::default(), |all, consent| all.union(&consent.scope)).union(scope);
    let consent =
        Consent { id: Id::next(now), user_id: user, client_key: client, kind, scope, allowed_at: now, audience };
    let within = earlier.into_iter().filter(|earlier| consent.covers(&earlier.scope, &earlier.audience));
    let within: Vec<Id<Consent>> = within.map(|earlier| earlier.id).collect();
    if !within.is_empty() {
        on!(tx, |c| diesel::delete(consents::table.filter(consents::id.eq_any(within))).execute(c))?;
    }
    on!(tx, |c| diesel::insert_into(consents::table).values(&consent).execute(c))?;
    Ok(())
}

/// Deletes a person's consents to an application. `false` when there were none.
pub fn forget(tx: &mut Database, user: Id<User>, client: Id<Client>) -> Result<bool> {
    let rows = consents::table.filter(consents::user_id.eq(user)).filter(consents::client_key.eq(client));
    Ok(on!(tx, |c| diesel::delete(rows).execute(c))? > 0)
}

/// Deletes all consents to an application.
pub fn forget_client(tx: &mut Database, client: Id<Client>) -> Result<()> {
    on!(tx, |c| diesel::delete(consents::table.filter(consents::client_key.eq(client))).execute(c))?;
    Ok(())
}

/// Deletes all consents of a person.
pub fn forget_all(tx: &mut Database, user: Id<User>) -> Result<()> {
    on!(tx, |c| diesel::delete(consents::table.filter(consents::user_id.eq(user))).execute(c))?;
    Ok(())
}
