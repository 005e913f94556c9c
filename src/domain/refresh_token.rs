//! Refresh tokens as they are stored (RFC 6749 §1.5), each with its place in a rotation.

use diesel::prelude::*;

use super::grant::Grant;
use super::id::Id;
use super::token::{RefreshToken, TokenDigest};
use crate::clock::UnixTime;

/// Seconds after its first use in which a consumed token still answers with its unredeemed
/// successor: two tabs that refresh at once.
pub const PARALLEL_SECONDS: i64 = 60;
/// Seconds after its first use in which the answer may have been lost: a client tries again within a day,
/// a thief may come later.
pub const LOST_SECONDS: i64 = 86_400;

/// One refresh token.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::refresh_tokens, treat_none_as_default_value = false)]
pub struct RefreshTokenRecord {
    /// The row, which the token carries.
    pub id: Id<RefreshTokenRecord>,
    /// What the presented token is judged by.
    pub digest: TokenDigest<RefreshToken>,
    /// What it renews.
    pub grant_id: Id<Grant>,
    /// The number of the base key from which its successor's secret is derived.
    pub key_number: i32,
    /// When it was issued.
    pub created_at: UnixTime,
    /// When it ends unless it is used.
    pub expires_at: UnixTime,
    /// When it was exchanged for its successor.
    pub consumed_at: Option<UnixTime>,
    /// The token that replaced it.
    pub successor_id: Option<Id<RefreshTokenRecord>>,
    /// When it was last seen: redeemed or introspected.
    pub last_used_at: Option<UnixTime>,
    /// The thumbprint of the key that a public client must prove to use it (RFC 9449 §5).
    pub dpop_jkt: Option<String>,
}
