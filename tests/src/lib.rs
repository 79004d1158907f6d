//! What the end-to-end tests are made of: the repository, its tools, and the deployed stack.

pub mod firehose;
pub mod flaky;
pub mod forward;
pub mod glue_tables;
pub mod lake;
pub mod ministack;
pub mod repo;
pub mod severity;
pub mod stack;
pub mod tools;
pub mod world;

/// Harness code fails with a sentence for whoever reads the test's output.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
