//! The whole pipeline in one process, on embedded back ends: the code that runs on AWS, against DynamoDB and SQS servers in
//! this process, with a folder as the lake.
//!
//! * [`demo`]: against an emulated Microsoft, which publishes by itself.
//! * [`installation`]: against Microsoft, or whatever speaks like it.
//! * [`dry_run`]: what a filter would do.
//! * [`files`]: raw records to OCSF events, without any of it.
//! * [`parquet`]: a lake's events to Parquet files, as the fifth function does it.
//!
//! **Invariants.** Nothing here knows how a blob becomes events or a subscription is healed: that is the pipeline's, and
//! local mode has no code of its own for it. [`audit`] reads the lake and asks nobody.

pub mod api;
pub mod audit;
pub mod backends;
pub mod call;
pub mod cli;
pub mod data_dir;
pub mod demo;
pub mod dry_run;
pub mod files;
pub mod installation;
pub mod parquet;
pub mod resume;
pub mod serve;
pub mod signals;
pub mod story;
pub mod sweeps;
pub mod wall_clock;
pub mod worker;
