//! What must be so at every moment, in the middle of a storm too.

use std::collections::BTreeSet;
use std::time::Duration;

use emulator::{Consent, Operation, Violation};
use object_store::path::Path;
use office365::{ContentId, ContentType, TenantId};
use pipeline::certificate::{Certificate, Standing, certificates};
use pipeline::clock::Hour;
use pipeline::lake::key::raw;
use pipeline::ledger::blob::{Standing as Known, State};
use pipeline::ledger::key::BlobHour;
use pipeline::ledger::loss::{LOSSES_PAGE_MAX, Loss, LossKind};
use pipeline::ledger::registry::brake::BrakeReason;
use uuid::Uuid;

use super::house::House;
use super::oracle::{TYPES, in_lake, tenants};
use super::plan::Step;
use super::records::{Blob, Records};
use super::sqs::CONTENT_QUEUE;
use crate::Outcome;

/// Messages of one blob that may wait at once because it is listed: one that was sent before the ledger knew of it, and one of each
/// half a day.
const COPIES_MAX: usize = 3;

/// The shortest Retry-After of the plan's throttling.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// A blob is judged by answers that go on for at least this long.
const JUDGED_AFTER: Duration = Duration::from_secs(3_600);

/// How long after its publication content is surely not expired.
pub(super) const YOUNG_FOR: Duration = Duration::from_secs(6 * 24 * 3_600);

/// What the watch remembers of a run.
#[derive(Debug, Default)]
pub struct Watch {
    /// Tenants whose consent was taken back at some time.
    pub without_consent: BTreeSet<Uuid>,
    /// Requests of Microsoft's that were looked at.
    seen: usize,
    /// Notifications that were looked at.
    notified: usize,
    /// Faults that had been dealt by the last look.
    dealt: u64,
}

impl Watch {
    /// A tenant's consent has changed.
    pub fn consent(&mut self, tenant: Uuid, consent: Consent) {
        if consent != Consent::Granted {
            self.without_consent.insert(tenant);
        }
    }

    /// What is wrong after a step.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn look(
        &mut self,
        house: &House,
        records: &Records,
        step: &Step,
    ) -> Outcome<Vec<String>> {
        let mut faults = Vec::new();
        self.answers(house, records, &mut faults);
        for broken in house.emulator.violations() {
            let Violation {
                rule, at, detail, ..
            } = broken;
            faults.push(format!(
                "Microsoft's rule {rule} was broken at {at}: {detail}"
            ));
        }
        // The ledger is as it was.
        if !step.is_work() {
            return Ok(faults);
        }
        self.brakes(house, &mut faults).await?;
        if matches!(step, Step::Sweep | Step::Rounds(..)) {
            listed(house, records, &mut faults).await?;
        }
        condemned(house, &mut faults).await?;
        let copies = house.sqs.copies_max(CONTENT_QUEUE);
        // Whoever dies, or does not hear that a message was taken, sends it once more.
        let troubles = usize::try_from(self.dealt)?;
        if copies > COPIES_MAX + troubles {
            faults.push(format!("{copies} messages of one blob wait in the queue"));
        }
        Ok(faults)
    }

    /// What is acknowledged is in the queue; and Microsoft takes any other status of success for a failure.
    fn answers(&mut self, house: &House, records: &Records, faults: &mut Vec<String>) {
        let deliveries = house.emulator.deliveries();
        for delivery in deliveries.iter().skip(self.notified) {
            let id = &delivery.content_id;
            if (201..400).contains(&delivery.status) {
                faults.push(format!("a notification was answered {}", delivery.status));
            }
            // One that comes when the content has expired is dropped.
            let named = (delivery.tenant, id.clone());
            let blob = records.blob(&named);
            let is_young = blob.is_some_and(|blob| delivery.at < blob.created + YOUNG_FOR);
            if delivery.status == 200 && is_young && !house.sqs.had(CONTENT_QUEUE, &named) {
                faults.push(format!("{id} was acknowledged, and is in no queue"));
            }
        }
        self.notified = deliveries.len();
        for (tenant, id) in house.sqs.ever(CONTENT_QUEUE) {
            if records.blob(&(tenant, id.clone())).is_none() {
                faults.push(format!(
                    "{id} of {tenant} is in the queue, and was never published"
                ));
            }
        }
    }

    /// A brake says why, and waits as long as Microsoft asks.
    async fn brakes(&mut self, house: &House, faults: &mut Vec<String>) -> Outcome<()> {
        let (now, requests) = (house.now(), house.emulator.requests());
        let dealt = house.weather.dealt().values().sum();
        let calm = dealt == self.dealt;
        let told_to_wait = |tenant: TenantId| {
            let mut new = requests.iter().skip(self.seen);
            new.any(|seen| {
                let ours = seen.tenant.map(|of| of.to_string()) == Some(tenant.to_string());
                ours && seen.status == 429 && seen.at == now && seen.operation != Operation::Token
            })
        };
        for tenant in tenants(house)? {
            let known = house.ledger.tenant(tenant).await?;
            let Some(brake) = known.and_then(|known| known.brake) else {
                continue;
            };
            let was_consent = self.without_consent.iter();
            let was_consent = was_consent
                .clone()
                .any(|of| of.to_string() == tenant.to_string());
            if brake.reason == BrakeReason::Consent && !was_consent {
                faults.push(format!(
                    "{tenant} waits for a consent that it has: {}",
                    brake.text
                ));
            }
            if calm
                && brake.reason == BrakeReason::Throttled
                && told_to_wait(tenant)
                && brake.next_probe_at < now + RETRY_AFTER
            {
                faults.push(format!("{tenant} does not wait as long as Microsoft asks"));
            }
        }
        (self.seen, self.dealt) = (requests.len(), dealt);
        Ok(())
    }
}

