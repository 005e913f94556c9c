//! The column `audience` of several tables: a deleted API is removed from it.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::space_separated::SpaceSeparated;
use crate::schema::{consents, device_codes, grants, tokens};

/// Returns the lists that name an API, each with the list without it.
fn without(lists: Vec<SpaceSeparated>, identifier: &str) -> impl Iterator<Item = (SpaceSeparated, SpaceSeparated)> {
    let naming = lists.into_iter().filter(move |list| list.contains(identifier));
    naming.map(move |list| (list.clone(), list.without(identifier)))
}

/// Removes an API from grants, tokens and waiting devices. A row that was for this API only ends: with an empty
/// list it would be for every API of its scopes. Consents that name the API are deleted, so the person is asked
/// again.
pub fn strike(tx: &mut Database, now: UnixTime, identifier: &str) -> Result<()> {
    let of_grants = grants::table.filter(grants::audience.ne("")).select(grants::audience).distinct();
    for (list, left) in without(on!(tx, |c| of_grants.load(c))?, identifier) {
        let rows = grants::table.filter(grants::audience.eq(list));
        match left.is_empty() {
            true => on!(tx, |c| diesel::update(rows.filter(grants::revoked_at.is_null()))
                .set(grants::revoked_at.eq(Some(now)))
                .execute(c))?,
            false => on!(tx, |c| diesel::update(rows).set(grants::audience.eq(left)).execute(c))?,
        };
    }
    let of_tokens = tokens::table.filter(tokens::audience.ne("")).select(tokens::audience).distinct();
    for (list, left) in without(on!(tx, |c| of_tokens.load(c))?, identifier) {
        let rows = tokens::table.filter(tokens::audience.eq(list));
        match left.is_empty() {
            true => on!(tx, |c| diesel::update(rows.filter(tokens::revoked_at.is_null()))
                .set(tokens::revoked_at.eq(Some(now)))
                .execute(c))?,
            false => on!(tx, |c| diesel::update(rows).set(tokens::audience.eq(left)).execute(c))?,
        };
    }
    let of_devices =
        device_codes::table.filter(device_codes::audience.ne("")).select(device_codes::audience).distinct();
    for (list, left) in without(on!(tx, |c| of_devices.load(c))?, identifier) {
        let rows = device_codes::table.filter(device_codes::audience.eq(list));
        match left.is_empty() {
            true => on!(tx, |c| diesel::update(rows.filter(device_codes::grant_id.is_null()))
                .set(device_codes::denied_at.eq(Some(now)))
                .execute(c))?,
            false => on!(tx, |c| diesel::update(rows).set(device_codes::audience.eq(left)).execute(c))?,
        };
    }
    let of_consents = consents::table.filter(consents::audience.ne("")).select(consents::audience).distinct();
    for (list, _) in without(on!(tx, |c| of_consents.load(c))?, identifier) {
        on!(tx, |c| diesel::delete(consents::table.filter(consents::audience.eq(list))).execute(c))?;
    }
    Ok(())
}
