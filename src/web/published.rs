//! The documents in which the server describes itself, rendered and cached.

use super::rendered::DocumentCache;
use crate::clock::UnixTime;
use crate::store::Edition;

/// The documents. Each is cached with the values that it was made from, besides the settings.
#[derive(Debug, Default)]
pub struct Published {
    /// The metadata of the authorization server, which depend on the existing scopes.
    pub metadata: DocumentCache<Edition>,
    /// The public keys that verify the signatures of this server.
    pub keys: DocumentCache<KeyPeriod>,
    /// The metadata of the server's own protected resource.
    pub protected_resource: DocumentCache<()>,
    /// The security contact, with the day that it was made on, in days since 1970.
    pub security_contact: DocumentCache<i64>,
}

/// The period in which the published keys stay the same, unless somebody changes them.
#[derive(Debug)]
pub struct KeyPeriod {
    /// The edition of the keys.
    pub edition: Edition,
    /// When the keys were read.
    pub from: UnixTime,
    /// When the first of the keys ends.
    pub until: Option<UnixTime>,
}

impl KeyPeriod {
    /// Returns whether these keys are the published ones at this time.
    pub fn holds(&self, edition: Option<Edition>, now: UnixTime) -> bool {
        Some(self.edition) == edition && self.from <= now && self.until.is_none_or(|until| now < until)
    }
}