/// Everything that became available before a watermark is known to the ledger, or is a loss.
async fn listed(house: &House, records: &Records, faults: &mut Vec<String>) -> Outcome<()> {
    let blobs = records.available_blobs(&house.emulator);
    for tenant in tenants(house)? {
        let state = house.ledger.sweep_state(tenant).await?.unwrap_or_default();
        let losses = losses(house, tenant).await?;
        for of in TYPES {
            let Some(mark) = state.types.get(&of).and_then(|swept| swept.watermark) else {
                continue;
            };
            let of_type = blobs
                .iter()
                .filter(|blob| blob.tenant_id() == Some(tenant) && blob.of.name() == of.as_str());
            let before: Vec<&Blob> = of_type
                .filter(|blob| blob.created < mark)
                .copied()
                .collect();
            let known = known_beside(house, (tenant, of), &before)
                .await?
                .into_iter();
            let known = known.map(|found| found.blob.content_id.to_string());
            let known: BTreeSet<String> = known.collect();
            for blob in before {
                if !known.contains(&blob.content_id) && !is_lost(blob, &losses) {
                    faults.push(format!(
                        "the watermark {mark} of {tenant} is past {}, which nobody knows",
                        blob.content_id
                    ));
                }
            }
        }
    }
    Ok(())
}

/// The hours in which blobs became available, each once.
fn hours_of<'a>(blobs: impl Iterator<Item = &'a Blob>) -> BTreeSet<Hour> {
    let hours = blobs.map(|blob| Hour::of(blob.created));
    hours.collect()
}

/// What the ledger knows of the hours of a subscription in which these blobs became available.
async fn known_beside(
    house: &House,
    (tenant, content_type): (TenantId, ContentType),
    blobs: &[&Blob],
) -> Outcome<Vec<Known>> {
    let mut known = Vec::new();
    for hour in hours_of(blobs.iter().copied()) {
        let hour = BlobHour {
            tenant,
            content_type,
            hour,
        };
        known.extend(house.ledger.hour(&hour).await?.blobs);
    }
    Ok(known)
}

/// A blob that was given up is on the list of losses; and a raw copy that was chosen is in the lake, so that Microsoft is not needed
/// any more.
///
/// # Errors
/// The ledger does not answer.
pub async fn accounted(house: &House, records: &Records) -> Outcome<Vec<String>> {
    let mut faults = Vec::new();
    for tenant in tenants(house)? {
        let told = losses(house, tenant).await?.into_iter();
        let told: Vec<ContentId> = told.filter_map(|loss| loss.content_id).collect();
        told.iter()
            .for_each(|_| house.weather.deal("a blob is given up"));
        for of in TYPES {
            let blobs = records.blobs().iter();
            let blobs = blobs
                .filter(|blob| blob.tenant_id() == Some(tenant) && blob.of.name() == of.as_str());
            let blobs: Vec<&Blob> = blobs.collect();
            for known in known_beside(house, (tenant, of), &blobs).await? {
                let id = &known.blob.content_id;
                let is_given_up = matches!(known.state, State::Lost | State::Quarantined);
                if is_given_up && !told.contains(id) {
                    faults.push(format!("{id} is given up, and on no list of losses"));
                }
                let raw = known.choice.map(|of| raw(&known.blob, &of.raw_sha256));
                let is_there = |raw: Path| house.folder.path().join(raw.as_ref()).exists();
                if !raw.is_none_or(is_there) {
                    faults.push(format!("the chosen copy of {id} is not in the lake"));
                }
            }
        }
    }
    Ok(faults)
}

