//! How and when the person of a grant authenticated, for ID tokens (OpenID Connect Core §2). The row has the ID of its
//! grant.

use diesel::prelude::*;

use super::grant::Grant;
use super::id::Id;
use super::space_separated::SpaceSeparated;
use crate::clock::UnixTime;

/// The `amr` of a sign-in by password alone (RFC 8176 §2).
pub const BY_PASSWORD: [&str; 1] = ["pwd"];

/// The values that [`Authentication::class`] returns, weakest first.
pub const CLASSES: [&str; 2] = ["1", "2"];

/// The authentication of one grant.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::authentications, treat_none_as_default_value = false)]
pub struct Authentication {
    /// The ID of the grant.
    pub id: Id<Grant>,
    /// The `nonce` of the authorization request, which the client compares.
    pub nonce: Option<String>,
    /// When the person authenticated.
    pub auth_time: UnixTime,
    /// The authentication methods (`amr`).
    pub methods: SpaceSeparated,
}

impl Authentication {
    /// Returns the `acr`: 1 for one factor, 2 for several (Gatepost's own choice; ISO/IEC 29115 counts in the same
    /// way).
    pub fn class(&self) -> &'static str {
        if self.methods.contains("mfa") { CLASSES[1] } else { CLASSES[0] }
    }
}
