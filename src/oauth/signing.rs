//! The installation's signing keys: made on the first start, replaced by schedule, agreed on by all nodes
//! through their table (RFC 7517; OpenID Connect Core §10.1.1).

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::jose::jwk::{Jwk, KeySet};
use crate::domain::jose::jws::Jws;
use crate::domain::jose::private_key::{KeyError, PrivateKey};
use crate::domain::secret::Secret;
use crate::domain::signing_key::{SigningAlgorithm, SigningKeyRecord, Succession, signing, takeover};
use crate::domain::token::MalformedToken;
use crate::domain::token_record::BearerToken;
use crate::store::{Database, Result, Store, StoreError, signing_keys};
use crate::tokens::{TokenSettings, jwt};

/// The label of the base key under which private keys are sealed.
const LABEL: &str = "signing-key";

/// Tries to sign with keys that change meanwhile.
const TRIES: usize = 3;

/// What is to be signed.
#[derive(Clone, Debug)]
pub struct Statement<C> {
    /// Its kind, for the header (RFC 8725 §3.11).
    pub typ: &'static str,
    /// How it is signed.
    pub algorithm: SigningAlgorithm,
    /// What it says, besides the issuer.
    pub claims: C,
}

/// A signature and the name of its key.
struct Signed {
    text: Secret,
    kid: String,
}

/// A key as it is held in memory: each half parsed once, the public one when it is first used.
struct LoadedKey {
    record: SigningKeyRecord,
    private: Option<PrivateKey>,
    public: OnceLock<Jwk>,
}

impl LoadedKey {
    fn public(&self) -> Result<&Jwk> {
        match self.public.get() {
            Some(jwk) => Ok(jwk),
            None => public_part(&self.record).map(|jwk| self.public.get_or_init(|| jwk)),
        }
    }
}

/// Signs for this issuer, and verifies what it signed. Parsed keys are held for speed; the table decides
/// which of them count.
pub struct Signer {
    issuer: String,
    keys: RwLock<Arc<Vec<Arc<LoadedKey>>>>,
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
    /// A signer without keys; [`Signer::maintain_keys`] brings them.
    pub fn new(issuer: &str) -> Self {
        Self { issuer: issuer.to_owned(), keys: RwLock::default() }
    }

    fn keys(&self) -> Arc<Vec<Arc<LoadedKey>>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the keys that are missing or due, erases what has ended, and reads the table again.
    ///
    /// # Errors
    /// When the store fails, or a key cannot be made or opened.
    pub async fn maintain_keys(&self, store: &Store, token_settings: &TokenSettings, now: UnixTime) -> Result<()> {
        for algorithm in SigningAlgorithm::ALL {
            let newest = store.read(move |db| signing_keys::find_newest(db, algorithm)).await?;
            // A key that was ended before its successor was made signs no more: the next one cannot wait.
            let is_needed =
                newest.as_ref().is_none_or(|key| key.is_due(now, &token_settings.lifetimes) || !key.is_published(now));
            if is_needed {
                replace(store, token_settings, now, algorithm, Succession::Announced).await?;
            }
        }
        let kept = now.plus(-token_settings.lifetimes.session_max);
        let has_ended = |key: &SigningKeyRecord| {
            !key.is_published(now) && (key.private_key_encrypted.is_some() || key.ends_at.is_some_and(|end| end < kept))
        };
        if store.read(signing_keys::list).await?.iter().any(has_ended) {
            // The public part is kept while a session could still show an ID token of it as a hint.
            store.write(move |tx| signing_keys::clean(tx, now, kept)).await?;
        }
        self.load(store, token_settings).await
    }

