//! Certificates of many hours: worked out for whoever asks, and written to the lake once a day's are final.

use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use office365::{ContentType, TenantId};

use super::{Certificate, Gaps, LISTED_FOR, Standing, certify};
use crate::clock::{Hour, later};
use crate::store::lake::{Lake, LakeError, key};
use crate::store::ledger::key::BlobHour;
use crate::store::ledger::sweep::SweepState;
use crate::store::ledger::{Ledger, LedgerError};

/// Hours that are read at once: each is a Query, and may be some MB in memory.
const HOURS_AT_ONCE: usize = 8;

/// How long a day's certificates wait, once Microsoft lists the day no more, for blobs that are still open: a tenant that cannot
/// be served for days gets them later. After that they are written as they are, because the ledger begins to forget the day's
/// blobs 20 days after its end, 14 days after they have expired.
const UNSETTLED_FOR: Duration = Duration::from_secs(12 * 24 * 3600);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Certificates could not be made or kept.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The lake cannot be written.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

/// The certificates of these content types for the hours that `[from, to)` touches, by time.
///
/// # Errors
/// [`LedgerError`]
pub async fn certificates(
    ledger: &Ledger,
    tenant: TenantId,
    types: &[ContentType],
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<Vec<Certificate>, LedgerError> {
    let state = ledger.sweep_state(tenant).await?.unwrap_or_default();
    let hours = Hour::between(from, to).flat_map(|hour| {
        let of = move |content_type: &ContentType| BlobHour {
            tenant,
            content_type: *content_type,
            hour,
        };
        types.iter().map(of)
    });
    of_hours(ledger, tenant, hours.collect(), &state, now).await
}

async fn of_hours(
    ledger: &Ledger,
    tenant: TenantId,
    hours: Vec<BlobHour>,
    state: &SweepState,
    now: Timestamp,
) -> Result<Vec<Certificate>, LedgerError> {
    let gaps = &Gaps::read(ledger, tenant).await?;
    let each = hours.into_iter().map(|of| async move {
        let hour = ledger.hour(&of).await?;
        let sweep = state.types.get(&of.content_type);
        Ok(certify(of, &hour, sweep, gaps, now))
    });
    let each: Vec<_> = each.collect();
    stream::iter(each)
        .buffered(HOURS_AT_ONCE)
        .try_collect()
        .await
}

/// The day whose certificates are to be written next, if it is time: Microsoft lists the day no more, and every content type
/// was swept past it.
#[must_use]
pub fn due(types: &[ContentType], state: &SweepState, now: Timestamp) -> Option<Date> {
    let begun = state.types.values().filter_map(|sweep| sweep.begun_at);
    let first = state.certified_until.or_else(|| begun.min())?;
    let day = first.to_zoned(TimeZone::UTC).date();
    let end = later(start_of(day), DAY);
    let swept = types.iter().all(|of| {
        let mark = state.types.get(of).and_then(|sweep| sweep.watermark);
        mark.is_some_and(|mark| mark >= end)
    });
    (swept && later(end, LISTED_FOR) <= now).then_some(day)
}

/// Writes the certificates of the day that is [`due`] to the lake, if there is one and none of its hours can still become
/// final, or is no longer waited for. `types` are the tenant's content types. Returns the new [`SweepState::certified_until`], which the caller notes;
/// `None` when nothing was written. Written twice they are one object.
///
/// # Errors
/// [`CertificateError`]; the next call tries again.
pub async fn write_final(
    ledger: &Ledger,
    lake: &Lake,
    (tenant, types): (TenantId, &[ContentType]),
    state: &SweepState,
    now: Timestamp,
) -> Result<Option<Timestamp>, CertificateError> {
    let Some(day) = due(types, state, now) else {
        return Ok(None);
    };
    let end = later(start_of(day), DAY);
    let hours = hours_served((tenant, types), state, (start_of(day), end));
    let rows = of_hours(ledger, tenant, hours, state, now).await?;
    // What lies in a gap is never listed any more.
    let may_settle = |row: &Certificate| row.state != Standing::Final && (!row.gap || row.open > 0);
    if rows.iter().any(may_settle) && now < later(end, LISTED_FOR + UNSETTLED_FOR) {
        return Ok(None);
    }
    if !rows.is_empty() {
        let path = key::certificates(tenant, day);
        lake.compress_and_write(&path, lines(&rows).into()).await?;
    }
    Ok(Some(end))
}

/// The hours of a day in which the tenant was served: from where its first listing began, and of a content type that was
/// stopped up to where it was swept.
fn hours_served(
    (tenant, types): (TenantId, &[ContentType]),
    state: &SweepState,
    (start, end): (Timestamp, Timestamp),
) -> Vec<BlobHour> {
    let mut hours = Vec::new();
    for hour in Hour::between(start, end) {
        for (content_type, sweep) in &state.types {
            let has_begun = sweep.begun_at.is_some_and(|begun| begun <= hour.start());
            let goes_on = types.contains(content_type)
                || sweep.watermark.is_some_and(|mark| mark >= hour.end());
            if has_begun && goes_on {
                hours.push(BlobHour {
                    tenant,
                    content_type: *content_type,
                    hour,
                });
            }
        }
    }
    hours
}

fn lines(rows: &[Certificate]) -> String {
    let mut text = String::new();
    for row in rows {
        match serde_json::to_string(row) {
            Ok(line) => text.push_str(&line),
            Err(_) => unreachable!("a certificate has string keys and plain values only"),
        }
        text.push('\n');
    }
    text
}

fn start_of(day: Date) -> Timestamp {
    let start = day.to_zoned(TimeZone::UTC);
    start.map_or(Timestamp::MIN, |start| start.timestamp())
}
