//! Ctrl-C and SIGTERM.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::time::Instant;

/// A second signal within this time is the first one again: `timeout` and some shells send it twice.
const SECOND_SIGNAL_AFTER: Duration = Duration::from_secs(1);

/// Resolves at Ctrl-C or SIGTERM. A second signal ends the process at once.
///
/// # Errors
/// The system refuses to deliver the signals.
pub fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut next = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    Ok(async move {
        next().await;
        let first = Instant::now();
        tokio::spawn(async move {
            loop {
                next().await;
                if first.elapsed() >= SECOND_SIGNAL_AFTER {
                    exit_at_once();
                }
            }
        });
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a second Ctrl-C asks for no orderly stop, and a kill at any moment loses nothing"
)]
fn exit_at_once() -> ! {
    // The status that a shell reports after Ctrl-C.
    std::process::exit(130)
}
