//! The installation: the base key that its database belongs to, and the link that sets it up.

use diesel::prelude::*;

use super::id::Id;
use super::token::{SetupLink, TokenDigest};
use crate::clock::UnixTime;

/// The only row of its table, which binds a database to its base key.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::installation)]
pub struct Installation {
    pub id: Id<Installation>,
    /// The check value of the base key, which no other base key produces.
    pub key_check: String,
    /// When the database was first used.
    pub created_at: UnixTime,
}

/// The one-time link that creates the first administrator.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::setup_links)]
pub struct SetupLinkRecord {
    /// The row ID, which is part of the link.
    pub id: Id<SetupLinkRecord>,
    /// The digest that a presented link is compared with.
    pub digest: TokenDigest<SetupLink>,
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
}
