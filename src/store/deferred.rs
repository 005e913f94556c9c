//! What stands in for a connection to PostgreSQL while work is tried without one. A round trip costs more than what
//! is asked on it, so what several requests ask or add at the same moment goes in one statement (see `gathering`):
//!
//! - Work that reads asks for tokens: it stops at the first one that is not here, which is read with those that others
//!   ask for, and is run again with it.
//! - Work that writes may add grants and tokens: they are kept here until it is done, and then are added with those of
//!   others.
//! - Work that asks anything else is run again on a connection of its own, as if it had not been tried.

use diesel::QueryResult;
use diesel::result::Error as DieselError;

use super::tokens::TokenRow;
use super::view::Mode;
use super::{Result, StoreError};
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::domain::token_record::TokenRecord;

/// A token that was read before the work ran, if there is one.
type Found = (Id<TokenRecord>, Option<TokenRow>);

/// Tokens that one piece of work may ask for: one, and one that was exchanged for it.
const MOST_FOUND: usize = 2;

/// What a try found and left.
#[derive(Default)]
pub struct Deferred {
    mode: Mode,
    found: Vec<Found>,
    wanted: Option<Id<TokenRecord>>,
    added: Added,
    needs_connection: bool,
}

/// What is to be added.
#[derive(Clone, Debug, Default)]
pub struct Added {
    pub grants: Vec<Grant>,
    pub tokens: Vec<TokenRecord>,
}

/// What is to be done after a try.
pub enum Next {
    /// The work is done when this was added.
    Add(Added),
    /// This token is read, and the work is tried again.
    Find(Id<TokenRecord>),
    /// The work is run on a connection.
    Connect,
}

impl Deferred {
    pub fn new(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Notes that the work asked something that only a connection answers. The error ends this try.
    pub fn refuse<T>(&mut self) -> QueryResult<T> {
        self.needs_connection = true;
        Err(DieselError::RollbackTransaction)
    }

    /// The token with this key, if it was read before.
    pub(super) fn find(&mut self, id: Id<TokenRecord>) -> Result<Option<TokenRow>> {
        if let Some((_, found)) = self.found.iter().find(|(known, _)| *known == id) {
            return Ok(found.clone());
        }
        // What a transaction reads is as new as its connection says.
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

    /// Whether the work found all that it asked for.
    pub fn is_done(&self) -> bool {
        !self.needs_connection && self.wanted.is_none()
    }

    /// What the try left to be done.
    pub fn take_next(&mut self) -> Next {
        match (self.needs_connection, self.wanted.take()) {
            (true, _) => Next::Connect,
            (false, Some(id)) => Next::Find(id),
            (false, None) => Next::Add(std::mem::take(&mut self.added)),
        }
    }

    /// Lets the next try find this.
    pub(super) fn put(&mut self, id: Id<TokenRecord>, found: Option<TokenRow>) {
        self.found.push((id, found));
    }
}
