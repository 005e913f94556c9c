//! Self-registered applications: they registered themselves (RFC 7591), or their `client_id` is the URL of a client ID
//! metadata document.

use diesel::prelude::*;

use super::client::Client;
use super::column;
use super::id::Id;
use super::scope::Scope;
use super::token::{InitialAccessToken, RegistrationToken, TokenDigest};
use crate::clock::UnixTime;

/// Seconds after which a self-registered application that nobody ever allowed is deleted: a day (Gatepost's own
/// choice).
pub const UNUSED: i64 = 86_400;

column::named! {
    /// Which callers may register an application (the setting `dynamic_registration`).
    DynamicRegistration {
        /// No caller.
        Off = "off",
        /// Every caller, without authentication.
        Open = "open",
        /// Callers with an initial access token (RFC 7591 §1.2).
        Token = "token",
    }
}

column::named! {
    /// Which client ID metadata documents are read (the setting `cimd`).
    ClientDocuments {
        /// No documents.
        Off = "off",
        /// All documents; the person is asked for consent.
        Ask = "ask",
        /// Documents of the hosts in the setting `cimd_hosts`.
        Allowlist = "allowlist",
    }
}

column::named! {
    /// How a client authenticates at the token endpoint (RFC 7591 §2).
    AuthMethod {
        /// It does not authenticate.
        None = "none",
        /// By its secret in the `Authorization` header.
        ClientSecretBasic = "client_secret_basic",
        /// By its secret in the request body.
        ClientSecretPost = "client_secret_post",
        /// By a client assertion that its key signs.
        PrivateKeyJwt = "private_key_jwt",
    }
}

column::named! {
    /// Where an application runs (OpenID Connect Registration §2).
    ApplicationType {
        /// On a server or in a browser.
        Web = "web",
        /// On a person's device.
        Native = "native",
    }
}

/// The operator's rules for self-registration.
#[derive(Clone, Debug)]
pub struct SelfRegistrationPolicy {
    pub registration: DynamicRegistration,
    pub documents: ClientDocuments,
    /// The hosts whose documents are read with [`ClientDocuments::Allowlist`].
    pub hosts: Vec<String>,
    /// All scopes that they may request, which are also the default of a request without a scope.
    pub scope: Scope,
}

/// The self-registration of a client, in addition to the client itself.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::self_registrations)]
pub struct SelfRegistration {
    /// The row ID, which is part of the registration access token.
    pub id: Id<SelfRegistration>,
    pub client_key: Id<Client>,
    /// The digest that its registration access token is compared with (RFC 7592 §3); absent for a client with a
    /// document.
    pub digest: Option<TokenDigest<RegistrationToken>>,
    /// The authentication method that it registered.
    pub auth_method: AuthMethod,
    pub application_type: ApplicationType,
    /// Until when its document need not be read again.
    pub document_valid_until: Option<UnixTime>,
    pub created_at: UnixTime,
    /// When a use was first recorded.
    pub used_at: Option<UnixTime>,
}

/// An initial access token, which allows a registration, as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::registration_tokens)]
pub struct InitialAccessTokenRecord {
    /// The row ID, which is part of the token.
    pub id: Id<InitialAccessTokenRecord>,
    /// The digest that a presented token is compared with.
    pub digest: TokenDigest<InitialAccessToken>,
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
}