/// No blob is given up on the answers of minutes.
async fn condemned(house: &House, faults: &mut Vec<String>) -> Outcome<()> {
    for tenant in tenants(house)? {
        for loss in losses(house, tenant).await? {
            let by_answers = matches!(loss.kind, LossKind::Lost | LossKind::Quarantined);
            let since = loss.evidence_since.unwrap_or(loss.from);
            // What has expired is lost whatever is answered.
            let is_young = loss.recorded_at < loss.from + YOUNG_FOR;
            if by_answers && is_young && loss.recorded_at < since + JUDGED_AFTER {
                faults.push(format!(
                    "{} of {tenant} was given up at {}, too early",
                    loss.id, loss.recorded_at
                ));
            }
        }
    }
    Ok(())
}

/// The certificates of the hours in which a tenant's blobs appeared.
///
/// # Errors
/// The ledger does not answer.
pub(super) async fn certificates_beside(
    house: &House,
    records: &Records,
    tenant: TenantId,
) -> Outcome<Vec<Certificate>> {
    let blobs = records.blobs().iter();
    let blobs = blobs.filter(|blob| blob.tenant_id() == Some(tenant));
    let mut hours = Vec::new();
    for hour in hours_of(blobs) {
        let period = (hour.start(), hour.end());
        let told = certificates(&house.ledger, tenant, &TYPES, period, house.now());
        hours.extend(told.await?);
    }
    Ok(hours)
}

/// An hour that is certified as complete has its records in the lake. One that is in blobs of several hours may be still to come as
/// long as one of these is not complete: it belongs to one of the blobs, and is a duplicate in the others.
///
/// # Errors
/// The ledger does not answer, or the lake cannot be read.
pub async fn certified(house: &House, records: &Records) -> Outcome<Vec<String>> {
    let mut faults = Vec::new();
    let there = in_lake(house)?;
    let blobs = records.available_blobs(&house.emulator);
    for tenant in tenants(house)? {
        let losses = losses(house, tenant).await?;
        let hours = certificates_beside(house, records, tenant).await?;
        let complete = hours.iter().filter(|hour| hour.state != Standing::Open);
        let complete: Vec<&Certificate> = complete.collect();
        let is_complete = |blob: &Blob| complete.iter().any(|hour| is_about(hour, blob));
        for hour in &complete {
            let inside = blobs.iter().filter(|blob| is_about(hour, blob));
            for blob in inside.filter(|blob| !is_lost(blob, &losses)) {
                let missing = blob.ids.iter().find(|id| {
                    let key = (blob.tenant, (*id).clone());
                    !there.contains_key(&key) && records.blobs_with(&key).all(is_complete)
                });
                if let Some(id) = missing {
                    faults.push(format!(
                        "{} {} is certified without {id}",
                        hour.content_type, hour.hour
                    ));
                }
            }
        }
    }
    Ok(faults)
}

fn is_about(hour: &Certificate, blob: &Blob) -> bool {
    blob.tenant_id() == Some(hour.tenant_id)
        && blob.of.name() == hour.content_type.as_str()
        && Hour::of(blob.created).start() == hour.hour
}

/// The losses of a tenant.
///
/// # Errors
/// The ledger does not answer.
pub(super) async fn losses(house: &House, tenant: TenantId) -> Outcome<Vec<Loss>> {
    let page = house.ledger.losses(tenant, None, LOSSES_PAGE_MAX).await?;
    Ok(page.losses)
}

/// Whether a loss says that the blob is not there.
pub(super) fn is_lost(blob: &Blob, losses: &[Loss]) -> bool {
    losses.iter().filter(|loss| loss.is_open()).any(|loss| {
        let is_type = loss.content_type.as_str() == blob.of.name();
        let id = loss.content_id.as_ref().map(ToString::to_string);
        let is_in = match loss.kind {
            LossKind::Gap => loss.from <= blob.created && blob.created < loss.to,
            _ => id.as_deref() == Some(&blob.content_id),
        };
        is_type && is_in
    })
}
