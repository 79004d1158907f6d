//! The steps from state to state, each one conditional write.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::lookup::read_blob;
use super::{
    Choice, CountedFailure, Counts, FailureCounts, Lease, LeaseOutcome, State, damaged, key,
};
use crate::aws::AwsError;
use crate::content::{ContentRef, DiscoveredBy};
use crate::store::ledger::attribute::{
    Item, expiry, get_millis, get_number, get_parsed, get_text, millis, number, text,
};
use crate::store::ledger::key::PK;
use crate::store::ledger::{DUE_AT, Ledger, LedgerError, OPEN, blob_expiry};

/// Longest cause kept, in characters: it is for a person to read.
const CAUSE_CHARS_MAX: usize = 300;

/// Attributes that count [`FailureCounts`].
const UNREADABLE: &str = "unreadable_attempts";
const GONE: &str = "gone_attempts";

/// Attributes of a [`Choice`]; an item from before there was a choice of codecs has none.
const RAW_KEY: &str = "raw_key";
const CODEC: &str = "events_codec";

impl Ledger {
    /// Takes the blob for `lease` if it is free, and creates its item if there is none.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was leased, or it was and ends by itself.
    pub async fn lease(
        &self,
        blob: &ContentRef,
        via: DiscoveredBy,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<LeaseOutcome, LedgerError> {
        let updated = self
            .known(blob, now)
            .update_expression(format!(
                "SET {KNOWN}, #state = :leased, lease_owner = :owner, lease_until = :until, \
                 first_via = if_not_exists(first_via, :via), #open = :open, #due = :until ADD attempts :one"
            ))
            .condition_expression(
                "attribute_not_exists(#pk) OR (#state = :leased AND lease_until < :now) OR \
                 (#state = :pending AND (attribute_not_exists(not_before) OR not_before <= :now))",
            )
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":open", text(blob.tenant_id.to_string()))
            .expression_attribute_values(":leased", text(State::Leased.as_str()))
            .expression_attribute_values(":pending", text(State::Pending.as_str()))
            .expression_attribute_values(":owner", text(&lease.owner))
            .expression_attribute_values(":until", millis(lease.until))
            .expression_attribute_values(":via", text(via.as_str()))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let key = key(blob);
        match updated.map_err(|error| refused_or_failed(&error)) {
            Ok(output) => {
                let item = output.attributes.unwrap_or_default();
                Ok(LeaseOutcome::Granted {
                    blob: read_blob(&item)?,
                    failures: FailureCounts {
                        unreadable: get_number(&item, UNREADABLE).unwrap_or(0),
                        gone: get_number(&item, GONE).unwrap_or(0),
                    },
                    attempt: get_number(&item, "attempts")
                        .ok_or_else(|| damaged(&key, "attempts"))?,
                    choice: read_choice(&item),
                })
            }
            Err(Refusal::Item(item)) => {
                let state = get_parsed(&item, "state").ok_or_else(|| damaged(&key, "state"))?;
                let until = match state {
                    State::Leased => "lease_until",
                    State::Pending => "not_before",
                    State::Done | State::Quarantined | State::Lost => {
                        return Ok(LeaseOutcome::Finished(state));
                    }
                };
                let until = get_millis(&item, until).ok_or_else(|| damaged(&key, until))?;
                Ok(LeaseOutcome::Held { until })
            }
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }

    /// Makes `choice` hold for the blob, unless an attempt chose before; returns the one that holds.
    ///
    /// # Errors
    /// [`LedgerError`]; asking again is harmless.
    pub async fn choose(&self, blob: &ContentRef, choice: Choice) -> Result<Choice, LedgerError> {
        let updated = self
            .update(blob)
            .update_expression(format!("SET {RAW_KEY} = :raw, {CODEC} = :codec"))
            .condition_expression(format!(
                "attribute_exists(#pk) AND attribute_not_exists({RAW_KEY})"
            ))
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":raw", text(&choice.raw_key))
            .expression_attribute_values(":codec", text(choice.codec.as_str()))
            .send()
            .await;
        match updated.map_err(|error| refused_or_failed(&error)) {
            Ok(_) => Ok(choice),
            Err(Refusal::Item(item)) => {
                read_choice(&item).ok_or_else(|| damaged(&key(blob), RAW_KEY))
            }
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }

    /// Marks the blob done, with its counts. No lease is asked for: whoever gets here wrote the same bytes.
    ///
    /// # Errors
    /// [`LedgerError`]; settling again is harmless.
    pub async fn settle(
        &self,
        blob: &ContentRef,
        counts: &Counts,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let settled = self
            .update(blob)
            .update_expression(
                "SET #state = :done, done_at = :now, records_in = :in, records_written = :written, \
                 records_routed = :routed, records_dropped = :dropped, records_duplicate = :duplicate, records_foreign = :foreign, records_malformed = :malformed, \
                 expires_at = :expires REMOVE #open, #due, lease_owner, lease_until, cause",
            )
            .condition_expression("attribute_exists(#pk) AND #state <> :done")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":done", text(State::Done.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":in", number(counts.records))
            .expression_attribute_values(":written", number(counts.written))
            .expression_attribute_values(":routed", number(counts.routed))
            .expression_attribute_values(":dropped", number(counts.dropped))
            .expression_attribute_values(":duplicate", number(counts.duplicate))
            .expression_attribute_values(":foreign", number(counts.foreign))
            .expression_attribute_values(":malformed", number(counts.malformed))
            .expression_attribute_values(":expires", expiry(blob_expiry(blob.content_expiration)))
            .send()
            .await;
        happened(settled.map_err(|error| refused_or_failed(&error))).map(drop)
    }

    /// Gives the blob back for a later attempt, not before `again_at`, and to be looked for at `overdue_at` should that not
    /// take place. `false` when the lease was taken over meanwhile: then it is not ours to give back.
    ///
    /// # Errors
    /// [`LedgerError`]; the lease then ends by itself.
    pub async fn release(
        &self,
        blob: &ContentRef,
        lease: &Lease,
        failure: CountedFailure,
        cause: &str,
        (again_at, overdue_at): (Timestamp, Timestamp),
    ) -> Result<bool, LedgerError> {
        let release = "SET #state = :state, cause = :cause, not_before = :again, #due = :due \
                       REMOVE lease_owner, lease_until";
        let counted = match failure {
            CountedFailure::Unreadable => Some(UNREADABLE),
            CountedFailure::Gone => Some(GONE),
            CountedFailure::Other => None,
        };
        let update = match counted {
            None => self.ours(blob, lease).update_expression(release),
            Some(counter) => self
                .ours(blob, lease)
                .update_expression(format!("{release} ADD {counter} :one"))
                .expression_attribute_values(":one", number(1)),
        };
        let released = update
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":state", text(State::Pending.as_str()))
            .expression_attribute_values(":cause", text(cut(cause)))
            .expression_attribute_values(":again", millis(again_at))
            .expression_attribute_values(":due", millis(overdue_at))
            .send()
            .await;
        happened(released.map_err(|error| refused_or_failed(&error)))
    }

