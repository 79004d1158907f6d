//! The one file here that reads the time.

use jiff::Timestamp;
use pipeline::clock::Clock;

/// The present.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "workers read the clock; everything below them takes the time as an argument"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A clock that starts now, for one unit of work.
#[must_use]
pub fn clock() -> Clock {
    Clock::starting_at(now())
}
