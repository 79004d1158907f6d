//! Exceptions: an item each, in one partition, since all are compared with each finding. How often each was used is counted there.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use detections::{EXCEPTIONS_MAX, Exception};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{Detections, DetectionsError, conditional, place};
use crate::aws::AwsError;
use crate::clock::later;
use crate::store::ledger::LedgerError;
use crate::store::ledger::attribute::{
    Item, expiry, get_millis, get_number, get_text, millis, number, text,
};
use crate::store::ledger::key::{PK, SK};

const EXCEPTIONS_PK: &str = "exceptions";

/// How long an exception is listed after its end, so that somebody can see why findings come again.
const KEPT_AFTER_END: Duration = Duration::from_secs(30 * 24 * 3600);

/// An exception's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ExceptionId(Uuid);

/// Not an exception's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an exception, which is a UUID")]
pub struct InvalidExceptionId;

impl ExceptionId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl Display for ExceptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ExceptionId {
    type Err = InvalidExceptionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| InvalidExceptionId)
    }
}

/// An exception as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptException {
    /// Its name.
    pub id: ExceptionId,
    /// What it is for.
    pub exception: Exception,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many findings were left out for it. One that is looked at twice counts twice.
    pub used: u64,
    /// When it was used last.
    pub last_used_at: Option<Timestamp>,
}

impl Detections {
    /// All exceptions, in no order, at most [`EXCEPTIONS_MAX`]. One that cannot be read is passed over, and told in the log.
    ///
    /// # Errors
    /// [`DetectionsError`]
    pub async fn exceptions(&self) -> Result<Vec<KeptException>, DetectionsError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(EXCEPTIONS_PK))
            .into_paginator()
            .items()
            .send();
        let mut kept = Vec::new();
        while kept.len() < EXCEPTIONS_MAX
            && let Some(item) = pages.next().await
        {
            let item = item.map_err(|error| AwsError::new("dynamodb:Query", &error))?;
            let exception = read(&item);
            kept.extend(
                exception
                    .inspect_err(|error| tracing::error!(%error, "exception passed over"))
                    .ok(),
            );
        }
        Ok(kept)
    }

    /// Keeps an exception. Keeping it again replaces it.
    ///
    /// # Errors
    /// [`DetectionsError`]; it may be kept.
    pub async fn keep_exception(&self, kept: &KeptException) -> Result<(), DetectionsError> {
        let json = serde_json::to_string(&kept.exception)
            .map_err(|error| AwsError::unusable("dynamodb:PutItem", error.to_string()))?;
        let mut item = place(EXCEPTIONS_PK, &kept.id.to_string());
        let expires = later(kept.exception.until, KEPT_AFTER_END);
        let attributes = [
            ("exception", text(json)),
            ("created_at", millis(kept.created_at)),
            ("expires_at", expiry(expires)),
        ];
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(item)).send().await;
        put.map_err(|error| AwsError::new("dynamodb:PutItem", &error))?;
        Ok(())
    }

    /// Removes an exception. One that is not there is no error.
    ///
    /// # Errors
    /// [`DetectionsError`]; it may be removed.
    pub async fn remove_exception(&self, id: ExceptionId) -> Result<(), DetectionsError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(place(EXCEPTIONS_PK, &id.to_string())))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:DeleteItem", &error))?;
        Ok(())
    }

    /// Counts a finding that was left out for an exception. One that was removed meanwhile is not counted.
    ///
    /// # Errors
    /// [`DetectionsError`]; it may be counted.
    pub async fn count_exception(
        &self,
        id: ExceptionId,
        now: Timestamp,
    ) -> Result<(), DetectionsError> {
        let update = self
            .update_at(EXCEPTIONS_PK, &id.to_string())
            .update_expression("SET last_used_at = :now ADD #used :one")
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#used", "used")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":one", number(1));
        conditional(update).await?;
        Ok(())
    }
}

fn read(item: &Item) -> Result<KeptException, LedgerError> {
    let sk = get_text(item, SK).unwrap_or_default();
    let damaged = |attribute| LedgerError::Damaged {
        key: format!("{EXCEPTIONS_PK} {sk}"),
        attribute,
    };
    let json = get_text(item, "exception").and_then(|json| serde_json::from_str(json).ok());
    Ok(KeptException {
        id: sk.parse().map_err(|_| damaged(SK))?,
        exception: json.ok_or_else(|| damaged("exception"))?,
        created_at: get_millis(item, "created_at").ok_or_else(|| damaged("created_at"))?,
        used: get_number(item, "used").unwrap_or_default(),
        last_used_at: get_millis(item, "last_used_at"),
    })
}
