//! Remote sessions: a program without a browser waits until its person approves it in their browser
//! (`docs/decisions/0039-remote-sessions.md`). The ID is a secret: 122 random bits, stored as a digest.

use aws_lc_rs::rand;
use diesel::prelude::*;

use super::id::Id;
use super::secret::{Secret, sha256_base64url};
use super::user::User;
use crate::clock::UnixTime;

/// A remote session as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::remote_sessions)]
pub struct RemoteSession {
    pub id: Id<RemoteSession>,
    /// The digest that a presented ID is compared with.
    pub digest: String,
    /// The network address that started it.
    pub address: String,
    /// The network of that address, which one household or company shares.
    pub network: String,
    /// The `User-Agent` header of the program.
    pub user_agent: String,
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
    pub approved_by: Option<Id<User>>,
    pub approved_at: Option<UnixTime>,
    /// When its token was issued.
    pub exercised_at: Option<UnixTime>,
}

/// Returns a random UUID (RFC 9562 §5.4), for programs that expect a UUID as a secret.
///
/// # Panics
/// When the operating system returns no random bytes: there is no safe way to continue.
pub fn random_uuid() -> Secret {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Secret::new(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// Returns the digest of such a secret, which is stored.
pub fn digest_of_uuid(presented: &str) -> String {
    sha256_base64url(presented.trim().to_ascii_lowercase().as_bytes())
}

/// Returns the short code that the person compares; it is computed from the ID and reveals nothing about it.
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
