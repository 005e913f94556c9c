//! `gatepost demo`: everything on a temporary database.

use clap::Args;

use super::CommandError;

/// The demo.
#[derive(Args)]
pub struct Demo {}

/// Runs it.
///
/// # Errors
/// Why it could not start.
pub async fn run(_demo: Demo) -> Result<(), CommandError> {
    Err(CommandError::Refused("not yet".to_owned()))
}
