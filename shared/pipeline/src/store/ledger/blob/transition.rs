//! The steps from state to state. Each is one conditional write, or one transaction, and is recognised when it is repeated
//! because its answer was lost.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::read::{
    COUNTS, EVIDENCE, INDEX, RAW_SHA256, evidence_attributes, read_blob, read_choice,
    read_evidence, read_not_before,
};
use super::{Counts, Evidence, Granted, Lease, LeaseOutcome, State, damaged, key};
use crate::clock::earlier;
use crate::content::{ContentRef, DiscoveredBy};
use crate::store::ledger::attribute::{
    Item, bytes, cut, expiry, get_millis, get_number, get_parsed, millis, number, text,
};
use crate::store::ledger::key::PK;
use crate::store::ledger::{
    DUE_AT, Ledger, LedgerError, OPEN, Refusal, blob_expiry, refused_or_failed, unless_refused,
};

/// How a failed attempt gives its blob back.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// Why the attempt failed.
    pub cause: &'a str,
    /// What is known against the blob by now.
    pub evidence: &'a Evidence,
    /// How many attempts there were: without this one, if it was none at the blob.
    pub attempts: u32,
    /// How many attempts in a row count as ended without a word: none, unless the blob is to have a process to itself.
    pub unconcluded: u32,
    /// Not before this time may another attempt begin. A message for it is under way.
    pub again_at: Timestamp,
    /// When to look for it should that attempt not take place.
    pub due_at: Timestamp,
}

