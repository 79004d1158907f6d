//! What must be so at the end of a run, whatever has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::time::Duration;

use detections::{Detector as Rules, Exception, Exceptions, builtin};
use emulator::Operation;
use http::Method;
use jiff::Timestamp;
use office365::{ContentType, TenantId};
use pipeline::certificate::{Standing, certificates};
use pipeline::ledger::blob::OPEN_PAGE_MAX;
use pipeline::ledger::loss::{Loss, LossKind};
use serde_json::Value;
use uuid::Uuid;

use super::house::House;
use super::plan::Plan;
use super::records::{EXCEPTED_USER, Known, Records};
use super::sqs::{CONTENT_QUEUE, DETECT_QUEUE};
use super::watch::{YOUNG_FOR, certificates_beside, is_lost, losses};
use crate::{Outcome, lake};

/// The types that every tenant is subscribed to.
pub(super) const TYPES: [ContentType; 2] = [
    ContentType::AuditExchange,
    ContentType::AuditAzureActiveDirectory,
];

/// How often each record is in the lake, by tenant and id.
type Seen = BTreeMap<(Uuid, String), usize>;

/// What is still to be done; none when everything is at rest.
///
/// # Errors
/// The ledger does not answer.
pub async fn unfinished(house: &House) -> Outcome<Option<String>> {
    for queue in [CONTENT_QUEUE, DETECT_QUEUE] {
        let waiting = house.sqs.waiting(queue);
        if waiting > 0 {
            return Ok(Some(format!("{waiting} messages wait in {queue}")));
        }
    }
    for tenant in tenants(house)? {
        let open = house
            .ledger
            .open_blobs(tenant, Timestamp::MAX, OPEN_PAGE_MAX)
            .await?;
        if !open.is_empty() {
            return Ok(Some(format!("{} blobs are open", open.len())));
        }
        let losses = losses(house, tenant).await?;
        let still_listed = |loss: &&Loss| {
            loss.kind != LossKind::Gap && loss.is_open() && house.now() < loss.from + YOUNG_FOR
        };
        if let Some(loss) = losses.iter().find(still_listed) {
            // It is taken up again a day later.
            return Ok(Some(format!("{} is given up, and still listed", loss.id)));
        }
        let state = house.ledger.sweep_state(tenant).await?.unwrap_or_default();
        if let Some((_, until)) = state.lease {
            return Ok(Some(format!(
                "a sweep is left that may go on until {until}"
            )));
        }
        for of in TYPES {
            let mark = state.types.get(&of).and_then(|sweep| sweep.watermark);
            let late = house.now() - Duration::from_secs(3 * 3_600);
            if mark.is_none_or(|mark| mark < late) {
                return Ok(Some(format!("{of} is listed until {mark:?} only")));
            }
        }
    }
    Ok(None)
}

/// Everything that is wrong.
///
/// # Errors
/// The ledger does not answer, or the lake cannot be read.
pub async fn faults(house: &House, records: &Records, plan: &Plan) -> Outcome<Vec<String>> {
    let mut faults: Vec<String> = Vec::new();
    let mut available = records.available(&house.emulator);
    let published = available.clone();
    if plan.neglected {
        without_losses(house, records, &mut available).await?;
    }
    if let Some(rest) = unfinished(house).await? {
        faults.push(format!("not at rest: {rest}"));
    }
    once(house, &available, &mut faults)?;
    found_once(house, (&available, &published), plan.excepts, &mut faults)?;
    let neglected = plan.neglected.then_some(records);
    counted(house, &available, neglected, &mut faults).await?;
    called(house, &mut faults);
    healed(house, &mut faults).await;
    for broken in house.emulator.violations() {
        faults.push(format!("Microsoft's rule {} was broken", broken.rule));
    }
    for letter in house.sqs.dead() {
        faults.push(format!("a dead letter: {letter}"));
    }
    unseen(house, &mut faults)?;
    if plan.compacts {
        compacted(house, &mut faults)?;
    }
    Ok(faults)
}

pub(super) fn tenants(house: &House) -> Outcome<Vec<TenantId>> {
    let ids = house.emulator.tenants().into_iter();
    Ok(ids
        .map(|id| id.to_string().parse())
        .collect::<Result<_, _>>()?)
}

