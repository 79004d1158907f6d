//! The one place of local mode that reads the time, for its workers.

use jiff::Timestamp;
use pipeline::clock::Clock;

/// Now.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "workers read the clock; everything below them takes the time as an argument"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A clock for one unit of work.
#[must_use]
pub fn clock() -> Clock {
    Clock::starting_at(now())
}
