//! `gatepost migrate`: applies the migrations that are missing.

use super::{CommandError, start};
use crate::clock::Clock;
use crate::config::Config;

/// Applies what is missing.
///
/// # Errors
/// Why the database cannot be used.
pub async fn run(config: Config) -> Result<(), CommandError> {
    start::store(&config, &Clock::System).await?;
    println!("the database is up to date");
    Ok(())
}
