//! Client secrets as they are stored (RFC 6749 §2.3.1): 256 random bits each, so a digest is enough.

use diesel::prelude::*;

use super::client::Client;
use super::id::Id;
use super::token::{ClientSecret, TokenDigest};
use crate::clock::UnixTime;

/// One secret of one client.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::client_secrets)]
pub struct ClientSecretRecord {
    /// The row, which the secret carries.
    pub id: Id<ClientSecretRecord>,
    /// Whose it is.
    pub client_key: Id<Client>,
    /// What the presented secret is judged by.
    pub digest: TokenDigest<ClientSecret>,
    /// What its owner may see of it later.
    pub last_four: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it ends, after it was rolled.
    pub expires_at: Option<UnixTime>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixTime>,
    /// When somebody reported that they found it in the open.
    pub flagged_at: Option<UnixTime>,
}

impl ClientSecretRecord {
    /// Whether it still opens.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}
