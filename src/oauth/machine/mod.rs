//! The adapter for oxide-auth: its pure state machines decide the order of the checks, client binding and the
//! narrowing of scopes; this server answers each of their questions inside one transaction.
//!
//! Only this folder names `oxide_auth`. What its machines get wrong or cannot represent (the person, the row, the
//! session, exact comparison of redirect URIs, PKCE per client, our clock) is decided by the `Answers` that the
//! callers pass; `docs/decisions/0020-oxide-auth.md` has the table, `tests/it/oxide_auth_table.rs` tests each row.

pub mod access_token;
pub mod authorization;
pub mod refresh;

use chrono::Duration;
use oxide_auth::primitives::grant::{Extensions, Grant};

use crate::clock::UnixTime;
use crate::domain::scope::Scope;

/// The redirect URI on both sides of the machine's own comparison, which normalizes and is not used: the exact
/// string was compared before.
const PLACEHOLDER: &str = "https://redirect.invalid/";

/// Builds the machine's form of a grant that the store found valid.
fn grant(client_id: &str, scope: &Scope) -> Option<Box<Grant>> {
    Some(Box::new(Grant {
        owner_id: String::new(),
        client_id: client_id.to_owned(),
        scope: oxide_scope(scope)?,
        redirect_uri: PLACEHOLDER.parse().ok()?,
        // The machine reads the system's clock; our clock has already decided about the expiry.
        until: now_of_the_machine() + Duration::minutes(1),
        extensions: Extensions::new(),
    }))
}

/// Converts a scope for the machine. An empty scope is not valid there, so it becomes a token that no client can have.
fn oxide_scope(scope: &Scope) -> Option<oxide_auth::primitives::scope::Scope> {
    if scope.is_empty() { "~".parse().ok() } else { scope.as_str().parse().ok() }
}

fn now_of_the_machine() -> chrono::DateTime<chrono::Utc> {
    crate::clock::Clock::System.now().utc()
}

/// Returns the expiry that the machine requires; its own bearer answer is not used.
fn until(now: UnixTime, seconds: i64) -> chrono::DateTime<chrono::Utc> {
    now.plus(seconds).utc()
}