/// How long a verdict stands before a listing may undo it: the blob is listed with every sweep for seven days, and each time the
/// verdict costs hours of attempts, or workers.
const REOPENED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// What the first mention of a blob writes and no later one changes. No time to live: an item that is not finished must
/// not expire.
const KNOWN: &str = "content_created = if_not_exists(content_created, :created), \
    content_expiration = if_not_exists(content_expiration, :expiration), \
    first_seen_at = if_not_exists(first_seen_at, :now)";

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
                 first_via = if_not_exists(first_via, :via), #open = :open, #due = :until \
                 REMOVE enqueued_at ADD attempts :one, unconcluded :one"
            ))
            // The last line: the SDK repeats a call whose answer was lost, and must find the lease that it got.
            .condition_expression(
                "attribute_not_exists(#pk) OR (#state = :leased AND lease_until < :now) OR \
                 (#state = :pending AND (attribute_not_exists(not_before) OR not_before <= :now)) OR \
                 (#state = :leased AND lease_owner = :owner)",
            )
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":leased", text(State::Leased.as_str()))
            .expression_attribute_values(":pending", text(State::Pending.as_str()))
            .expression_attribute_values(":owner", text(&lease.owner))
            .expression_attribute_values(":until", millis(lease.until))
            .expression_attribute_values(":via", text(via.as_str()))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match updated.map_err(|error| refused_or_failed(&error)) {
            Ok(output) => granted(&output.attributes.unwrap_or_default()),
            Err(Refusal::Item(item)) => not_granted(blob, &item),
            Err(Refusal::Failed(error)) => Err(error.into()),
        }
    }

    /// Marks the blob done, with its counts and the index of its events. No lease is asked for: whoever gets here wrote the same
    /// bytes.
    ///
    /// # Errors
    /// [`LedgerError`]; settling again is harmless.
    pub async fn settle(
        &self,
        blob: &ContentRef,
        counts: &Counts,
        index: Option<Vec<u8>>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let [
            records,
            written,
            routed,
            dropped,
            duplicate,
            foreign,
            malformed,
        ] = COUNTS;
        let remove = EVIDENCE.join(", ");
        let with_index = if index.is_some() {
            ", #index = :index"
        } else {
            ""
        };
        let mut update = self
            .update(blob)
            .update_expression(format!(
                "SET #state = :done{with_index}, done_at = :now, {records} = :in, {written} = :written, \
                 {routed} = :routed, {dropped} = :dropped, {duplicate} = :duplicate, {foreign} = :foreign, \
                 {malformed} = :malformed, expires_at = :expires \
                 REMOVE #open, #due, lease_owner, lease_until, not_before, enqueued_at, cause, unconcluded, {remove}"
            ))
            .condition_expression("attribute_exists(#pk) AND #state <> :done")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":done", text(State::Done.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires", expiry(blob_expiry(blob.content_expiration)));
        for (name, count) in [
            (":in", counts.records),
            (":written", counts.written),
            (":routed", counts.routed),
            (":dropped", counts.dropped),
            (":duplicate", counts.duplicate),
            (":foreign", counts.foreign),
            (":malformed", counts.malformed),
        ] {
            update = update.expression_attribute_values(name, number(count));
        }
        if let Some(index) = index {
            update = update
                .expression_attribute_names("#index", INDEX)
                .expression_attribute_values(":index", bytes(index));
        }
        let settled = update.send().await;
        unless_refused(settled).map(drop)
    }

    /// Gives the blob back for a later attempt. `false` when the lease was taken over meanwhile: then it is not ours to give
    /// back.
    ///
    /// # Errors
    /// [`LedgerError`]; the lease then ends by itself.
    pub async fn release(
        &self,
        blob: &ContentRef,
        lease: &Lease,
        release: Release<'_>,
    ) -> Result<bool, LedgerError> {
        let mut evidence = evidence_attributes(release.evidence);
        let (mut set, mut remove) = (String::new(), String::new());
        let mut update = self.update(blob);
        for name in EVIDENCE {
            match evidence.remove(name) {
                Some(value) => {
                    set.push_str(&format!(", {name} = :{name}"));
                    update = update.expression_attribute_values(format!(":{name}"), value);
                }
                None => remove.push_str(&format!(", {name}")),
            }
        }
        let released = update
            .update_expression(format!(
                "SET #state = :pending, cause = :cause, not_before = :again, enqueued_at = :again, #due = :due, \
                 released_by = :owner, attempts = :attempts, unconcluded = :unconcluded{set} \
                 REMOVE lease_owner, lease_until{remove}"
            ))
            // The second line: this very release, whose answer was lost.
            .condition_expression(
                "(#state = :leased AND lease_owner = :owner) OR \
                 (#state = :pending AND released_by = :owner)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":leased", text(State::Leased.as_str()))
            .expression_attribute_values(":pending", text(State::Pending.as_str()))
            .expression_attribute_values(":owner", text(&lease.owner))
            .expression_attribute_values(":attempts", number(release.attempts))
            .expression_attribute_values(":unconcluded", number(release.unconcluded))
            .expression_attribute_values(":cause", text(cut(release.cause)))
            .expression_attribute_values(":again", millis(release.again_at))
            .expression_attribute_values(":due", millis(release.due_at))
            .send()
            .await;
        Ok(unless_refused(released)?.is_some())
    }

    /// Puts the blob off until `until` without an attempt, and without a message: its tenant cannot be served. `false` when
    /// that cannot be said of it: somebody works on it, it is finished, or its bytes were stored, so that Microsoft is not
    /// needed.
    ///
    /// # Errors
    /// [`LedgerError`]; the blob's message must come again.
    pub async fn park(
        &self,
        blob: &ContentRef,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let parked = self
            .known(blob, now)
            .update_expression(format!(
                "SET {KNOWN}, #state = :pending, #open = :open, #due = :until, parked_at = :now REMOVE enqueued_at"
            ))
            .condition_expression(format!(
                "attribute_not_exists({RAW_SHA256}) AND (attribute_not_exists(#state) OR #state = :pending OR \
                 (#state = :leased AND lease_until < :now))"
            ))
            .expression_attribute_values(":leased", text(State::Leased.as_str()))
            .expression_attribute_values(":pending", text(State::Pending.as_str()))
            .expression_attribute_values(":until", millis(until))
            .send()
            .await;
        Ok(unless_refused(parked)?.is_some())
    }

    /// Takes up a blob again that was given up while Microsoft still lists it, a day after that verdict at the earliest.
    /// One that was poison begins as such: with a process to itself. `false` when there is no such blob.
    ///
    /// # Errors
    /// [`LedgerError`]; the blob stays given up.
    pub async fn reopen(&self, blob: &ContentRef, now: Timestamp) -> Result<bool, LedgerError> {
        let remove = EVIDENCE.join(", ");
        let reopened = self
            .update(blob)
            .update_expression(format!(
                "SET #state = :pending, #open = :open, #due = :now \
                 REMOVE {remove}, not_before, done_at, expires_at"
            ))
            .condition_expression("#state IN (:quarantined, :lost) AND done_at <= :before")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":pending", text(State::Pending.as_str()))
            .expression_attribute_values(":quarantined", text(State::Quarantined.as_str()))
            .expression_attribute_values(":lost", text(State::Lost.as_str()))
            .expression_attribute_values(":open", text(blob.tenant_id.to_string()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":before", millis(earlier(now, REOPENED_AFTER)))
            .send()
            .await;
        Ok(unless_refused(reopened)?.is_some())
    }

    /// Notes that the blob was put into the queue after `now`, to be looked at again at `due_at` if nobody has finished it by
    /// then.
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
                "SET {KNOWN}, #state = :pending, enqueued_at = :now, #open = :open, #due = :due REMOVE not_before"
            ))
            // A worker may have been quicker: a finished blob must not come back into the index of open ones, and one that
            // was parked has no message any more.
            .condition_expression(
                "(attribute_not_exists(#state) OR #state = :pending OR (#state = :leased AND lease_until < :now)) \
                 AND (attribute_not_exists(parked_at) OR parked_at < :now)",
            )
            .expression_attribute_values(":leased", text(State::Leased.as_str()))
            .expression_attribute_values(":pending", text(State::Pending.as_str()))
            .expression_attribute_values(":due", millis(due_at))
            .send()
            .await;
        unless_refused(noted).map(drop)
    }

    pub(super) fn update(&self, blob: &ContentRef) -> UpdateItemFluentBuilder {
        self.update_key(&key(blob))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// An update that also writes what the announcement says, for use with [`KNOWN`], and puts it into the index of open
    /// blobs.
    fn known(&self, blob: &ContentRef, now: Timestamp) -> UpdateItemFluentBuilder {
        self.update(blob)
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":open", text(blob.tenant_id.to_string()))
            .expression_attribute_values(":created", millis(blob.content_created))
            .expression_attribute_values(":expiration", millis(blob.content_expiration))
            .expression_attribute_values(":now", millis(now))
    }
}

fn granted(item: &Item) -> Result<LeaseOutcome, LedgerError> {
    let blob = read_blob(item)?;
    Ok(LeaseOutcome::Granted(Box::new(Granted {
        evidence: read_evidence(item),
        attempt: get_number(item, "attempts").ok_or_else(|| damaged(&key(&blob), "attempts"))?,
        // This attempt is counted in it.
        unconcluded: get_number(item, "unconcluded")
            .unwrap_or(1u32)
            .saturating_sub(1),
        choice: read_choice(item),
        was_lost: item.contains_key("loss"),
        blob,
    })))
}

fn not_granted(blob: &ContentRef, item: &Item) -> Result<LeaseOutcome, LedgerError> {
    let state = get_parsed(item, "state").ok_or_else(|| damaged(&key(blob), "state"))?;
    let until = match state {
        State::Leased => get_millis(item, "lease_until"),
        State::Pending => read_not_before(item),
        State::Done | State::Quarantined | State::Lost => {
            return Ok(LeaseOutcome::Finished(state));
        }
    };
    let until = until.ok_or_else(|| damaged(&key(blob), "lease_until or not_before"))?;
    Ok(LeaseOutcome::Held { until })
}
