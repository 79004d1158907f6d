//! The harness of the end-to-end tests: the repository, its tools, and the deployed stack.

pub mod firehose;
pub mod flaky;
pub mod forward;
pub mod glue_tables;
pub mod issuer;
pub mod lake;
pub mod meter;
pub mod ministack;
pub mod moto;
pub mod repo;
pub mod served;
pub mod severity;
pub mod sim;
pub mod stack;
pub mod tools;
pub mod webhook;
pub mod world;

/// Harness code fails with a sentence that the reader of the test's output understands.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
