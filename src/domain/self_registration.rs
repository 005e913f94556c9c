//! Applications that nobody here wrote down: they registered themselves (RFC 7591), or their
//! `client_id` is the address of their own description (client ID metadata documents).

use diesel::prelude::*;

use super::client::Client;
use super::column;
use super::id::Id;
use super::scope::Scope;
use super::token::{InitialAccessToken, RegistrationToken, TokenDigest};
use crate::clock::UnixTime;

/// Seconds after which one that nobody ever allowed anything is forgotten: a day; ours.
pub const UNUSED: i64 = 86_400;

column::named! {
    /// Who may register (the setting `dynamic_registration`).
    DynamicRegistration {
        /// Nobody.
        Off = "off",
        /// Anybody.
        Open = "open",
        /// Whoever holds an initial access token (RFC 7591 §1.2).
        Token = "token",
    }
}

column::named! {
    /// Whose documents are read (the setting `cimd`).
    ClientDocuments {
        /// Nobody's.
        Off = "off",
        /// Everybody's; the person is asked.
        Ask = "ask",
        /// Those of the hosts in the setting `cimd_hosts`.
        Allowlist = "allowlist",
    }
}

column::named! {
    /// How a client authenticates at the token endpoint (RFC 7591 §2).
    AuthMethod {
        /// Not at all.
        None = "none",
        /// By its secret in the header.
        ClientSecretBasic = "client_secret_basic",
        /// By its secret in the body.
        ClientSecretPost = "client_secret_post",
        /// By its keys.
        PrivateKeyJwt = "private_key_jwt",
    }
}

column::named! {
    /// Where an application runs (OpenID Connect Registration §2).
    ApplicationType {
        /// On a server, or in a browser.
        Web = "web",
        /// On a person's device.
        Native = "native",
    }
}

/// What the operator lets strangers do.
#[derive(Clone, Debug)]
pub struct SelfRegistrationPolicy {
    /// Who may register.
    pub registration: DynamicRegistration,
    /// Whose documents are read.
    pub documents: ClientDocuments,
    /// The hosts whose documents are read with [`ClientDocuments::Allowlist`].
    pub hosts: Vec<String>,
    /// The most that they may ask for, and what they get when they ask for nothing.
    pub scope: Scope,
}

/// What is kept beside the client itself.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::self_registrations)]
pub struct SelfRegistration {
    /// The row, which the registration access token carries.
    pub id: Id<SelfRegistration>,
    /// The client.
    pub client_key: Id<Client>,
    /// What its registration access token is judged by (RFC 7592 §3); a document has none.
    pub digest: Option<TokenDigest<RegistrationToken>>,
    /// How it said that it authenticates.
    pub auth_method: AuthMethod,
    /// Where it runs.
    pub application_type: ApplicationType,
    /// Until when a document need not be read again.
    pub fresh_until: Option<UnixTime>,
    /// When it came.
    pub created_at: UnixTime,
    /// When it was first found to be in use.
    pub used_at: Option<UnixTime>,
}

/// A token that lets somebody register, as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::registration_tokens)]
pub struct InitialAccessTokenRecord {
    /// The row, which the token carries.
    pub id: Id<InitialAccessTokenRecord>,
    /// What the presented token is judged by.
    pub digest: TokenDigest<InitialAccessToken>,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
}
