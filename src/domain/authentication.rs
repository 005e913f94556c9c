//! How the person behind a grant had proven who they are, for ID tokens (OpenID Connect Core §2). It has
//! the key of its grant.

use diesel::prelude::*;

use super::grant::Grant;
use super::id::Id;
use super::space_separated::SpaceSeparated;
use crate::clock::UnixTime;

/// The methods of a sign-in by password alone (RFC 8176 §2).
pub const BY_PASSWORD: [&str; 1] = ["pwd"];

/// The classes that [`Authentication::class`] tells, weakest first.
pub const CLASSES: [&str; 2] = ["1", "2"];

/// The authentication behind one grant.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::authentications, treat_none_as_default_value = false)]
pub struct Authentication {
    /// The grant.
    pub id: Id<Grant>,
    /// What the client sent along, to know its own request again.
    pub nonce: Option<String>,
    /// When the person proved who they are.
    pub auth_time: UnixTime,
    /// How (`amr`).
    pub methods: SpaceSeparated,
}

impl Authentication {
    /// `acr`: 1 for one factor, 2 for several (ours; ISO/IEC 29115 counts alike).
    pub fn class(&self) -> &'static str {
        if self.methods.contains("mfa") { CLASSES[1] } else { CLASSES[0] }
    }
}
