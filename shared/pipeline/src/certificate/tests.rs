//! Rows of all kinds, and when they are due in the lake.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::*;
use crate::clock::earlier;
use crate::content::ContentRef;
use crate::store::ledger::blob::{Listed, Standing as BlobStanding};
use crate::store::ledger::sweep::SweepState;

const TYPE: ContentType = ContentType::AuditExchange;
const HOUR: Duration = Duration::from_secs(3600);

fn tenant() -> TenantId {
    "11111111-2222-4333-8444-555555555555".parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn of() -> BlobHour {
    BlobHour {
        tenant: tenant(),
        content_type: TYPE,
        hour: "2026-03-01T10".parse().unwrap(),
    }
}

fn blob(id: &str, state: State) -> BlobStanding {
    let created = of().hour.start();
    BlobStanding {
        blob: ContentRef {
            tenant_id: tenant(),
            content_type: TYPE,
            content_id: id.parse().unwrap(),
            content_created: created,
            content_expiration: later(created, LISTED_FOR),
        },
        state,
        counts: (state == State::Done).then_some(Counts {
            records: 7,
            written: 1,
            routed: 1,
            dropped: 1,
            duplicate: 1,
            foreign: 1,
            malformed: 2,
        }),
        choice: None,
        first_seen_at: None,
        done_at: None,
    }
}

fn hour(listed: u64, blobs: Vec<BlobStanding>) -> HourOfBlobs {
    HourOfBlobs {
        listed: Some(Listed {
            blobs: listed,
            at: of().hour.end(),
        }),
        blobs,
        unreadable: 0,
    }
}

fn swept_to(mark: Timestamp) -> TypeSweep {
    TypeSweep {
        watermark: Some(mark),
        begun_at: Some(earlier(of().hour.start(), LISTED_FOR)),
        ..TypeSweep::default()
    }
}

#[track_caller]
fn check(hour: &HourOfBlobs, mark: Timestamp, now: Timestamp, expect: Standing) {
    let row = certify(of(), hour, Some(&swept_to(mark)), &Gaps::of(vec![]), now);
    assert_eq!(row.state, expect, "{row:?}");
}

#[test]
fn an_hour_swept_past_with_nothing_open_is_complete() {
    let end = of().hour.end();
    let good = hour(2, vec![blob("a", State::Done), blob("b", State::Lost)]);
    check(&good, end, end, Standing::Complete);
    check(&good, earlier(end, HOUR), end, Standing::Open);
    check(&good, end, later(end, LISTED_FOR), Standing::Final);
    check(&HourOfBlobs::default(), end, end, Standing::Complete);
}

#[test]
fn what_is_open_unknown_or_unreadable_keeps_an_hour_open() {
    let late = later(of().hour.end(), 2 * LISTED_FOR);
    for state in [State::Pending, State::Leased] {
        let open = hour(1, vec![blob("a", state)]);
        check(&open, late, late, Standing::Open);
    }
    let unknown = hour(2, vec![blob("a", State::Done)]);
    check(&unknown, late, late, Standing::Open);
    let mut unreadable = hour(1, vec![blob("a", State::Done)]);
    unreadable.unreadable = 1;
    check(&unreadable, late, late, Standing::Open);
}

#[test]
fn an_hour_in_a_gap_or_before_the_first_listing_is_open() {
    let (start, end) = (of().hour.start(), of().hour.end());
    let good = hour(1, vec![blob("a", State::Done)]);
    let state = |sweep: Option<&TypeSweep>, gaps: Vec<_>| {
        certify(of(), &good, sweep, &Gaps::of(gaps), end).state
    };
    let sweep = swept_to(end);
    let gap = (TYPE, earlier(start, HOUR), later(start, HOUR / 2));
    assert_eq!(state(Some(&sweep), vec![gap]), Standing::Open);
    let elsewhere = [
        (ContentType::DlpAll, start, end),
        (TYPE, end, later(end, HOUR)),
    ];
    assert_eq!(state(Some(&sweep), elsewhere.to_vec()), Standing::Complete);
    assert_eq!(state(None, vec![]), Standing::Open);
    let begun_later = TypeSweep {
        begun_at: Some(later(start, HOUR / 2)),
        ..sweep
    };
    assert_eq!(state(Some(&begun_later), vec![]), Standing::Open);
}

#[test]
fn a_row_counts_blobs_and_records_and_hashes_sorted_ids() {
    let hour = hour(
        5,
        vec![
            blob("d$1", State::Done),
            blob("a$1", State::Done),
            blob("c$1", State::Quarantined),
            blob("b$1", State::Pending),
        ],
    );
    let now = of().hour.end();
    let row = certify(of(), &hour, None, &Gaps::of(vec![]), now);
    assert_eq!(
        (row.listed, row.done, row.open, row.quarantined, row.lost),
        (5, 2, 1, 1, 0)
    );
    assert_eq!((row.records_in, row.records_malformed), (14, 4));
    // printf 'a$1\nb$1\nc$1\nd$1\n' | sha256sum
    assert_eq!(
        row.content_ids_sha256,
        hex::encode(Sha256::digest("a$1\nb$1\nc$1\nd$1\n"))
    );
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(json["hour"], "2026-03-01T10:00:00Z");
    assert_eq!(json["state"], "open");
}

fn state(begun: &str, mark: &str) -> SweepState {
    let sweep = TypeSweep {
        begun_at: Some(at(begun)),
        watermark: Some(at(mark)),
        ..TypeSweep::default()
    };
    SweepState {
        types: BTreeMap::from([(TYPE, sweep)]),
        ..SweepState::default()
    }
}

#[test]
fn a_day_is_due_a_week_after_its_end_once_swept_past() {
    let first = Some(date(2026, 3, 1));
    let swept = state("2026-03-01T10:00:00Z", "2026-03-09T00:00:00Z");
    let behind = state("2026-03-01T10:00:00Z", "2026-03-01T23:00:00Z");
    let now = at("2026-03-09T00:00:00Z");
    assert_eq!(due(&[TYPE], &swept, now), first);
    assert_eq!(due(&[TYPE], &swept, earlier(now, HOUR)), None);
    assert_eq!(due(&[TYPE], &behind, now), None);
    assert_eq!(
        due(&[], &behind, now),
        first,
        "a stopped type keeps nothing waiting"
    );
    assert_eq!(due(&[TYPE], &SweepState::default(), now), None);
    let written = SweepState {
        certified_until: Some(at("2026-03-02T00:00:00Z")),
        ..swept
    };
    assert_eq!(due(&[TYPE], &written, now), None);
    let next = later(now, 24 * HOUR);
    assert_eq!(due(&[TYPE], &written, next), Some(date(2026, 3, 2)));
}
