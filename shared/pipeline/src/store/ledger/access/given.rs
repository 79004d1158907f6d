//! Answers to requests with an `Idempotency-Key`, so that a request that is sent again is done once.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::id::{GivenId, KeyId};
use crate::aws::AwsError;
use crate::clock::{earlier, later};
use crate::store::ledger::attribute::{
    EXPIRES_AT, Item, expiry, get_millis, get_number, get_text, millis, number, text,
};
use crate::store::ledger::key::{Key, PK};
use crate::store::ledger::{Ledger, LedgerError, conditional};

/// How long an answer is kept.
pub const GIVEN_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Longest answer kept, in bytes: an item has 400 KB at most, and a tenant with all it has some 5 KB.
pub const GIVEN_BYTES_MAX: usize = 64 * 1024;

/// What is kept of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// HMAC of the request, in hex.
    pub request: String,
    /// When somebody began to work on it.
    pub begun_at: Timestamp,
    /// Its answer; none while it is worked on.
    pub answer: Option<GivenAnswer>,
}

/// An answer as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAnswer {
    /// Its status.
    pub status: u16,
    /// Its body; none when it was too long to be kept, or held a secret.
    pub body: Option<Vec<u8>>,
}

impl Ledger {
    /// Takes a request to work on. `None` when it is taken; else what is known of it: then nothing was written. What was begun
    /// before `stale` and has no answer is taken over.
    ///
    /// # Errors
    /// [`LedgerError`]; it may be taken.
    pub async fn take_request(
        &self,
        (of, id): (&KeyId, &GivenId),
        request: &str,
        stale: Duration,
        now: Timestamp,
    ) -> Result<Option<Given>, LedgerError> {
        let key = Key::Given(of.clone(), id.clone());
        let mut item = key.attributes();
        item.insert("fingerprint".to_owned(), text(request));
        item.insert("begun_at".to_owned(), millis(now));
        item.insert(EXPIRES_AT.to_owned(), expiry(later(now, GIVEN_KEPT)));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // DynamoDB deletes late, so what has expired counts as gone.
            .condition_expression(
                "attribute_not_exists(#pk) OR expires_at <= :now OR \
                 (fingerprint = :request AND attribute_not_exists(answer) AND begun_at <= :stale)",
            )
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":now", expiry(now))
            .expression_attribute_values(":request", text(request))
            .expression_attribute_values(":stale", millis(earlier(now, stale)))
            .send()
            .await;
        match put {
            Ok(_) => return Ok(None),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) => {}
            Err(error) => return Err(AwsError::new("dynamodb:PutItem", &error).into()),
        }
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        // Given back between the two calls: whoever did that answers with an error, and so does this one.
        let gone = || Given {
            request: request.to_owned(),
            begun_at: now,
            answer: None,
        };
        Ok(Some(output.item.as_ref().map_or_else(gone, read)))
    }

    /// Keeps the answer of a request that was taken at `begun_at`.
    ///
    /// # Errors
    /// [`LedgerError`]; the request may be done again after a while.
    pub async fn keep_answer(
        &self,
        (of, id): (&KeyId, &GivenId),
        answer: &GivenAnswer,
        begun_at: Timestamp,
    ) -> Result<(), LedgerError> {
        let body = answer.body.as_ref();
        let body = body.filter(|body| body.len() <= GIVEN_BYTES_MAX).cloned();
        let body = body.map_or(AttributeValue::Null(true), |body| {
            AttributeValue::B(Blob::new(body))
        });
        let kept = self
            .update_key(&Key::Given(of.clone(), id.clone()))
            .update_expression("SET answer = :status, body = :body")
            .condition_expression("begun_at = :begun")
            .expression_attribute_values(":status", number(answer.status))
            .expression_attribute_values(":body", body)
            .expression_attribute_values(":begun", millis(begun_at));
        conditional(kept).await.map(drop)
    }

    /// Gives back a request that was not done, so that it can be sent again at once.
    ///
    /// # Errors
    /// [`LedgerError`]; it can be sent again after a while.
    pub async fn give_back(
        &self,
        (of, id): (&KeyId, &GivenId),
        begun_at: Timestamp,
    ) -> Result<(), LedgerError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(Key::Given(of.clone(), id.clone()).attributes()))
            .condition_expression("begun_at = :begun")
            .expression_attribute_values(":begun", millis(begun_at))
            .send()
            .await;
        match deleted {
            Err(error)
                if !error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(AwsError::new("dynamodb:DeleteItem", &error).into())
            }
            _ => Ok(()),
        }
    }
}

fn read(item: &Item) -> Given {
    let body = item.get("body").and_then(|body| body.as_b().ok());
    Given {
        request: get_text(item, "fingerprint").unwrap_or_default().to_owned(),
        begun_at: get_millis(item, "begun_at").unwrap_or(Timestamp::MIN),
        answer: get_number(item, "answer").map(|status| GivenAnswer {
            status,
            body: body.map(|body| body.clone().into_inner()),
        }),
    }
}
