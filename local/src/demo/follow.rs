//! Follows a run by its two ends: what the emulated Microsoft published, and what is in the lake, or left out of it by the
//! filter.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use emulator::{ContentType, Emulator};
use normalize::Filter;
use tokio::time::{Instant, sleep};

use super::{DemoError, Summary};
use crate::audit::{Audit, RecordName};
use crate::backends::TABLE;

/// How often the two ends are compared.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A single run that gets nowhere for so long has failed. Three sweeps at their usual pace have looked by then, and every
/// attempt that can help was made.
const STALLED_AFTER: Duration = Duration::from_secs(240);

/// Time for what is under way at the end of an endless run.
const DRAIN_WITHIN: Duration = Duration::from_secs(15);

/// The lake, and what the pipeline says of it.
pub(super) struct Lake<'a> {
    pub(super) folder: &'a Path,
    pub(super) filter: &'a Filter,
    pub(super) ledger: &'a Client,
}

/// Waits until the emulated Microsoft has published its share and every record of it is in the lake or was left out by the
/// filter, and counted so. `false` when it got nowhere for four minutes.
pub(super) async fn until_settled(
    microsoft: &Emulator,
    lake: &Lake<'_>,
) -> Result<bool, DemoError> {
    let mut audit = Audit::filtered(lake.filter);
    let mut progress = (0, 0);
    let mut stalled_at = Instant::now() + STALLED_AFTER;
    loop {
        let published = microsoft.published();
        let all_begun = published.feeds.len() == microsoft.tenants().len() * ContentType::ALL.len();
        audit.refresh(lake.folder)?;
        let found = audit.written() + audit.routed() + audit.dropped();
        // Names are compared only when the numbers agree: there may be millions.
        if all_begun
            && published.finished
            && found as u64 >= published.records
            && missing(&names(microsoft), &audit) == 0
            && counted_dropped(lake).await? >= audit.dropped() as u64
        {
            return Ok(true);
        }
        let now = (published.records, found);
        if now != progress {
            progress = now;
            stalled_at = Instant::now() + STALLED_AFTER;
        } else if Instant::now() >= stalled_at {
            return Ok(false);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Records that the ledger says were dropped. A filter that drops nothing leaves nothing to ask for.
pub(super) async fn counted_dropped(lake: &Lake<'_>) -> Result<u64, DemoError> {
    if !lake.filter.drops() {
        return Ok(0);
    }
    let mut pages = lake
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

/// Ends the announcements, and waits (15 s at most) until what was published up to now is in the lake. Returns that.
pub(super) async fn drain(
    microsoft: &Emulator,
    lake: &Lake<'_>,
) -> Result<Vec<RecordName>, DemoError> {
    microsoft.set_notify(false);
    let published = names(microsoft);
    let mut audit = Audit::filtered(lake.filter);
    let end = Instant::now() + DRAIN_WITHIN;
    loop {
        audit.refresh(lake.folder)?;
        if missing(&published, &audit) == 0 || Instant::now() >= end {
            return Ok(published);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The records that were made available to an enabled subscription.
pub(super) fn names(microsoft: &Emulator) -> Vec<RecordName> {
    let mut tenant_text = (uuid::Uuid::nil(), String::new());
    microsoft
        .published_ids()
        .into_iter()
        .map(|(tenant, id)| {
            if tenant_text.0 != tenant {
                tenant_text = (tenant, tenant.to_string());
            }
            RecordName::new(&tenant_text.1, &id)
        })
        .collect()
}

/// The two ends against each other. What the filter drops must also have been counted as `counted_dropped`: a record that is
/// nowhere, and that nothing tells of, is lost.
pub(super) fn compare(
    published: &[RecordName],
    lake: &Audit,
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

fn missing(published: &[RecordName], lake: &Audit) -> u64 {
    let lost = published.iter().filter(|name| !lake.explains(name));
    lost.count() as u64
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::audit;

    const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    /// Records 1 to 4 of which a blob brought 1 to 3; 1 has an event, 2 is routed, and the filter drops 3.
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
        let audit = audit::read_filtered(lake.path(), &Filter::parse(rules).unwrap()).unwrap();
        let names: Vec<_> = names.iter().map(|id| RecordName::new(TENANT, id)).collect();
        let summary = compare(&names, &audit, counted_dropped, 1.0);
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
    fn what_the_filter_routed_or_dropped_is_not_lost() {
        check(1, (1, 1, 1, 0), true, &["1", "2", "3"]);
    }

    #[test]
    fn a_record_that_is_nowhere_is_lost_whatever_the_counts_say() {
        check(2, (1, 1, 1, 1), false, &["1", "2", "3", "4"]);
    }

    #[test]
    fn a_record_that_was_dropped_and_not_counted_is_lost() {
        check(0, (1, 1, 0, 1), false, &["1", "2", "3"]);
    }
}
