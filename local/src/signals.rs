//! Ctrl-C and its kin.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::time::Instant;

/// A second signal counts as asking again only after this time: `timeout` and some shells send one twice.
const SECOND_SIGNAL_AFTER: Duration = Duration::from_secs(1);

/// Resolves at Ctrl-C, or when the system asks the process to end. A second one ends the process at once.
///
/// # Errors
/// The signals cannot be listened to.
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
    reason = "whoever asks twice wants no tidying; a kill at any moment loses nothing"
)]
fn exit_at_once() -> ! {
    // What a shell reports for a process that Ctrl-C ended.
    std::process::exit(130)
}
