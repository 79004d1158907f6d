//! Connecting to AWS, and one error type for all of its failures.

pub mod batch;
pub mod secrets;

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Time for one attempt of a call to DynamoDB, SQS or Secrets Manager: they answer within tens of milliseconds, and the
/// receiver must answer Microsoft within a few seconds, retries included.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// Time to connect: inside a region a connection that takes longer will not come.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Region and endpoint from the variables that Lambda sets (`AWS_REGION`, `AWS_ENDPOINT_URL`), and the credentials that the
/// SDK itself reads from the environment.
///
/// The SDK's other sources (profiles, SSO, instance metadata) are left out: they would be a megabyte of every bootstrap, and
/// none of them exists on Lambda.
#[must_use]
pub fn config(get: impl Fn(&str) -> Option<String>) -> SdkConfig {
    let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"));
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region.map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        // The attempt's own time limit does the same for calls as short as these.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        );
    config.set_endpoint_url(get("AWS_ENDPOINT_URL"));
    config.build()
}

/// A call to AWS that failed for good, after the SDK's own retries.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed: {code}: {message}")]
pub struct AwsError {
    /// The API operation, such as `dynamodb:UpdateItem`.
    pub operation: &'static str,
    /// The service's error code, such as `ThrottlingException`, or the kind of transport failure.
    pub code: String,
    /// The service's message. It names resources, never an item's content.
    pub message: String,
}

impl AwsError {
    /// What an SDK call failed with. `operation` is its IAM action name.
    pub fn new<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let (kind, service) = match error {
            SdkError::ConstructionFailure(_) => ("request could not be built", None),
            SdkError::TimeoutError(_) => ("no answer in time", None),
            SdkError::DispatchFailure(_) => ("no connection", None),
            SdkError::ResponseError(_) => ("answer not understood", None),
            SdkError::ServiceError(context) => ("service error", Some(context.err())),
            _ => ("unknown failure", None),
        };
        Self {
            operation,
            code: service.and_then(|e| e.code()).unwrap_or(kind).to_owned(),
            message: service
                .and_then(|e| e.message())
                .unwrap_or("no message")
                .to_owned(),
        }
    }

    /// A call that AWS accepted and answered with something the program cannot use.
    pub(crate) fn unusable(operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            operation,
            code: "unusable answer".to_owned(),
            message: message.into(),
        }
    }
}
