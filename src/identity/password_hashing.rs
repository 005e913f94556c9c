//! Password hashing: bcrypt over an HMAC, so that every byte of a long password counts, on a small thread pool
//! of its own.
//!
//! New hashes have passlib's format `$bcrypt-sha256$v=2,t=2b,r=12$salt$digest`: bcrypt of the base64 of
//! HMAC-SHA-256 of the password, keyed by the encoded salt. Plain `$2a$`, `$2b$`, `$2y$` hashes are verified
//! too.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::domain::password::{MAX_BYTES, composed};
use crate::domain::secret::Secret;

const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);
/// The highest cost that an imported hash may have.
const MAX_IMPORTED_COST: u32 = 14;
/// Jobs that may wait for each thread: about five seconds of work.
const WAITING_PER_THREAD: usize = 20;

/// The niceness that a hashing thread adds: beside a busy thread it gets a tenth of a core (sched(7)).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// The queue is full: more passwords wait to be hashed than will be in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords wait to be checked")]
pub struct Busy;

/// A parsed stored hash.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StoredHash {
    /// Whether bcrypt hashes the HMAC of the password, and not the password.
    is_keyed: bool,
    cost: u32,
    salt: String,
    digest: String,
}

/// The result of a password check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is wrong, or the account has none.
    Wrong,
    /// The password is right.
    Right,
    /// The password is right, and its hash is weaker than a new one would be.
    RightButWeak,
}

type Job = Box<dyn FnOnce() + Send>;

/// The thread pool that hashes and verifies passwords.
#[derive(Clone)]
pub struct Hasher {
    cost: u32,
    queue: SyncSender<Job>,
}

impl Hasher {
    /// Starts a pool of `threads` threads that creates hashes of bcrypt cost `cost`.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(cost: u32, threads: usize) -> std::io::Result<Self> {
        let threads = threads.max(1);
        let (queue, jobs) = sync_channel::<Job>(threads * WAITING_PER_THREAD);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new().name("gatepost-hasher".to_owned()).spawn(move || {
                give_way();
                loop {
                    let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match next {
                        Ok(job) => job(),
                        Err(_closed) => return,
                    }
                }
            })?;
        }
        Ok(Self { cost, queue })
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        // Sending fails when the request was canceled; its answer is not needed.
        let job = Box::new(move || drop(answer.send(work())));
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Busy,
        })?;
        answered.await.map_err(|_lost| Busy)
    }

    /// Returns the hash to store for a new password, in its composed Unicode form.
    ///
    /// # Errors
    /// [`Busy`] at once when the queue is full.
    pub async fn hash(&self, password: Secret) -> Result<String, Busy> {
        let cost = self.cost;
        self.run(move || hash(&password, cost)).await
    }

    /// Verifies a password. An unknown user (no hash) and a hash of lower cost take as long as a current hash.
    /// A password that is typed in another form than the composed one takes twice as long, for known and
    /// unknown users: older hashes were made of passwords as they were typed.
    ///
    /// # Errors
    /// [`Busy`] at once when the queue is full.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<Verdict, Busy> {
        let cost = self.cost;
        self.run(move || verify(&password, stored.as_deref(), cost)).await
    }
}

/// Gives the calling thread a lower priority, so that hashing takes the time that other requests leave, and
/// still gets a share.
#[cfg(target_os = "linux")]
fn give_way() {
    // On Linux niceness is per thread (setpriority(2)); elsewhere it would change the whole process.
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "passwords are hashed with the same priority as everything else");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

fn hash(password: &Secret, cost: u32) -> String {
    hash_as_typed(&composed(password), cost)
}

fn hash_as_typed(password: &Secret, cost: u32) -> String {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
    let salt = BCRYPT_BASE64.encode(bytes);
    let digest = digest(&keyed(password, &salt), &salt, cost).unwrap_or_default();
    format!("$bcrypt-sha256$v=2,t=2b,r={cost}${salt}${digest}")
}

/// Returns the base64 of the HMAC: 44 characters, of which bcrypt reads every one.
fn keyed(password: &Secret, salt: &str) -> Zeroizing<Vec<u8>> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes());
    Zeroizing::new(STANDARD.encode(hmac::sign(&key, password.expose().as_bytes())).into_bytes())
}

/// Returns the last 31 characters of a bcrypt hash.
fn digest(password: &[u8], salt: &str, cost: u32) -> Option<String> {
    let salt: [u8; 16] = BCRYPT_BASE64.decode(salt).ok()?.try_into().ok()?;
    let text = bcrypt::hash_with_salt(password, cost, salt).ok()?.format_for_version(bcrypt::Version::TwoB);
    Some(text[text.len() - 31..].to_owned())
}

fn verify(password: &Secret, stored: Option<&str>, cost: u32) -> Verdict {
    // A longer text was never accepted as a password, so it is wrong; it takes the same time.
    let stored = stored.filter(|_| password.expose().len() <= MAX_BYTES);
    let form = composed(password);
    let verdict = verify_as_typed(&form, stored, cost);
    if form.expose() == password.expose() {
        return verdict;
    }
    // Both forms are always verified, so that the time does not show which one matched.
    match (verdict, verify_as_typed(password, stored, cost)) {
        (Verdict::Wrong, Verdict::Wrong) => Verdict::Wrong,
        (Verdict::Wrong, Verdict::Right | Verdict::RightButWeak) => Verdict::RightButWeak,
        (right, _) => right,
    }
}

