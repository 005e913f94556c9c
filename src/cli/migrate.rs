//! `gatepost migrate`: applies the migrations that are missing; all of them, where there is no database yet.

use serde_json::json;

use super::{CommandError, output, start};
use crate::clock::Clock;
use crate::config::Config;

/// Applies what is missing.
///
/// # Errors
/// Why the database cannot be used.
pub async fn run(config: Config, is_json: bool) -> Result<(), CommandError> {
    let (store, _) = start::make_store(&config, &Clock::System).await?;
    // Beside a server, or another command, the log is theirs: who stops last folds it in.
    if let Err(error) = store.fold_log() {
        tracing::debug!(%error, "the write-ahead log stays beside the database");
    }
    output::done(&json!({ "up_to_date": true }), "the database is up to date", is_json)
}
