//! What scopes tell of a person (OpenID Connect Core §5.4); what is not known is left out.

use serde::Serialize;

use crate::domain::scope::Scope;
use crate::domain::user::User;

/// Every claim that an ID token or userinfo may hold, for the metadata.
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
    /// What `scope` opens of `user`.
    pub fn of(user: &User, scope: &Scope) -> Self {
        let mut claims = Self::default();
        if scope.holds("profile") {
            // People have one name here, and it is the one that others see.
            claims.name = Some(user.username.clone());
            claims.preferred_username = Some(user.username.clone());
            claims.website = user.homepage.clone().filter(|homepage| !homepage.is_empty());
        }
        if let Some(email) = user.email.clone().filter(|_| scope.holds("email")) {
            claims.email = Some(email);
            // True only after our own proof (§5.1).
            claims.email_verified = Some(user.email_verified_at.is_some());
        }
        claims
    }
}

/// What userinfo answers (§5.3.2).
#[derive(Clone, Debug, Serialize)]
pub struct UserInfo {
    sub: String,
    #[serde(flatten)]
    person: PersonClaims,
}

impl UserInfo {
    /// The answer to a token of `user` that holds `scope`.
    pub fn of(user: &User, scope: &Scope) -> Self {
        Self { sub: user.id.uuid(), person: PersonClaims::of(user, scope) }
    }
}

/// The same as a JWT says it: to the client that asked for that (§5.3.2); `iss` is the signer's to say.
#[derive(Clone, Debug, Serialize)]
pub struct SignedUserInfo {
    /// The client.
    pub aud: String,
    /// What userinfo answers.
    #[serde(flatten)]
    pub info: UserInfo,
}
