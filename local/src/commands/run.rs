//! Commands that run an installation in this process.

pub mod demo;
pub mod serve;
