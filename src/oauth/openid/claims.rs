//! The claims about a person that a scope opens (OpenID Connect Core §5.4); unknown values are left out.

use serde::Serialize;

use crate::domain::scope::Scope;
use crate::domain::user::User;

/// Every claim that an ID token or userinfo may contain, for the metadata.
pub const NAMES: [&str; 14] = [
    "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "name", "preferred_username", "website",
    "email", "email_verified",
];

/// The claims about a person that these scopes open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PersonClaims {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    website: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

impl PersonClaims {
    /// Returns the claims about `user` that `scope` opens.
    pub fn of(user: &User, scope: &Scope) -> Self {
        let mut claims = Self::default();
        if scope.holds("profile") {
            // A person has one name here, the username that other people see.
            claims.name = Some(user.username.clone());
            claims.preferred_username = Some(user.username.clone());
            claims.website = user.homepage.clone().filter(|homepage| !homepage.is_empty());
        }
        if let Some(email) = user.email.clone().filter(|_| scope.holds("email")) {
            claims.email = Some(email);
            // True only after this server has verified the address (§5.1).
            claims.email_verified = Some(user.email_verified_at.is_some());
        }
        claims
    }
}

/// The userinfo answer (§5.3.2).
#[derive(Clone, Debug, Serialize)]
pub struct UserInfo {
    sub: String,
    #[serde(flatten)]
    person: PersonClaims,
}

impl UserInfo {
    /// Returns the answer to a token of `user` with this scope.
    pub fn of(user: &User, scope: &Scope) -> Self {
        Self { sub: user.id.uuid(), person: PersonClaims::of(user, scope) }
    }
}

/// The userinfo answer as a JWT, for a client that registered it (§5.3.2); the signer adds `iss`.
#[derive(Clone, Debug, Serialize)]
pub struct SignedUserInfo {
    pub aud: String,
    /// The members of the plain userinfo answer.
    #[serde(flatten)]
    pub info: UserInfo,
}
