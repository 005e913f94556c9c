//! Creating once what a program asks twice: its answer was lost. The secret is derived from caller,
//! key, body and row, so only the same caller with the same body gets it again, for a day.

use super::Mint;
use super::issue::Issued;
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::idempotency::{IdempotencyKey, LIFE};
use crate::domain::secret::sha256_base64url;
use crate::domain::token::{Kind, Token};
use crate::domain::token_record::{TokenRecord, any_digest};
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::{Database, StoreError, idempotency_keys, tokens};

/// A key and the body that it came with, as digests.
#[derive(Clone, Debug)]
pub struct Repeat {
    key: String,
    body: String,
}

impl Repeat {
    /// What came with an `Idempotency-Key`.
    pub fn new(key: &str, body: &str) -> Self {
        Self { key: sha256_base64url(key.as_bytes()), body: sha256_base64url(body.as_bytes()) }
    }
}

/// What became of a creation.
pub enum Created<K: Kind> {
    /// It was made now.
    New(Token<K>, TokenRecord),
    /// It was made before; here it is again.
    Again(Token<K>, TokenRecord),
    /// The key was used for something else.
    OtherBody,
}

/// Creates with `make`, or gives again what the same key and body created.
///
/// # Errors
/// What `make` refuses, or why the store failed.
pub fn create_once<K: Kind<Record = TokenRecord>, R>(
    tx: &mut Database,
    now: UnixTime,
    mint: &Mint,
    (user, repeat): (&User, Option<&Repeat>),
    mut make: impl FnMut(&mut Database, Option<Token<K>>) -> Result<Issued<K>, Error<R>>,
) -> Result<Created<K>, Error<R>> {
    let Some(repeat) = repeat else {
        let token = make(tx, None)?.token;
        let record = find(tx, token.id())?;
        return Ok(Created::New(token, record));
    };
    let derive = |id: Id<TokenRecord>| {
        let context: [&[u8]; 4] = [
            &user.id.number().to_be_bytes(),
            repeat.key.as_bytes(),
            repeat.body.as_bytes(),
            &id.number().to_be_bytes(),
        ];
        let entropy = mint.keys.derive::<32>(mint.keys.current(), "idempotency", &context);
        entropy.map(|entropy| Token::<K>::from_entropy(id, &entropy))
    };
    let missing = || StoreError::Unusable("the base key is missing".to_owned());
    if let Some(known) = idempotency_keys::find(tx, now, user.id, &repeat.key)? {
        let token = derive(known.token_id).ok_or_else(missing)?;
        let record = find(tx, known.token_id)?;
        if known.body_digest != repeat.body || !record.digest.matches(&any_digest(&token)) {
            return Ok(Created::OtherBody);
        }
        return Ok(Created::Again(token, record));
    }
    let token = derive(Id::next(now)).ok_or_else(missing)?;
    let token = make(tx, Some(token))?.token;
    let key = IdempotencyKey {
        id: Id::next(now),
        user_id: user.id,
        digest: repeat.key.clone(),
        body_digest: repeat.body.clone(),
        token_id: token.id(),
        created_at: now,
        expires_at: now.plus(LIFE),
    };
    idempotency_keys::insert(tx, &key)?;
    let record = find(tx, token.id())?;
    Ok(Created::New(token, record))
}

fn find(tx: &mut Database, id: Id<TokenRecord>) -> Result<TokenRecord, StoreError> {
    let found = tokens::find_in_use(tx, id)?.map(|token| token.record);
    found.ok_or_else(|| StoreError::Unavailable("a token that was just made is gone".to_owned()))
}
