//! A Firehose stream. Of the records of one call, each is taken or refused by itself.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_firehose::Client;
use aws_sdk_firehose::config::Builder;
use aws_sdk_firehose::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_firehose::operation::put_record_batch::PutRecordBatchOutput;
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record;

use crate::aws::{AwsError, CONNECT_TIMEOUT};
use crate::backoff::Backoff;

/// The call that sends, by its IAM action's name.
const OPERATION: &str = "firehose:PutRecordBatch";

/// Time for one call: four megabytes go out, and are durable when the answer comes.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Times that what was not taken is sent again. With its pauses that is two to four minutes, most of what the function has; a
/// stream that is at its limit takes some of what is sent each time.
pub const ATTEMPTS_MAX: u32 = 30;

/// The longest delay is short, because Firehose counts what it takes by the second.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(10),
};

/// Error codes for a stream at its limit, or for trouble of Firehose itself.
const TRANSIENT: [&str; 5] = [
    "ServiceUnavailableException",
    "ThrottlingException",
    "LimitExceededException",
    "InternalFailure",
    "RequestTimeout",
];

/// The stream.
#[derive(Clone, Debug)]
pub struct Stream {
    client: Client,
    name: String,
}

/// Some records are not in the stream.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Firehose refused the call, and would again.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// It took too few records, again and again.
    #[error("{records} records were not taken in {ATTEMPTS_MAX} attempts, last with {code}")]
    Refused {
        /// How many.
        records: usize,
        /// Firehose's code for one of them, or for the call.
        code: String,
    },
}

impl Stream {
    /// The stream of this name, in the account and region that `aws` stands for.
    #[must_use]
    pub fn new(aws: &SdkConfig, name: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(CALL_TIMEOUT);
        let config = Builder::from(aws)
            .timeout_config(timeouts.build())
            // Calls and records are sent again in one place: here.
            .retry_config(RetryConfig::disabled())
            .build();
        Self {
            client: Client::from_conf(config),
            name,
        }
    }

    /// Sends the records of one call and returns when every one of them is durable. What was not taken is sent again, and
    /// nothing else; but after a call whose answer was lost all of it is.
    ///
    /// # Errors
    /// [`SendError`] when at least one is not durable; others may be.
    pub async fn send(&self, records: Vec<Vec<u8>>) -> Result<(), SendError> {
        let mut left = records
            .into_iter()
            .map(record)
            .collect::<Result<Vec<_>, _>>()?;
        let mut code = String::new();
        for attempt in 0..ATTEMPTS_MAX {
            if left.is_empty() {
                return Ok(());
            }
            if attempt > 0 {
                tokio::time::sleep(BACKOFF.delay(attempt)).await;
            }
            let call = self.client.put_record_batch();
            let call = call.delivery_stream_name(&self.name);
            match call.set_records(Some(left.clone())).send().await {
                Ok(answer) => {
                    if let Some(of) = keep_refused(&mut left, &answer)? {
                        code = of;
                    }
                }
                Err(error) => {
                    let is_transient = is_transient(&error);
                    let error = AwsError::new(OPERATION, &error);
                    if !is_transient {
                        return Err(error.into());
                    }
                    code = error.code;
                }
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(SendError::Refused {
            records: left.len(),
            code,
        })
    }
}

fn record(data: Vec<u8>) -> Result<Record, AwsError> {
    let record = Record::builder().data(Blob::new(data)).build();
    record.map_err(|error| AwsError::unusable(OPERATION, error.to_string()))
}

/// Keeps the records that were not taken; returns Firehose's code for one of them. The answer has an entry for each record,
/// in order.
fn keep_refused(
    left: &mut Vec<Record>,
    answer: &PutRecordBatchOutput,
) -> Result<Option<String>, AwsError> {
    let entries = answer.request_responses();
    if entries.len() != left.len() {
        let says = format!("{} entries for {} records", entries.len(), left.len());
        return Err(AwsError::unusable(OPERATION, says));
    }
    // Only what has an id is durable: an entry that says nothing is sent again.
    let mut is_refused = entries
        .iter()
        .map(|entry| entry.record_id().is_none() || entry.error_code().is_some());
    left.retain(|_| is_refused.next().unwrap_or(true));
    let code = entries.iter().find_map(|entry| entry.error_code());
    Ok(code.map(str::to_owned))
}

/// Whether the same call may succeed a moment later.
fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(context) => {
            let status = context.raw().status();
            status.is_server_error()
                || status.as_u16() == 429
                || context
                    .err()
                    .code()
                    .is_some_and(|of| TRANSIENT.contains(&of))
        }
        _ => true,
    }
}
