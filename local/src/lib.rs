//! The program `ualstream`: the whole pipeline in one process, and tools for records, lakes and filters.
//!
//! | room | what |
//! |---|---|
//! | [`cli`] | the command line, and which command runs |
//! | [`commands`] | one file a command, by what they work on |
//! | [`story`] | what the demo prints while it runs, read from the pipeline's log events |
//! | [`verify`] | counts what is in a lake |
//! | [`installation`] | receiver, fetcher, api, reconciler, detector and notifier in this process, in a folder |
//! | [`backends`] | embedded DynamoDB and SQS |
//!
//! **Invariants.** The code that runs on Lambda runs here too: no file here knows how a blob becomes events or how a
//! subscription is healed. [`verify`] reads the lake's objects and trusts no counter of the pipeline. A room uses only rooms
//! that stand below it in the table.

pub mod api_client;
pub mod arguments;
pub mod backends;
pub mod cli;
pub mod commands;
pub mod installation;
pub mod place_files;
pub mod record_file;
pub mod rule_folder;
pub mod signals;
pub mod story;
pub mod verify;
pub mod wall_clock;
