//! The table's schema, as template.yaml deploys it and local mode and the tests create it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{GlobalSecondaryIndex, ScalarAttributeType};

use crate::aws::AwsError;
use crate::store::ledger::key::PK;
use crate::store::ledger::schema::{attribute, create_keyed_table, including, unusable};

/// The index of a tenant's findings by time: only findings have an [`AT`].
pub const BY_TENANT: &str = "findings-by-tenant";

/// The sparse index of the findings of all tenants that nobody has closed.
pub const OPEN_FINDINGS: &str = "open-findings";

/// The partition key of [`OPEN_FINDINGS`]: one of sixteen, by the tenant. Absent on closed findings.
pub const OPEN: &str = "open";

/// The sort key of both: the time of the last record, epoch milliseconds of thirteen digits, a dot and the uid.
pub const AT: &str = "at";

/// What both indexes carry beside the keys: what a list shows.
pub const LISTED: [&str; 16] = [
    "rule_id",
    "title",
    "level",
    "severity_id",
    "first_at",
    "last_at",
    "record_count",
    "user_name",
    "address",
    "application",
    "operation",
    "found_at",
    "handling",
    "handled_by",
    "handled_at",
    "note",
];

/// What the index of a tenant carries too: of closed findings the verdict, and the records, for the marks of the timeline.
pub const LISTED_OF_TENANT: [&str; 2] = ["verdict", "records"];

/// Creates the table, unless it is there.
///
/// # Errors
/// DynamoDB refuses, for a reason other than that the table exists.
pub async fn create_table(client: &Client, table: &str) -> Result<(), AwsError> {
    let further = [AT, OPEN].map(|name| attribute(name, ScalarAttributeType::S));
    let further = further.into_iter().collect::<Result<_, _>>();
    let indexes = indexes().map_err(unusable)?;
    create_keyed_table(client, table, further.map_err(unusable)?, indexes).await
}

fn indexes() -> Result<Vec<GlobalSecondaryIndex>, BuildError> {
    let of_tenant = LISTED.into_iter().chain(LISTED_OF_TENANT);
    Ok(vec![
        including(BY_TENANT, (PK, AT), of_tenant)?,
        including(OPEN_FINDINGS, (OPEN, AT), LISTED)?,
    ])
}
