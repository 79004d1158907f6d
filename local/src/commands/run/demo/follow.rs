//! Follows a run: compares the records that the emulated Microsoft published with those in the lake, and with those that the
//! filter dropped.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use emulator::{ContentType, Emulator};
use normalize::Filter;
use tokio::time::{Instant, sleep};

use super::{DemoError, Summary};
use crate::backends::TABLE;
use crate::installation::Installation;
use crate::verify::{LakeRecords, RecordKey};

/// Pause between two comparisons.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A run without progress for this long has failed: by then, three sweeps at their usual pace have run and every retry that can
/// help was made.
const STALLED_AFTER: Duration = Duration::from_secs(240);

/// Time for the detector, which is as fast as delivery, to end after it.
const LOOKED_AT_WITHIN: Duration = Duration::from_secs(60);

/// Time for the work under way when a run is interrupted.
const DRAIN_WITHIN: Duration = Duration::from_secs(15);

/// Where the records of a run end up.
pub(super) struct LakeAndLedger<'a> {
    pub(super) folder: &'a Path,
    pub(super) filter: &'a Filter,
    pub(super) ledger: &'a Client,
}

/// Waits until the emulated Microsoft has published everything, and every record is in the lake or counted as dropped by the
/// filter. Returns `false` after four minutes without progress.
pub(super) async fn wait_until_settled(
    microsoft: &Emulator,
    end: &LakeAndLedger<'_>,
) -> Result<bool, DemoError> {
    let mut lake = LakeRecords::filtered(end.filter);
    let mut progress = (0, 0);
    let mut stalled_at = Instant::now() + STALLED_AFTER;
    loop {
        let counts = microsoft.published();
        let all_begun = counts.feeds.len() == microsoft.tenants().len() * ContentType::ALL.len();
        lake.refresh(end.folder)?;
        let found = lake.written() + lake.routed() + lake.dropped();
        // The records themselves are compared only once their numbers agree: there may be millions.
        if all_begun
            && counts.finished
            && found as u64 >= counts.records
            && missing(&published(microsoft), &lake) == 0
            && counted_dropped(end).await? >= lake.dropped() as u64
        {
            return Ok(true);
        }
        let now = (counts.records, found);
        if now != progress {
            progress = now;
            stalled_at = Instant::now() + STALLED_AFTER;
        } else if Instant::now() >= stalled_at {
            return Ok(false);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Waits until the detector has looked at all raw copies, up to a minute: what it finds belongs to the run.
pub(super) async fn wait_until_looked_at(installation: &Installation) {
    let deadline = Instant::now() + LOOKED_AT_WITHIN;
    while Instant::now() < deadline {
        match installation.has_looked_at_all().await {
            Ok(true) => return,
            Ok(false) => sleep(LOOK_EVERY).await,
            Err(error) => {
                tracing::warn!(%error, "whether the detector is done is not known");
                return;
            }
        }
    }
    tracing::warn!("the detector is not done, its findings are incomplete");
}

/// How many dropped records the ledger counts. It is not asked when the filter drops none.
pub(super) async fn counted_dropped(end: &LakeAndLedger<'_>) -> Result<u64, DemoError> {
    if !end.filter.drops() {
        return Ok(0);
    }
    let mut pages = end
        .ledger
        .scan()
        .table_name(TABLE)
        .filter_expression("attribute_exists(records_dropped)")
        .projection_expression("records_dropped")
        .into_paginator()
        .items()
        .send();
    let mut dropped = 0;
    while let Some(item) = pages.next().await {
        let item = item.map_err(|error| DemoError::Ledger(Box::new(error)))?;
        let count = item.get("records_dropped").and_then(|of| of.as_n().ok());
        dropped += count.and_then(|of| of.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(dropped)
}

/// Stops the notifications and waits, up to 15 s, until everything published so far is in the lake. Returns what was published.
pub(super) async fn drain(
    microsoft: &Emulator,
    end: &LakeAndLedger<'_>,
) -> Result<Vec<RecordKey>, DemoError> {
    microsoft.set_notify(false);
    let published = published(microsoft);
    let mut lake = LakeRecords::filtered(end.filter);
    let deadline = Instant::now() + DRAIN_WITHIN;
    loop {
        lake.refresh(end.folder)?;
        if missing(&published, &lake) == 0 || Instant::now() >= deadline {
            return Ok(published);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The records that were made available to an enabled subscription.
pub(super) fn published(microsoft: &Emulator) -> Vec<RecordKey> {
    let mut tenant_text = (uuid::Uuid::nil(), String::new());
    microsoft
        .published_ids()
        .into_iter()
        .map(|(tenant, id)| {
            if tenant_text.0 != tenant {
                tenant_text = (tenant, tenant.to_string());
            }
            RecordKey::new(&tenant_text.1, &id)
        })
        .collect()
}

/// Compares the published records with the lake's. A record that the filter drops counts as lost unless the ledger has counted it
/// as dropped.
pub(super) fn compare(
    published: &[RecordKey],
    lake: &LakeRecords,
    counted_dropped: u64,
    seconds: f64,
) -> Summary {
    let dropped = lake.dropped() as u64;
    let uncounted = dropped.saturating_sub(counted_dropped);
    Summary {
        published: published.iter().collect::<HashSet<_>>().len() as u64,
        written: lake.written() as u64,
        duplicates: lake.duplicates(),
        lost: missing(published, lake) + uncounted,
        seconds,
        routed: lake.routed() as u64,
        dropped: dropped - uncounted,
    }
}

fn missing(published: &[RecordKey], lake: &LakeRecords) -> u64 {
    let lost = published.iter().filter(|name| !lake.accounts_for(name));
    lost.count() as u64
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::verify;

    const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    /// Of the records 1 to 4, a blob brought 1 to 3: 1 has an event, 2 is routed, and the filter drops 3.
    fn check(counted_dropped: u64, expect: (u64, u64, u64, u64), is_exact: bool, names: &[&str]) {
        let lake = tempfile::tempdir().unwrap();
        let put = |folder: &str, ending: &str, text: &str| {
            let folder = lake.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            let file = fs::File::create(folder.join(format!("a.{ending}"))).unwrap();
            let mut gzip = GzEncoder::new(file, Compression::fast());
            gzip.write_all(text.as_bytes()).unwrap();
            gzip.finish().unwrap();
        };
        let event = |id: &str| {
            format!(
                "{{\"metadata\":{{\"uid\":\"{id}\"}},\"cloud\":{{\"account\":{{\"uid\":\"{TENANT}\"}}}}}}\n"
            )
        };
        put("ocsf", "ndjson.gz", &event("1"));
        put("routed/r", "ndjson.gz", &event("2"));
        put(
            &format!("raw/tenant_id={TENANT}/content_type=Audit.Exchange/day=2026-01-01"),
            "json.gz",
            r#"[{"Id":"1"},{"Id":"2","Operation":"R"},{"Id":"3","Operation":"D"}]"#,
        );
        let rules = r#"[{"name":"d","action":"drop","operation":"D"},{"name":"r","action":"route(r)","operation":"R"}]"#;
        let found = verify::read_filtered(lake.path(), &Filter::parse(rules).unwrap()).unwrap();
        let names: Vec<_> = names.iter().map(|id| RecordKey::new(TENANT, id)).collect();
        let summary = compare(&names, &found, counted_dropped, 1.0);
        let Summary {
            written,
            routed,
            dropped,
            lost,
            ..
        } = summary;
        assert_eq!((written, routed, dropped, lost), expect);
        assert_eq!(summary.is_exact(), is_exact, "{summary:?}");
    }

    #[test]
    fn routed_and_dropped_records_are_not_lost() {
        check(1, (1, 1, 1, 0), true, &["1", "2", "3"]);
    }

    #[test]
    fn a_record_that_is_nowhere_is_lost() {
        check(2, (1, 1, 1, 1), false, &["1", "2", "3", "4"]);
    }

    #[test]
    fn a_dropped_record_that_is_not_counted_is_lost() {
        check(0, (1, 1, 0, 1), false, &["1", "2", "3"]);
    }
}
