//! How a blob's loss comes and goes: in one transaction with the blob's own state, so that neither is there without the other.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;

use super::{ALONE_AFTER, Lease, State, key};
use crate::aws::AwsError;
use crate::content::ContentRef;
use crate::store::ledger::attribute::{cut, expiry, get_parsed, get_text, millis, number, text};
use crate::store::ledger::key::Key;
use crate::store::ledger::loss::{Loss, LossId, LossKind};
use crate::store::ledger::transaction::unusable;
use crate::store::ledger::{DUE_AT, Ledger, LedgerError, OPEN, blob_expiry, conditional};
use crate::teeth::{Tooth, bites};

impl Ledger {
    /// Ends the blob as [`State::Quarantined`] or [`State::Lost`], and writes its loss. What somebody said of a loss of the same
    /// kind stays; of another kind it is new. `false` when the lease was taken over
    /// meanwhile: then it is not ours to end. Told again after a lost answer, it is `true` again.
    ///
    /// # Errors
    /// [`LedgerError`]; the lease then ends by itself and the next attempt decides.
    pub async fn give_up(
        &self,
        blob: &ContentRef,
        lease: &Lease,
        loss: &Loss,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let state = match loss.kind {
            LossKind::Quarantined | LossKind::Poison => State::Quarantined,
            LossKind::Lost | LossKind::Gap => State::Lost,
        };
        // Of poison it is kept that workers die of it: see [`Ledger::reopen`].
        let unconcluded = match loss.kind {
            LossKind::Poison => ALONE_AFTER,
            LossKind::Quarantined | LossKind::Lost | LossKind::Gap => 0,
        };
        let ended = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(blob).attributes()))
            .update_expression(
                "SET #state = :state, cause = :cause, done_at = :now, expires_at = :expires, ended_by = :owner, \
                 loss = :loss, unconcluded = :unconcluded \
                 REMOVE #open, #due, lease_owner, lease_until, enqueued_at, not_before",
            )
            .condition_expression("#state = :leased AND lease_owner = :owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#due", DUE_AT)
            .expression_attribute_values(":leased", text(State::Leased.as_str()))
            .expression_attribute_values(":owner", text(&lease.owner))
            .expression_attribute_values(":state", text(state.as_str()))
            .expression_attribute_values(":cause", text(cut(&loss.reason)))
            .expression_attribute_values(":unconcluded", number(unconcluded))
            .expression_attribute_values(":loss", text(loss.id.to_string()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires", expiry(blob_expiry(blob.content_expiration)))
            .build()
            .map_err(|error| unusable(&error))?;
        let ended = TransactWriteItem::builder().update(ended).build();
        let again = self.tell_loss_again(blob.tenant_id, loss);
        let again = again.map_err(|error| unusable(&error))?;
        let again = TransactWriteItem::builder().update(again).build();
        let anew = self.put_loss(blob.tenant_id, loss);
        let anew = anew.map_err(|error| unusable(&error))?;
        let anew = TransactWriteItem::builder().put(anew).build();
        if bites(Tooth::LossAfterState) {
            let has_ended = self.transact([ended]).await?;
            self.transact([anew]).await?;
            return Ok(has_ended);
        }
        let happened =
            self.transact([ended.clone(), again]).await? || self.transact([ended, anew]).await?;
        Ok(happened || self.ended_by(blob, lease, state).await?)
    }

    /// Whether it was this lease that ended the blob: what a transaction whose answer was lost has done.
    async fn ended_by(
        &self,
        blob: &ContentRef,
        lease: &Lease,
        state: State,
    ) -> Result<bool, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(blob).attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        Ok(output.item.is_some_and(|item| {
            get_parsed(&item, "state") == Some(state)
                && get_text(&item, "ended_by") == Some(lease.owner.as_str())
        }))
    }

    /// Notes that a blob that was given up was delivered after all.
    ///
    /// # Errors
    /// [`LedgerError`]; the loss still counts as one.
    pub async fn recover(&self, blob: &ContentRef, now: Timestamp) -> Result<(), LedgerError> {
        let id = LossId::of_blob(blob.content_type, &blob.content_id, blob.content_created);
        let noted = self
            .update_key(&Key::Loss(blob.tenant_id, id))
            .update_expression("SET recovered_at = if_not_exists(recovered_at, :now)")
            .condition_expression("attribute_exists(recorded_at)")
            .expression_attribute_values(":now", millis(now));
        conditional(noted).await.map(drop)
    }
}
