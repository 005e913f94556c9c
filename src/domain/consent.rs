//! Consents: what a person allowed an application before, so that they are not asked again for the same.

use diesel::prelude::*;

use super::client::Client;
use super::column;
use super::id::Id;
use super::scope::Scope;
use super::space_separated::SpaceSeparated;
use super::user::User;
use crate::clock::UnixTime;

column::named! {
    /// The kind of a consent.
    ConsentKind {
        /// Scopes, at the authorization endpoint.
        Authorization = "authorization",
        /// A user token, by the login redirect.
        LoginRedirect = "login_redirect",
        /// A full user token, by the login redirect, for an application that the operator runs.
        FirstPartyLogin = "first_party_login",
    }
}

/// A stored consent of one person for one application: these scopes at these APIs, and at no others. There is one row
/// for each list of APIs that was allowed.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::consents)]
pub struct Consent {
    pub id: Id<Consent>,
    pub user_id: Id<User>,
    pub client_key: Id<Client>,
    pub kind: ConsentKind,
    /// All scopes that were allowed at these APIs so far.
    pub scope: Scope,
    /// When a scope was last added.
    pub allowed_at: UnixTime,
    /// The APIs in alphabetical order; empty when the request named none.
    pub audience: SpaceSeparated,
}

impl Consent {
    /// Whether the consent covers these scopes at these APIs. A request that names no API asks for a token that every
    /// API of its scopes accepts. That is wider than any list of APIs, so only a consent without APIs covers it
    /// (Gatepost's own rule).
    pub fn covers(&self, scope: &Scope, audience: &SpaceSeparated) -> bool {
        let is_no_wider = audience.is_within(&self.audience) && audience.is_empty() == self.audience.is_empty();
        scope.is_within(&self.scope) && is_no_wider
    }
}
