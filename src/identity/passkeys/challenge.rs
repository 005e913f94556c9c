//! Challenges of passkey ceremonies (WebAuthn): created without a row, because everyone who sees the sign-in
//! page gets one, and recorded when they are used (ours).
//!
//! A challenge consists of a time, 128 random bits, and a MAC over both and its purpose. It is valid for five
//! minutes (for the second step, as long as that waits), for that purpose only, once.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::clock::UnixTime;
use crate::domain::base_key::{BaseKey, BaseKeys};
use crate::domain::id::Id;
use crate::domain::remote_session::RemoteSession;
use crate::domain::second_factor::{STEP_LIFE, SignInStepRecord};
use crate::domain::session::Session;
use crate::domain::used_proof::UsedProof;

/// Seconds for which a challenge is valid (WebAuthn §15.1 recommends five minutes and more).
const LIFE: i64 = 300;
/// Seconds that the clocks of two nodes may differ.
const SKEW: i64 = 60;
/// The label of the derived MAC keys, and the kind under which a use is recorded.
const LABEL: &str = "passkey-challenge";
/// Bytes of the key number, the time and the random part.
const HEAD: usize = 4 + 8 + 16;

/// What a ceremony is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signing in; the user is not known yet.
    SignIn,
    /// Adding a passkey in this session.
    Add(Id<Session>),
    /// Finishing the second step of this sign-in.
    Step(Id<SignInStepRecord>),
    /// Authenticating again in this session.
    Confirm(Id<Session>),
    /// Approving this remote session.
    Approve(Id<RemoteSession>),
}

impl Purpose {
    fn context(self) -> [u8; 9] {
        let (kind, subject) = match self {
            Self::SignIn => (0, 0),
            Self::Add(session) => (1, session.number()),
            Self::Step(step) => (2, step.number()),
            Self::Confirm(session) => (3, session.number()),
            Self::Approve(program) => (4, program.number()),
        };
        let mut context = [kind; 9];
        context[1..].copy_from_slice(&subject.to_be_bytes());
        context
    }

    /// Returns the seconds for which its challenges are valid.
    pub fn life(self) -> i64 {
        if let Self::Step(_) = self { STEP_LIFE } else { LIFE }
    }
}

fn mac(key: &BaseKey, purpose: Purpose, head: &[u8]) -> [u8; 32] {
    key.derive::<32>(LABEL, &[&purpose.context(), head])
}

/// Creates a challenge for one purpose.
///
/// # Panics
/// When the operating system gives no randomness: there is no safe way to go on.
pub fn new(keys: &BaseKeys, now: UnixTime, purpose: Purpose) -> String {
    let mut random = [0; 16];
    rand::fill(&mut random).expect("because the operating system's randomness is always available");
    let key = keys.newest();
    let head = [key.number().to_be_bytes().as_slice(), &now.seconds().to_be_bytes(), &random].concat();
    URL_SAFE_NO_PAD.encode([head.as_slice(), &mac(key, purpose, &head)].concat())
}

/// Verifies a challenge: it was created here, for this purpose, and has not expired. Returns the record of its
/// use; `None` when it is invalid.
pub fn open(keys: &BaseKeys, now: UnixTime, purpose: Purpose, challenge: &str) -> Option<UsedProof> {
    let bytes = URL_SAFE_NO_PAD.decode(challenge).ok()?;
    let (head, presented) = bytes.split_at_checked(HEAD)?;
    let key = keys.find(i32::from_be_bytes(*head.first_chunk::<4>()?))?;
    let is_ours = bool::from(mac(key, purpose, head).as_slice().ct_eq(presented));
    let began = UnixTime::from_seconds(i64::from_be_bytes(*head.get(4..)?.first_chunk::<8>()?));
    let is_valid = (-SKEW..=purpose.life()).contains(&now.since(began));
    let until = began.plus(purpose.life() + SKEW);
    (is_ours && is_valid).then(|| UsedProof::new(now, LABEL, ("", challenge), until))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_works_for_its_purpose_and_for_five_minutes() {
        let (keys, now) = (BaseKeys::generate(), UnixTime::from_seconds(1_800_000_000));
        let session = |number| Purpose::Add(Id::from_number(number));
        let challenge = new(&keys, now, session(7));
        let opens = |at: UnixTime, purpose| open(&keys, at, purpose, &challenge).is_some();
        assert!(opens(now, session(7)) && opens(now.plus(LIFE), session(7)) && opens(now.plus(-SKEW), session(7)));
        assert!(!opens(now.plus(LIFE + 1), session(7)) && !opens(now.plus(-SKEW - 1), session(7)));
        assert!(!opens(now, session(8)) && !opens(now, Purpose::SignIn));
        assert!(!opens(now, Purpose::Step(Id::from_number(7))) && !opens(now, Purpose::Confirm(Id::from_number(7))));
        assert!(open(&BaseKeys::generate(), now, session(7), &challenge).is_none(), "another installation");
        assert_ne!(new(&keys, now, session(7)), challenge);
    }

    #[test]
    fn a_challenge_that_was_changed_is_none() {
        let (keys, now) = (BaseKeys::generate(), UnixTime::from_seconds(1_800_000_000));
        let challenge = new(&keys, now, Purpose::SignIn);
        for position in 0..challenge.len() {
            let mut changed = challenge.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("because both are ASCII");
            assert!(open(&keys, now, Purpose::SignIn, &changed).is_none(), "{position}");
        }
        for text in ["", "AAAA", &format!("{challenge}A"), &challenge[..40], &format!("{challenge}=")] {
            assert!(open(&keys, now, Purpose::SignIn, text).is_none(), "{text}");
        }
    }
}
