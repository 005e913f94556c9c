//! Writes gathered counts to the database once a second, beside the requests, so that nodes agree.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Throttle;
use super::memory_counters::Change;
use crate::clock::UnixTime;
use crate::domain::failure_count::FailureCount;
use crate::domain::id::Id;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Origin;
use crate::domain::user::User;
use crate::store::{Database, Result, Store, StoreError, failure_counts, security_log, users};

/// Counters per transaction, so that a request's write never waits long for them.
const BATCH: usize = 500;
/// Blocked accounts that are remembered until they are written to the security logs; one entry per user.
const MOST_CLOSINGS: usize = 10_000;

/// An account that failures blocked, for one network or for all new ones.
#[derive(Clone, Debug)]
pub(super) struct ClosedAccount {
    pub(super) user: Id<User>,
    /// The network address of the last failure.
    pub(super) address: String,
    pub(super) about: &'static str,
    pub(super) at: UnixTime,
    /// The longest time in seconds that it stays blocked; in this time no second entry is written.
    pub(super) window: i64,
}

/// Blocked accounts that are not in the security log yet.
#[derive(Debug, Default)]
pub(super) struct ClosedAccounts(Mutex<HashMap<Id<User>, ClosedAccount>>);

impl ClosedAccounts {
    fn waiting(&self) -> MutexGuard<'_, HashMap<Id<User>, ClosedAccount>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, closed_account: ClosedAccount) {
        let mut waiting = self.waiting();
        if waiting.len() < MOST_CLOSINGS {
            waiting.entry(closed_account.user).or_insert(closed_account);
        }
    }

    fn take(&self) -> Vec<ClosedAccount> {
        let mut taken: Vec<ClosedAccount> = self.waiting().drain().map(|(_, closed_account)| closed_account).collect();
        taken.sort_by_key(|closed_account| closed_account.user);
        taken
    }
}

/// Writes the gathered counts, and the security log entries of blocked accounts. After an error they are kept
/// for the next run.
pub async fn flush(store: &Store, throttle: &Throttle, now: UnixTime) {
    loop {
        let changes = throttle.shared.take(now, BATCH);
        if changes.is_empty() {
            break;
        }
        let written = changes.clone();
        match store.write(move |tx| write(tx, now, &written)).await {
            Ok(stored) => throttle.shared.written(&changes, &stored),
            Err(error) => {
                throttle.shared.put_back(&changes);
                log_error(&error);
                return;
            }
        }
    }
    let closed_accounts = throttle.closed_accounts.take();
    for batch in closed_accounts.chunks(BATCH) {
        let told = batch.to_vec();
        if let Err(error) = store.write(move |tx| log(tx, &told)).await {
            batch.iter().for_each(|closed_account| throttle.closed_accounts.note(closed_account.clone()));
            log_error(&error);
        }
    }
}

fn log_error(error: &StoreError) {
    match error {
        StoreError::Conflict => tracing::debug!("another node began to count the same; it is tried again"),
        error => tracing::warn!(%error, "failures could not be written; they are kept for the next second"),
    }
}

fn write(tx: &mut Database, now: UnixTime, changes: &[Change]) -> Result<Vec<FailureCount>> {
    let write = |Change { more, is_forgotten, .. }: &Change| {
        if *is_forgotten {
            failure_counts::delete(tx, &more.counter)?;
        }
        failure_counts::add(tx, now, more)
    };
    changes.iter().map(write).collect()
}

/// Writes into the users' security logs that their accounts were blocked: once per window, whichever node
/// noticed it.
fn log(tx: &mut Database, closed_accounts: &[ClosedAccount]) -> Result<()> {
    for ClosedAccount { user, address, about, at, window } in closed_accounts {
        let event = SecurityEvent::Throttled;
        users::lock(tx, *user)?;
        if users::find(tx, *user)?.is_none() || security_log::has_since(tx, *user, event, at.plus(-window))? {
            continue;
        }
        let origin = Origin { address: address.clone(), user_agent: String::new() };
        security_log::append(tx, *at, *user, (event, about), Some(&origin))?;
    }
    Ok(())
}
