//! From what was seen in records to findings that are kept: sets joined, values looked up, exceptions applied, and each finding
//! written once.
//!
//! The table decides which of two workers' findings of one uid there is; the lake and the world are told what stands in the table.
//! A worker that dies between two steps leaves a finding that is not announced; the message comes again, and goes on from there.

use std::collections::BTreeMap;

use detections::{Finding, Question, Rules};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use normalize::Schema;
use object_store::path::Path;
use office365::TenantId;
use uuid::Uuid;

use super::looked::{Joins, Looked};
use super::ruleset::AtWork;
use super::{DetectError, Detector};
use crate::logging::{field, message};
use crate::metrics::{count, name};
use crate::store::detections::{
    Addition, ExceptionId, FindingRecord, FindingSummary, Recorded, WindowSets,
};
use crate::store::lake::{Codec, key};
use crate::teeth::{Tooth, bites};

/// Calls to the table in flight at once, for one raw copy. One takes some milliseconds.
pub const AT_ONCE_MAX: usize = 16;

/// What became of what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Findings that there were not before.
    pub new: u64,
    /// Findings that were there.
    pub known: u64,
    /// Findings that an exception is for.
    pub excepted: u64,
    /// Findings beyond what a rule may make in an hour.
    pub capped: u64,
    /// Sets and keys that took no more.
    pub full: u64,
}

impl Kept {
    pub(super) fn add(&mut self, other: Self) {
        self.new += other.new;
        self.known += other.known;
        self.excepted += other.excepted;
        self.capped += other.capped;
        self.full += other.full;
    }
}

/// A finding on its way, and whether it is of a window.
type Found = (Finding, bool);

/// Keeps what was seen in a portion of a tenant's records.
pub(super) async fn keep(
    detector: &Detector,
    at_work: &AtWork,
    tenant: TenantId,
    mut looked: Looked,
    now: Timestamp,
) -> Result<Kept, DetectError> {
    let mut kept = Kept::default();
    let questions = by_key(std::mem::take(&mut looked.questions));
    let answers = stream::iter(questions)
        .map(|questions| answer(detector, questions))
        .buffered(AT_ONCE_MAX);
    let mut found: BTreeMap<Uuid, Found> = BTreeMap::new();
    let mut answers = std::pin::pin!(answers);
    while let Some(answers) = answers.try_next().await? {
        for (finding, joins, full) in answers {
            kept.full += full;
            looked.findings.extend(finding);
            looked.join(joins);
        }
    }
    for finding in std::mem::take(&mut looked.findings) {
        found.insert(finding.uid, (finding, false));
    }
    let (of_windows, full) = join(detector, &at_work.rules, (tenant, now), looked.joins).await?;
    kept.full += full;
    found.extend(of_windows);
    count(name::DETECTION_SETS_FULL, kept.full);
    if found.is_empty() {
        return Ok(kept);
    }
    for (mut finding, is_of_window) in found.into_values() {
        finding.locate(&at_work.places);
        one(detector, at_work, (tenant, now), &finding, &mut kept).await?;
        if is_of_window {
            detector.detections.settle(finding.uid);
        }
    }
    Ok(kept)
}

type Answer = (Option<Finding>, Vec<detections::Join>, u64);

/// The questions of each key, in the order of time: in a blob records stand in any order, and what comes first is what is learned.
fn by_key(mut questions: Vec<Question>) -> Vec<Vec<Question>> {
    questions.sort_by(|a, b| (&a.key, a.time).cmp(&(&b.key, b.time)));
    let mut keys: Vec<Vec<Question>> = Vec::new();
    for question in questions {
        match keys.last_mut() {
            Some(of_key) if of_key[0].key == question.key => of_key.push(question),
            _ => keys.push(vec![question]),
        }
    }
    keys
}

/// Answers the questions of one key, one after the other.
async fn answer(detector: &Detector, questions: Vec<Question>) -> Result<Vec<Answer>, DetectError> {
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        let (new, full) = detector.detections.new_values(&question).await?;
        let (finding, joins) = question.answer(new);
        answers.push((finding, joins, full));
    }
    Ok(answers)
}

/// Adds records to their sets, and gives what is found in these and those before them.
async fn join(
    detector: &Detector,
    rules: &Rules,
    (tenant, now): (TenantId, Timestamp),
    joins: Joins,
) -> Result<(BTreeMap<Uuid, Found>, u64), DetectError> {
    let additions = joins.into_iter().filter_map(|(key, members)| {
        let span = rules.span(&key.rule)?;
        Some(Addition { key, span, members })
    });
    let additions = additions.collect();
    let tenant = tenant.to_string();
    let joined = detector.detections.join(&tenant, additions, now);
    let (mut found, mut full) = (BTreeMap::new(), 0);
    for sets in joined.await? {
        full += u64::from(sets.is_full);
        let WindowSets {
            key,
            before,
            own,
            after,
            ..
        } = sets;
        for (window, set, next) in [(key.window - 1, &before, &own), (key.window, &own, &after)] {
            let key = key.at(window);
            if detector.detections.is_settled(key.uid()) && !bites(Tooth::FindingUnlooked) {
                continue;
            }
            if let Some(finding) = rules.found(&key, set, next) {
                found.insert(finding.uid, (finding, true));
            }
        }
    }
    Ok((found, full))
}