    /// Ends the blob as [`State::Quarantined`] or [`State::Lost`], for `cause`. `false` when the lease was taken over
    /// meanwhile: then it is not ours to end.
    ///
    /// # Errors
    /// [`LedgerError`]; the lease then ends by itself and the next attempt decides.
    pub async fn give_up(
        &self,
        blob: &ContentRef,
        lease: &Lease,
        state: State,
        cause: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let ended = self
            .ours(blob, lease)
            .update_expression(
                "SET #state = :state, cause = :cause, done_at = :now, expires_at = :expires \
                 REMOVE #open, #due, lease_owner, lease_until",
            )
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":state", text(state.as_str()))
            .expression_attribute_values(":cause", text(cut(cause)))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires", expiry(blob_expiry(blob.content_expiration)))
            .send()
            .await;
        happened(ended.map_err(|error| refused_or_failed(&error)))
    }

    /// Takes up a blob again that was given up while Microsoft still lists it. `false` when there is no such blob.
    ///
    /// # Errors
    /// [`LedgerError`]; the blob stays given up.
    pub async fn reopen(&self, blob: &ContentRef, now: Timestamp) -> Result<bool, LedgerError> {
        let reopened = self
            .update(blob)
            .update_expression(format!(
                "SET #state = :pending, #open = :open, #due = :now \
                 REMOVE {UNREADABLE}, {GONE}, not_before, done_at, expires_at"
            ))
            .condition_expression("#state IN (:quarantined, :lost)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":pending", text(State::Pending.as_str()))
            .expression_attribute_values(":quarantined", text(State::Quarantined.as_str()))
            .expression_attribute_values(":lost", text(State::Lost.as_str()))
            .expression_attribute_values(":open", text(blob.tenant_id.to_string()))
            .expression_attribute_values(":now", millis(now))
            .send()
            .await;
        happened(reopened.map_err(|error| refused_or_failed(&error)))
    }

    /// Notes that the blob was put into the queue, to be looked at again at `due_at` if nobody has finished it by then.
    ///
    /// # Errors
    /// [`LedgerError`]; the blob is in the queue all the same.
    pub async fn note_enqueued(
        &self,
        blob: &ContentRef,
        due_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let noted = self
            .known(blob, now)
            .update_expression(format!(
                "SET {KNOWN}, #state = if_not_exists(#state, :pending), #open = :open, #due = :due"
            ))
            // A worker may have been quicker; a finished blob must not come back into the index of open ones.
            .condition_expression(
                "attribute_not_exists(#state) OR #state = :pending OR (#state = :leased AND lease_until < :now)",
            )
            .expression_attribute_values(":leased", text(State::Leased.as_str()))
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":open", text(blob.tenant_id.to_string()))
            .expression_attribute_values(":pending", text(State::Pending.as_str()))
            .expression_attribute_values(":due", millis(due_at))
            .send()
            .await;
        happened(noted.map_err(|error| refused_or_failed(&error))).map(drop)
    }

    fn update(&self, blob: &ContentRef) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(blob).attributes()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// An update that also writes what the announcement says, for use with [`KNOWN`].
    fn known(&self, blob: &ContentRef, now: Timestamp) -> UpdateItemFluentBuilder {
        self.update(blob)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":type", text(blob.content_type.as_str()))
            .expression_attribute_values(":created", millis(blob.content_created))
            .expression_attribute_values(":expiration", millis(blob.content_expiration))
            .expression_attribute_values(":now", millis(now))
    }

    /// An update of a blob that `lease` still holds.
    fn ours(&self, blob: &ContentRef, lease: &Lease) -> UpdateItemFluentBuilder {
        self.update(blob)
            .condition_expression("#state = :leased AND lease_owner = :owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":leased", text(State::Leased.as_str()))
            .expression_attribute_values(":owner", text(&lease.owner))
    }
}

