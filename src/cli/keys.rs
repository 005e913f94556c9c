//! `gatepost keys …`: the keys that sign ID tokens and JWT access tokens.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CommandError, output, start};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::domain::signing_key::{SigningAlgorithm, SigningKeyRecord, Succession, signing};
use crate::oauth::signing::replace;
use crate::store::signing_keys;

/// The subcommands of `gatepost keys`.
#[derive(Subcommand)]
pub enum Keys {
    /// List all keys, and what each is for now.
    List,
    /// Make the next keys. They are published first and sign later, as by schedule.
    Rotate(Rotate),
}

/// Arguments of `gatepost keys rotate`.
#[derive(Args)]
pub struct Rotate {
    /// Only for this algorithm: RS256 or ES256.
    #[arg(long, value_name = "ALGORITHM")]
    algorithm: Option<String>,
    /// The keys are in wrong hands: the new ones sign at once, the old ones are withdrawn, in
    /// all running servers too. Programs that keep our keys refuse new tokens until they read them again.
    #[arg(long)]
    compromised: bool,
}

/// Runs one of the `keys` commands.
///
/// # Errors
/// When the database or the keys cannot be used, or when the command is refused.
pub async fn run(command: Keys, config: Config, is_json: bool) -> Result<(), CommandError> {
    let now = Clock::System.now();
    let (store, token_settings) = start::open_with_settings(&config, &Clock::System, "").await?;
    match command {
        Keys::List => {}
        Keys::Rotate(rotate) => {
            let only = rotate.algorithm.as_deref().map(str::parse::<SigningAlgorithm>).transpose();
            let only = only.map_err(|error| CommandError::Refused(format!("algorithm {error}")))?;
            let succession = if rotate.compromised { Succession::AtOnce } else { Succession::Announced };
            for algorithm in SigningAlgorithm::ALL.into_iter().filter(|each| only.is_none_or(|only| only == *each)) {
                let made = replace(&store, &token_settings, now, algorithm, succession).await?;
                if made.is_none() {
                    return Err(CommandError::Refused("a server made the next key in this moment".to_owned()));
                }
            }
        }
    }
    let keys = store.read(signing_keys::list).await?;
    output::list(&keys.iter().map(|key| shown(&keys, key, now)).collect::<Vec<_>>(), is_json)
}

fn shown(keys: &[SigningKeyRecord], key: &SigningKeyRecord, now: UnixTime) -> Value {
    let is_current = signing(keys.iter(), now, key.algorithm).is_some_and(|current| current.id == key.id);
    let status = match is_current {
        true => "signs",
        false if key.is_withdrawn() => "withdrawn",
        false if !key.is_published(now) => "ended",
        false if now < key.activates_at => "next",
        false => "retired",
    };
    json!({
        "kid": key.kid,
        "alg": key.algorithm.as_str(),
        "status": status,
        "created_at": key.created_at.rfc3339(),
        "activates_at": key.activates_at.rfc3339(),
        "retires_at": key.retires_at.map(UnixTime::rfc3339),
        "ends_at": key.ends_at.map(UnixTime::rfc3339),
    })
}