/// Writes one finding, unless it is there, is excepted, or is one of too many.
async fn one(
    detector: &Detector,
    at_work: &AtWork,
    (tenant, now): (TenantId, Timestamp),
    finding: &Finding,
    kept: &mut Kept,
) -> Result<(), DetectError> {
    let Detector {
        detections, lake, ..
    } = detector;
    let stored = match look(detector, tenant, finding).await? {
        Some(stored) => stored,
        None => {
            if let Some(exception) = cover(at_work, finding) {
                detections.count_exception(exception, now).await?;
                kept.excepted += 1;
                count(name::FINDINGS_EXCEPTED, 1);
                tracing::info!(
                    tenant.id = %tenant,
                    finding.uid = %finding.uid,
                    rule.id = finding.rule.id,
                    exception.id = %exception,
                    "finding left out: an exception is for it"
                );
                return Ok(());
            }
            let record = record(detector, tenant, finding)?;
            if !detections
                .take_finding(tenant, &finding.rule.id, record.summary.last)
                .await?
            {
                kept.capped += 1;
                count(name::FINDINGS_CAPPED, 1);
                tracing::warn!(
                    rule.id = finding.rule.id,
                    rule.title = finding.rule.title,
                    "finding left out: the rule made too many in this hour"
                );
                return Ok(());
            }
            detections.record(&record, now).await?
        }
    };
    let Recorded {
        record,
        is_new,
        is_announced,
        ..
    } = stored;
    if is_new {
        kept.new += 1;
        count(name::FINDINGS_MADE, 1);
    } else {
        kept.known += 1;
    }
    if is_announced && !bites(Tooth::FindingUnlooked) {
        return Ok(());
    }
    let of = &record.summary;
    let path = place(detector, tenant, of.last, of.uid);
    let line = format!("{}\n", record.event);
    let line = Codec::of(path.as_ref()).compress(line.as_bytes());
    // Once, so that no reader takes it for another one.
    lake.create(&path, line.into()).await?;
    detector.announcer.announce(&record).await?;
    detections.note_announced(tenant, of.uid, now).await?;
    tracing::info!(
        { field::TENANT_ID } = %tenant,
        { field::FINDING } = %of.uid,
        rule.id = of.rule_id,
        { field::TITLE } = of.title,
        { field::LEVEL } = of.level,
        "{}",
        message::FINDING_MADE
    );
    Ok(())
}

/// The finding, if it was made before.
async fn look(
    detector: &Detector,
    tenant: TenantId,
    finding: &Finding,
) -> Result<Option<Recorded>, DetectError> {
    let known = detector.detections.finding(tenant, finding.uid).await?;
    Ok(known.filter(|_| !bites(Tooth::FindingUnlooked)))
}

/// The exception that is for a finding.
fn cover(at_work: &AtWork, finding: &Finding) -> Option<ExceptionId> {
    let exception = at_work.exceptions.cover(finding);
    exception.filter(|_| !bites(Tooth::ExceptionsIgnored))
}

/// Where a finding lies.
fn place(detector: &Detector, tenant: TenantId, last: Timestamp, uid: Uuid) -> Path {
    let name = if bites(Tooth::FindingUnlooked) {
        Uuid::new_v4()
    } else {
        uid
    };
    key::finding(tenant, detector.schema, last, name)
}

fn record(
    detector: &Detector,
    tenant: TenantId,
    finding: &Finding,
) -> Result<FindingRecord, DetectError> {
    let event = match detector.schema {
        Schema::Ocsf => finding.to_ocsf(detector.version),
        Schema::Ecs => finding.to_ecs(),
    };
    let at = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(FindingRecord {
        summary: FindingSummary {
            tenant,
            uid: finding.uid,
            rule_id: finding.rule.id.clone(),
            title: finding.rule.title.clone(),
            level: finding.level().to_owned(),
            severity_id: finding.severity_id(),
            first: at(finding.first),
            last: at(finding.last),
            count: finding.count,
            user: finding.user.clone(),
            address: finding.address.clone(),
            application: finding.application.clone(),
            operation: finding.operation.clone(),
        },
        records: finding.records.clone(),
        rule: serde_json::to_string(&*finding.rule)?,
        event: event.to_string(),
    })
}
