//! The hub: who allowed which application (or themselves) what, until when.
//!
//! Every code and token belongs to one grant; a token lives while it is unexpired and its grant
//! unrevoked. Revoking is one update of this row.

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
    /// How a grant came to be.
    GrantKind {
        /// A person allowed a client at the authorization endpoint.
        AuthorizationCode = "authorization_code",
        /// A person went back to an app with a user token.
        LoginRedirect = "login_redirect",
        /// The same for an app that the operator ran at that moment: the token is whole.
        FirstPartyLogin = "first_party_login",
        /// A program on this person's device asked at the fixed loopback address.
        Application = "application",
        /// A person gave their password to a program of the platform.
        PasswordLogin = "password_login",
        /// A person approved a remote session.
        RemoteSession = "remote_session",
        /// A person made a token for themselves.
        Personal = "personal",
        /// A client acts for itself; there is no person.
        ClientCredentials = "client_credentials",
        /// A person allowed an application on a device without a browser.
        DeviceCode = "device_code",
        /// A client exchanged a person's token for a short one; it ends with that token.
        TokenExchange = "token_exchange",
    }
}

impl GrantKind {
    /// What a log-in in a browser gave; it ends with its session, unless a program of the device holds it.
    pub const OF_SESSION: [Self; 3] = [Self::LoginRedirect, Self::FirstPartyLogin, Self::Application];
    /// What may open the settings of the account too.
    pub const WHOLE: [Self; 4] = [Self::PasswordLogin, Self::RemoteSession, Self::Application, Self::FirstPartyLogin];
    /// What a user token hangs on.
    pub const OF_USER_TOKEN: [Self; 5] =
        [Self::LoginRedirect, Self::FirstPartyLogin, Self::Application, Self::PasswordLogin, Self::RemoteSession];

    /// Who holds what was made for no registered application.
    pub const fn program_in_words(self) -> &'static str {
        match self {
            Self::PasswordLogin => "A program that has your password",
            Self::RemoteSession => "A program that you let in from here",
            _ => "A program on your device",
        }
    }
}

/// One authorization or one sign-in.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::grants, treat_none_as_default_value = false)]
pub struct Grant {
    /// The row.
    pub id: Id<Grant>,
    /// How it came to be.
    pub kind: GrantKind,
    /// Whose it is.
    pub user_id: Option<Id<User>>,
    /// The application that it is for; nobody's for a loopback address that belongs to none.
    pub client_key: Option<Id<Client>>,
    /// The browser session that it came from.
    pub session_id: Option<Id<Session>>,
    /// Where the login redirect returned to.
    pub return_url: Option<String>,
    /// What was allowed.
    pub scope: Scope,
    /// When.
    pub created_at: UnixTime,
    /// When it ends by itself.
    pub expires_at: Option<UnixTime>,
    /// When it was taken back.
    pub revoked_at: Option<UnixTime>,
    /// The APIs that it is for (RFC 8707); whichever its scopes belong to when none was named.
    pub audience: SpaceSeparated,
    /// Whether a login redirect ends when that session does: a program on the device goes on, since its job runs
    /// without the browser.
    pub ends_with_session: bool,
}

impl Grant {
    /// A new one, of nobody and for nothing yet: what it is for is put over it.
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

    /// Whether it stands at `now`.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
