//! Printing records: lines for people, JSON for programs.

use serde_json::Value;

/// Prints one record.
pub fn record(value: &Value, json: bool) {
    if json {
        println!("{value:#}");
        return;
    }
    let Value::Object(members) = value else { return println!("{value}") };
    let width = members.keys().map(String::len).max().unwrap_or_default();
    for (name, value) in members {
        println!("{name:width$}  {}", plain(value));
    }
}

/// Prints many records: a JSON array, or a line each.
pub fn list(values: &[Value], json: bool) {
    if json {
        return println!("{:#}", Value::Array(values.to_vec()));
    }
    for value in values {
        let Value::Object(members) = value else { continue };
        println!("{}", members.values().map(plain).collect::<Vec<_>>().join("  "));
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
