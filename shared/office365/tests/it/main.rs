//! The client over real HTTP, against small scripted servers.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod brake;
mod errors;
mod faults;
mod hostile;
mod quirks;
mod raw;
mod server;
mod smoke;
mod tokens;
