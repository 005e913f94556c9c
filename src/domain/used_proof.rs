//! Signed statements that work once: what is remembered of each until it expires by itself.

use diesel::prelude::*;

use super::id::Id;
use super::secret::sha256_base64url;
use crate::clock::UnixTime;

/// A statement that was used (`jti`, RFC 7519 §4.1.7).
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::used_proofs, treat_none_as_default_value = false)]
pub struct UsedProof {
    /// The row.
    pub id: Id<UsedProof>,
    /// Who said it, and its number, as one digest.
    pub digest: String,
    /// When it would be refused for its age anyway.
    pub expires_at: UnixTime,
}

impl UsedProof {
    /// The statement `jti` of `speaker`, who is one of the speakers of this `kind`.
    pub fn new(now: UnixTime, kind: &str, (speaker, jti): (&str, &str), expires_at: UnixTime) -> Self {
        let said = format!("{kind}\n{speaker}\n{jti}");
        Self { id: Id::next(now), digest: sha256_base64url(said.as_bytes()), expires_at }
    }
}
