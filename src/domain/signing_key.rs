//! Signing keys for ID tokens and JWT access tokens. A key is published before it signs, and until every token that it
//! signed has expired.

use diesel::prelude::*;

use super::column;
use super::id::Id;
use super::lifetimes::Lifetimes;
use crate::clock::UnixTime;

column::named! {
    /// The signature algorithm (RFC 7518 §3.1).
    SigningAlgorithm {
        /// RSASSA-PKCS1-v1_5 with SHA-256: every relying party supports it (OpenID Connect Core §15.1).
        Rs256 = "RS256",
        /// ECDSA on P-256 with SHA-256: small and fast.
        Es256 = "ES256",
    }
}

impl SigningAlgorithm {
    /// All algorithms; there is always a key for each.
    pub const ALL: [Self; 2] = [Self::Rs256, Self::Es256];
}

/// Seconds that a key is published before it signs, so that programs that cache the keys have read it (Gatepost's own
/// choice).
const PUBLISHED_AHEAD: i64 = 86_400;
/// Seconds that a key is published after its last token has expired: clocks differ, and nodes learn of a new key late
/// (Gatepost's own choice).
const MARGIN: i64 = 600;
/// The maximum lifetime of a JWT access token, in seconds (`docs/decisions/0010-jwt-access-tokens.md`).
pub const LONGEST_JWT: i64 = 600;

/// A signing key as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::signing_keys)]
pub struct SigningKeyRecord {
    pub id: Id<SigningKeyRecord>,
    /// The key ID: the thumbprint of the key (RFC 7638).
    pub kid: String,
    pub algorithm: SigningAlgorithm,
    /// The sequence number of the key within its algorithm, so that two nodes cannot both create the next key.
    pub number: i32,
    /// The public members of the key, as JSON.
    pub public_jwk: String,
    /// The private key, encrypted under the base key; removed when the key has ended.
    pub private_key_encrypted: Option<String>,
    /// When it was created and published.
    pub created_at: UnixTime,
    /// When it begins to sign.
    pub activates_at: UnixTime,
    /// When its successor begins to sign; absent while there is no successor.
    pub retires_at: Option<UnixTime>,
    /// When it is no longer published.
    pub ends_at: Option<UnixTime>,
}

/// How a key replaces the previous one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// The new key is published first; the previous one is published until its last token has expired.
    Announced,
    /// The previous key is compromised: the new one signs at once, and the previous one is withdrawn.
    AtOnce,
}

impl SigningKeyRecord {
    /// Whether the key is published. A withdrawn key is not, independent of the clock.
    pub fn is_published(&self, now: UnixTime) -> bool {
        !self.is_withdrawn() && self.ends_at.is_none_or(|end| now < end)
    }

    /// Whether the key was withdrawn because it was compromised: only then it ends at the moment of its retirement.
    pub fn is_withdrawn(&self) -> bool {
        self.ends_at.is_some() && self.ends_at == self.retires_at
    }

    /// Whether it is time to publish its successor.
    pub fn is_due(&self, now: UnixTime, lifetimes: &Lifetimes) -> bool {
        now >= self.activates_at.plus(lifetimes.signing_key - ahead(lifetimes))
    }
}

/// Returns two times: when the next key begins to sign and the previous one retires, and when the previous one ends.
pub fn takeover(now: UnixTime, lifetimes: &Lifetimes, succession: Succession) -> (UnixTime, UnixTime) {
    match succession {
        Succession::AtOnce => (now, now),
        Succession::Announced => {
            let activates_at = now.plus(ahead(lifetimes));
            (activates_at, activates_at.plus(lifetimes.id_token.max(LONGEST_JWT) + MARGIN))
        }
    }
}

fn ahead(lifetimes: &Lifetimes) -> i64 {
    PUBLISHED_AHEAD.min(lifetimes.signing_key / 2)
}

/// Returns the key that signs at `now`: the newest of those that are active. After the clock was set back there may be
/// none: then the oldest key, which was published first (Gatepost's own rule).
pub fn signing<'a>(
    keys: impl Iterator<Item = &'a SigningKeyRecord>,
    now: UnixTime,
    algorithm: SigningAlgorithm,
) -> Option<&'a SigningKeyRecord> {
    let can_sign = |key: &&SigningKeyRecord| {
        key.algorithm == algorithm && key.is_published(now) && key.private_key_encrypted.is_some()
    };
    let keys: Vec<&SigningKeyRecord> = keys.filter(can_sign).collect();
    let active = keys.iter().filter(|key| key.activates_at <= now).max_by_key(|key| key.number);
    active.or_else(|| keys.iter().min_by_key(|key| key.number)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn key(number: i32, activates_at: UnixTime, ends_at: Option<UnixTime>) -> SigningKeyRecord {
        SigningKeyRecord {
            id: Id::from_number(i64::from(number)),
            kid: number.to_string(),
            algorithm: SigningAlgorithm::Es256,
            number,
            public_jwk: String::new(),
            private_key_encrypted: Some(String::new()),
            created_at: activates_at,
            activates_at,
            retires_at: None,
            ends_at,
        }
    }

    #[test]
    fn the_newest_key_whose_time_has_come_signs() {
        let (next, ends_at) = takeover(NOW, &Lifetimes::default(), Succession::Announced);
        let keys = [key(1, NOW, Some(ends_at)), key(2, next, None)];
        let number = |now: UnixTime| signing(keys.iter(), now, SigningAlgorithm::Es256).map(|key| key.number);
        assert_eq!(number(NOW), Some(1));
        assert_eq!((number(next.plus(-1)), number(next)), (Some(1), Some(2)));
        assert!(signing(keys.iter(), next, SigningAlgorithm::Rs256).is_none());
        let id_token = Lifetimes::default().id_token;
        assert!(keys[0].is_published(next.plus(id_token)) && !keys[0].is_published(next.plus(id_token + MARGIN)));
    }

    #[test]
    fn a_clock_that_was_set_back_finds_the_oldest_key_that_can_sign() {
        let (next, ends_at) = takeover(NOW, &Lifetimes::default(), Succession::Announced);
        let number = |keys: &[SigningKeyRecord]| {
            signing(keys.iter(), NOW.plus(-400 * 86_400), SigningAlgorithm::Es256).map(|key| key.number)
        };
        let mut keys = [key(1, NOW, Some(ends_at)), key(2, next, None), key(3, next.plus(1), None)];
        assert_eq!(number(&keys), Some(1));
        keys[0].private_key_encrypted = None;
        assert_eq!(number(&keys), Some(2), "what has ended was erased");
        let withdrawn = SigningKeyRecord { retires_at: Some(NOW), ..key(2, next, Some(NOW)) };
        assert!(withdrawn.is_withdrawn() && !withdrawn.is_published(NOW.plus(-1)));
        keys[1] = withdrawn;
        assert_eq!(number(&keys), Some(3), "what was withdrawn signs on no clock");
        assert_eq!(number(&keys[..2]), None);
    }

    #[test]
    fn a_successor_is_published_a_day_ahead_or_half_a_short_life() {
        let lifetimes = Lifetimes::default();
        let first = key(1, NOW, None);
        let day_before = NOW.plus(lifetimes.signing_key - 86_400);
        assert!(!first.is_due(day_before.plus(-1), &lifetimes) && first.is_due(day_before, &lifetimes));
        let short = Lifetimes { signing_key: 7_200, ..lifetimes };
        assert!(!first.is_due(NOW.plus(3_599), &short) && first.is_due(NOW.plus(3_600), &short));
    }
}
