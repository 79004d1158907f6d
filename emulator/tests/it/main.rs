//! The emulator seen from outside: real HTTP, one test per behaviour.
#![expect(clippy::expect_used, reason = "a test may fail loudly")]

mod access;
mod assertion;
mod blobs;
mod consent;
mod content;
mod control;
mod discovery;
mod federated;
mod first_hour;
mod notifications;
mod program;
mod records;
mod second_client;
mod service;
mod starts;
mod stories;
mod subscriptions;
mod tls;
mod token;
mod webhooks;
mod windows;
mod world;
