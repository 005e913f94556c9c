//! Login codes: with the delivery `code`, the login redirect puts a login code into the fragment instead of a token.
//! The app's page exchanges it, with the code verifier and from its own origin.

use diesel::prelude::*;

use super::grant::Grant;
use super::id::Id;
use super::token::{LoginCode, TokenDigest};
use crate::clock::UnixTime;

/// How long a login code can be redeemed, in seconds.
pub const LIFE: i64 = 60;

/// A login code as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::login_codes)]
pub struct LoginCodeRecord {
    /// The row ID, which is part of the code.
    pub id: Id<LoginCodeRecord>,
    /// The digest that a presented code is compared with.
    pub digest: TokenDigest<LoginCode>,
    /// The grant of the token that the code is exchanged for.
    pub grant_id: Id<Grant>,
    /// The only origin that may exchange the code.
    pub origin: String,
    /// The S256 code challenge that the code verifier must meet.
    pub code_challenge: String,
    /// The lifetime of the token, in seconds.
    pub lifetime: i64,
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
    /// When it was exchanged.
    pub redeemed_at: Option<UnixTime>,
}
