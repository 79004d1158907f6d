//! The table's schema, as template.yaml deploys it and local mode and the tests create it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};

use super::attribute::EXPIRES_AT;
use super::key::{PK, SK};
use crate::aws::AwsError;

/// The sparse index of blobs that are not finished. It makes "what is stuck" a Query, and independent of what Microsoft
/// still lists.
pub const OPEN_BLOBS: &str = "open-blobs";
/// Its partition key: the tenant. Absent on finished blobs.
pub const OPEN: &str = "open";
/// Its sort key: when somebody should look at the blob, epoch milliseconds.
pub const DUE_AT: &str = "due_at";
/// What the index carries beside the keys: enough to enqueue the blob again, and to say on the status page what is wrong.
pub const OPEN_BLOBS_INCLUDED: [&str; 5] = [
    "content_created",
    "content_expiration",
    "enqueued_at",
    "attempts",
    "cause",
];

/// Creates the table, unless it is there.
///
/// # Errors
/// DynamoDB refuses, for a reason other than that the table exists.
pub async fn create_table(client: &Client, table: &str) -> Result<(), AwsError> {
    let further = vec![
        attribute(OPEN, ScalarAttributeType::S).map_err(unusable)?,
        attribute(DUE_AT, ScalarAttributeType::N).map_err(unusable)?,
    ];
    let index = including(OPEN_BLOBS, (OPEN, DUE_AT), OPEN_BLOBS_INCLUDED).map_err(unusable)?;
    create_keyed_table(client, table, further, vec![index]).await
}

/// Creates a table of items with [`PK`], [`SK`] and an expiry, unless it is there; with indexes, and the attributes of their keys.
///
/// # Errors
/// As [`create_table`].
pub(in crate::store) async fn create_keyed_table(
    client: &Client,
    table: &str,
    further: Vec<AttributeDefinition>,
    indexes: Vec<GlobalSecondaryIndex>,
) -> Result<(), AwsError> {
    let mut attributes = vec![
        attribute(PK, ScalarAttributeType::S).map_err(unusable)?,
        attribute(SK, ScalarAttributeType::S).map_err(unusable)?,
    ];
    attributes.extend(further);
    let created = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes))
        .key_schema(key(PK, KeyType::Hash).map_err(unusable)?)
        .key_schema(key(SK, KeyType::Range).map_err(unusable)?)
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
        .send()
        .await;
    match created {
        Ok(_) => {}
        Err(error)
            if matches!(
                error.as_service_error(),
                Some(CreateTableError::ResourceInUseException(_))
            ) =>
        {
            return Ok(());
        }
        Err(error) => return Err(AwsError::new("dynamodb:CreateTable", &error)),
    }
    client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(
            TimeToLiveSpecification::builder()
                .attribute_name(EXPIRES_AT)
                .enabled(true)
                .build()
                .map_err(unusable)?,
        )
        .send()
        .await
        .map_err(|error| AwsError::new("dynamodb:UpdateTimeToLive", &error))?;
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(in crate::store) fn unusable(error: BuildError) -> AwsError {
    AwsError::unusable("dynamodb:CreateTable", error.to_string())
}

pub(in crate::store) fn attribute(
    name: &str,
    of: ScalarAttributeType,
) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(of)
        .build()
}

fn key(name: &str, of: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(of)
        .build()
}

/// An index with a partition and a sort key, and attributes beside them.
pub(in crate::store) fn including(
    name: &str,
    (partition, sort): (&str, &str),
    attributes: impl IntoIterator<Item = &'static str>,
) -> Result<GlobalSecondaryIndex, BuildError> {
    let included = attributes.into_iter().map(str::to_owned).collect();
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key(partition, KeyType::Hash)?)
        .key_schema(key(sort, KeyType::Range)?)
        .projection(
            Projection::builder()
                .projection_type(ProjectionType::Include)
                .set_non_key_attributes(Some(included))
                .build(),
        )
        .build()
}
