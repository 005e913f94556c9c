//! Signals: which stop the server, and which do not.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What stops the server: Ctrl-C and SIGTERM.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// From now on these signals are waited for, and do not end the program by themselves.
    ///
    /// # Errors
    /// When the operating system does not hand them over.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Goes on when a signal comes that would end a program which says nothing about it: a terminal that closes
/// (SIGHUP), a reload or a rotation of logs that we do not have (SIGHUP, SIGUSR1, SIGUSR2), a slip on the
/// keyboard (SIGQUIT), a file that has reached its limit (SIGXFSZ: the write fails, and is answered so).
///
/// # Errors
/// When the operating system does not hand them over.
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
