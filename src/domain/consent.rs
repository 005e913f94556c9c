//! What a person allowed an application before, so that they are not asked again for the same.

use diesel::prelude::*;

use super::client::Client;
use super::column;
use super::id::Id;
use super::scope::Scope;
use super::space_separated::SpaceSeparated;
use super::user::User;
use crate::clock::UnixTime;

column::named! {
    /// What was allowed.
    ConsentKind {
        /// Scopes, at the authorization endpoint.
        Authorization = "authorization",
        /// A user token, by the login redirect.
        LoginRedirect = "login_redirect",
        /// The same for an app that the operator runs: a whole one.
        FirstPartyLogin = "first_party_login",
    }
}

/// One remembered consent of one person for one application: these scopes at these APIs, and at no
/// others. There is a row for each list of APIs that was allowed.
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
    /// The scopes that were ever allowed there.
    pub scope: Scope,
    /// When it was last widened.
    pub allowed_at: UnixTime,
    /// The APIs, in the order of the alphabet; empty where none was named.
    pub audience: SpaceSeparated,
}

impl Consent {
    /// Whether it covers these scopes at these APIs. Who names no API asks for a token that every API
    /// of its scopes takes: that is no less than any list, so it is only covered by itself (ours).
    pub fn covers(&self, scope: &Scope, audience: &SpaceSeparated) -> bool {
        let is_no_wider = audience.is_within(&self.audience) && audience.is_empty() == self.audience.is_empty();
        scope.is_within(&self.scope) && is_no_wider
    }
}
