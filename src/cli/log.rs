//! The log: on standard error, so that standard output keeps to its few promised lines.

use std::io::IsTerminal;

use tracing::Level;

/// Starts the log. Only the first call counts (tests start several servers in one process).
pub fn start(level: Level) {
    let is_terminal = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_ansi(is_terminal);
    if log.with_target(false).try_init().is_err() {
        tracing::debug!("the log was started before");
    }
}
