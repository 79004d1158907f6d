//! The client over real HTTP, against small scripted servers.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod budget;
mod diagnosis;
mod errors;
mod faults;
mod hostile;
mod limiter;
mod operations;
mod raw;
mod records;
mod server;
mod tokens;
