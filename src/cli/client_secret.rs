//! `gatepost client rotate-secret`: issues a new secret for an application.

use clap::Args;
use serde_json::{Value, json};

use super::client::{find, shown};
use super::{CommandError, output};
use crate::clock::UnixTime;
use crate::domain::client_secret::ClientSecretRecord;
use crate::oauth::clients::roll_secret;
use crate::store::Store;

/// Arguments of `gatepost client rotate-secret`.
#[derive(Args)]
pub struct Rotate {
    /// The application.
    client_id: String,
    /// Seconds that the old secret goes on working.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    keep_old_for: i64,
}

/// Issues a new secret, and prints it once.
///
/// # Errors
/// When the application is unknown or has no secret, or when the store fails.
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

/// Adds the metadata of the active secrets, without the secrets: the last four characters, and the time of last use.
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
