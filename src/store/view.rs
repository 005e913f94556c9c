//! What one piece of work may believe of the snapshot. The rules, for both databases:
//!
//! - What the database holds is read after the version under which it is kept. So what is kept is never older than
//!   its version says.
//! - A transaction that writes fills nothing: what it reads may be taken back.
//! - A transaction that changed what is kept, or waits in line to change it, reads rows from then on.
//!
//! On SQLite the version is asked once in each piece of work, in its own transaction: what is kept is exact. On
//! PostgreSQL it is watched beside the requests (`watch`), and may be a second old.

use std::sync::Arc;

use super::snapshot::{Edition, Shared, Snapshot};
use super::{AnyConnection, Database, Result, snapshot_version};

/// Whether the work is to change anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Read,
    Write,
}

/// What one piece of work may believe.
#[derive(Default)]
pub struct View {
    /// Nothing before work began: then rows are read.
    shared: Option<Arc<Shared>>,
    /// Which snapshot was current when the work began (PostgreSQL), or when its version was asked (SQLite).
    snapshot: Option<Arc<Snapshot>>,
    mode: Mode,
    has_asked: bool,
    has_changed: bool,
    reads_rows: bool,
}

impl Database {
    /// Begins one piece of work, before its transaction if it has one of its own.
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

    /// Ends it: counts its queries. Whether it changed what the snapshot keeps; then [`Snapshots::forget`] is due
    /// after the commit.
    ///
    /// [`Snapshots::forget`]: super::snapshot::Snapshots::forget
    pub(super) fn finish(&mut self) -> bool {
        if let Some(shared) = &self.view.shared {
            shared.queries.add(self.view.mode, self.queries);
        }
        self.view.has_changed
    }

    /// Says that this transaction changes what the snapshot keeps: called by every function that does.
    pub(super) fn note_change(&mut self) {
        self.view.has_changed = true;
        self.view.reads_rows = true;
    }

    /// Reads rows for the rest of this transaction: it waited for somebody who may have changed them.
    pub(super) fn read_rows(&mut self) {
        self.view.reads_rows = true;
    }

    /// The edition of what changes rarely, for what is made of it in this work; nothing when that may not be kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn edition(&mut self) -> Result<Option<Edition>> {
        Ok(self.snapshot()?.map(|snapshot| snapshot.edition()))
    }

    /// The edition that stands in the database itself, whatever is known.
    ///
    /// # Errors
    /// When the store fails.
    pub fn stored_edition(&mut self) -> Result<Edition> {
        snapshot_version::find(self).map(Edition::of_version)
    }

    /// What is known at this moment; nothing when rows are to be read.
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
                // It may be a version that is never committed.
                Mode::Write => shared.snapshots.current().filter(|current| current.version() == version),
            };
        }
        Ok(view.snapshot.clone())
    }

    /// Whether what is read now may be kept in the snapshot.
    pub(super) fn may_fill(&self) -> bool {
        self.view.mode == Mode::Read && !self.view.reads_rows
    }
}
