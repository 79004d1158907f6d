//! What people do about a finding: acknowledge it, close it with a verdict, open it again. The last step stands with the finding;
//! all of them are in the audit log.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use office365::TenantId;
use uuid::Uuid;

use super::item::{open, pk, read};
use super::state::{FindingState, HANDLED_AT, HANDLED_BY, NOTE, STATE, VERDICT, Verdict};
use super::{Detections, DetectionsError, Recorded};
use crate::store::detections::schema::OPEN;
use crate::store::ledger::attribute::{Item, cut, millis, text};
use crate::store::ledger::key::PK;
use crate::store::ledger::{Refusal, refused_or_failed};

/// What somebody does with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Looks at it.
    Acknowledge,
    /// Has decided what it was. A closed one gets another verdict.
    Close(Verdict),
    /// Wants it to be looked at again.
    Reopen,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// The finding, after the step; or as it was, when it had been taken before.
    Done(Box<Recorded>),
    /// It is closed: who wants to look at it again opens it first.
    IsClosed,
    /// There is none of this uid.
    NoFinding,
}

impl Detections {
    /// Takes a step with a finding, once: a second time nothing changes, and the first note stays.
    ///
    /// # Errors
    /// [`DetectionsError`]; the step may have been taken.
    pub async fn handle(
        &self,
        (tenant, uid): (TenantId, Uuid),
        step: Step,
        (by, note): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<Handled, DetectionsError> {
        let (change, condition, state) = match step {
            Step::Acknowledge => (
                "",
                "(attribute_not_exists(#state) OR #state = :new)",
                FindingState::Acknowledged,
            ),
            Step::Close(_) => (
                ", #verdict = :verdict REMOVE #open",
                "(attribute_not_exists(#verdict) OR #verdict <> :verdict)",
                FindingState::Closed,
            ),
            Step::Reopen => (
                ", #open = :open REMOVE #verdict",
                "#state = :closed",
                FindingState::New,
            ),
        };
        let mut update = self
            .update_at(&pk(tenant), &uid.to_string())
            .update_expression(format!(
                "SET #state = :state, #by = :by, #at = :now, #note = :note{change}"
            ))
            .condition_expression(format!("attribute_exists(#pk) AND {condition}"))
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#state", STATE)
            .expression_attribute_names("#by", HANDLED_BY)
            .expression_attribute_names("#at", HANDLED_AT)
            .expression_attribute_names("#note", NOTE)
            .expression_attribute_values(":state", text(state.as_str()))
            .expression_attribute_values(":by", text(cut(by)))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":note", text(cut(note.unwrap_or_default())))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match step {
            Step::Acknowledge => {
                let new = text(FindingState::New.as_str());
                update = update.expression_attribute_values(":new", new);
            }
            Step::Close(verdict) => {
                update = update
                    .expression_attribute_names("#open", OPEN)
                    .expression_attribute_names("#verdict", VERDICT)
                    .expression_attribute_values(":verdict", text(verdict.as_str()));
            }
            Step::Reopen => {
                update = update
                    .expression_attribute_names("#open", OPEN)
                    .expression_attribute_names("#verdict", VERDICT)
                    .expression_attribute_values(":open", text(open(tenant)))
                    .expression_attribute_values(":closed", text(FindingState::Closed.as_str()));
            }
        }
        let item = after(update).await?;
        if item.is_empty() {
            return Ok(Handled::NoFinding);
        }
        let recorded = read(&item)?;
        let is_closed = recorded.handling.state == FindingState::Closed;
        if is_closed && step == Step::Acknowledge {
            return Ok(Handled::IsClosed);
        }
        Ok(Handled::Done(Box::new(recorded)))
    }
}

/// The item after an update, or as it stands when the condition does not hold; empty when there is none.
async fn after(update: UpdateItemFluentBuilder) -> Result<Item, DetectionsError> {
    match update.send().await {
        Ok(output) => Ok(output.attributes.unwrap_or_default()),
        Err(error) => match refused_or_failed(&error) {
            Refusal::Item(item) => Ok(item),
            Refusal::Failed(error) => Err(error.into()),
        },
    }
}
