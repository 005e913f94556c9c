//! Protected APIs (resource servers): what tokens are for, and who may ask about them.

use diesel::prelude::*;

use super::client::Client;
use super::column;
use super::id::Id;
use crate::clock::UnixTime;

column::named! {
    /// What an API's access tokens look like.
    TokenFormat {
        /// A random string that only we can judge.
        Opaque = "opaque",
        /// A JWT that the API judges by itself (RFC 9068), for ten minutes at most.
        Jwt = "jwt",
    }
}

/// One API.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::apis)]
pub struct Api {
    /// The row.
    pub id: Id<Api>,
    /// Its address, which names it (RFC 8707 §2).
    pub identifier: String,
    /// The name that people read.
    pub name: String,
    /// What its tokens look like.
    pub token_format: TokenFormat,
    /// Whether the operator runs it, so that it may ask about everybody's user tokens.
    pub is_first_party: bool,
    /// The credentials with which it asks.
    pub client_key: Id<Client>,
    /// When it was registered.
    pub created_at: UnixTime,
}

/// A scope of an API, and the sentence that a person reads at consent.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::api_scopes)]
pub struct ApiScope {
    /// The row.
    pub id: Id<ApiScope>,
    /// Whose scope it is.
    pub api_id: Id<Api>,
    /// The scope token.
    pub name: String,
    /// What a person reads.
    pub sentence: String,
}

/// The scope that opens the platform itself.
pub const PLATFORM_SCOPE: &str = "projects";

/// The scopes that exist without any API, with what a person reads at consent.
pub const BUILT_IN_SCOPES: [(&str, &str); 1] =
    [("projects", "See and change your projects and the files in them, except the settings of your account")];

/// The scopes of OpenID Connect (Core §5.4, §11), with what a person reads at consent. They open nothing
/// of the platform: only what userinfo tells.
pub const OPENID_SCOPES: [(&str, &str); 4] = [
    ("openid", "Know which account here is yours, and when you logged in"),
    ("profile", "See your user name and your home page"),
    ("email", "See your e-mail address, and whether it was checked"),
    ("offline_access", "Go on when you are not there, until you remove the app"),
];

/// Whether a scope is one of ours, and of no API.
pub fn is_built_in(scope: &str) -> bool {
    BUILT_IN_SCOPES.iter().chain(&OPENID_SCOPES).any(|(name, _)| *name == scope)
}
