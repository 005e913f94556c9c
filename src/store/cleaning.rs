//! What has ended long ago goes, in small batches: no table grows for ever.

use diesel::prelude::*;

use super::{Database, Result};
use crate::clock::UnixTime;
use crate::domain::api::TokenFormat;
use crate::domain::refusal_record;
use crate::domain::security_log::KEPT;
use crate::schema::{
    authentications, authorization_codes, client_secrets, device_codes, email_codes, factor_failures, former_addresses,
    grants, idempotency_keys, login_codes, mailed_links, pushed_requests, refresh_tokens, refusals,
    remembered_browsers, remote_sessions, security_log, seen_devices, sessions, sign_in_steps, tokens,
};

/// Rows of one table per batch, so that no request's write waits long.
const BATCH: i64 = 200;

/// What is read of a token before it goes: key, refresh token, last use, format, issue.
type EndedToken = (i64, Option<i64>, Option<UnixTime>, TokenFormat, UnixTime);

/// Removes one batch of rows that ended before `before`; says how many rows went.
///
/// # Errors
/// When the store fails.
pub fn clean(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let mut removed = clean_codes(tx, before)? + clean_tokens(tx, before)? + clean_refresh_tokens(tx, before)?;
    removed += clean_held(tx, before)? + clean_links(tx, before)?;
    removed += clean_pushed_requests(tx, before)? + clean_devices(tx, before)?;
    removed += clean_grants(tx, before)? + clean_sessions(tx, before)?;
    removed += clean_security_log(tx, before)? + clean_refusals(tx, before)? + clean_second_steps(tx, before)?;
    removed += clean_people(tx, before)?;
    let secrets = client_secrets::table.filter(client_secrets::expires_at.lt(before));
    Ok(removed + diesel::delete(secrets).execute(tx)?)
}

fn clean_codes(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let ended = authorization_codes::table.filter(authorization_codes::expires_at.lt(before));
    let ids: Vec<i64> = ended.select(authorization_codes::id).limit(BATCH).load(tx)?;
    Ok(diesel::delete(authorization_codes::table.filter(authorization_codes::id.eq_any(ids))).execute(tx)?)
}

/// Login codes, remote sessions, remembered creations.
fn clean_held(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let codes = login_codes::table.filter(login_codes::expires_at.lt(before));
    let codes: Vec<i64> = codes.select(login_codes::id).limit(BATCH).load(tx)?;
    let waiting = remote_sessions::table.filter(remote_sessions::expires_at.lt(before));
    let waiting: Vec<i64> = waiting.select(remote_sessions::id).limit(BATCH).load(tx)?;
    let keys = idempotency_keys::table.filter(idempotency_keys::expires_at.lt(before));
    let keys: Vec<i64> = keys.select(idempotency_keys::id).limit(BATCH).load(tx)?;
    let mut removed = diesel::delete(login_codes::table.filter(login_codes::id.eq_any(codes))).execute(tx)?;
    removed += diesel::delete(remote_sessions::table.filter(remote_sessions::id.eq_any(waiting))).execute(tx)?;
    removed += diesel::delete(idempotency_keys::table.filter(idempotency_keys::id.eq_any(keys))).execute(tx)?;
    Ok(removed)
}

/// Letters are not here: upkeep gives them up itself, and says so.
fn clean_links(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let ended = mailed_links::table.filter(mailed_links::expires_at.lt(before));
    let ids: Vec<i64> = ended.select(mailed_links::id).limit(BATCH).load(tx)?;
    Ok(diesel::delete(mailed_links::table.filter(mailed_links::id.eq_any(ids))).execute(tx)?)
}

/// From where people were seen, addresses that cannot be put back any more, codes beside links.
fn clean_people(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let devices = seen_devices::table.filter(seen_devices::expires_at.lt(before));
    let devices: Vec<i64> = devices.select(seen_devices::id).limit(BATCH).load(tx)?;
    let addresses = former_addresses::table.filter(former_addresses::expires_at.lt(before));
    let addresses: Vec<i64> = addresses.select(former_addresses::id).limit(BATCH).load(tx)?;
    let codes = email_codes::table.filter(email_codes::expires_at.lt(before));
    let codes: Vec<i64> = codes.select(email_codes::id).limit(BATCH).load(tx)?;
    let mut removed = diesel::delete(seen_devices::table.filter(seen_devices::id.eq_any(devices))).execute(tx)?;
    removed += diesel::delete(former_addresses::table.filter(former_addresses::id.eq_any(addresses))).execute(tx)?;
    Ok(removed + diesel::delete(email_codes::table.filter(email_codes::id.eq_any(codes))).execute(tx)?)
}

fn clean_security_log(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let old = security_log::table.filter(security_log::at.lt(before.plus(-KEPT)));
    // The oldest first: what is left of a person's chain stays in one piece.
    let ids: Vec<i64> =
        old.order((security_log::at, security_log::id)).select(security_log::id).limit(BATCH).load(tx)?;
    Ok(diesel::delete(security_log::table.filter(security_log::id.eq_any(ids))).execute(tx)?)
}

fn clean_refusals(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let old = refusals::table.filter(refusals::at.lt(before.plus(-refusal_record::KEPT)));
    let ids: Vec<i64> = old.select(refusals::id).limit(BATCH).load(tx)?;
    Ok(diesel::delete(refusals::table.filter(refusals::id.eq_any(ids))).execute(tx)?)
}

