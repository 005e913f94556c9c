//! `gatepost migrate`: applies the missing migrations, and creates the database when there is none.

use serde_json::json;

use super::{CommandError, output, start};
use crate::clock::Clock;
use crate::config::Config;

/// Applies the missing migrations.
///
/// # Errors
/// When the database cannot be opened or created, or when a migration fails.
pub async fn run(config: Config, is_json: bool) -> Result<(), CommandError> {
    let (store, _) = start::make_store(&config, &Clock::System).await?;
    // While another process uses the database, its write-ahead log stays: the last process to stop folds it in.
    if let Err(error) = store.fold_log() {
        tracing::debug!(%error, "the write-ahead log stays beside the database");
    }
    output::done(&json!({ "up_to_date": true }), "the database is up to date", is_json)
}
