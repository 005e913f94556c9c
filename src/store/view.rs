//! Which data of the snapshot one piece of work may use. The rules, for both databases:
//!
//! - The content of the database is read after the version under which it is kept. So kept data is never older than
//!   its version.
//! - A transaction that writes adds nothing to the snapshot: what it reads may be rolled back.
//! - A transaction that changed kept data, or waits for its turn to change it, reads rows from then on.
//!
//! On SQLite each piece of work reads the version once, in its own transaction: the snapshot is exact. On
//! PostgreSQL a thread watches the version (`watch`), and the snapshot may be a second old.

use std::sync::Arc;

use super::snapshot::{Edition, Shared, Snapshot};
use super::{AnyConnection, Database, Result, snapshot_version};

/// Whether the work may change anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Read,
    Write,
}

/// The data of the snapshot that one piece of work may use.
#[derive(Default)]
pub struct View {
    /// `None` before any work began: rows are read then.
    shared: Option<Arc<Shared>>,
    /// The snapshot that was current when the work began (PostgreSQL), or when its version was read (SQLite).
    snapshot: Option<Arc<Snapshot>>,
    mode: Mode,
    has_asked: bool,
    has_changed: bool,
    reads_rows: bool,
}

impl Database {
    /// Begins one piece of work, before its own transaction if it has one.
    pub(super) fn begin(&mut self, shared: &Arc<Shared>, mode: Mode) {
        let view = &mut self.view;
        if !view.shared.as_ref().is_some_and(|held| Arc::ptr_eq(held, shared)) {
            view.shared = Some(Arc::clone(shared));
        }
        if !matches!(self.connection, AnyConnection::Sqlite(_)) {
            view.snapshot = shared.snapshots.current();
        }
        (view.mode, view.has_asked, view.has_changed, view.reads_rows) = (mode, false, false, false);
        self.queries = 0;
    }

    /// Ends one piece of work: counts its queries. Returns whether it changed data of the snapshot; then the caller
    /// must call [`Snapshots::forget`] after the commit.
    ///
    /// [`Snapshots::forget`]: super::snapshot::Snapshots::forget
    pub(super) fn finish(&mut self) -> bool {
        if let Some(shared) = &self.view.shared {
            shared.queries.add(self.view.mode, self.queries);
        }
        self.view.has_changed
    }

    /// Records that this transaction changes data of the snapshot: every function that does so calls this.
    pub(super) fn note_change(&mut self) {
        self.view.has_changed = true;
        self.view.reads_rows = true;
    }

    /// Reads rows for the rest of this transaction: it waited for another one that may have changed them.
    pub(super) fn read_rows(&mut self) {
        self.view.reads_rows = true;
    }

    /// Returns the edition of the data that changes rarely, to be kept with results derived from it; `None` when
    /// the results must not be kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn edition(&mut self) -> Result<Option<Edition>> {
        Ok(self.snapshot()?.map(|snapshot| snapshot.edition()))
    }

    /// Returns the edition in the database itself, whatever is in memory.
    ///
    /// # Errors
    /// When the store fails.
    pub fn stored_edition(&mut self) -> Result<Edition> {
        snapshot_version::find(self).map(Edition::of_version)
    }

    /// Returns the current snapshot; `None` when rows must be read.
    pub(super) fn snapshot(&mut self) -> Result<Option<Arc<Snapshot>>> {
        if self.view.reads_rows {
            return Ok(None);
        }
        let Some(shared) = &self.view.shared else { return Ok(None) };
        let is_known = match self.connection {
            AnyConnection::Postgres(_) | AnyConnection::Deferred(_) => true,
            AnyConnection::Sqlite(_) => self.view.has_asked,
        };
        if is_known {
            return Ok(self.view.snapshot.clone().filter(|snapshot| snapshot.is_confirmed()));
        }
        let shared = Arc::clone(shared);
        let version = snapshot_version::find(self)?;
        let view = &mut self.view;
        view.has_asked = true;
        if view.snapshot.as_ref().is_none_or(|held| held.version() != version) {
            view.snapshot = match view.mode {
                Mode::Read => Some(shared.snapshots.of_version(version)),
                // The version may be one that is never committed.
                Mode::Write => shared.snapshots.current().filter(|current| current.version() == version),
            };
        }
        Ok(view.snapshot.clone())
    }

    /// Whether the data that is read now may be added to the snapshot.
    pub(super) fn may_fill(&self) -> bool {
        self.view.mode == Mode::Read && !self.view.reads_rows
    }
}
