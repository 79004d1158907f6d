//! All end-to-end tests in one binary: it links once.
#![expect(
    clippy::unwrap_used,
    reason = "a test's helper fails as loudly as the test"
)]

mod docs;
mod stack;
mod template;
mod tidy;