fn verify_as_typed(password: &Secret, stored: Option<&str>, cost: u32) -> Verdict {
    let Some(stored) = stored.and_then(StoredHash::parse) else {
        drop(hash_as_typed(password, cost));
        return Verdict::Wrong;
    };
    let key = if stored.is_keyed { keyed(password, &stored.salt) } else { Zeroizing::new(plain(password)) };
    let made = digest(&key, &stored.salt, stored.cost).unwrap_or_default();
    // 2^c + 2^c + 2^(c+1) + … + 2^(cost-1) = 2^cost: together as long as a new hash.
    for extra in stored.cost..cost {
        drop(digest(&key, &stored.salt, extra));
    }
    let is_right: bool = subtle::ConstantTimeEq::ct_eq(made.as_bytes(), stored.digest.as_bytes()).into();
    match is_right {
        false => Verdict::Wrong,
        true if stored.is_keyed && stored.cost >= cost => Verdict::Right,
        true => Verdict::RightButWeak,
    }
}

/// Returns the 72 bytes that plain bcrypt reads.
fn plain(password: &Secret) -> Vec<u8> {
    password.expose().bytes().take(72).collect()
}

impl StoredHash {
    fn parse(text: &str) -> Option<Self> {
        let (is_keyed, cost, salt, digest) = if let Some(rest) = text.strip_prefix("$bcrypt-sha256$v=2,t=2b,r=") {
            let (cost, rest) = rest.split_once('$')?;
            let (salt, digest) = rest.split_once('$')?;
            (true, cost, salt, digest)
        } else {
            let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
            let (cost, rest) = rest.split_once('$')?;
            let (salt, digest) = rest.split_at_checked(22)?;
            (false, cost, salt, digest)
        };
        let cost = cost.parse().ok().filter(|cost| (4..=MAX_IMPORTED_COST).contains(cost))?;
        (salt.len() == 22 && digest.len() == 31).then(|| Self {
            is_keyed,
            cost,
            salt: salt.to_owned(),
            digest: digest.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str, stored: &str) -> Verdict {
        verify(&Secret::new(password), Some(stored), 4)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn hashing_gives_way_and_the_thread_that_asks_does_not() {
        let niceness = || rustix::process::getpriority_process(None).expect("because the thread is ours");
        let before = niceness();
        let hasher = Hasher::start(4, 1).expect("because a thread can be started");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("because it needs nothing");
        let of_the_hasher = runtime.block_on(hasher.run(niceness)).expect("because nothing else is hashed");
        assert_eq!((of_the_hasher, niceness()), ((before + NICENESS).min(19), before));
    }

    #[test]
    fn the_published_example_of_passlib_verifies() {
        let example = "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2";
        assert_eq!(judge("password", example), Verdict::Right);
        assert_eq!(judge("Password", example), Verdict::Wrong);
    }

    #[test]
    fn every_byte_of_a_long_password_counts() {
        let stored = hash(&Secret::new("x".repeat(100)), 4);
        assert_eq!(judge(&"x".repeat(100), &stored), Verdict::Right);
        assert_eq!(judge(&format!("{}y{}", "x".repeat(72), "x".repeat(27)), &stored), Verdict::Wrong);
        assert_eq!(judge(&"x".repeat(99), &stored), Verdict::Wrong);
    }

    #[test]
    fn a_password_is_the_same_however_it_is_composed_and_old_hashes_go_on_working() {
        let (nfc, nfd) = ("Gr\u{fc}\u{df}e \u{e9}1", "Gru\u{308}\u{df}e e\u{301}1");
        for set in [nfc, nfd] {
            let stored = hash(&Secret::new(set), 4);
            assert_eq!((judge(nfc, &stored), judge(nfd, &stored)), (Verdict::Right, Verdict::Right));
            assert_eq!(judge("Grusse e1", &stored), Verdict::Wrong);
        }
        let of_before = hash_as_typed(&Secret::new(nfd), 4);
        assert_eq!(judge(nfd, &of_before), Verdict::RightButWeak, "and it is hashed anew");
        assert_eq!(judge(nfc, &of_before), Verdict::Wrong);
        let imported = bcrypt::hash(nfd, 4).expect("because the cost is allowed");
        assert_eq!(judge(nfd, &imported), Verdict::RightButWeak);
        let long = "x".repeat(MAX_BYTES + 1);
        assert_eq!(judge(&long, &hash_as_typed(&Secret::new(long.as_str()), 4)), Verdict::Wrong);
    }

    #[test]
    fn imported_hashes_verify_and_are_weak_and_costly_or_broken_ones_are_wrong() {
        let imported = bcrypt::hash("correct horse", 4).expect("because the cost is allowed");
        assert_eq!(judge("correct horse", &imported), Verdict::RightButWeak);
        assert_eq!(judge("wrong horse", &imported), Verdict::Wrong);
        for broken in ["", "$2b$31$abc", "$2b$15$n79VH.0Q2TMWmt3Oqt9ukuKq4Noyk3094Y2QlB8NdRT8SvGiI4ft2", "plain"] {
            assert_eq!(judge("correct horse", broken), Verdict::Wrong, "{broken}");
        }
    }
}
