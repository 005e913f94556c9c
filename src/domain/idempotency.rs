//! Idempotency keys: a creation that a program repeats creates one token only
//! (`docs/decisions/0032-idempotency-keys.md`).

use diesel::prelude::*;

use super::id::Id;
use super::token_record::TokenRecord;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that an idempotency key is stored: a day.
pub const LIFE: i64 = 86_400;

/// The creation of a token, stored so that a program may repeat it.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::idempotency_keys)]
pub struct IdempotencyKey {
    pub id: Id<IdempotencyKey>,
    pub user_id: Id<User>,
    /// The digest of the idempotency key.
    pub digest: String,
    /// The digest of the request body: the same key with another body is refused.
    pub body_digest: String,
    pub token_id: Id<TokenRecord>,
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
    /// The number of the base key that the secret was derived with.
    pub key_number: i32,
}
