//! A grant or token with everything that decides whether it is active: its person, its application.

use diesel::prelude::*;

use super::client::Client;
use super::grant::{Grant, GrantKind};
use super::id::Id;
use super::signing_key::SigningAlgorithm;
use super::token_record::TokenRecord;
use super::user::{Role, User};
use crate::clock::UnixTime;

/// A grant with its person and application, as they are stored at one moment.
#[derive(Clone, Debug)]
pub struct GrantInUse {
    pub grant: Grant,
    pub person: Option<Person>,
    /// The application that it was issued to.
    pub application: Option<Application>,
}

/// A token with its grant, as they are stored at one moment.
#[derive(Clone, Debug)]
pub struct TokenInUse {
    pub record: TokenRecord,
    /// The grant that it belongs to.
    pub basis: GrantInUse,
    /// The token that it was exchanged for; both end together (RFC 8693).
    pub exchanged: Option<Box<TokenInUse>>,
}

/// The columns of a person that decide about a grant or token.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = crate::schema::users)]
pub struct Person {
    /// The ID, which is also the subject.
    pub id: Id<User>,
    pub username: String,
    /// The role, which limits what their tokens may do.
    pub role: Role,
    disabled_at: Option<UnixTime>,
    deleted_at: Option<UnixTime>,
}

/// The columns of an application that decide about a grant or token.
#[derive(Clone, Debug)]
pub struct Application {
    pub id: Id<Client>,
    pub client_id: String,
    pub is_first_party: bool,
    /// The algorithm that signs userinfo for it; plain JSON when absent.
    pub userinfo_signed_response_alg: Option<SigningAlgorithm>,
    verified_at: Option<UnixTime>,
    disabled_at: Option<UnixTime>,
    deleted_at: Option<UnixTime>,
}

/// Whether a grant or token is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Alive,
    Expired,
    /// It was revoked, its grant was revoked, or its person or application is no longer active.
    Ended,
}

impl GrantInUse {
    /// Returns whether the grant is active: not revoked and not expired, and its person and application are active.
    /// This is checked at every use.
    pub fn life(&self, now: UnixTime) -> Life {
        let person = self.person.as_ref();
        let application = self.application.as_ref();
        let is_active = person.is_none_or(|person| person.disabled_at.is_none() && person.deleted_at.is_none())
            && application.is_none_or(|client| client.disabled_at.is_none() && client.deleted_at.is_none());
        if self.grant.revoked_at.is_some() || !is_active {
            Life::Ended
        } else if self.grant.is_alive(now) {
            Life::Alive
        } else {
            Life::Expired
        }
    }
}

impl GrantInUse {
    /// Returns what ended it, in words for an operator; `None` when nothing but its expiry can have ended it.
    pub fn end_in_words(&self) -> Option<&'static str> {
        match (&self.person, &self.application) {
            (Some(person), _) if person.deleted_at.is_some() => Some("its person was deleted"),
            (Some(person), _) if person.disabled_at.is_some() => Some("its person is disabled"),
            (_, Some(client)) if client.deleted_at.is_some() => Some("its application was deleted"),
            (_, Some(client)) if client.disabled_at.is_some() => Some("its application is suspended"),
            _ if self.grant.revoked_at.is_some() => Some("the log-in or permission that it came from was ended"),
            _ => None,
        }
    }
}

impl From<&Client> for Application {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id,
            client_id: client.client_id.clone(),
            is_first_party: client.is_first_party,
            userinfo_signed_response_alg: client.userinfo_signed_response_alg,
            verified_at: client.verified_at,
            disabled_at: client.disabled_at,
            deleted_at: client.deleted_at,
        }
    }
}

impl Application {
    /// Whether the operator vouches for it, like [`Client::is_vouched`].
    pub fn is_vouched(&self) -> bool {
        self.verified_at.is_some() || self.is_first_party
    }
}

impl TokenInUse {
    /// Returns what ended it, in words for an operator; `None` when nothing but its expiry can have ended it.
    pub fn end_in_words(&self) -> Option<&'static str> {
        let of_itself = self.record.revoked_at.map(|_| "it was revoked");
        let of_its_origin = || self.exchanged.as_ref().and_then(|from| from.end_in_words());
        of_itself.or_else(|| self.basis.end_in_words()).or_else(of_its_origin)
    }

    /// Returns the `client_id` of the application that it was issued to; empty for a loopback address that belongs to
    /// no application.
    pub fn made_for(&self) -> Option<String> {
        match (&self.basis.application, self.basis.grant.kind) {
            (Some(application), _) => Some(application.client_id.clone()),
            (None, GrantKind::LoginRedirect | GrantKind::Application) => Some(String::new()),
            (None, _) => None,
        }
    }

    /// Returns the subject: a person, or the client itself when no person is involved (RFC 9068 §2.2). The two cannot
    /// be confused: that of a person is a UUID, and a `client_id` never is (RFC 9700 §4.15).
    pub fn subject(&self) -> Option<String> {
        match (&self.basis.person, &self.basis.application) {
            (Some(person), _) => Some(person.id.uuid()),
            (None, Some(client)) if self.basis.grant.kind == GrantKind::ClientCredentials => {
                Some(client.client_id.clone())
            }
            (None, _) => None,
        }
    }

    /// Returns whether the token is active: it, its grant, and the token that it was exchanged for are neither expired
    /// nor ended.
    pub fn life(&self, now: UnixTime) -> Life {
        match self.basis.life(now) {
            Life::Ended => Life::Ended,
            _ if self.record.revoked_at.is_some() => Life::Ended,
            Life::Alive if self.record.expires_at.is_none_or(|end| now < end) => match &self.exchanged {
                Some(subject) => subject.life(now),
                // The token that was exchanged is no longer in the database.
                None if self.basis.grant.kind == GrantKind::TokenExchange => Life::Ended,
                None => Life::Alive,
            },
            _ => Life::Expired,
        }
    }
}
