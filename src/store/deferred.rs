//! A replacement for a PostgreSQL connection while work is tried without one. A round trip costs more than its
//! query, so reads and inserts of concurrent requests run in one statement (see `batcher`):
//!
//! - Work that reads asks for tokens: it stops at the first one that is not in memory, which is read together with
//!   those of other requests; then the work runs again with it.
//! - Work that writes may add grants and tokens: they are kept here until the work is done, and then are added
//!   together with those of other requests.
//! - Work that needs any other query runs again on its own connection, as if it had not been tried.

use diesel::QueryResult;
use diesel::result::Error as DieselError;

use super::tokens::TokenRow;
use super::view::Mode;
use super::{Result, StoreError};
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::domain::token_record::TokenRecord;

/// A token that was read before the work ran; `None` when it does not exist.
type Found = (Id<TokenRecord>, Option<TokenRow>);

/// The most tokens that one piece of work may read: a token, and the one from which it was exchanged.
const MOST_FOUND: usize = 2;

/// The tokens that a try may use, and what it needs or adds.
#[derive(Default)]
pub struct Deferred {
    mode: Mode,
    found: Vec<Found>,
    wanted: Option<Id<TokenRecord>>,
    added: Added,
    needs_connection: bool,
}

/// The rows to be added.
#[derive(Clone, Debug, Default)]
pub struct Added {
    pub grants: Vec<Grant>,
    pub tokens: Vec<TokenRecord>,
}

/// The next step after a try.
pub enum Next {
    /// The work is done when these rows are added.
    Add(Added),
    /// This token must be read, and the work tried again.
    Find(Id<TokenRecord>),
    /// The work must run on a connection.
    Connect,
}

impl Deferred {
    /// Returns one that has collected nothing yet.
    pub fn new(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Notes that the work needs a query that only a connection can answer. The error ends this try.
    pub fn refuse<T>(&mut self) -> QueryResult<T> {
        self.needs_connection = true;
        Err(DieselError::RollbackTransaction)
    }

    /// Returns the token with this id, if it was read before.
    pub(super) fn find(&mut self, id: Id<TokenRecord>) -> Result<Option<TokenRow>> {
        if let Some((_, found)) = self.found.iter().find(|(known, _)| *known == id) {
            return Ok(found.clone());
        }
        // What a transaction that writes reads must be as new as its connection says.
        if self.mode == Mode::Write || self.found.len() >= MOST_FOUND {
            self.needs_connection = true;
        }
        self.wanted.get_or_insert(id);
        Err(StoreError::from(DieselError::RollbackTransaction))
    }

    /// Keeps a grant until the work is done.
    pub fn add_grant(&mut self, grant: &Grant) {
        self.needs_connection |= self.mode == Mode::Read;
        self.added.grants.push(grant.clone());
    }

    /// Keeps a token until the work is done.
    pub fn add_token(&mut self, token: &TokenRecord) {
        self.needs_connection |= self.mode == Mode::Read;
        self.added.tokens.push(token.clone());
    }

    /// Whether the work found every token that it asked for.
    pub fn is_done(&self) -> bool {
        !self.needs_connection && self.wanted.is_none()
    }

    /// Takes the next step of the work.
    pub fn take_next(&mut self) -> Next {
        match (self.needs_connection, self.wanted.take()) {
            (true, _) => Next::Connect,
            (false, Some(id)) => Next::Find(id),
            (false, None) => Next::Add(std::mem::take(&mut self.added)),
        }
    }

    /// Makes a token available to the next try.
    pub(super) fn put(&mut self, id: Id<TokenRecord>, found: Option<TokenRow>) {
        self.found.push((id, found));
    }
}
