//! Pushed authorization requests: the client sends the request first, and the browser brings a reference to it
//! (RFC 9126).

use diesel::prelude::*;

use super::client::Client;
use super::id::Id;
use super::token::{PushedRequest, TokenDigest};
use crate::clock::UnixTime;

/// The prefix of a `request_uri` that this server issues (§2.2).
pub const URN: &str = "urn:ietf:params:oauth:request_uri:";

/// A pushed authorization request as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::pushed_requests)]
pub struct PushedRequestRecord {
    /// The row ID, which is part of the `request_uri`.
    pub id: Id<PushedRequestRecord>,
    /// The digest that a presented `request_uri` is compared with.
    pub digest: TokenDigest<PushedRequest>,
    pub client_key: Id<Client>,
    /// The parameters, form-encoded.
    pub parameters: String,
    pub created_at: UnixTime,
    /// When a browser can no longer begin with it.
    pub expires_at: UnixTime,
    /// When the person decided about it.
    pub used_at: Option<UnixTime>,
    /// The network of the address that pushed it, which one household or company shares.
    pub network: String,
    /// When it is deleted: at its expiry, or later when a browser began in time.
    pub kept_until: UnixTime,
}

impl PushedRequestRecord {
    /// Whether it can still be answered: the person did not decide yet, and a browser began in time, now or at
    /// `request_started_at`. That time is accepted for an hour, since a person may need a while to log in (Gatepost's
    /// own rule). The decision uses the request up; showing a page does not (§4; FAPI 2.0 §5.3.2.2).
    pub fn is_open(&self, now: UnixTime, request_started_at: Option<UnixTime>) -> bool {
        let came_in_time = request_started_at.is_some_and(|request_started_at| request_started_at < self.expires_at);
        self.used_at.is_none() && (now < self.expires_at || came_in_time)
    }

    /// Whether it is kept beyond its expiry, for a person who needs a while.
    pub fn is_held(&self) -> bool {
        self.expires_at < self.kept_until
    }
}
