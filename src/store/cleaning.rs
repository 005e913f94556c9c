//! Removes rows that have ended, in small batches, so that no table grows without limit.

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::batch::{BATCH, remove};
use super::{Database, Result, on, self_registrations};
use crate::clock::UnixTime;
use crate::domain::api::TokenFormat;
use crate::domain::refusal_record;
use crate::domain::security_log::KEPT as LOG_KEPT;
use crate::domain::self_registration::UNUSED;
use crate::schema::{
    authorization_codes, client_secrets, contact_messages, device_codes, email_codes, factor_failures, failure_counts,
    former_addresses, grants, idempotency_keys, known_networks, login_codes, mailed_links, pushed_requests,
    refresh_tokens, refusals, registration_tokens, remembered_browsers, remote_sessions, reserved_usernames,
    security_log, seen_devices, sessions, sign_in_steps, tokens, used_proofs,
};

/// Seconds that most rows are kept after their end, so that a person can find out why something stopped working.
const KEPT: i64 = 86_400;

/// Seconds after the end in which an undecided device gets the answer that its code has expired, not that it is
/// unknown.
const REPORTED: i64 = 600;

/// The columns of a token that are read before it is removed: id, refresh token, last use, format, time of issue.
type EndedToken = (i64, Option<i64>, Option<UnixTime>, TokenFormat, UnixTime);

/// Removes one batch of ended rows from every table; returns how many rows were processed. Emails are not removed
/// here: the background job gives them up itself, and logs that.
///
/// # Errors
/// When the store fails.
pub fn clean(tx: &mut Database, now: UnixTime) -> Result<usize> {
    let before = now.plus(-KEPT);
    // Before the grants are removed: they show which applications a person allowed something.
    let mut removed = self_registrations::clean(tx, now.plus(-UNUSED))?;
    // First the rows that refer to grants, then grants, then the rows that grants refer to.
    removed += clean_below_grants(tx, before)?;
    removed += clean_grants(tx, before)?;
    removed += clean_sessions(tx, before)?;
    removed += clean_unanswered(tx, now)?;
    removed += clean_passing(tx, before)?;
    removed += clean_logs(tx, before)?;
    removed += clean_counted(tx, now)?;
    removed += remove!(tx, client_secrets, client_secrets::expires_at.lt(before));
    Ok(removed + remove!(tx, registration_tokens, registration_tokens::expires_at.lt(before)))
}

fn clean_below_grants(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let mut removed = remove!(tx, authorization_codes, authorization_codes::expires_at.lt(before));
    removed += clean_tokens(tx, before)?;
    removed += remove!(tx, refresh_tokens, refresh_tokens::expires_at.lt(before));
    removed += remove!(tx, login_codes, login_codes::expires_at.lt(before));
    Ok(removed + remove!(tx, device_codes, device_codes::expires_at.lt(before)))
}

/// Removes what anybody can begin and no person answered, as soon as it has expired.
fn clean_unanswered(tx: &mut Database, now: UnixTime) -> Result<usize> {
    let mut removed = remove!(tx, pushed_requests, pushed_requests::kept_until.le(now));
    let unanswered = device_codes::grant_id.is_null();
    let is_over = device_codes::expires_at.le(now.plus(-REPORTED));
    removed += remove!(tx, device_codes, is_over.and(unanswered));
    let unanswered = remote_sessions::approved_by.is_null();
    Ok(removed + remove!(tx, remote_sessions, remote_sessions::expires_at.le(now).and(unanswered)))
}

/// Removes unfinished flows, and what was remembered for a limited time.
fn clean_passing(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let mut removed = remove!(tx, idempotency_keys, idempotency_keys::expires_at.lt(before));
    removed += remove!(tx, remote_sessions, remote_sessions::expires_at.lt(before));
    removed += remove!(tx, mailed_links, mailed_links::expires_at.lt(before));
    removed += remove!(tx, email_codes, email_codes::expires_at.lt(before));
    removed += remove!(tx, former_addresses, former_addresses::expires_at.lt(before));
    removed += remove!(tx, reserved_usernames, reserved_usernames::expires_at.lt(before));
    removed += remove!(tx, sign_in_steps, sign_in_steps::expires_at.lt(before));
    removed += remove!(tx, factor_failures, factor_failures::occurred_at.lt(before));
    removed += remove!(tx, contact_messages, contact_messages::created_at.lt(before));
    removed += remove!(tx, remembered_browsers, remembered_browsers::expires_at.lt(before));
    Ok(removed + remove!(tx, seen_devices, seen_devices::expires_at.lt(before)))
}

/// Removes rows that only count, or whose proof is refused for its age anyway, as soon as they have expired:
/// unauthenticated callers cause these rows.
fn clean_counted(tx: &mut Database, now: UnixTime) -> Result<usize> {
    let mut removed = remove!(tx, failure_counts, failure_counts::expires_at.le(now));
    removed += remove!(tx, known_networks, known_networks::expires_at.le(now));
    Ok(removed + remove!(tx, used_proofs, used_proofs::expires_at.lt(now)))
}

