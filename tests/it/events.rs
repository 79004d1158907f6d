//! What is in the lake: its layout and formats, what a filter leaves out, what is redacted, and what is forwarded.

mod ecs;
mod filter;
mod forward;
pub(crate) mod lake;
mod parquet;
mod redaction;