    /// Reads the table.
    ///
    /// # Errors
    /// When the store fails, or a key cannot be opened.
    pub async fn load(&self, store: &Store, token_settings: &TokenSettings) -> Result<()> {
        let (records, before) = (store.read(signing_keys::list).await?, self.keys());
        let mut keys = Vec::with_capacity(records.len());
        for record in records.iter() {
            let known =
                before.iter().find(|loaded| loaded.record.id == record.id && loaded.record.ends_at == record.ends_at);
            keys.push(match known {
                Some(loaded) => loaded.clone(),
                None => Arc::new(open(token_settings, record.clone())?),
            });
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// A JWT of this issuer, by a key that the table still publishes after the signature was made: another
    /// process may have withdrawn the one that is held here.
    ///
    /// # Errors
    /// When the store fails, there is no key, or it cannot be used.
    pub async fn sign<C: Serialize + Send + Sync + 'static>(
        self: &Arc<Self>,
        store: &Store,
        token_settings: &TokenSettings,
        now: UnixTime,
        statement: Statement<C>,
    ) -> Result<Secret> {
        let statement = Arc::new(statement);
        for _ in 0..TRIES {
            let (signer, asked) = (Arc::clone(self), Arc::clone(&statement));
            let signed = match statement.algorithm {
                // RSA takes half a millisecond: on a thread for such work.
                SigningAlgorithm::Rs256 => {
                    let made = tokio::task::spawn_blocking(move || signer.sign_with_loaded(now, &asked)).await;
                    made.map_err(|error| StoreError::Unavailable(error.to_string()))??
                }
                SigningAlgorithm::Es256 => self.sign_with_loaded(now, &statement)?,
            };
            let kid = signed.kid;
            let keys = store.read(signing_keys::list).await?;
            if keys.iter().any(|key| key.kid == kid && key.is_published(now)) {
                return Ok(signed.text);
            }
            self.load(store, token_settings).await?;
        }
        Err(StoreError::Unavailable("the signing keys changed again and again".to_owned()))
    }

    fn sign_with_loaded(&self, now: UnixTime, statement: &Statement<impl Serialize>) -> Result<Signed> {
        let (keys, algorithm) = (self.keys(), statement.algorithm);
        let missing = || StoreError::Unusable(format!("there is no key to sign {} with", algorithm.as_str()));
        let current = signing(keys.iter().map(|loaded| &loaded.record), now, algorithm).ok_or_else(missing)?;
        let loaded = keys.iter().find(|loaded| loaded.record.id == current.id).ok_or_else(missing)?;
        let private = loaded.private.as_ref().ok_or_else(missing)?;
        let (kid, claims) = (loaded.record.kid.clone(), WithIssuer { iss: &self.issuer, claims: &statement.claims });
        Ok(Signed { text: private.sign(&kid, statement.typ, &claims)?, kid })
    }

    /// The claims of a JWT of this type, if one of our keys signed it for this issuer. The table decides
    /// which keys count, so a key that any process withdrew is refused from that moment. A key that ended by
    /// schedule still counts, and the caller judges the time.
    ///
    /// # Errors
    /// When the store fails.
    pub fn verify<C: for<'de> Deserialize<'de>>(&self, db: &mut Database, text: &str, typ: &str) -> Result<Option<C>> {
        let Ok(jws) = Jws::parse_ours(text) else { return Ok(None) };
        let Some(kid) = jws.kid.as_deref() else { return Ok(None) };
        let keys = signing_keys::list(db)?;
        let Some(record) = keys.iter().find(|key| key.kid == kid && !key.is_withdrawn()) else { return Ok(None) };
        if !jws.is_a(typ) || !self.has_signed(&jws, record)? {
            return Ok(None);
        }
        let Ok(found) = jws.claims::<OfIssuer<C>>() else { return Ok(None) };
        Ok(Some(found).filter(|found| found.iss == self.issuer).map(|found| found.claims))
    }

    fn has_signed(&self, jws: &Jws<'_>, record: &SigningKeyRecord) -> Result<bool> {
        match self.keys().iter().find(|loaded| loaded.record.id == record.id && loaded.record.kid == record.kid) {
            Some(loaded) => Ok(jws.is_signed_by(loaded.public()?)),
            // Another process made it a moment ago.
            None => Ok(jws.is_signed_by(&public_part(record)?)),
        }
    }
}

impl Signer {
    /// Who signs.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// An access token that somebody presented: opaque, or a JWT that we signed; [`MalformedToken`] when it
    /// cannot be one of ours. Its row judges it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read(&self, db: &mut Database, text: &str) -> Result<std::result::Result<BearerToken, MalformedToken>> {
        let malformed = match BearerToken::parse(text) {
            Ok(token) => return Ok(Ok(token)),
            Err(malformed) => malformed,
        };
        let returned: Option<jwt::Returned> = self.verify(db, text, jwt::TYP)?;
        Ok(returned.and_then(|returned| returned.id()).map(BearerToken::signed).ok_or(malformed))
    }
}

