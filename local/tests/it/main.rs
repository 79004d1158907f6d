//! The built program, started as a person or a script starts it.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod browser;
mod compact;
mod demo;
mod kill;
mod normalize;
mod operate;
mod process;
mod restore;
mod storm;
mod world;
