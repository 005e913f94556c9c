//! Creates a token once when a program repeats its request because the answer was lost. The secret is derived
//! from caller, key, body and row, so only the same caller with the same key and body gets it again, for a day
//! (`docs/decisions/0032-idempotency-keys.md`).

use super::TokenSettings;
use crate::clock::UnixTime;
use crate::domain::base_key::BaseKey;
use crate::domain::id::Id;
use crate::domain::idempotency::{IdempotencyKey, LIFE};
use crate::domain::secret::sha256_base64url;
use crate::domain::token::{Kind, Token};
use crate::domain::token_in_use::Life;
use crate::domain::token_record::{TokenRecord, any_digest};
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::{Database, StoreError, idempotency_keys, tokens};

/// An `Idempotency-Key` and the request body, as digests.
#[derive(Clone, Debug)]
pub struct Repeat {
    key: String,
    body: String,
}

impl Repeat {
    /// Makes the digests of a key and a body.
    pub fn new(key: &str, body: &str) -> Self {
        Self { key: sha256_base64url(key.as_bytes()), body: sha256_base64url(body.as_bytes()) }
    }
}

/// The result of a creation that may be a repetition.
pub enum Created<K: Kind> {
    /// The token, created now or before.
    Token(Token<K>, Box<TokenRecord>),
    /// The key was used with another body.
    OtherBody,
    /// The token was created before, and is not active any more.
    Ended,
}

/// Creates a token with `make`, or returns the one that the same key and body created. The caller locks the
/// user's row, so that two requests with the same key run one after the other.
///
/// # Errors
/// What `make` refuses, or why the store failed.
pub fn create_once<K: Kind<Record = TokenRecord>, R>(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (user, repeat): (&User, Option<&Repeat>),
    mut make: impl FnMut(&mut Database, Option<Token<K>>) -> Result<Token<K>, Error<R>>,
) -> Result<Created<K>, Error<R>> {
    let Some(repeat) = repeat else {
        let token = make(tx, None)?;
        return Ok(found(tx, token)?);
    };
    if let Some(known) = idempotency_keys::find(tx, now, user.id, &repeat.key)? {
        return Ok(repeat_response(tx, now, token_settings, (user, repeat), &known)?);
    }
    let base_key = token_settings.keys.newest();
    let token = make(tx, Some(derive(base_key, (user, repeat), Id::next(now))))?;
    let key = IdempotencyKey {
        id: Id::next(now),
        user_id: user.id,
        digest: repeat.key.clone(),
        body_digest: repeat.body.clone(),
        token_id: token.id(),
        created_at: now,
        expires_at: now.plus(LIFE),
        key_number: base_key.number(),
    };
    idempotency_keys::insert(tx, &key)?;
    Ok(found(tx, token)?)
}

fn repeat_response<K: Kind<Record = TokenRecord>>(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (user, repeat): (&User, &Repeat),
    known: &IdempotencyKey,
) -> Result<Created<K>, StoreError> {
    if known.body_digest != repeat.body {
        return Ok(Created::OtherBody);
    }
    let Some(made) = tokens::find_in_use(tx, known.token_id)? else { return Ok(Created::Ended) };
    let base_key = token_settings.keys.find(known.key_number);
    let base_key = base_key.ok_or_else(|| StoreError::Unusable("the base key is missing".to_owned()))?;
    let token = derive(base_key, (user, repeat), known.token_id);
    if !made.record.digest.matches(&any_digest(&token)) {
        return Ok(Created::OtherBody);
    }
    // A revoked or expired token is not returned as if it were active.
    if made.life(now) == Life::Alive { Ok(Created::Token(token, Box::new(made.record))) } else { Ok(Created::Ended) }
}

fn derive<K: Kind<Record = TokenRecord>>(
    base_key: &BaseKey,
    (user, repeat): (&User, &Repeat),
    id: Id<TokenRecord>,
) -> Token<K> {
    let (user, row) = (user.id.number().to_be_bytes(), id.number().to_be_bytes());
    let context: [&[u8]; 4] = [&user, repeat.key.as_bytes(), repeat.body.as_bytes(), &row];
    Token::from_entropy(id, &base_key.derive::<32>("idempotency", &context))
}

fn found<K: Kind<Record = TokenRecord>>(tx: &mut Database, token: Token<K>) -> Result<Created<K>, StoreError> {
    match tokens::find_in_use(tx, token.id())? {
        Some(made) => Ok(Created::Token(token, Box::new(made.record))),
        None => Err(StoreError::Unavailable("a token that was just made is gone".to_owned())),
    }
}