/// How often each record is in the lake.
///
/// # Errors
/// The lake cannot be read.
pub(super) fn in_lake(house: &House) -> Outcome<Seen> {
    let mut seen = Seen::new();
    for file in lake::files(&house.folder.path().join("ocsf"))? {
        for event in lake::events_of(&file)? {
            let of = |member: &str| event["metadata"][member].as_str().unwrap_or_default();
            let key = (
                of("tenant_uid").parse().unwrap_or_default(),
                of("uid").to_owned(),
            );
            *seen.entry(key).or_default() += 1;
        }
    }
    Ok(seen)
}

/// Leaves out what is not in the lake and on the list of losses instead.
async fn without_losses(house: &House, records: &Records, available: &mut Known) -> Outcome<()> {
    let seen = in_lake(house)?;
    for tenant in tenants(house)? {
        let losses = losses(house, tenant).await?;
        available.retain(|key, _| {
            key.0.to_string() != tenant.to_string()
                || seen.contains_key(key)
                || !records.blobs_with(key).any(|blob| is_lost(blob, &losses))
        });
    }
    Ok(())
}

/// Every record is in the lake once, in its tenant's folder, and nothing else is.
fn once(house: &House, available: &Known, faults: &mut Vec<String>) -> Outcome<()> {
    for file in lake::files(&house.folder.path().join("ocsf"))? {
        let folder = file.display().to_string();
        for event in lake::events_of(&file)? {
            let tenant = event["metadata"]["tenant_uid"].as_str().unwrap_or_default();
            if !folder.contains(tenant) {
                faults.push(format!("an event of {tenant} lies in {folder}"));
            }
        }
    }
    if house.folder.path().join("generations").exists() {
        faults.push("there is a generation that nobody asked for".to_owned());
    }
    let seen = in_lake(house)?;
    for (key, times) in &seen {
        if *times > 1 {
            faults.push(format!("{} of {} is there {times} times", key.1, key.0));
        }
        if !available.contains_key(key) {
            faults.push(format!("{} of {} was never published", key.1, key.0));
        }
    }
    for key in available.keys().filter(|key| !seen.contains_key(key)) {
        faults.push(format!("{} of {} is lost", key.1, key.0));
    }
    Ok(())
}

/// The findings are those that the rules make of the records, each once. A raw copy of a blob that is on the list of losses may have
/// been looked at before.
fn found_once(
    house: &House,
    (available, published): (&Known, &Known),
    exceptions: bool,
    faults: &mut Vec<String>,
) -> Outcome<()> {
    let found = |records: &Known| -> Outcome<BTreeSet<Uuid>> {
        let exceptions = match exceptions {
            true => self::exceptions()?,
            false => Exceptions::default(),
        };
        let mut rules = Rules::new(builtin(), exceptions);
        let mut uids = BTreeSet::new();
        for record in records.values() {
            let found = rules.read(record.to_string().as_bytes());
            uids.extend(found.into_iter().map(|finding| finding.uid));
        }
        Ok(uids)
    };
    let (expected, possible) = (found(available)?, found(published)?);
    let mut seen = BTreeSet::new();
    for file in lake::files(&house.folder.path().join("findings"))? {
        for finding in lake::events_of(&file)? {
            let uid: Uuid = finding["metadata"]["uid"]
                .as_str()
                .unwrap_or_default()
                .parse()?;
            if !seen.insert(uid) {
                faults.push(format!("finding {uid} is there twice"));
            }
        }
    }
    for uid in expected.difference(&seen) {
        faults.push(format!("finding {uid} is missing"));
    }
    for uid in seen.difference(&possible) {
        faults.push(format!("finding {uid} should not be there"));
    }
    Ok(())
}

/// The exception that a plan may have.
fn exceptions() -> Outcome<Exceptions> {
    let exception = Exception {
        rule: None,
        tenant: None,
        user: Some(EXCEPTED_USER.to_owned()),
        address: None,
        application: None,
        reason: "known".to_owned(),
        author: "the simulation".to_owned(),
        until: Timestamp::MAX,
    };
    Ok(Exceptions::new(vec![exception])?)
}

/// Nobody stops a subscription in a run.
fn called(house: &House, faults: &mut Vec<String>) {
    if house.emulator.request_count(Operation::Stop) > 0 {
        faults.push("a subscription was stopped, and nobody asked for it".to_owned());
    }
}

/// Every subscription runs, with its webhook.
async fn healed(house: &House, faults: &mut Vec<String>) {
    for tenant in house.emulator.tenants() {
        let path = format!("/v1/tenants/{tenant}");
        let (_, view) = house.operate(Method::GET, &path, Value::Null).await;
        for of in view["subscriptions"].as_array().into_iter().flatten() {
            if of["status"] != "enabled" || of["webhook"] != "enabled" {
                faults.push(format!("a subscription of {tenant} is not healed: {of}"));
            }
        }
    }
}