/// Removes log entries, which are kept for their own time in addition.
fn clean_logs(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let removed = remove!(tx, refusals, refusals::occurred_at.lt(before.plus(-refusal_record::KEPT)));
    let old = security_log::table.filter(security_log::occurred_at.lt(before.plus(-LOG_KEPT)));
    // The oldest first, so that the rest of a person's chain has no gap.
    let old = old.order((security_log::occurred_at, security_log::id)).select(security_log::id);
    let ids: Vec<i64> = on!(tx, |c| old.limit(BATCH).load(c))?;
    Ok(removed + on!(tx, |c| diesel::delete(security_log::table.filter(security_log::id.eq_any(ids))).execute(c))?)
}

/// Removes tokens. Their refresh token keeps the fact that one of them was used (a JWT always counts as used): the
/// rule that distinguishes a lost answer from theft still needs it.
fn clean_tokens(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let columns = (tokens::id, tokens::refresh_token_id, tokens::last_used_at, tokens::format, tokens::created_at);
    // A generator stays while a token that it created does: pages and limits tell those by it.
    let created = diesel::alias!(tokens as created);
    let created_nothing = || {
        let of_this = created.filter(created.field(tokens::generator_id).eq(tokens::id.nullable()));
        not(exists(of_this.select(created.field(tokens::id))))
    };
    let expired = tokens::table.filter(tokens::expires_at.lt(before)).filter(created_nothing()).select(columns);
    let mut rows: Vec<EndedToken> = on!(tx, |c| expired.limit(BATCH).load(c))?;
    // A token without an expiry is removed by its own revocation or its grant's.
    let revoked = tokens::table.filter(tokens::revoked_at.lt(before)).filter(created_nothing()).select(columns);
    rows.extend(on!(tx, |c| revoked.limit(BATCH).load::<EndedToken>(c))?);
    let ended = tokens::table.inner_join(grants::table).filter(grants::revoked_at.lt(before));
    let ended = ended.filter(created_nothing()).select(columns);
    rows.extend(on!(tx, |c| ended.limit(BATCH).load::<EndedToken>(c))?);
    for (_, refresh_token, last_used_at, format, created_at) in &rows {
        let seen_at = last_used_at.or((*format == TokenFormat::Jwt).then_some(*created_at));
        if let (Some(refresh_token), Some(_)) = (refresh_token, seen_at) {
            let unseen = refresh_tokens::table
                .filter(refresh_tokens::id.eq(*refresh_token))
                .filter(refresh_tokens::last_used_at.is_null());
            on!(tx, |c| diesel::update(unseen).set(refresh_tokens::last_used_at.eq(seen_at)).execute(c))?;
        }
    }
    let ids: Vec<i64> = rows.into_iter().map(|(id, ..)| id).collect();
    Ok(on!(tx, |c| diesel::delete(tokens::table.filter(tokens::id.eq_any(ids))).execute(c))?)
}

/// Removes grants that expired or were revoked long ago and that no other row refers to.
fn clean_grants(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let ended = grants::table.filter(grants::expires_at.lt(before).or(grants::revoked_at.lt(before)));
    let bare = ended
        .filter(not(exists(
            authorization_codes::table
                .filter(authorization_codes::grant_id.eq(grants::id))
                .select(authorization_codes::id),
        )))
        .filter(not(exists(login_codes::table.filter(login_codes::grant_id.eq(grants::id)).select(login_codes::id))))
        .filter(not(exists(
            device_codes::table.filter(device_codes::grant_id.eq(grants::id.nullable())).select(device_codes::id),
        )))
        .filter(not(exists(tokens::table.filter(tokens::grant_id.eq(grants::id)).select(tokens::id))))
        .filter(not(exists(
            refresh_tokens::table.filter(refresh_tokens::grant_id.eq(grants::id)).select(refresh_tokens::id),
        )));
    let ids: Vec<i64> = on!(tx, |c| bare.select(grants::id).limit(BATCH).load(c))?;
    Ok(on!(tx, |c| diesel::delete(grants::table.filter(grants::id.eq_any(ids))).execute(c))?)
}

/// Removes sessions. A grant may last longer than its session.
fn clean_sessions(tx: &mut Database, before: UnixTime) -> Result<usize> {
    let ended = sessions::table.filter(sessions::expires_at.lt(before));
    let ids: Vec<i64> = on!(tx, |c| ended.select(sessions::id).limit(BATCH).load(c))?;
    if !ids.is_empty() {
        let of_them = grants::table.filter(grants::session_id.eq_any(ids.clone()));
        on!(tx, |c| diesel::update(of_them).set(grants::session_id.eq(None::<i64>)).execute(c))?;
    }
    Ok(on!(tx, |c| diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(c))?)
}
