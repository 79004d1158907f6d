//! The proof of what was delivered: over the API, and in the lake.

use std::time::Duration;

use emulator::ContentType as Published;
use http::Method;
use office365::ContentType;
use pipeline::certificate::{LISTED_FOR, write_final};
use pipeline::clock::Hour;
use pipeline::lake::Lake;
use pipeline::ledger::key::BlobHour;
use pipeline::ledger::sweep::{SweepState, TypeSweep};
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{EXCHANGE, World, quiet};
use url::Url;

use super::{get, id, note_sweep, swept};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A tenant with one blob of two records, one of them twice, delivered.
async fn delivered() -> Outcome<World> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let records = vec![world.record(1), world.record(2), world.record(1)];
    world
        .emulator
        .publish(world.tenant(), Published::Exchange, records);
    world.all_announced().await?;
    world.work_until_empty().await?;
    let hour = BlobHour {
        tenant: id(world.tenant()),
        content_type: EXCHANGE,
        hour: Hour::of(world.now()),
    };
    let (now, expires) = (world.now(), world.now() + DAY);
    world.ledger.note_listed(&hour, 1, (now, expires)).await?;
    Ok(world)
}

fn listed_to(watermark: jiff::Timestamp, begun_at: jiff::Timestamp) -> SweepState {
    let sweep = TypeSweep {
        begun_at: Some(begun_at),
        begun_until: Some(watermark),
        watermark: Some(watermark),
        ..TypeSweep::default()
    };
    swept(EXCHANGE, sweep)
}

#[tokio::test]
async fn an_hour_is_open_until_it_was_swept_past() -> Outcome<()> {
    let world = delivered().await?;
    let hour = Hour::of(world.now());
    world.pass(2 * HOUR);
    let path = format!(
        "/certificate?from={}&content_type=audit.exchange",
        hour.start()
    );
    let (status, open) = get(&world, &path).await;
    assert_eq!(status, 200, "{open}");
    let row = &open["hours"][0];
    assert_eq!(row["hour"], hour.start().to_string());
    assert_eq!(
        json!([
            row["state"],
            row["listed"],
            row["done"],
            row["open"],
            row["lost"]
        ]),
        json!(["open", 1, 1, 0, 0])
    );
    assert_eq!(
        json!([
            row["records_in"],
            row["records_written"],
            row["records_duplicate"]
        ]),
        json!([3, 2, 1])
    );
    note_sweep(&world, &listed_to(hour.end(), hour.start() - DAY)).await?;
    let (_, complete) = get(&world, &path).await;
    assert_eq!(complete["hours"][0]["state"], "complete", "{complete}");
    assert_eq!(complete["hours"][1]["state"], "open", "not swept yet");
    Ok(())
}

