//! Login codes: the login redirect's `code` delivery puts one into the fragment instead of a token;
//! the app's page swaps it with the verifier, from its own origin.

use diesel::prelude::*;

use super::grant::Grant;
use super::id::Id;
use super::token::{LoginCode, TokenDigest};
use crate::clock::UnixTime;

/// Seconds that a login code lives.
pub const LIFE: i64 = 60;

/// One login code.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::login_codes)]
pub struct LoginCodeRecord {
    /// The row, which the code carries.
    pub id: Id<LoginCodeRecord>,
    /// What the presented code is judged by.
    pub digest: TokenDigest<LoginCode>,
    /// What it stands for.
    pub grant_id: Id<Grant>,
    /// The only origin that may swap it.
    pub origin: String,
    /// What the verifier must meet (S256).
    pub code_challenge: String,
    /// How long the token will live, in seconds.
    pub lifetime: i64,
    /// When it was issued.
    pub created_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// When it was swapped.
    pub redeemed_at: Option<UnixTime>,
}
