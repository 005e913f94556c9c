//! `gatepost client rotate-secret`: another secret of an application.

use clap::Args;
use serde_json::{Value, json};

use super::client::{find, shown};
use super::{CommandError, output};
use crate::clock::UnixTime;
use crate::domain::client_secret::ClientSecretRecord;
use crate::oauth::clients::roll_secret;
use crate::store::Store;

/// A new secret.
#[derive(Args)]
pub struct Rotate {
    /// The application.
    client_id: String,
    /// Seconds that the old secret goes on working.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    keep_old_for: i64,
}

/// Makes it, and prints it once.
///
/// # Errors
/// No such application, or one without a secret.
pub(super) async fn rotate_secret(
    store: &Store,
    now: UnixTime,
    rotate: Rotate,
    is_json: bool,
) -> Result<(), CommandError> {
    let client = find(store, &rotate.client_id).await?;
    if !client.has_secret() {
        return Err(CommandError::Refused("this application has no secret: it is public, or has keys".to_owned()));
    }
    let (asked, keep) = (client.clone(), rotate.keep_old_for);
    let secret = store.write(move |tx| roll_secret(tx, now, (&asked, keep), None)).await?;
    output::record(&shown(&client, Some(&secret)), is_json)
}

/// The secrets that open, without the secrets: which is which, and whether the old one is still used.
pub(super) fn with_secrets(mut shown: Value, secrets: &[ClientSecretRecord]) -> Value {
    let secret = |secret: &ClientSecretRecord| {
        json!({
            "last_four": secret.last_four,
            "created_at": secret.created_at.seconds(),
            "last_used_at": secret.last_used_at.map(UnixTime::seconds),
            "expires_at": secret.expires_at.map(UnixTime::seconds),
        })
    };
    if let Value::Object(members) = &mut shown {
        members.insert("client_secrets".to_owned(), secrets.iter().map(secret).collect());
    }
    shown
}
