//! Which bytes are the blob: chosen once, by the first attempt that stored them.

use super::read::{CODEC, RAW_SHA256, read_choice};
use super::{Choice, damaged, key};
use crate::aws::AwsError;
use crate::content::ContentRef;
use crate::store::ledger::attribute::text;
use crate::store::ledger::key::PK;
use crate::store::ledger::{Ledger, LedgerError, Refusal, refused_or_failed};

impl Ledger {
    /// Whether the blob's bytes are stored, so that Microsoft is not needed.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn is_stored(&self, blob: &ContentRef) -> Result<bool, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(blob).attributes()))
            .projection_expression(RAW_SHA256)
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        Ok(output
            .item
            .is_some_and(|item| item.contains_key(RAW_SHA256)))
    }

    /// Makes `choice` hold for the blob, unless an attempt chose before; returns the one that holds.
    ///
    /// # Errors
    /// [`LedgerError`]; asking again is harmless.
    pub async fn choose(&self, blob: &ContentRef, choice: Choice) -> Result<Choice, LedgerError> {
        let updated = self
            .update(blob)
            .update_expression(format!("SET {RAW_SHA256} = :raw, {CODEC} = :codec"))
            .condition_expression(format!(
                "attribute_exists(#pk) AND attribute_not_exists({RAW_SHA256})"
            ))
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":raw", text(&choice.raw_sha256))
            .expression_attribute_values(":codec", text(choice.codec.as_str()))
            .send()
            .await;
        match updated.map_err(|error| refused_or_failed(&error)) {
            Ok(_) => Ok(choice),
            Err(Refusal::Item(item)) => {
                read_choice(&item).ok_or_else(|| damaged(&key(blob), RAW_SHA256))
            }
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }

    /// Makes `choice` hold in the place of one whose copy is gone; returns the one that holds.
    ///
    /// # Errors
    /// [`LedgerError`]; asking again is harmless.
    pub async fn choose_again(
        &self,
        blob: &ContentRef,
        gone: &Choice,
        choice: Choice,
    ) -> Result<Choice, LedgerError> {
        let updated = self
            .update(blob)
            .update_expression(format!("SET {RAW_SHA256} = :raw"))
            .condition_expression(format!("{RAW_SHA256} IN (:gone, :raw)"))
            .expression_attribute_values(":raw", text(&choice.raw_sha256))
            .expression_attribute_values(":gone", text(&gone.raw_sha256))
            .send()
            .await;
        match updated.map_err(|error| refused_or_failed(&error)) {
            Ok(_) => Ok(choice),
            Err(Refusal::Item(item)) => {
                read_choice(&item).ok_or_else(|| damaged(&key(blob), RAW_SHA256))
            }
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }
}
