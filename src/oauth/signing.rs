//! The installation's signing keys: made on the first start, replaced by schedule, agreed on by all nodes
//! through their table (RFC 7517; OpenID Connect Core §10.1.1).

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::jose::own_key::{KeyError, Presented, PrivateKey};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::jwk::Jwk;
use crate::domain::secret::Secret;
use crate::domain::signing_key::{SigningAlgorithm, SigningKeyRecord, Succession, signing, takeover};
use crate::domain::token::MalformedToken;
use crate::domain::token_record::BearerToken;
use crate::store::{Database, Result, Store, StoreError, signing_keys};
use crate::tokens::{Mint, jwt};

/// The label of the base key under which private keys are sealed.
const LABEL: &str = "signing-key";

/// A key as it is held in memory: parsed once.
struct Held {
    record: SigningKeyRecord,
    jwk: Jwk,
    private: Option<PrivateKey>,
}

/// What signs for this issuer, and knows what it signed.
pub struct Signer {
    issuer: String,
    ring: RwLock<Arc<Vec<Arc<Held>>>>,
}

#[derive(Serialize)]
struct WithIssuer<'a, C> {
    iss: &'a str,
    #[serde(flatten)]
    claims: &'a C,
}

#[derive(Deserialize)]
struct OfIssuer<C> {
    iss: String,
    #[serde(flatten)]
    claims: C,
}

impl From<KeyError> for StoreError {
    fn from(error: KeyError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl Signer {
    /// A signer without keys; [`Signer::tend`] brings them.
    pub fn new(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), ring: RwLock::default() }
    }

    fn ring(&self) -> Arc<Vec<Arc<Held>>> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the keys that are missing or due, erases what has ended, and reads the table again.
    ///
    /// # Errors
    /// When the store fails, or a key cannot be made or opened.
    pub async fn tend(&self, store: &Store, mint: &Mint, now: UnixTime) -> Result<()> {
        for algorithm in SigningAlgorithm::ALL {
            let newest = store.read(move |db| signing_keys::find_newest(db, algorithm)).await?;
            // A key that was ended before its successor was made signs no more: the next one cannot wait.
            let is_needed =
                newest.as_ref().is_none_or(|key| key.is_due(now, &mint.lifetimes) || !key.is_published(now));
            if is_needed {
                replace(store, mint, now, (algorithm, Succession::Announced)).await?;
            }
        }
        let kept = now.plus(-mint.lifetimes.session_max);
        let has_ended = |key: &SigningKeyRecord| {
            !key.is_published(now) && (key.sealed.is_some() || key.ends_at.is_some_and(|end| end < kept))
        };
        if store.read(signing_keys::list).await?.iter().any(has_ended) {
            // The public part is kept while a session could still show an ID token of it as a hint.
            store.write(move |tx| signing_keys::clean(tx, now, kept)).await?;
        }
        self.load(store, mint).await
    }

    /// Reads the table.
    ///
    /// # Errors
    /// When the store fails, or a key cannot be opened.
    pub async fn load(&self, store: &Store, mint: &Mint) -> Result<()> {
        let (records, before) = (store.read(signing_keys::list).await?, self.ring());
        let mut ring = Vec::with_capacity(records.len());
        for record in records {
            let known = before.iter().find(|held| held.record.id == record.id && held.record.ends_at == record.ends_at);
            ring.push(match known {
                Some(held) => held.clone(),
                None => Arc::new(open(mint, record)?),
            });
        }
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }

    /// A JWT of this issuer. With RSA it takes half a millisecond: not on a worker.
    ///
    /// # Errors
    /// When there is no key, or it cannot be used.
    pub fn sign(
        &self,
        now: UnixTime,
        algorithm: SigningAlgorithm,
        (typ, claims): (&str, &impl Serialize),
    ) -> Result<Secret> {
        let ring = self.ring();
        let missing = || StoreError::Unusable(format!("there is no key to sign {} with", algorithm.as_str()));
        let current = signing(ring.iter().map(|held| &held.record), now, algorithm).ok_or_else(missing)?;
        let held = ring.iter().find(|held| held.record.id == current.id).ok_or_else(missing)?;
        let private = held.private.as_ref().ok_or_else(missing)?;
        Ok(private.sign(&held.record.kid, typ, &WithIssuer { iss: &self.issuer, claims })?)
    }

    /// The claims of a JWT of this kind, if one of our keys signed it for this issuer; a key that has
    /// ended is believed too, the caller judges the time. Not what a withdrawn key signed: its row says
    /// that it ended when it retired.
    pub fn verify<C: for<'de> Deserialize<'de>>(&self, text: &str, typ: &str) -> Option<C> {
        let presented = Presented::parse(text)?;
        let ring = self.ring();
        let held = ring.iter().find(|held| Some(held.record.kid.as_str()) == presented.kid())?;
        let is_withdrawn = held.record.ends_at.is_some() && held.record.ends_at == held.record.retires_at;
        let found: OfIssuer<C> = presented.verify((held.record.algorithm, &held.jwk), typ)?;
        (!is_withdrawn && found.iss == self.issuer).then_some(found.claims)
    }
}

