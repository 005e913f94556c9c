//! The log: on standard error, because standard output carries the documented lines only.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::prelude::*;

/// Starts the log: Gatepost's own events from `level` on, and the warnings of libraries. Only the first call has an
/// effect (tests start several servers in one process).
pub fn start(level: Level) {
    let is_terminal = std::io::stderr().is_terminal();
    let lines = layer().with_writer(std::io::stderr).with_ansi(is_terminal).with_target(false);
    // Invalid input of unauthenticated callers is not an error of the server: messages of libraries about bytes that
    // are no HTTP request, and about unknown cookies, appear from the debug level on only.
    let of_clients = if level >= Level::DEBUG { LevelFilter::DEBUG } else { LevelFilter::OFF };
    let ours = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_targets([("actix_http", of_clients), ("actix_session", of_clients)])
        .with_target("gatepost", level);
    if tracing_subscriber::registry().with(lines).with(ours).try_init().is_err() {
        tracing::debug!("the log was started before");
    }
}
