//! All end-to-end tests in one binary, which is linked once.
#![expect(
    clippy::unwrap_used,
    reason = "a test's helper fails as loudly as the test"
)]

mod api;
mod bad_input;
mod brakes;
mod claims;
mod credentials;
mod delivery;
mod detections;
mod events;
mod faults;
mod house;
mod proof;
mod subscriptions;
mod sweeps;
