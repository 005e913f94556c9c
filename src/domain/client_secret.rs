//! Client secrets as they are stored (RFC 6749 §2.3.1): 256 random bits each, so a digest is enough.

use diesel::prelude::*;

use super::client::Client;
use super::id::Id;
use super::token::{ClientSecret, TokenDigest};
use crate::clock::UnixTime;

/// A secret of a client.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::client_secrets)]
pub struct ClientSecretRecord {
    /// The row ID, which is part of the secret.
    pub id: Id<ClientSecretRecord>,
    pub client_key: Id<Client>,
    /// The digest that a presented secret is compared with.
    pub digest: TokenDigest<ClientSecret>,
    /// The last four characters, which the owner may see later.
    pub last_four: String,
    pub created_at: UnixTime,
    /// When it expires, after it was rotated.
    pub expires_at: Option<UnixTime>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixTime>,
    /// When it was reported as found in public.
    pub flagged_at: Option<UnixTime>,
}

impl ClientSecretRecord {
    /// Whether it has not expired.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}
