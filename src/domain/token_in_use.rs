//! A token with all that decides whether it lives: its grant, its person, its application.

use diesel::prelude::*;

use super::client::Client;
use super::grant::Grant;
use super::id::Id;
use super::token_record::TokenRecord;
use super::user::{Role, User};
use crate::clock::UnixTime;

/// A token as it stands in the database at one moment.
#[derive(Clone, Debug)]
pub struct TokenInUse {
    /// The token.
    pub record: TokenRecord,
    /// What it hangs on.
    pub grant: Grant,
    /// Whose it is.
    pub person: Option<Person>,
    /// The application that it was made for.
    pub application: Option<Application>,
}

/// What a token's judge needs to know of its person.
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

/// What a token's judge needs to know of its application.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = crate::schema::clients)]
pub struct Application {
    /// The row.
    pub id: Id<Client>,
    /// The public name.
    pub client_id: String,
    /// Whether the operator runs it.
    pub is_first_party: bool,
    disabled_at: Option<UnixTime>,
    deleted_at: Option<UnixTime>,
}

/// Whether a token opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It lives.
    Alive,
    /// Its time is over.
    Expired,
    /// It, its grant, its person or its application was ended.
    Ended,
}

impl TokenInUse {
    /// Unexpired, grant unrevoked, person active, application active: judged at every use.
    pub fn life(&self, now: UnixTime) -> Life {
        let person = self.person.as_ref().is_none_or(|person| person.disabled_at.is_none() && person.deleted_at.is_none());
        let application = self
            .application
            .as_ref()
            .is_none_or(|application| application.disabled_at.is_none() && application.deleted_at.is_none());
        if self.record.revoked_at.is_some() || self.grant.revoked_at.is_some() || !person || !application {
            Life::Ended
        } else if self.record.expires_at.is_some_and(|end| end <= now) || !self.grant.is_alive(now) {
            Life::Expired
        } else {
            Life::Alive
        }
    }
}
