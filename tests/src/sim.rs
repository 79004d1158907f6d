//! The simulation: the product, unchanged, in a world whose every fault and order a seed decides.
//!
//! * [`plan`]: what a seed decides before the run.
//! * [`run`]: the storm, step by step, and the calm after it.
//! * [`watch`]: what must be so at every moment. [`oracle`]: what must be so in the end.
//! * [`house`]: the product's functions over DynamoDB, SQS and S3 in this process ([`dynamodb`], [`sqs`], [`bucket`]), through a
//!   [`weather`] of faults, in processes that die ([`crash`]); and an emulated Microsoft.
//! * [`secrets`]: what nobody may see.
//! * [`scene`]: the same house for what is told by name, step by step.
//! * [`bite`]: the product with a deliberate bug, which the simulation must find.
//!
//! Time is the emulator's clock, which only steps move. One thread runs everything.

pub mod bite;
pub mod bucket;
pub mod crash;
pub mod dice;
pub mod dynamodb;
pub mod house;
pub mod oracle;
pub mod plan;
pub mod records;
pub mod run;
pub mod scene;
pub mod secrets;
pub mod sqs;
pub mod watch;
pub mod weather;
mod wire;
