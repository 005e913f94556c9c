//! Grants: what a person allowed an application, or what a client or person obtained for itself, and until when.
//!
//! Every code and token belongs to one grant. A token is active while it has not expired and its grant is not revoked.
//! Revoking a grant is one update of this row.

use diesel::prelude::*;

use super::client::Client;
use super::column;
use super::id::Id;
use super::scope::Scope;
use super::session::Session;
use super::space_separated::SpaceSeparated;
use super::user::User;
use crate::clock::UnixTime;

column::named! {
    /// The kind of a grant: how it was made.
    GrantKind {
        /// A person allowed a client at the authorization endpoint.
        AuthorizationCode = "authorization_code",
        /// A person returned to an app with a user token by the login redirect.
        LoginRedirect = "login_redirect",
        /// The same, for an app that the operator ran at that moment: the user token is full.
        FirstPartyLogin = "first_party_login",
        /// A program on this person's device asked at the fixed loopback address.
        Application = "application",
        /// A person gave their password to a program of the platform.
        PasswordLogin = "password_login",
        /// A person approved a remote session.
        RemoteSession = "remote_session",
        /// A person created a token for themselves.
        Personal = "personal",
        /// A client acts for itself; no person is involved.
        ClientCredentials = "client_credentials",
        /// A person allowed an application on a device without a browser.
        DeviceCode = "device_code",
        /// A client exchanged a person's token for a short-lived one; the grant ends with that token.
        TokenExchange = "token_exchange",
    }
}

impl GrantKind {
    /// The grants of a login in a browser. They end with its session, unless a program on the device holds the token.
    pub const OF_SESSION: [Self; 3] = [Self::LoginRedirect, Self::FirstPartyLogin, Self::Application];
    /// The grants whose user tokens are full: they may also change the settings of the account.
    pub const WHOLE: [Self; 4] = [Self::PasswordLogin, Self::RemoteSession, Self::Application, Self::FirstPartyLogin];
    /// The grants that user tokens belong to.
    pub const OF_USER_TOKEN: [Self; 5] =
        [Self::LoginRedirect, Self::FirstPartyLogin, Self::Application, Self::PasswordLogin, Self::RemoteSession];

    /// Returns the name of the holder of a token that no registered application owns.
    pub const fn program_in_words(self) -> &'static str {
        match self {
            Self::PasswordLogin => "A program that has your password",
            Self::RemoteSession => "A program that you let in from here",
            _ => "A program on your device",
        }
    }
}

/// An authorization or a sign-in, to which every code and token belongs.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::grants, treat_none_as_default_value = false)]
pub struct Grant {
    pub id: Id<Grant>,
    pub kind: GrantKind,
    /// The person whose grant it is; absent when a client acts for itself.
    pub user_id: Option<Id<User>>,
    /// The application; absent for a loopback address that belongs to no application.
    pub client_key: Option<Id<Client>>,
    /// The browser session that it was made in.
    pub session_id: Option<Id<Session>>,
    /// The URL that the login redirect returned to.
    pub return_url: Option<String>,
    pub scope: Scope,
    pub created_at: UnixTime,
    pub expires_at: Option<UnixTime>,
    pub revoked_at: Option<UnixTime>,
    /// The APIs that it is for (RFC 8707). When empty, the APIs that its scopes belong to.
    pub audience: SpaceSeparated,
    /// Whether a grant of the login redirect ends with its session. That of a program on the device does not, since the
    /// program works without the browser.
    pub ends_with_session: bool,
}

impl Grant {
    /// Returns a new grant without a person, an application or scopes: the caller sets them.
    pub fn new(now: UnixTime, kind: GrantKind, expires_at: Option<UnixTime>) -> Self {
        Self {
            id: Id::next(now),
            kind,
            user_id: None,
            client_key: None,
            session_id: None,
            return_url: None,
            scope: Scope::default(),
            created_at: now,
            expires_at,
            revoked_at: None,
            audience: SpaceSeparated::default(),
            ends_with_session: true,
        }
    }

    /// Whether the grant is neither revoked nor expired at `now`.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
