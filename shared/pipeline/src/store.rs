//! What is kept: the ledger (DynamoDB), the queue (SQS) and the lake (S3, or a folder).

pub mod detections;
pub mod lake;
pub mod ledger;
mod log;
pub mod queue;
pub mod waiting;
