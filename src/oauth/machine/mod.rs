//! The seam to oxide-auth: its pure state machines decide the order of the checks, client binding
//! and the narrowing of scopes; we answer each of their questions inside one transaction.
//!
//! Only this folder names `oxide_auth`. What its machines get wrong or cannot carry (who, which row, which session,
//! exact redirect comparison, PKCE per client, our clock) is judged by the closures that its callers hand in;
//! `docs/decisions/0020-oxide-auth.md` has the table, `tests/it/oxide_auth_table.rs` tests each row.

pub mod access_token;
pub mod authorization;
pub mod refresh;

use chrono::Duration;
use oxide_auth::primitives::grant::{Extensions, Grant};

use crate::clock::UnixTime;
use crate::domain::scope::Scope;

/// A redirect URI that stands on both sides of the machine's own comparison, which normalizes and
/// is not ours: the exact string was compared before.
const PLACEHOLDER: &str = "https://redirect.invalid/";

/// What the machine is shown of a grant that the store judged to be alive.
fn grant(client_id: &str, scope: &Scope) -> Option<Box<Grant>> {
    Some(Box::new(Grant {
        owner_id: String::new(),
        client_id: client_id.to_owned(),
        scope: oxide_scope(scope)?,
        redirect_uri: PLACEHOLDER.parse().ok()?,
        // The machine reads the system's clock; expiry was judged by ours.
        until: now_of_the_machine() + Duration::minutes(1),
        extensions: Extensions::new(),
    }))
}

/// The machine's scope; an empty one is no scope there, so it gets a token that nobody can hold.
fn oxide_scope(scope: &Scope) -> Option<oxide_auth::primitives::scope::Scope> {
    if scope.is_empty() { "~".parse().ok() } else { scope.as_str().parse().ok() }
}

fn now_of_the_machine() -> chrono::DateTime<chrono::Utc> {
    crate::clock::Clock::System.now().utc()
}

/// The end that the machine wants to hear; its own bearer answer is not used.
fn until(now: UnixTime, seconds: i64) -> chrono::DateTime<chrono::Utc> {
    now.plus(seconds).utc()
}
