//! Requests of applications that were refused, collected in memory and written once a second for the owners.
//!
//! Recording a refusal must be cheap, and anybody can cause one for a public `client_id`. So each application has
//! its own quota, and its authenticated requests have a quota apart from unauthenticated ones.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::refusal_record::RefusalRecord;
use crate::store::{Database, Result, refusals};

/// The most lines of one application and kind that are written per second (ours).
const MOST_AT_ONCE: usize = 10;
/// The most lines of one application and kind that are kept: 200 for both kinds together (ours).
const MOST_KEPT: i64 = 100;

/// Codes that are a normal step of a flow, not a mistake, and need no explanation: the person chose Cancel, has to
/// log in, or has not typed the code yet; a DPoP proof has to be sent again with the nonce.
const STEPS: [&str; 7] = [
    "access_denied", "account_selection_required", "authorization_pending", "consent_required", "interaction_required",
    "login_required", "use_dpop_nonce",
];

/// Whether a line about this code helps the owner.
pub fn is_news(error: &str) -> bool {
    !STEPS.contains(&error)
}

/// The lines that are not written yet, by application and by whether the request was authenticated.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeMap<(i64, bool), Vec<RefusalRecord>>>);

impl Refusals {
    fn pending(&self) -> MutexGuard<'_, BTreeMap<(i64, bool), Vec<RefusalRecord>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line, or only counts it when this second's quota is used up.
    pub fn note(&self, line: RefusalRecord) {
        let mut pending = self.pending();
        let lines = pending.entry((line.client_key.number(), line.is_client_authenticated)).or_default();
        let is_full = lines.len() >= MOST_AT_ONCE;
        match lines.last_mut() {
            Some(last) if is_full => last.dropped += 1 + line.dropped,
            _ => lines.push(line),
        }
    }

    /// Takes all pending lines, for [`fn@write`]: one element per application and kind.
    pub fn take(&self) -> Vec<Vec<RefusalRecord>> {
        std::mem::take(&mut *self.pending()).into_values().collect()
    }

    /// Puts back the lines that could not be written.
    pub fn put_back(&self, taken: Vec<Vec<RefusalRecord>>) {
        for line in taken.into_iter().flatten() {
            self.note(line);
        }
    }
}

/// Writes lines of one application and kind, and deletes the oldest ones above the limit.
///
/// # Errors
/// When the store fails.
pub fn write(tx: &mut Database, lines: &[RefusalRecord]) -> Result<()> {
    refusals::insert(tx, lines)?;
    match lines.first() {
        Some(RefusalRecord { client_key, is_client_authenticated, .. }) => {
            refusals::trim(tx, (*client_key, *is_client_authenticated), MOST_KEPT)
        }
        None => Ok(()),
    }
}

/// The lines of one application, the newest first.
///
/// # Errors
/// When the store fails.
pub fn list(db: &mut Database, client: Id<Client>, request_id: Option<&str>) -> Result<Vec<RefusalRecord>> {
    refusals::list(db, client, request_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixTime;

    fn line(client: i64, is_client_authenticated: bool) -> RefusalRecord {
        let at = UnixTime::from_seconds(1_800_000_000);
        let (request_id, endpoint) = ("r".to_owned(), "/oauth/token".to_owned());
        let (error, cause) = ("invalid_grant".to_owned(), "because".to_owned());
        let client_key = Id::from_number(client);
        RefusalRecord {
            id: Id::next(at),
            client_key,
            request_id,
            endpoint,
            error,
            cause,
            is_client_authenticated,
            dropped: 0,
            occurred_at: at,
        }
    }

    #[test]
    fn a_flood_for_one_client_is_counted_and_pushes_nobody_elses_lines_out() {
        let refusals = Refusals::default();
        (0..1_000).for_each(|_| refusals.note(line(1, false)));
        refusals.note(line(1, true));
        refusals.note(line(2, false));
        let taken = refusals.take();
        assert_eq!(taken.iter().map(Vec::len).collect::<Vec<_>>(), [MOST_AT_ONCE, 1, 1]);
        assert_eq!(taken[0].iter().map(|line| line.dropped).sum::<i64>(), 1_000 - 10);
        refusals.put_back(taken);
        refusals.note(line(1, false));
        let lines: i64 = refusals.take().iter().flatten().map(|line| 1 + line.dropped).sum();
        assert_eq!(lines, 1_003, "each is written or counted");
    }
}
