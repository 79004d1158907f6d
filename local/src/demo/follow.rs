//! Follows a run by its two ends: what the emulated Microsoft published, and what is in the lake.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use emulator::{ContentType, Emulator};
use tokio::time::{Instant, sleep};

use super::Summary;
use crate::audit::{Audit, AuditError, RecordName};

/// How often the two ends are compared.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A single run that gets nowhere for so long has failed. Three sweeps at their usual pace have looked by then, and every
/// attempt that can help was made.
const STALLED_AFTER: Duration = Duration::from_secs(240);

/// Time for what is under way at the end of an endless run.
const DRAIN_WITHIN: Duration = Duration::from_secs(15);

/// Waits until the emulated Microsoft has published its share and every record of it is in the lake. `false` when it got
/// nowhere for four minutes.
pub(super) async fn until_settled(microsoft: &Emulator, lake: &Path) -> Result<bool, AuditError> {
    let mut audit = Audit::default();
    let mut progress = (0, 0);
    let mut stalled_at = Instant::now() + STALLED_AFTER;
    loop {
        let published = microsoft.published();
        let all_begun = published.feeds.len() == microsoft.tenants().len() * ContentType::ALL.len();
        audit.refresh(lake)?;
        // Names are compared only when the numbers agree: there may be millions.
        if all_begun
            && published.finished
            && audit.written() as u64 >= published.records
            && missing(&names(microsoft), &audit) == 0
        {
            return Ok(true);
        }
        let now = (published.records, audit.written());
        if now != progress {
            progress = now;
            stalled_at = Instant::now() + STALLED_AFTER;
        } else if Instant::now() >= stalled_at {
            return Ok(false);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Ends the announcements, and waits (15 s at most) until what was published up to now is in the lake. Returns that.
pub(super) async fn drain(
    microsoft: &Emulator,
    lake: &Path,
) -> Result<Vec<RecordName>, AuditError> {
    microsoft.set_notify(false);
    let published = names(microsoft);
    let mut audit = Audit::default();
    let end = Instant::now() + DRAIN_WITHIN;
    loop {
        audit.refresh(lake)?;
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

/// The two ends against each other.
pub(super) fn compare(published: &[RecordName], lake: &Audit, seconds: f64) -> Summary {
    Summary {
        published: published.iter().collect::<HashSet<_>>().len() as u64,
        written: lake.written() as u64,
        duplicates: lake.duplicates(),
        lost: missing(published, lake),
        seconds,
    }
}

fn missing(published: &[RecordName], lake: &Audit) -> u64 {
    published.iter().filter(|name| !lake.has(name)).count() as u64
}