/// Sign-ins that never got to their second step, wrong codes, browsers that are no longer remembered.
fn clean_second_steps(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let steps = sign_in_steps::table.filter(sign_in_steps::expires_at.lt(before));
    let steps: Vec<i64> = steps.select(sign_in_steps::id).limit(BATCH).load(tx)?;
    let failures = factor_failures::table.filter(factor_failures::at.lt(before));
    let failures: Vec<i64> = failures.select(factor_failures::id).limit(BATCH).load(tx)?;
    let browsers = remembered_browsers::table.filter(remembered_browsers::expires_at.lt(before));
    let browsers: Vec<i64> = browsers.select(remembered_browsers::id).limit(BATCH).load(tx)?;
    let mut removed = diesel::delete(sign_in_steps::table.filter(sign_in_steps::id.eq_any(steps))).execute(tx)?;
    removed += diesel::delete(factor_failures::table.filter(factor_failures::id.eq_any(failures))).execute(tx)?;
    let browsers = remembered_browsers::table.filter(remembered_browsers::id.eq_any(browsers));
    Ok(removed + diesel::delete(browsers).execute(tx)?)
}

fn clean_pushed_requests(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let ended = pushed_requests::table.filter(pushed_requests::expires_at.lt(before));
    let ids: Vec<i64> = ended.select(pushed_requests::id).limit(BATCH).load(tx)?;
    Ok(diesel::delete(pushed_requests::table.filter(pushed_requests::id.eq_any(ids))).execute(tx)?)
}

fn clean_devices(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let ended = device_codes::table.filter(device_codes::expires_at.lt(before));
    let ids: Vec<i64> = ended.select(device_codes::id).limit(BATCH).load(tx)?;
    Ok(diesel::delete(device_codes::table.filter(device_codes::id.eq_any(ids))).execute(tx)?)
}

/// A refresh token remembers that its access tokens were seen (a JWT always was): the rule that tells a
/// lost answer from theft still needs to know it.
fn clean_tokens(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let columns = (tokens::id, tokens::refresh_token_id, tokens::last_used_at, tokens::format, tokens::created_at);
    let expired = tokens::table.filter(tokens::expires_at.lt(before)).select(columns);
    let mut rows: Vec<EndedToken> = expired.limit(BATCH).load(tx)?;
    // What has no end goes by its revocation: its own, or its grant's.
    let revoked = tokens::table.filter(tokens::revoked_at.lt(before)).select(columns);
    rows.extend(revoked.limit(BATCH).load::<EndedToken>(tx)?);
    let ended = tokens::table.inner_join(grants::table).filter(grants::revoked_at.lt(before)).select(columns);
    rows.extend(ended.limit(BATCH).load::<EndedToken>(tx)?);
    for (_, refresh_token, last_used_at, format, created_at) in &rows {
        let seen_at = last_used_at.or((*format == TokenFormat::Jwt).then_some(*created_at));
        if let (Some(refresh_token), Some(_)) = (refresh_token, seen_at) {
            let unseen = refresh_tokens::table
                .filter(refresh_tokens::id.eq(*refresh_token))
                .filter(refresh_tokens::last_used_at.is_null());
            diesel::update(unseen).set(refresh_tokens::last_used_at.eq(seen_at)).execute(tx)?;
        }
    }
    let ids: Vec<i64> = rows.into_iter().map(|(id, ..)| id).collect();
    Ok(diesel::delete(tokens::table.filter(tokens::id.eq_any(ids))).execute(tx)?)
}

fn clean_refresh_tokens(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let ended = refresh_tokens::table.filter(refresh_tokens::expires_at.lt(before));
    let ids: Vec<i64> = ended.select(refresh_tokens::id).limit(BATCH).load(tx)?;
    Ok(diesel::delete(refresh_tokens::table.filter(refresh_tokens::id.eq_any(ids))).execute(tx)?)
}

/// A grant goes when it was over or taken back long ago and nothing hangs on it any more.
fn clean_grants(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let ended = grants::table.filter(grants::expires_at.lt(before).or(grants::revoked_at.lt(before)));
    let bare = ended
        .filter(diesel::dsl::not(diesel::dsl::exists(
            authorization_codes::table
                .filter(authorization_codes::grant_id.eq(grants::id))
                .select(authorization_codes::id),
        )))
        .filter(diesel::dsl::not(diesel::dsl::exists(
            login_codes::table.filter(login_codes::grant_id.eq(grants::id)).select(login_codes::id),
        )))
        .filter(diesel::dsl::not(diesel::dsl::exists(
            device_codes::table.filter(device_codes::grant_id.eq(grants::id.nullable())).select(device_codes::id),
        )))
        .filter(diesel::dsl::not(diesel::dsl::exists(
            tokens::table.filter(tokens::grant_id.eq(grants::id)).select(tokens::id),
        )))
        .filter(diesel::dsl::not(diesel::dsl::exists(
            refresh_tokens::table.filter(refresh_tokens::grant_id.eq(grants::id)).select(refresh_tokens::id),
        )));
    let ids: Vec<i64> = bare.select(grants::id).limit(BATCH).load(tx)?;
    let behind_them = authentications::table.filter(authentications::id.eq_any(ids.clone()));
    diesel::delete(behind_them).execute(tx)?;
    Ok(diesel::delete(grants::table.filter(grants::id.eq_any(ids))).execute(tx)?)
}

/// A grant may outlive the session that it came from.
fn clean_sessions(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let ended = sessions::table.filter(sessions::expires_at.lt(before));
    let ids: Vec<i64> = ended.select(sessions::id).limit(BATCH).load(tx)?;
    if !ids.is_empty() {
        let of_them = grants::table.filter(grants::session_id.eq_any(ids.clone()));
        diesel::update(of_them).set(grants::session_id.eq(None::<i64>)).execute(tx)?;
    }
    Ok(diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(tx)?)
}