/// Certificates are complete and count what was published. Nothing is on the list of losses, unless nobody looked while Microsoft
/// had it: then only hours in which something was published are asked for, since the others are many.
async fn counted(
    house: &House,
    published: &Known,
    neglected: Option<&Records>,
    faults: &mut Vec<String>,
) -> Outcome<()> {
    for tenant in tenants(house)? {
        let losses = losses(house, tenant).await?;
        for loss in losses
            .iter()
            .filter(|loss| loss.is_open() && neglected.is_none())
        {
            faults.push(format!("{tenant} lost {}: {}", loss.id, loss.reason));
        }
        let from = house.begun;
        let to = house.now() - Duration::from_secs(2 * 3_600);
        let hours = match neglected {
            Some(records) => certificates_beside(house, records, tenant).await?,
            None => certificates(&house.ledger, tenant, &TYPES, (from, to), house.now()).await?,
        };
        let (mut written, mut given_up) = (0, 0);
        for hour in &hours {
            written += hour.records_written;
            given_up += hour.lost + hour.quarantined;
            if neglected.is_some() {
                continue;
            }
            if hour.state == Standing::Open && hour.hour + Duration::from_secs(3_600) < to {
                faults.push(format!(
                    "{tenant} {} {} is open",
                    hour.content_type, hour.hour
                ));
            }
            if (hour.open, hour.lost, hour.unreadable, hour.gap) != (0, 0, 0, false) {
                faults.push(format!(
                    "{tenant} {} {} is flawed: {hour:?}",
                    hour.content_type, hour.hour
                ));
            }
        }
        let told = losses
            .iter()
            .filter(|loss| loss.kind != LossKind::Gap && loss.is_open() && loss.from < to);
        let told = told.count() as u64;
        if given_up != told {
            faults.push(format!(
                "{tenant}: {given_up} blobs are given up, {told} are on the list of losses"
            ));
        }
        let expected = published
            .keys()
            .filter(|(of, _)| of.to_string() == tenant.to_string());
        let expected = expected.count() as u64;
        if written != expected {
            faults.push(format!(
                "{tenant}: certificates count {written} records of {expected}"
            ));
        }
    }
    Ok(())
}

/// Each event and each finding is in one row of the Parquet files, and nothing else is; no object was taken for a damaged one.
fn compacted(house: &House, faults: &mut Vec<String>) -> Outcome<()> {
    let lake = house.folder.path();
    let mut left: BTreeMap<String, i64> = BTreeMap::new();
    for folder in ["ocsf", "findings"] {
        for file in lake::files(&lake.join(folder))? {
            for event in lake::events_of(&file)? {
                let uid = event["metadata"]["uid"].as_str().unwrap_or_default();
                *left.entry(uid.to_owned()).or_default() += 1;
            }
        }
    }
    for file in lake::files(&lake.join("ext"))? {
        for uid in lake::rows_of(&file)? {
            *left.entry(uid).or_default() -= 1;
        }
    }
    for (uid, left) in left.into_iter().filter(|(_, left)| *left != 0) {
        let more_or_less = if left > 0 {
            "missing in"
        } else {
            "too often in"
        };
        faults.push(format!("{uid} is {more_or_less} the Parquet files"));
    }
    let markers = lake::files(&lake.join("compaction"))?.into_iter();
    let mut damaged = markers.filter(|file| file.to_string_lossy().contains("damaged"));
    if let Some(marker) = damaged.next() {
        faults.push(format!(
            "an object is told as damaged: {}",
            marker.display()
        ));
    }
    Ok(())
}

/// No secret is in an object of the lake, or was anywhere else on the way.
fn unseen(house: &House, faults: &mut Vec<String>) -> Outcome<()> {
    let secrets = house.weather.secrets();
    for file in lake::files(house.folder.path())? {
        let content = match file.extension().and_then(OsStr::to_str) {
            // What is quarantined may be cut off: it lies there as it came.
            Some("gz" | "zst") => lake::unpacked(&file).or_else(|_| fs::read(&file))?,
            _ => fs::read(&file)?,
        };
        secrets.look(&file.display().to_string(), &content);
    }
    let seen = secrets.seen().into_iter();
    faults.extend(seen.map(|place| format!("a secret is in {place}")));
    Ok(())
}
