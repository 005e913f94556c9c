//! Formats the security log as a file: CSV for a spreadsheet, JSON for a program.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LINK, X_CONTENT_TYPE_OPTIONS};
use serde_json::{Value, json};

use crate::clock::UnixTime;
use crate::domain::column;
use crate::domain::security_log::SecurityEntry;

/// The maximum number of entries in one file. The page names the same number.
pub(super) const MOST: i64 = 10_000;

column::named! {
    /// The format of the file.
    Format {
        /// Comma-separated values (RFC 4180).
        Csv = "csv",
        /// A JSON array of objects.
        Json = "json",
    }
}

/// Responds with the file. A `Link` header (RFC 8288) has the address of the next file when there are more entries.
pub(super) fn answer(now: UnixTime, format: Format, entries: &[SecurityEntry], next: Option<&str>) -> HttpResponse {
    let (kind, body) = match format {
        Format::Csv => ("text/csv; charset=utf-8", csv(entries)),
        Format::Json => ("application/json", Value::from_iter(entries.iter().map(record)).to_string()),
    };
    let day: String = now.rfc3339().chars().take(10).collect();
    let name = format!("attachment; filename=\"gatepost-log-{day}.{}\"", format.as_str());
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if let Some(next) = next {
        answer.insert_header((LINK, format!("<{next}>; rel=\"next\"")));
    }
    answer.body(body)
}

fn record(entry: &SecurityEntry) -> Value {
    json!({
        "id": entry.id.uuid(),
        "at": entry.occurred_at.rfc3339(),
        "event": entry.event.as_str(),
        "what": entry.event.in_words(),
        "about": entry.subject,
        "address": entry.address,
        "user_agent": entry.user_agent,
    })
}

fn csv(entries: &[SecurityEntry]) -> String {
    let mut text = "time,event,what,about,address,browser\r\n".to_owned();
    for entry in entries {
        let at = entry.occurred_at.rfc3339();
        let (event, what) = (entry.event.as_str(), entry.event.in_words());
        let cells = [&at, event, what, &entry.subject, &entry.address, &entry.user_agent].map(cell);
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// Formats a cell so that a spreadsheet does not read it as a formula. Application names and user agents are
/// untrusted text.
fn cell(text: &str) -> String {
    let first = text.trim_start().chars().next();
    let is_formula = first.is_some_and(|first| "=+-@＝＋－＠|%".contains(first));
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_whatever_stands_in_it() {
        assert_eq!(cell("Map"), "\"Map\"");
        assert_eq!(cell("Say \"hi\", twice"), "\"Say \"\"hi\"\", twice\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1", "|calc", "\u{a0}=1"] {
            assert_eq!(cell(formula), format!("\"'{formula}\""));
        }
    }
}