/// What the first mention of a blob writes and no later one changes. No time to live: an item that is not finished must
/// not expire.
const KNOWN: &str = "content_type = if_not_exists(content_type, :type), \
    content_created = if_not_exists(content_created, :created), \
    content_expiration = if_not_exists(content_expiration, :expiration), \
    first_seen_at = if_not_exists(first_seen_at, :now)";

/// Why a conditional update did not happen.
enum Refusal {
    /// The condition does not hold for this item.
    Item(Item),
    /// The call failed.
    Failed(AwsError),
}

fn refused_or_failed<R>(error: &aws_sdk_dynamodb::error::SdkError<UpdateItemError, R>) -> Refusal {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
            Refusal::Item(refused.item.clone().unwrap_or_default())
        }
        _ => Refusal::Failed(AwsError::new("dynamodb:UpdateItem", error)),
    }
}

/// `false` when the condition did not hold.
fn happened<T>(updated: Result<T, Refusal>) -> Result<bool, LedgerError> {
    match updated {
        Ok(_) => Ok(true),
        Err(Refusal::Item(_)) => Ok(false),
        Err(Refusal::Failed(error)) => Err(error.into()),
    }
}

fn read_choice(item: &Item) -> Option<Choice> {
    Some(Choice {
        raw_key: get_text(item, RAW_KEY)?.to_owned(),
        codec: get_parsed(item, CODEC).unwrap_or_default(),
    })
}

fn cut(cause: &str) -> String {
    cause.chars().take(CAUSE_CHARS_MAX).collect()
}
