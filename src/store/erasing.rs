//! Erases a person: every row about them, in an order that the foreign keys allow, one batch at a time. Ids are
//! never reused (they grow with time), so no row has to stay to reserve one.

use diesel::prelude::*;

use super::batch::{BATCH, remove};
use super::{Database, Result, on};
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::{
    authentications, authorization_codes, clients, consents, contact_messages, deletions, device_codes, email_codes,
    factor_failures, former_addresses, grants, host_proofs, idempotency_keys, known_networks, login_codes,
    mailed_links, passkeys, recovery_codes, refresh_tokens, remembered_browsers, remote_sessions, resource_shares,
    resources, security_log, seen_devices, sessions, sign_in_steps, tokens, totp_factors, user_pictures, users,
};

/// Removes one batch of the rows about a person, and with the last one the person. `false` when nothing is left.
/// Their applications must have no owner by then.
///
/// # Errors
/// When the store fails.
pub fn erase_some(tx: &mut Database, user: Id<User>) -> Result<bool> {
    // Each stage runs when the stage before has nothing left to remove.
    let stages = [erase_below_grants, erase_grants, erase_sessions, erase_own, erase_resources];
    for stage in stages as [fn(&mut Database, Id<User>) -> Result<usize>; 5] {
        if stage(tx, user)? > 0 {
            return Ok(true);
        }
    }
    on!(tx, |c| diesel::delete(user_pictures::table.filter(user_pictures::id.eq(user))).execute(c))?;
    on!(tx, |c| diesel::delete(deletions::table.filter(deletions::id.eq(user))).execute(c))?;
    tx.note_change();
    let clients = clients::table.filter(clients::owner_id.eq(user));
    on!(tx, |c| diesel::update(clients).set(clients::owner_id.eq(None::<i64>)).execute(c))?;
    Ok(on!(tx, |c| diesel::delete(users::table.filter(users::id.eq(user))).execute(c))? > 0)
}

/// Removes the rows that refer to the person's grants.
fn erase_below_grants(tx: &mut Database, user: Id<User>) -> Result<usize> {
    let of_person = || grants::table.filter(grants::user_id.eq(user)).select(grants::id);
    let mut removed = remove!(tx, tokens, tokens::grant_id.eq_any(of_person()));
    removed += remove!(tx, refresh_tokens, refresh_tokens::grant_id.eq_any(of_person()));
    removed += remove!(tx, authorization_codes, authorization_codes::grant_id.eq_any(of_person()));
    removed += remove!(tx, login_codes, login_codes::grant_id.eq_any(of_person()));
    removed += remove!(tx, authentications, authentications::id.eq_any(of_person()));
    let of_person = grants::table.filter(grants::user_id.eq(user)).select(grants::id.nullable());
    Ok(removed + remove!(tx, device_codes, device_codes::grant_id.eq_any(of_person)))
}

fn erase_grants(tx: &mut Database, user: Id<User>) -> Result<usize> {
    Ok(remove!(tx, grants, grants::user_id.eq(user)))
}

fn erase_sessions(tx: &mut Database, user: Id<User>) -> Result<usize> {
    Ok(remove!(tx, sessions, sessions::user_id.eq(user)))
}

/// Removes the rows that refer to the person only. People whom they invited stay invited, without an inviter.
fn erase_own(tx: &mut Database, user: Id<User>) -> Result<usize> {
    let invited = mailed_links::table.filter(mailed_links::invited_by.eq(user));
    let mut removed = on!(tx, |c| diesel::update(invited).set(mailed_links::invited_by.eq(None::<i64>)).execute(c))?;
    removed += remove!(tx, mailed_links, mailed_links::user_id.eq(user));
    removed += remove!(tx, email_codes, email_codes::user_id.eq(user));
    removed += remove!(tx, consents, consents::user_id.eq(user));
    removed += remove!(tx, remote_sessions, remote_sessions::approved_by.eq(user));
    removed += remove!(tx, idempotency_keys, idempotency_keys::user_id.eq(user));
    removed += remove!(tx, seen_devices, seen_devices::user_id.eq(user));
    removed += remove!(tx, known_networks, known_networks::user_id.eq(user));
    removed += remove!(tx, passkeys, passkeys::user_id.eq(user));
    removed += remove!(tx, totp_factors, totp_factors::user_id.eq(user));
    removed += remove!(tx, recovery_codes, recovery_codes::user_id.eq(user));
    removed += remove!(tx, sign_in_steps, sign_in_steps::user_id.eq(user));
    removed += remove!(tx, remembered_browsers, remembered_browsers::user_id.eq(user));
    removed += remove!(tx, factor_failures, factor_failures::user_id.eq(user));
    removed += remove!(tx, former_addresses, former_addresses::user_id.eq(user));
    removed += remove!(tx, host_proofs, host_proofs::owner_id.eq(user));
    let is_of_message = contact_messages::sender_id.eq(user).or(contact_messages::recipient_id.eq(user));
    removed += remove!(tx, contact_messages, is_of_message);
    Ok(removed + remove!(tx, security_log, security_log::user_id.eq(user)))
}

/// Removes the resources that the person owns. Resources of other people inside them stay, without a parent.
fn erase_resources(tx: &mut Database, user: Id<User>) -> Result<usize> {
    let held = remove!(tx, resource_shares, resource_shares::user_id.eq(user));
    let owned = resources::table.filter(resources::owner_id.eq(user)).select(resources::id);
    let ids: Vec<i64> = on!(tx, |c| owned.limit(BATCH).load(c))?;
    let within = resources::table.filter(resources::parent_id.eq_any(ids.clone()));
    on!(tx, |c| diesel::update(within).set(resources::parent_id.eq(None::<i64>)).execute(c))?;
    on!(tx, |c| diesel::delete(resource_shares::table.filter(resource_shares::resource_id.eq_any(ids.clone())))
        .execute(c))?;
    Ok(held + on!(tx, |c| diesel::delete(resources::table.filter(resources::id.eq_any(ids))).execute(c))?)
}
