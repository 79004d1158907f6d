//! What is known of every tenant, subscription, blob and record, in one DynamoDB table.
//!
//! * [`registry`]: tenants, how their subscriptions stand, and what keeps a tenant from being served.
//! * [`sweep`]: how far each tenant is swept, and when it is due.
//! * [`blob`]: one item per content blob, from first heard of to done.
//! * [`claims`]: which blob a record belongs to.
//! * [`loss`]: what could not be delivered.
//! * [`replay`]: what is made anew from the raw copies, and how far that is.
//! * [`consent`]: the links at which administrators consent, and which tenant came by which.
//! * [`access`]: who may use the API, and what they changed.
//! * [`budget`]: how many requests a tenant had within a minute, whoever made them.
//!
//! Every change is one conditional write, or one transaction, so any number of workers may do the same thing at once (docs/DELIVERY.md).

pub mod access;
pub(in crate::store) mod attribute;
pub mod blob;
pub mod budget;
pub mod claims;
pub mod consent;
pub mod key;
pub mod loss;
pub mod registry;
pub mod replay;
pub(in crate::store) mod schema;
pub mod sweep;
mod transaction;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use jiff::Timestamp;

use self::attribute::Item;
use self::claims::ClaimLog;
pub use self::schema::{DUE_AT, OPEN, OPEN_BLOBS, OPEN_BLOBS_INCLUDED, create_table};
use crate::aws::AwsError;
use crate::clock::later;

/// How long a blob's item is kept after Microsoft has forgotten the blob: long enough to look into what happened, and for
/// blobs that are announced again late.
pub const BLOB_KEPT_AFTER_EXPIRATION: Duration = Duration::from_secs(14 * 24 * 3600);

/// How long a claim is kept. Content has been announced again after 8 days and lives up to 21; a claim must outlive every blob
/// that can carry the record, and then some.
pub const CLAIM_KEPT: Duration = Duration::from_secs(35 * 24 * 3600);

/// The table.
#[derive(Clone, Debug)]
pub struct Ledger {
    client: Client,
    table: String,
    claims: ClaimLog,
}

impl Ledger {
    /// The ledger in `table`, which must exist (template.yaml, or [`create_table`]).
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self {
            claims: ClaimLog::new(client.clone(), table.clone()),
            client,
            table,
        }
    }

    /// Which blob each record belongs to. All clones of this ledger share what they remember of it.
    #[must_use]
    pub fn claims(&self) -> &ClaimLog {
        &self.claims
    }

    fn update_key(&self, key: &key::Key) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
    }
}

/// Why a conditional update did not happen.
pub(in crate::store) enum Refusal {
    /// The condition does not hold for this item; it is empty unless it was asked for.
    Item(Item),
    /// The call failed.
    Failed(AwsError),
}

pub(in crate::store) fn refused_or_failed<R>(error: &SdkError<UpdateItemError, R>) -> Refusal {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
            Refusal::Item(refused.item.clone().unwrap_or_default())
        }
        _ => Refusal::Failed(AwsError::new("dynamodb:UpdateItem", error)),
    }
}

/// What came of an update; none when its condition does not hold.
fn unless_refused<T, R>(
    updated: Result<T, SdkError<UpdateItemError, R>>,
) -> Result<Option<T>, LedgerError> {
    match updated.map_err(|error| refused_or_failed(&error)) {
        Ok(output) => Ok(Some(output)),
        Err(Refusal::Item(_)) => Ok(None),
        Err(Refusal::Failed(error)) => Err(error.into()),
    }
}

/// Runs an update; `false` when its condition does not hold.
pub(in crate::store) async fn conditional(
    update: UpdateItemFluentBuilder,
) -> Result<bool, LedgerError> {
    Ok(unless_refused(update.send().await)?.is_some())
}

/// The table could not be read or written, or holds what it should not.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// DynamoDB failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// An item lacks an attribute or has one of another type.
    #[error(
        "the item of {key} has no usable {attribute}: was the table written by something else?"
    )]
    Damaged {
        /// Its partition and sort key.
        key: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// Others kept appending to a log; nothing is lost, and the next attempt goes on from there.
    #[error("others were faster at the log {pk} {times} times in a row")]
    Contended {
        /// The log's partition key.
        pk: String,
        /// How often.
        times: u32,
    },
    /// A log does not end.
    #[error("the log {pk} does not end within {pages_max} answers")]
    Endless {
        /// The log's partition key.
        pk: String,
        /// How many answers of 1 MB were read.
        pages_max: u32,
    },
    /// An item of an unknown kind.
    #[error(transparent)]
    UnknownKey(#[from] key::UnknownKey),
}

/// When a blob's item may go.
fn blob_expiry(content_expiration: Timestamp) -> Timestamp {
    later(content_expiration, BLOB_KEPT_AFTER_EXPIRATION)
}
