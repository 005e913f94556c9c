//! Standard output: lines for people, JSON for programs. Everything that a command prints goes through here.

use std::io::{ErrorKind, Write};

use serde_json::{Value, json};

use super::CommandError;

/// Prints one line.
///
/// # Errors
/// Standard output takes nothing: a pipe whose reader is gone, a full disk.
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

/// Prints what was done: a sentence for people, a record for programs.
///
/// # Errors
/// See [`line()`].
pub fn done(value: &Value, sentence: &str, json: bool) -> Result<(), CommandError> {
    if json { record(value, true) } else { line(sentence) }
}

/// Prints that something is disabled or enabled now; `member` is what its name is called.
///
/// # Errors
/// See [`line()`].
pub fn switched(member: &str, name: &str, is_disabled: bool, json: bool) -> Result<(), CommandError> {
    let said = format!("{name} is {}", if is_disabled { "disabled" } else { "enabled" });
    done(&json!({ member: name, "disabled": is_disabled }), &said, json)
}

/// Prints what a program that goes on running promises to say, as `NAME VALUE` or `{"NAME": "VALUE"}`. It goes
/// on where nobody reads it.
pub fn announce(name: &str, value: &str, json: bool) {
    say(&if json { json!({ name.replace(' ', "_"): value }).to_string() } else { format!("{name} {value}") });
}

/// Prints text of a program that goes on running, also where nobody reads it.
pub fn say(text: &str) {
    if let Err(error) = line(text) {
        tracing::warn!(%error, "nobody is told what was printed");
    }
}

/// Says something beside the answer, on standard error.
pub fn remark(text: &str) {
    // Where not even this can be written there is nobody to tell.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Says why a command failed; nothing where the reader of its output left, who knows.
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
