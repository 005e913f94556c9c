//! What a person allowed an application before, so that they are not asked again for the same.

use diesel::prelude::*;

use super::client::Client;
use super::column;
use super::id::Id;
use super::scope::Scope;
use super::user::User;
use super::words::Words;
use crate::clock::UnixTime;

column::named! {
    /// What was allowed.
    ConsentKind {
        /// Scopes, at the authorization endpoint.
        Authorization = "authorization",
        /// A user token, by the login redirect.
        LoginRedirect = "login_redirect",
    }
}

/// One remembered consent of one person for one application.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::consents)]
pub struct Consent {
    /// The row.
    pub id: Id<Consent>,
    /// Who allowed it.
    pub user_id: Id<User>,
    /// Whom.
    pub client_key: Id<Client>,
    /// What kind of thing.
    pub kind: ConsentKind,
    /// All scopes that were ever allowed.
    pub scope: Scope,
    /// When it was last widened.
    pub allowed_at: UnixTime,
    /// All APIs that were ever allowed.
    pub audience: Words,
}
