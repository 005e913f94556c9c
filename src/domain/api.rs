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
