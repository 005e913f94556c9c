//! `gatepost backup FILE` and `gatepost restore FILE`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::start::{self, StartError};
use super::{CommandError, output};
use crate::config::{Config, without_secrets};
use crate::store::{self, backup as copies};

/// Arguments of `gatepost backup`.
#[derive(Args)]
pub struct Backup {
    /// The file to write; one that is there is not replaced.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Arguments of `gatepost restore`.
#[derive(Args)]
pub struct Restore {
    /// The file that `backup` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Copies the SQLite database into a new file.
///
/// # Errors
/// When the database is missing or is PostgreSQL, or when the copy cannot be written.
pub fn backup(Backup { file }: &Backup, config: &Config, is_json: bool) -> Result<(), CommandError> {
    let url = config.database_url.expose();
    let database =
        sqlite_file(url, || format!("pg_dump --format=custom --file={} '{}'", file.display(), without_secrets(url)))?;
    if store::is_missing(url) {
        return Err(StartError::NoDatabase(without_secrets(url)).into());
    }
    let copied = copies::write(database, file)?;
    let key = match &config.secret {
        Some(_given) => "the base key (GATEPOST_SECRET)".to_owned(),
        None => config.secret_file.display().to_string(),
    };
    let said = format!(
        "{}: {} bytes, whole as of this moment. It opens with {key} only, which is not in it: keep that apart",
        file.display(),
        copied.bytes
    );
    output::done(&shown(file, &copied), &said, is_json)
}

/// Restores a backup to the path of a missing database.
///
/// # Errors
/// When the base key is missing or does not match, when the database is PostgreSQL, or when the file cannot be
/// restored.
pub fn restore(Restore { file }: &Restore, config: &Config, is_json: bool) -> Result<(), CommandError> {
    let url = config.database_url.expose();
    let database = sqlite_file(url, || {
        format!("pg_restore --exit-on-error --dbname='{}' {}", without_secrets(url), file.display())
    })?;
    let keys = start::known_base_keys(config)?.ok_or_else(|| {
        let missing = config.secret_file.display();
        CommandError::Refused(format!(
            "the base key {missing} is not there; put it back first: a backup opens with it only"
        ))
    })?;
    let copied = copies::restore(file, database, &keys.check_value())?;
    let said = format!(
        "{database} is restored. What was made, changed or ended after the backup is as it was before: \
         tokens that were ended since then work again until you end them"
    );
    output::done(&shown(file, &copied), &said, is_json)
}

/// Returns the path of a SQLite database. PostgreSQL is refused: it has its own backup programs.
fn sqlite_file(url: &str, theirs: impl FnOnce() -> String) -> Result<&str, CommandError> {
    url.strip_prefix("sqlite://")
        .ok_or_else(|| CommandError::Refused(format!("PostgreSQL does this by its own program: {}", theirs())))
}

fn shown(file: &std::path::Path, copied: &copies::Copied) -> Value {
    json!({ "file": file, "bytes": copied.bytes, "migration": copied.migration })
}
