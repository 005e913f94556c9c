//! Signed statements that are accepted once. Each is remembered until it expires.

use diesel::prelude::*;

use super::id::Id;
use super::secret::sha256_base64url;
use crate::clock::UnixTime;

/// A statement that was used (`jti`, RFC 7519 §4.1.7).
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::used_proofs, treat_none_as_default_value = false)]
pub struct UsedProof {
    pub id: Id<UsedProof>,
    /// A digest of the speaker and of the statement's `jti`.
    pub digest: String,
    /// When the statement itself has expired.
    pub expires_at: UnixTime,
}

impl UsedProof {
    /// Creates the record of the statement `jti` of `speaker`; speakers of different kinds are distinguished by `kind`.
    pub fn new(now: UnixTime, kind: &str, (speaker, jti): (&str, &str), expires_at: UnixTime) -> Self {
        let said = format!("{kind}\n{speaker}\n{jti}");
        Self { id: Id::next(now), digest: sha256_base64url(said.as_bytes()), expires_at }
    }
}
