//! Creations that are answered twice create once (`docs/decisions/0032-idempotency-keys.md`).

use diesel::prelude::*;

use super::id::Id;
use super::token_record::TokenRecord;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that a key is remembered: a day.
pub const LIFE: i64 = 86_400;

/// One creation that a program may repeat.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::idempotency_keys)]
pub struct IdempotencyKey {
    /// The row.
    pub id: Id<IdempotencyKey>,
    /// Whose creation.
    pub user_id: Id<User>,
    /// The digest of the key.
    pub digest: String,
    /// The digest of the body: the same key with another body is a mistake.
    pub body_digest: String,
    /// What was created.
    pub token_id: Id<TokenRecord>,
    /// When.
    pub created_at: UnixTime,
    /// Until when it is remembered.
    pub expires_at: UnixTime,
    /// The base key that the secret was derived with.
    pub key_number: i32,
}
