//! `gatepost log …`: shows the security log of all people, and checks its integrity.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CommandError, output, start};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::domain::id::Id;
use crate::domain::security_log::{SecurityEntry, Walk};
use crate::domain::user::fold;
use crate::store::security_log::{self, Asked};
use crate::store::{Store, users};

/// How many entries are read at once.
const BATCH: i64 = 1_000;

/// The subcommands of `gatepost log`.
#[derive(Subcommand)]
pub enum Log {
    /// Show the newest entries, newest first.
    Show(Show),
    /// Check the log of everybody: says how much was read, and fails when an entry does not fit.
    Verify,
}

/// Arguments of `gatepost log show`.
#[derive(Args)]
pub struct Show {
    /// Only those of this person.
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
}

/// Runs one of the `log` commands.
///
/// # Errors
/// When the database cannot be used, or when an entry does not fit its hash chain.
pub async fn run(command: Log, config: Config, is_json: bool) -> Result<(), CommandError> {
    let (store, _) = start::store(&config, &Clock::System).await?;
    match command {
        Log::Show(asked) => show(&store, asked, is_json).await,
        Log::Verify => verify(&store, Clock::System.now(), is_json).await,
    }
}

async fn show(store: &Store, asked: Show, is_json: bool) -> Result<(), CommandError> {
    let Show { user, limit } = asked;
    let folded = user.as_deref().map(fold);
    let found = store.read(move |db| {
        let person = folded.as_deref().map(|folded| users::find_by_login(db, folded)).transpose()?;
        let id = match person {
            Some(None) => return Ok(None),
            Some(Some(person)) => Some(person.id),
            None => None,
        };
        let mut shown = Vec::new();
        for entry in security_log::list(db, id, &Asked::default(), limit)? {
            let person = users::find(db, entry.user_id)?.map(|person| person.username).unwrap_or_default();
            shown.push(record(&entry, &person));
        }
        Ok(Some(shown))
    });
    let refused = || CommandError::Refused(format!("there is no person named '{}'", user.unwrap_or_default()));
    let entries = found.await?.ok_or_else(refused)?;
    if is_json {
        return output::list(&entries, true);
    }
    entries.iter().try_for_each(|entry| output::line(&line(entry)))
}

fn record(entry: &SecurityEntry, username: &str) -> Value {
    json!({
        "id": entry.id.uuid(),
        "at": entry.occurred_at.rfc3339(),
        "username": username,
        "event": entry.event.as_str(),
        "about": entry.subject,
        "address": entry.address,
        "user_agent": entry.user_agent,
    })
}

/// Formats an entry as one line. Text from a person or a program is quoted, so that it cannot look like text of the
/// log.
fn line(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    let quoted = |name: &str| format!("{:?}", text(name));
    let address = Some(text("address")).filter(|address| !address.is_empty()).unwrap_or("-");
    let known = [text("at"), text("username"), text("event"), address].join("  ");
    format!("{known}  {}  {}", quoted("about"), quoted("user_agent"))
}

async fn verify(store: &Store, now: UnixTime, is_json: bool) -> Result<(), CommandError> {
    let (mut walk, mut misfits) = (Walk::default(), Vec::new());
    let mut after = (Id::from_number(0), Id::from_number(0));
    loop {
        let entries = store.read(move |db| security_log::list_chained(db, after, BATCH)).await?;
        let Some((last, _)) = entries.last() else { break };
        after = (last.user_id, last.id);
        for (entry, made_at) in entries {
            if !walk.read(now, &entry, made_at) {
                misfits.push(entry);
            }
        }
    }
    let Walk { entries, people, .. } = walk;
    if is_json {
        let misfits: Vec<Value> = misfits.iter().map(|entry| record(entry, &entry.user_id.uuid())).collect();
        output::record(&json!({ "entries": entries, "people": people, "misfits": misfits }), true)?;
    } else {
        output::line(&format!("{entries} entries of {people} people were read"))?;
        for entry in &misfits {
            let (id, at, event) = (entry.id.uuid(), entry.occurred_at.rfc3339(), entry.event.as_str());
            output::line(&format!("{id} of the person {} does not fit: {at} {event}", entry.user_id.uuid()))?;
        }
    }
    match misfits.len() {
        0 => Ok(()),
        count => Err(CommandError::Refused(format!(
            "{count} entries do not fit: they or those before them were changed or removed"
        ))),
    }
}
