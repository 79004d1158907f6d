//! Several items written together, or none of them.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata as _, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{Ledger, LedgerError};
use crate::aws::AwsError;

/// DynamoDB's word for a condition that does not hold, among the reasons of a cancelled transaction.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

impl Ledger {
    /// Runs a transaction; `false` when a condition does not hold.
    pub(super) async fn transact<const N: usize>(
        &self,
        items: [TransactWriteItem; N],
    ) -> Result<bool, LedgerError> {
        let written = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items.into()))
            .send()
            .await;
        match written {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(AwsError::new("dynamodb:TransactWriteItems", &error).into()),
        }
    }
}

fn condition_failed<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled
            .cancellation_reasons()
            .iter()
            .any(|reason| reason.code() == Some(CONDITION_FAILED)),
        Some(other) => other.code() == Some(CONDITION_FAILED),
        None => false,
    }
}

/// A part of a transaction lacks something.
pub(super) fn unusable(error: &BuildError) -> AwsError {
    AwsError::unusable("dynamodb:TransactWriteItems", error.to_string())
}
