//! Standard output: lines for people, JSON for programs. Every command prints through this module.

use std::io::{ErrorKind, Write};

use serde_json::{Value, json};

use super::CommandError;

/// Prints one line.
///
/// # Errors
/// When standard output cannot be written: the reader of a pipe has closed it, or the disk is full.
pub fn line(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(CommandError::Output)
}

/// Prints one record.
///
/// # Errors
/// See [`line()`].
pub fn record(value: &Value, json: bool) -> Result<(), CommandError> {
    let Value::Object(members) = value else { return line(&value.to_string()) };
    if json {
        return line(&format!("{value:#}"));
    }
    let width = members.keys().map(String::len).max().unwrap_or_default();
    let lines: Vec<String> = members.iter().map(|(name, value)| format!("{name:width$}  {}", plain(value))).collect();
    line(&lines.join("\n"))
}

/// Prints many records: a JSON array, or a line each.
///
/// # Errors
/// See [`line()`].
pub fn list(values: &[Value], json: bool) -> Result<(), CommandError> {
    if json {
        return line(&format!("{:#}", Value::Array(values.to_vec())));
    }
    for value in values {
        let Value::Object(members) = value else { continue };
        line(&members.values().map(plain).collect::<Vec<_>>().join("  "))?;
    }
    Ok(())
}

/// Prints the result of a command: a sentence for people, a record for programs.
///
/// # Errors
/// See [`line()`].
pub fn done(value: &Value, sentence: &str, json: bool) -> Result<(), CommandError> {
    if json { record(value, true) } else { line(sentence) }
}

/// Prints whether an object is disabled or enabled; `member` is the JSON member that holds its name.
///
/// # Errors
/// See [`line()`].
pub fn switched(member: &str, name: &str, is_disabled: bool, json: bool) -> Result<(), CommandError> {
    let said = format!("{name} is {}", if is_disabled { "disabled" } else { "enabled" });
    done(&json!({ member: name, "disabled": is_disabled }), &said, json)
}

/// Prints one of the documented lines of a long-running command, as `NAME VALUE` or `{"NAME": "VALUE"}`. A line that
/// cannot be written is logged, and the command continues.
pub fn announce(name: &str, value: &str, json: bool) {
    say(&if json { json!({ name.replace(' ', "_"): value }).to_string() } else { format!("{name} {value}") });
}

/// Prints text of a long-running command. Text that cannot be written is logged, and the command continues.
pub fn say(text: &str) {
    if let Err(error) = line(text) {
        tracing::warn!(%error, "nobody is told what was printed");
    }
}

/// Writes a remark to standard error.
pub fn remark(text: &str) {
    // When standard error cannot be written either, no output is left that could report it.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Reports on standard error why a command failed. A pipe whose reader closed it is not reported: the reader knows.
pub fn complain(error: &CommandError) {
    match error {
        CommandError::Output(broken) if broken.kind() == ErrorKind::BrokenPipe => {}
        error => remark(&format!("error: {error}")),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
