//! Protected APIs (resource servers): the APIs that tokens are for, and that may introspect them.

use diesel::prelude::*;

use super::client::Client;
use super::column;
use super::id::Id;
use crate::clock::UnixTime;

column::named! {
    /// The format of an API's access tokens.
    TokenFormat {
        /// A random string that only this server can validate.
        Opaque = "opaque",
        /// A JWT that the API validates by itself (RFC 9068), valid for ten minutes at most.
        Jwt = "jwt",
    }
}

/// A protected API as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::apis)]
pub struct Api {
    pub id: Id<Api>,
    /// The resource URI of the API (RFC 8707 §2).
    pub identifier: String,
    /// The name that people see.
    pub name: String,
    pub token_format: TokenFormat,
    /// Whether the operator runs it; then it may introspect the user tokens of all people.
    pub is_first_party: bool,
    /// The client whose credentials the API uses for introspection.
    pub client_key: Id<Client>,
    pub created_at: UnixTime,
}

/// A scope of an API, and the sentence that people read at consent.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::api_scopes)]
pub struct ApiScope {
    pub id: Id<ApiScope>,
    pub api_id: Id<Api>,
    pub name: String,
    /// The sentence that people read at consent.
    pub sentence: String,
}

/// The scope for the platform itself.
pub const PLATFORM_SCOPE: &str = "projects";

/// The scopes that exist without any API, with the sentence that people read at consent.
pub const BUILT_IN_SCOPES: [(&str, &str); 1] =
    [("projects", "See and change your projects and the files in them, except the settings of your account")];

/// The scopes of OpenID Connect (Core §5.4, §11), with the sentence that people read at consent. They give no access to
/// the platform, only to claims of userinfo.
pub const OPENID_SCOPES: [(&str, &str); 4] = [
    ("openid", "Know which account here is yours, and when you logged in"),
    ("profile", "See your user name and your home page"),
    ("email", "See your e-mail address, and whether it was checked"),
    ("offline_access", "Go on when you are not there, until you remove the app"),
];

/// Whether a scope is built in, and so belongs to no API.
pub fn is_built_in(scope: &str) -> bool {
    BUILT_IN_SCOPES.iter().chain(&OPENID_SCOPES).any(|(name, _)| *name == scope)
}
