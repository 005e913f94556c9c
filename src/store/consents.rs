//! The table `consents`.

use diesel::prelude::*;

use super::{Database, Result};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::consent::{Consent, ConsentKind};
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::user::User;
use crate::domain::words::Words;
use crate::schema::consents;

/// What a person allowed an application before.
pub fn find(tx: &mut Database, user: Id<User>, client: Id<Client>, kind: ConsentKind) -> Result<Option<Consent>> {
    let row = consents::table
        .filter(consents::user_id.eq(user))
        .filter(consents::client_key.eq(client))
        .filter(consents::kind.eq(kind));
    Ok(row.select(Consent::as_select()).get_result(tx).optional()?)
}

/// All that a person allowed.
pub fn list(tx: &mut Database, user: Id<User>) -> Result<Vec<Consent>> {
    let rows = consents::table.filter(consents::user_id.eq(user));
    Ok(rows.order(consents::id).select(Consent::as_select()).load(tx)?)
}

/// Remembers that a person allowed `scope` at the APIs of `audience`, beside what they allowed before.
pub fn remember(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    client: Id<Client>,
    (kind, scope, audience): (ConsentKind, &Scope, &Words),
) -> Result<()> {
    match find(tx, user, client, kind)? {
        Some(consent) if scope.is_within(&consent.scope) && audience.is_within(&consent.audience) => {}
        Some(consent) => {
            let widened = (consent.scope.union(scope), consent.audience.union(audience));
            diesel::update(consents::table.filter(consents::id.eq(consent.id)))
                .set((consents::scope.eq(widened.0), consents::audience.eq(widened.1), consents::allowed_at.eq(now)))
                .execute(tx)?;
        }
        None => {
            let consent = Consent {
                id: Id::next(now),
                user_id: user,
                client_key: client,
                kind,
                scope: scope.clone(),
                allowed_at: now,
                audience: audience.clone(),
            };
            diesel::insert_into(consents::table).values(&consent).execute(tx)?;
        }
    }
    Ok(())
}

/// Forgets what a person allowed an application.
pub fn forget(tx: &mut Database, user: Id<User>, client: Id<Client>) -> Result<()> {
    let rows = consents::table.filter(consents::user_id.eq(user)).filter(consents::client_key.eq(client));
    diesel::delete(rows).execute(tx)?;
    Ok(())
}

/// Forgets what anybody allowed an application.
pub fn forget_client(tx: &mut Database, client: Id<Client>) -> Result<()> {
    diesel::delete(consents::table.filter(consents::client_key.eq(client))).execute(tx)?;
    Ok(())
}