#[tokio::test]
async fn a_gap_keeps_its_hours_open_for_ever() -> Outcome<()> {
    let world = delivered().await?;
    let hour = Hour::of(world.now());
    note_sweep(&world, &listed_to(hour.end(), hour.start() - DAY)).await?;
    let gap = (hour.start(), hour.start() + Duration::from_secs(60));
    let (tenant, now) = (id(world.tenant()), world.now());
    world
        .ledger
        .record_gap(tenant, EXCHANGE, gap, "listing failed", now)
        .await?;
    world.pass(LISTED_FOR + DAY);
    let to = hour.end();
    let (_, answer) = get(
        &world,
        &format!("/certificate?from={}&to={to}", hour.start()),
    )
    .await;
    let row = &answer["hours"][0];
    assert_eq!((&row["state"], &row["gap"]), (&json!("open"), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn a_period_is_bounded_and_a_stranger_has_none() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    assert_eq!(get(&world, "/certificate").await.0, 404);
    world
        .register(&[EXCHANGE, ContentType::AuditGeneral])
        .await?;
    let (_, day) = get(&world, "/certificate").await;
    let rows = day["hours"].as_array().unwrap().len();
    assert!(
        rows == 48 || rows == 50,
        "{rows} rows of 24 hours and two types"
    );
    let long_ago = world.now() - 9 * DAY;
    for bad in [
        format!("?from={long_ago}"),
        format!("?from={}", world.now() + DAY),
        "?from=yesterday".to_owned(),
        "?form=2026-03-01".to_owned(),
        "?content_type=x".to_owned(),
    ] {
        let (status, problem) = get(&world, &format!("/certificate{bad}")).await;
        assert_eq!(status, 400, "{bad}: {problem}");
    }
    let path = format!("/v1/tenants/{}/certificate", world.tenant());
    let (status, _) = world.operate(Method::POST, &path, Value::Null).await;
    assert_eq!(status, 405);
    Ok(())
}

#[tokio::test]
async fn a_days_final_hours_are_kept_in_the_lake() -> Outcome<()> {
    let world = delivered().await?;
    let lake = Lake::open(&Url::from_directory_path(world.lake()).unwrap())?;
    let midnight = Hour::of(world.now()).start();
    let day = midnight.to_zoned(jiff::tz::TimeZone::UTC).date();
    let start = day.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp();
    let state = listed_to(start + 2 * DAY, start);
    note_sweep(&world, &state).await?;
    let tenant = (id(world.tenant()), &[EXCHANGE][..]);
    let write = |now| write_final(&world.ledger, &lake, tenant, &state, now);
    assert_eq!(write(start + DAY + LISTED_FOR - HOUR).await?, None);
    let until = write(start + DAY + LISTED_FOR).await?;
    assert_eq!(until, Some(start + DAY));
    let key = format!(
        "certificates/day={day}/tenant_id={}.ndjson.gz",
        world.tenant()
    );
    let lines = tests::lake::events_of(&world.lake().join(key))?;
    assert_eq!(lines.len(), 24);
    assert!(lines.iter().all(|line| line["state"] == "final"));
    let records: u64 = lines
        .iter()
        .filter_map(|line| line["records_in"].as_u64())
        .sum();
    assert_eq!(records, 3);
    let written = SweepState {
        certified_until: until,
        ..state.clone()
    };
    let now = start + DAY + LISTED_FOR;
    let again = write_final(&world.ledger, &lake, tenant, &written, now).await?;
    assert_eq!(again, None, "the next day is not due yet");
    Ok(())
}

#[tokio::test]
async fn a_day_with_a_gap_is_told_at_once() -> Outcome<()> {
    let world = delivered().await?;
    let lake = Lake::open(&Url::from_directory_path(world.lake()).unwrap())?;
    let day = world.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let start = day.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp();
    let state = listed_to(start + 2 * DAY, start);
    let (tenant, now) = (id(world.tenant()), world.now());
    let gap = (start, start + HOUR);
    world
        .ledger
        .record_gap(tenant, EXCHANGE, gap, "listing failed", now)
        .await?;
    let tenant = (tenant, &[EXCHANGE][..]);
    let write = |now| write_final(&world.ledger, &lake, tenant, &state, now);
    let due = start + DAY + LISTED_FOR;
    assert_eq!(write(due).await?, Some(start + DAY));
    let key = format!(
        "certificates/day={day}/tenant_id={}.ndjson.gz",
        world.tenant()
    );
    let lines = tests::lake::events_of(&world.lake().join(key))?;
    let open: Vec<_> = lines
        .iter()
        .filter(|line| line["state"] == "open")
        .collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["gap"], true);
    Ok(())
}

#[tokio::test]
async fn a_day_waits_for_blobs_that_may_still_come() -> Outcome<()> {
    let world = delivered().await?;
    let lake = Lake::open(&Url::from_directory_path(world.lake()).unwrap())?;
    let day = world.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let start = day.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp();
    let state = listed_to(start + 2 * DAY, start);
    let records = vec![world.record(3)];
    world
        .emulator
        .publish(world.tenant(), Published::Exchange, records);
    world.all_announced().await?;
    world.sweep().await?;
    let tenant = (id(world.tenant()), &[EXCHANGE][..]);
    let write = |now| write_final(&world.ledger, &lake, tenant, &state, now);
    let due = start + DAY + LISTED_FOR;
    assert_eq!(write(due + 5 * DAY).await?, None, "it is still open");
    assert_eq!(write(due + 12 * DAY).await?, Some(start + DAY));
    world.work_until_empty().await?;
    assert_eq!(write(due + 5 * DAY).await?, Some(start + DAY));
    Ok(())
}
