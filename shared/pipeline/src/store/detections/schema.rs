//! The table's schema, as template.yaml deploys it and local mode and the tests create it.

use aws_sdk_dynamodb::Client;

use crate::aws::AwsError;
use crate::store::ledger::schema::create_keyed_table;

/// Creates the table, unless it is there.
///
/// # Errors
/// DynamoDB refuses, for a reason other than that the table exists.
pub async fn create_table(client: &Client, table: &str) -> Result<(), AwsError> {
    create_keyed_table(client, table, Vec::new(), None).await
}
