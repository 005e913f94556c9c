//! Remote sessions: a program without a browser waits until its person approves it in theirs
//! (`docs/decisions/0039-remote-sessions.md`). The id is a secret: 122 random bits, kept as a digest.

use aws_lc_rs::rand;
use diesel::prelude::*;

use super::id::Id;
use super::secret::{Secret, sha256_base64url};
use super::user::User;
use crate::clock::UnixTime;

/// One remote session.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::remote_sessions)]
pub struct RemoteSession {
    /// The row.
    pub id: Id<RemoteSession>,
    /// What the presented id is judged by.
    pub digest: String,
    /// The network address that started it.
    pub address: String,
    /// The part of it that one household or company shares.
    pub network: String,
    /// The program, as it named itself.
    pub user_agent: String,
    /// When it was started.
    pub created_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// Who approved it.
    pub approved_by: Option<Id<User>>,
    /// When.
    pub approved_at: Option<UnixTime>,
    /// When its token was given.
    pub exercised_at: Option<UnixTime>,
}

/// A random UUID (RFC 9562 §5.4), for programs that want a UUID as a secret.
///
/// # Panics
/// When the operating system gives no randomness: there is no safe way to go on.
pub fn random_uuid() -> Secret {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Secret::new(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// What is kept of such a secret.
pub fn digest_of_uuid(presented: &str) -> String {
    sha256_base64url(presented.trim().to_ascii_lowercase().as_bytes())
}

/// The short code that the program's person compares; a function of the id that tells nothing of it.
pub fn code_of(presented: &str) -> String {
    let digest = digest_of_uuid(&format!("code {presented}"));
    let letters: String = digest
        .chars()
        .filter(|c| c.is_ascii_uppercase() && !"IO".contains(*c))
        .chain("XXXXXX".chars())
        .take(6)
        .collect();
    format!("{}-{}", &letters[..3], &letters[3..])
}
