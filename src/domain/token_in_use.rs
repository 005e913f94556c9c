//! A grant or token with all that decides whether it lives: its person, its application.

use diesel::prelude::*;

use super::client::Client;
use super::grant::{Grant, GrantKind};
use super::id::Id;
use super::signing_key::SigningAlgorithm;
use super::token_record::TokenRecord;
use super::user::{Role, User};
use crate::clock::UnixTime;

/// A grant as it stands in the database at one moment.
#[derive(Clone, Debug)]
pub struct GrantInUse {
    /// The grant.
    pub grant: Grant,
    /// Whose it is.
    pub person: Option<Person>,
    /// The application that it was made for.
    pub application: Option<Application>,
}

/// A token as it stands in the database at one moment.
#[derive(Clone, Debug)]
pub struct TokenInUse {
    /// The token.
    pub record: TokenRecord,
    /// What it hangs on.
    pub basis: GrantInUse,
    /// The token that it was exchanged for, and ends with (RFC 8693).
    pub exchanged: Option<Box<TokenInUse>>,
}

/// What a judge needs to know of a person.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = crate::schema::users)]
pub struct Person {
    /// The subject.
    pub id: Id<User>,
    /// The name.
    pub username: String,
    /// What their tokens may be at most.
    pub role: Role,
    disabled_at: Option<UnixTime>,
    deleted_at: Option<UnixTime>,
}

/// What a judge needs to know of an application.
#[derive(Clone, Debug)]
pub struct Application {
    /// The row.
    pub id: Id<Client>,
    /// The public name.
    pub client_id: String,
    /// Whether the operator runs it.
    pub is_first_party: bool,
    /// How it wants userinfo signed.
    pub userinfo_signed_response_alg: Option<SigningAlgorithm>,
    verified_at: Option<UnixTime>,
    disabled_at: Option<UnixTime>,
    deleted_at: Option<UnixTime>,
}

/// Whether a grant stands or a token opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It lives.
    Alive,
    /// Its time is over.
    Expired,
    /// It, its grant, its person or its application was ended.
    Ended,
}

impl GrantInUse {
    /// Unrevoked, unexpired, person active, application active: judged at every use.
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
    /// What ended it, in words for an operator; nothing while only its time can end it.
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
    /// Whether the operator answers for it, as [`Client::is_vouched`].
    pub fn is_vouched(&self) -> bool {
        self.verified_at.is_some() || self.is_first_party
    }
}

impl TokenInUse {
    /// What ended it, in words for an operator; nothing while only its time can end it.
    pub fn end_in_words(&self) -> Option<&'static str> {
        let of_itself = self.record.revoked_at.map(|_| "it was revoked");
        let of_its_origin = || self.exchanged.as_ref().and_then(|from| from.end_in_words());
        of_itself.or_else(|| self.basis.end_in_words()).or_else(of_its_origin)
    }

    /// The application that it was made for; empty for an address of this device that is nobody's.
    pub fn made_for(&self) -> Option<String> {
        match (&self.basis.application, self.basis.grant.kind) {
            (Some(application), _) => Some(application.client_id.clone()),
            (None, GrantKind::LoginRedirect | GrantKind::Application) => Some(String::new()),
            (None, _) => None,
        }
    }

    /// For whom it speaks: a person, or the client itself where there is none (RFC 9068 §2.2). The
    /// two cannot be mixed up: a person's name is a UUID, a client's never is (RFC 9700 §4.15).
    pub fn subject(&self) -> Option<String> {
        match (&self.basis.person, &self.basis.application) {
            (Some(person), _) => Some(person.id.uuid()),
            (None, Some(client)) if self.basis.grant.kind == GrantKind::ClientCredentials => {
                Some(client.client_id.clone())
            }
            (None, _) => None,
        }
    }

    /// The token's own end and revocation, its grant's, and those of the token that it was exchanged for.
    pub fn life(&self, now: UnixTime) -> Life {
        match self.basis.life(now) {
            Life::Ended => Life::Ended,
            _ if self.record.revoked_at.is_some() => Life::Ended,
            Life::Alive if self.record.expires_at.is_none_or(|end| now < end) => match &self.exchanged {
                Some(subject) => subject.life(now),
                // What it was made of is gone from the database.
                None if self.basis.grant.kind == GrantKind::TokenExchange => Life::Ended,
                None => Life::Alive,
            },
            _ => Life::Expired,
        }
    }
}
