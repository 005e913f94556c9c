//! The log: on standard error, so that standard output keeps to its few promised lines.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::prelude::*;

/// Starts the log: ours from `level` on, the libraries' warnings. Only the first call counts (tests
/// start several servers in one process).
pub fn start(level: Level) {
    let is_terminal = std::io::stderr().is_terminal();
    let lines = layer().with_writer(std::io::stderr).with_ansi(is_terminal).with_target(false);
    // What a stranger sends is no fault of ours: the libraries' complaints about bytes that are no request,
    // and about cookies that are none of ours, are for whoever looks for a fault.
    let of_clients = if level >= Level::DEBUG { LevelFilter::DEBUG } else { LevelFilter::OFF };
    let ours = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_targets([("actix_http", of_clients), ("actix_session", of_clients)])
        .with_target("gatepost", level);
    if tracing_subscriber::registry().with(lines).with(ours).try_init().is_err() {
        tracing::debug!("the log was started before");
    }
}
