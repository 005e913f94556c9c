//! The installation itself: which base key its database belongs to, and the link that sets it up.

use diesel::prelude::*;

use super::id::Id;
use super::token::{SetupLink, TokenDigest};
use crate::clock::UnixTime;

/// The one row that ties a database to its base key.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::installation)]
pub struct Installation {
    /// The row.
    pub id: Id<Installation>,
    /// A value that only the right base key makes.
    pub key_check: String,
    /// When the database was first used.
    pub created_at: UnixTime,
}

/// The one-time link that makes the first administrator.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::setup_links)]
pub struct SetupLinkRecord {
    /// The row, which the link carries.
    pub id: Id<SetupLinkRecord>,
    /// What the presented link is judged by.
    pub digest: TokenDigest<SetupLink>,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
}