impl Signer {
    /// Who signs.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An access token that somebody presented: opaque, or a JWT that we signed. Its row judges it.
    ///
    /// # Errors
    /// [`MalformedToken`] when it cannot be one of ours.
    pub fn read(&self, text: &str) -> std::result::Result<BearerToken, MalformedToken> {
        BearerToken::parse(text).or_else(|malformed| {
            let returned: Option<jwt::Returned> = self.verify(text, jwt::TYP);
            returned.and_then(|returned| returned.id()).map(BearerToken::signed).ok_or(malformed)
        })
    }
}

fn open(mint: &Mint, record: SigningKeyRecord) -> Result<Held> {
    let broken = |what: &str| StoreError::Unusable(format!("the signing key {} {what}", record.kid));
    let jwk = serde_json::from_str(&record.public_jwk).map_err(|_unreadable| broken("has no public part"))?;
    let private = match &record.sealed {
        Some(sealed) => {
            let text = mint.keys.open(LABEL, record.id.number(), sealed);
            let text = text.ok_or_else(|| broken("was sealed under another base key"))?;
            Some(PrivateKey::from_text(record.algorithm, &text)?)
        }
        None => None,
    };
    Ok(Held { record, jwk, private })
}

/// Makes the next key of an algorithm. Nothing when another node was faster.
///
/// # Errors
/// When the store fails, or the key cannot be made.
pub async fn replace(
    store: &Store,
    mint: &Mint,
    now: UnixTime,
    (algorithm, succession): (SigningAlgorithm, Succession),
) -> Result<Option<SigningKeyRecord>> {
    // RSA takes a while: on a thread for such work.
    let made = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm)).await;
    let key = made.map_err(|error| StoreError::Unusable(error.to_string()))??;
    keep(store, mint, now, (&key, algorithm, succession)).await
}

/// Puts a new key into the table, after the one before it.
///
/// # Errors
/// When the store fails.
pub async fn keep(
    store: &Store,
    mint: &Mint,
    now: UnixTime,
    (key, algorithm, succession): (&PrivateKey, SigningAlgorithm, Succession),
) -> Result<Option<SigningKeyRecord>> {
    let newest = store.read(move |db| signing_keys::find_newest(db, algorithm)).await?;
    let (activates_at, ends_at) = takeover(now, &mint.lifetimes, succession);
    let is_urgent = newest.as_ref().is_none_or(|newest| !newest.is_published(now));
    let (id, jwk) = (Id::next(now), key.public_jwk());
    let sealed = mint.keys.seal(LABEL, id.number(), key.to_text()?.expose());
    let new = SigningKeyRecord {
        id,
        kid: jwk.thumbprint(),
        algorithm,
        number: newest.as_ref().map_or(1, |newest| newest.number + 1),
        public_jwk: serde_json::to_string(&jwk).map_err(|error| StoreError::Unusable(error.to_string()))?,
        sealed: Some(sealed.ok_or_else(|| StoreError::Unusable("the base key is missing".to_owned()))?),
        created_at: now,
        activates_at: if is_urgent { now } else { activates_at },
        retires_at: None,
        ends_at: None,
    };
    let record = new.clone();
    let written = store.write(move |tx| {
        match (&newest, succession) {
            (_, Succession::AtOnce) => signing_keys::end_all(tx, now, algorithm)?,
            (Some(before), Succession::Announced) if before.is_published(now) => {
                signing_keys::retire(tx, before.id, (activates_at, ends_at))?;
            }
            (_, Succession::Announced) => {}
        }
        signing_keys::insert(tx, &record)
    });
    match written.await {
        Ok(()) => Ok(Some(new)),
        // The number is taken: the transaction was rolled back, and the other node's key counts.
        Err(StoreError::Conflict) => Ok(None),
        Err(error) => Err(error),
    }
}

/// One member of a JWK set (RFC 7517 §4): public members only.
#[derive(Debug, Serialize)]
pub struct PublishedKey {
    #[serde(flatten)]
    jwk: Jwk,
    kid: String,
    alg: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
}

/// The keys that other programs should know now: those that sign, will sign, or have signed what lives.
///
/// # Errors
/// When the store fails.
pub fn list_published(db: &mut Database, now: UnixTime) -> Result<Vec<PublishedKey>> {
    let keys = signing_keys::list(db)?.into_iter().filter(|key| key.is_published(now));
    keys.map(|key| {
        let broken = |_unreadable| StoreError::Unusable(format!("the signing key {} has no public part", key.kid));
        let jwk = serde_json::from_str(&key.public_jwk).map_err(broken)?;
        Ok(PublishedKey { jwk, kid: key.kid, alg: key.algorithm.as_str(), purpose: "sig" })
    })
    .collect()
}
