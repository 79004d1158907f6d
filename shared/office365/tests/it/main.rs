//! The client over real HTTP, against small scripted servers.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod server;
mod smoke;