/// The public half of a key, for the algorithm that its row names and for no other.
fn public_part(record: &SigningKeyRecord) -> Result<Jwk> {
    let broken = || StoreError::Unusable(format!("the signing key {} has no public part", record.kid));
    let members: Value = serde_json::from_str(&record.public_jwk).map_err(|_not_json| broken())?;
    let jwk = Jwk::from_value(&members).map_err(|_no_key| broken())?;
    Ok(Jwk { kid: Some(record.kid.clone()), algorithm: Some(record.algorithm.into()), key: jwk.key })
}

fn open(token_settings: &TokenSettings, record: SigningKeyRecord) -> Result<LoadedKey> {
    let broken = |what: &str| StoreError::Unusable(format!("the signing key {} {what}", record.kid));
    let private = match &record.private_key_encrypted {
        Some(sealed) => {
            let text = token_settings.keys.open(LABEL, record.id.number(), sealed);
            let text = text.ok_or_else(|| broken("was sealed under another base key"))?;
            Some(PrivateKey::from_text(record.algorithm, &text)?)
        }
        None => None,
    };
    Ok(LoadedKey { record, private, public: OnceLock::new() })
}

/// Makes the next key of an algorithm. Nothing when another node was faster.
///
/// # Errors
/// When the store fails, or the key cannot be made.
pub async fn replace(
    store: &Store,
    token_settings: &TokenSettings,
    now: UnixTime,
    algorithm: SigningAlgorithm,
    succession: Succession,
) -> Result<Option<SigningKeyRecord>> {
    // RSA takes a while: on a thread for such work.
    let made = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm)).await;
    let key = made.map_err(|error| StoreError::Unusable(error.to_string()))??;
    store_key(store, token_settings, now, &key, succession).await
}

/// Puts a new key into the table, after the one before it.
///
/// # Errors
/// When the store fails.
pub async fn store_key(
    store: &Store,
    token_settings: &TokenSettings,
    now: UnixTime,
    key: &PrivateKey,
    succession: Succession,
) -> Result<Option<SigningKeyRecord>> {
    let algorithm = key.algorithm();
    let newest = store.read(move |db| signing_keys::find_newest(db, algorithm)).await?;
    let (activates_at, ends_at) = takeover(now, &token_settings.lifetimes, succession);
    let is_urgent = newest.as_ref().is_none_or(|newest| !newest.is_published(now));
    let (id, public) = (Id::next(now), key.public_key()?);
    let sealed = token_settings.keys.seal(LABEL, id.number(), key.to_text()?.expose());
    let new = SigningKeyRecord {
        id,
        kid: public.thumbprint(),
        algorithm,
        number: newest.as_ref().map_or(1, |newest| newest.number + 1),
        public_jwk: serde_json::to_string(&public).map_err(|error| StoreError::Unusable(error.to_string()))?,
        private_key_encrypted: Some(sealed),
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

/// These keys as they are published.
///
/// # Errors
/// When one has no public part.
pub fn public_set(keys: &[SigningKeyRecord]) -> Result<KeySet> {
    Ok(KeySet::new(keys.iter().map(public_part).collect::<Result<_>>()?))
}

/// The keys that other programs should know now: those that sign, will sign, or have signed what lives.
///
/// # Errors
/// When the store fails.
pub fn list_published(db: &mut Database, now: UnixTime) -> Result<Vec<SigningKeyRecord>> {
    Ok(signing_keys::list(db)?.iter().filter(|key| key.is_published(now)).cloned().collect())
}
