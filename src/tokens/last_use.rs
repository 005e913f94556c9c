//! Last uses of tokens, secrets and sessions: gathered in memory, written once a second, at most once a minute
//! for each row.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::UnixTime;
use crate::domain::client_secret::ClientSecretRecord;
use crate::domain::id::Id;
use crate::domain::refresh_token::RefreshTokenRecord;
use crate::domain::session::Session;
use crate::domain::token_record::TokenRecord;
use crate::store::{Database, Result, client_secrets, refresh_tokens, sessions, tokens};

/// Seconds within which a second use of the same row is not written.
const COARSE: i64 = 60;

/// A row that was used, by its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// An access token of any kind.
    Token(Id<TokenRecord>),
    RefreshToken(Id<RefreshTokenRecord>),
    ClientSecret(Id<ClientSecretRecord>),
    Session(Id<Session>),
}

/// One use of a row: its time, and the network address if it is known.
#[derive(Clone, Debug)]
pub struct Use {
    at: UnixTime,
    from: Option<String>,
}

/// The uses that are not written yet.
#[derive(Debug, Default)]
pub struct LastUse {
    pending: Mutex<HashMap<Seen, Use>>,
    /// Client secrets whose use was taken for writing within the last minute: a cached copy of their row may be
    /// older than the row.
    taken: Mutex<HashMap<Seen, UnixTime>>,
}

impl LastUse {
    fn pending(&self) -> MutexGuard<'_, HashMap<Seen, Use>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Seen, UnixTime>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a use, unless `on_row` (the last use in the row) is less than a minute old.
    pub fn note(&self, seen: Seen, now: UnixTime, on_row: Option<UnixTime>) {
        self.note_from(seen, now, (on_row, None));
    }

    /// Like [`LastUse::note`], with the network address of the caller.
    pub fn note_from(&self, seen: Seen, now: UnixTime, (on_row, from): (Option<UnixTime>, Option<&str>)) {
        let is_old = |written: UnixTime| now.since(written) >= COARSE;
        if on_row.is_none_or(is_old) && self.taken_at(seen).is_none_or(is_old) {
            let mut pending = self.pending();
            // A use without an address (an API introspected the token) keeps the address of the use before it.
            let known = pending.get(&seen).and_then(|before| before.from.clone());
            pending.insert(seen, Use { at: now, from: from.map(str::to_owned).or(known) });
        }
    }

    fn taken_at(&self, seen: Seen) -> Option<UnixTime> {
        matches!(seen, Seen::ClientSecret(_)).then(|| self.taken().get(&seen).copied()).flatten()
    }

    /// Whether a use waits to be written, so that the row does not have it yet.
    pub fn is_pending(&self, seen: Seen) -> bool {
        self.pending().contains_key(&seen)
    }

    /// Takes all waiting uses, for [`fn@write`]. The caller puts back what cannot be written.
    pub fn take(&self) -> Vec<(Seen, Use)> {
        let mut taken: Vec<_> = self.pending().drain().collect();
        self.remember(&taken);
        // Sorted by table and key: neighboring rows of a page are written together.
        taken.sort_by_key(|(seen, _)| match seen {
            Seen::Token(id) => (0, id.number()),
            Seen::RefreshToken(id) => (1, id.number()),
            Seen::ClientSecret(id) => (2, id.number()),
            Seen::Session(id) => (3, id.number()),
        });
        taken
    }

    fn remember(&self, uses: &[(Seen, Use)]) {
        let Some(newest) = uses.iter().map(|(_, used)| used.at).max() else { return };
        let mut taken = self.taken();
        taken.retain(|_, at| newest.since(*at) < COARSE);
        let secrets = uses.iter().filter(|(seen, _)| matches!(seen, Seen::ClientSecret(_)));
        taken.extend(secrets.map(|(seen, used)| (*seen, used.at)));
    }

    /// Puts back uses that could not be written; a newer use of the same row wins.
    pub fn put_back(&self, taken: Vec<(Seen, Use)>) {
        let mut pending = self.pending();
        for (seen, used) in taken {
            pending.entry(seen).or_insert(used);
        }
    }
}

/// Writes uses into their rows.
///
/// # Errors
/// When the store fails.
pub fn write(tx: &mut Database, seen: &[(Seen, Use)]) -> Result<()> {
    for (seen, used) in seen {
        match *seen {
            Seen::Token(id) => tokens::touch(tx, id, used.at, used.from.as_deref())?,
            Seen::RefreshToken(id) => refresh_tokens::touch(tx, id, used.at)?,
            Seen::ClientSecret(id) => client_secrets::touch(tx, id, used.at)?,
            Seen::Session(id) => sessions::touch(tx, id, used.at)?,
        }
    }
    Ok(())
}
