//! Signals: which of them stop the server, and which are ignored.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that stop the server: Ctrl-C and SIGTERM.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Registers the handlers: from now on these signals no longer end the process by default.
    ///
    /// # Errors
    /// When the operating system refuses to register a handler.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next of these signals.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Keeps the server running, and logs the signal, on signals whose default action ends a process: SIGHUP (a terminal
/// that closes, or a request to reload the configuration, which does not exist here), SIGUSR1 and SIGUSR2 (log
/// rotation, which does not exist here), SIGQUIT (typed by accident), SIGXFSZ (a file has reached its size limit: the
/// write fails, and that error is handled).
///
/// # Errors
/// When the operating system refuses to register a handler.
pub fn survive() -> std::io::Result<()> {
    let full = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    for (kind, name) in [
        (SignalKind::hangup(), "SIGHUP"),
        (SignalKind::quit(), "SIGQUIT"),
        (SignalKind::user_defined1(), "SIGUSR1"),
        (SignalKind::user_defined2(), "SIGUSR2"),
        (full, "SIGXFSZ"),
    ] {
        let mut signal = signal(kind)?;
        actix_web::rt::spawn(async move {
            while signal.recv().await.is_some() {
                tracing::info!("{name} changes nothing here; settings are read when the server starts");
            }
        });
    }
    Ok(())
}
