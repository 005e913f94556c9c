//! Authorization requests that the client pushed here before a browser carries their name (RFC 9126).

use diesel::prelude::*;

use super::client::Client;
use super::id::Id;
use super::token::{PushedRequest, TokenDigest};
use crate::clock::UnixTime;

/// What a `request_uri` of ours begins with (§2.2).
pub const URN: &str = "urn:ietf:params:oauth:request_uri:";

/// One pushed request.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::pushed_requests)]
pub struct PushedRequestRecord {
    /// The row, which the `request_uri` carries.
    pub id: Id<PushedRequestRecord>,
    /// What the presented `request_uri` is judged by.
    pub digest: TokenDigest<PushedRequest>,
    /// Whose it is.
    pub client_key: Id<Client>,
    /// The parameters, as a form.
    pub parameters: String,
    /// When it was pushed.
    pub created_at: UnixTime,
    /// Until when a browser may come with it.
    pub expires_at: UnixTime,
    /// When it was decided about.
    pub used_at: Option<UnixTime>,
    /// The part of the network address that pushed it which one household or company shares.
    pub network: String,
    /// When it goes: at its end, or later when a browser came in time.
    pub kept_until: UnixTime,
}

impl PushedRequestRecord {
    /// Whether it can still be answered: undecided, and a browser came with it in time, now or at
    /// `request_started_at`, which is believed for an hour: a person may take a while to log in (ours). It is used up by
    /// the decision, not by looking at a page (§4; FAPI 2.0 §5.3.2.2).
    pub fn is_open(&self, now: UnixTime, request_started_at: Option<UnixTime>) -> bool {
        let came_in_time = request_started_at.is_some_and(|request_started_at| request_started_at < self.expires_at);
        self.used_at.is_none() && (now < self.expires_at || came_in_time)
    }

    /// Whether it is kept for a person who takes a while.
    pub fn is_held(&self) -> bool {
        self.expires_at < self.kept_until
    }
}
