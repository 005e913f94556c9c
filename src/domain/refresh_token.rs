//! Refresh tokens as they are stored (RFC 6749 §1.5), each with its position in a rotation.

use diesel::prelude::*;

use super::grant::Grant;
use super::id::Id;
use super::token::{RefreshToken, TokenDigest};
use crate::clock::UnixTime;

/// Seconds after its first use in which a consumed token is still answered with its unused successor: two browser tabs
/// may refresh at the same time.
pub const PARALLEL_SECONDS: i64 = 60;
/// Seconds after its first use in which the response may have been lost: a client repeats the request within a day,
/// while a thief may come later.
pub const LOST_SECONDS: i64 = 86_400;

/// A refresh token as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::refresh_tokens, treat_none_as_default_value = false)]
pub struct RefreshTokenRecord {
    /// The row ID, which is part of the token.
    pub id: Id<RefreshTokenRecord>,
    /// The digest that a presented token is compared with.
    pub digest: TokenDigest<RefreshToken>,
    pub grant_id: Id<Grant>,
    /// The number of the base key from which the secret of its successor is derived.
    pub key_number: i32,
    pub created_at: UnixTime,
    /// When it expires unless it is used.
    pub expires_at: UnixTime,
    /// When it was exchanged for its successor.
    pub consumed_at: Option<UnixTime>,
    pub successor_id: Option<Id<RefreshTokenRecord>>,
    /// When it was last redeemed or introspected.
    pub last_used_at: Option<UnixTime>,
    /// The thumbprint of the DPoP key that a public client must prove to use it (RFC 9449 §5).
    pub dpop_jkt: Option<String>,
}
