//! Measures searches of the timeline in one process: how long they take, and what they would ask of AWS.
//!
//! ```sh
//! cargo run --release -p tests --bin timeline -- [EVENTS] [RECORDS_PER_BLOB]
//! ```
//!
//! 1,000,000 events, or EVENTS, of one tenant over seven days, delivered by the pipeline in blobs of 100 records, 2,000 users with
//! some of them rare. Searches run over the API as the Lambda answers it; ledger on SQLite in memory, lake in a folder.

use std::io::{self, Write as _};
use std::time::Duration;

use emulator::{Clock, ContentType as Published, generator};
use http::Method;
use office365::ContentType;
use serde_json::{Value, json};
use tests::Outcome;
use tests::meter::Meter;
use tests::world::{World, quiet};
use tokio::time::Instant;

/// Unless the arguments say otherwise.
const EVENTS: usize = 1_000_000;
const RECORDS_PER_BLOB: usize = 100;

/// Different records that events are made of.
const TEMPLATES: usize = 2_000;

/// Users, and one of whom there are few events.
const USERS: usize = 2_000;
const RARE: &str = "mallory@contoso.example";
const RARE_EVERY: usize = 5_000;

const HOURS: usize = 7 * 24;
const HOUR: Duration = Duration::from_secs(3_600);

/// Runs of each search; the median is told.
const RUNS: usize = 11;

/// Pages of one search.
const PAGES_MAX: usize = 1_000;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: usize| {
        let given = arguments.get(at).map(|text| text.parse::<usize>());
        given.transpose().map(|given| given.unwrap_or(default))
    };
    let (events, per_blob) = (number(0, EVENTS)?, number(1, RECORDS_PER_BLOB)?);
    let meter = Meter::default();
    // The receiver's clock is the system's: the period ends now.
    let begin = Clock::system().now() - HOUR * HOURS as u32;
    let config = emulator::Config {
        clock: Clock::stopped_at(begin),
        ..quiet()
    };
    let world = World::measured(config, &meter).await?;
    world.register(&ContentType::ALL).await?;
    let began = Instant::now();
    deliver(&world, events, per_blob).await?;
    let mut out = io::stdout();
    let took = began.elapsed().as_secs_f64();
    let found = in_the_ledger(&world).await?;
    if found != events as u64 {
        return Err(format!("{found} of {events} events were delivered").into());
    }
    writeln!(
        out,
        "{events} events in blobs of {per_blob} delivered in {took:.0} s"
    )?;
    let rare = format!("user={RARE}");
    for (what, query, all) in [
        ("newest 50", "", false),
        ("a rare user, 7 days, all", rare.as_str(), true),
        (
            "a common user, first page",
            "user=user7@contoso.example",
            false,
        ),
        ("nobody, 7 days, all", "user=nobody@contoso.example", true),
        ("text that is nowhere, all", "text=nowhere-at-all", true),
    ] {
        measure(&world, &meter, what, query, all).await?;
    }
    Ok(())
}

/// The events of the whole period, as the ledger counts them.
async fn in_the_ledger(world: &World) -> Outcome<u64> {
    let from = world.now() - HOUR * (HOURS as u32 + 2);
    let path = format!("/v1/tenants/{}/volume?from={from}", world.tenant());
    let (status, volume) = world.operate(Method::GET, &path, Value::Null).await;
    let hours = volume["hours"]
        .as_array()
        .ok_or(format!("{status}: {volume}"))?;
    let records = hours.iter().filter_map(|hour| hour["records"].as_u64());
    Ok(records.sum())
}

/// Publishes and delivers hour by hour.
async fn deliver(world: &World, events: usize, per_blob: usize) -> Outcome<()> {
    let templates = generator::records(1, TEMPLATES);
    let templates: Vec<Value> = templates
        .iter()
        .map(|record| serde_json::from_str(record))
        .collect::<Result<_, _>>()?;
    let types = [
        Published::Exchange,
        Published::SharePoint,
        Published::AzureActiveDirectory,
        Published::General,
    ];
    let mut number = 0;
    for hour in 1..=HOURS {
        world.pass(HOUR);
        let mut blob = Vec::with_capacity(per_blob);
        let mut blobs = 0;
        while number < events * hour / HOURS {
            blob.push(record(world, &templates, number));
            number += 1;
            if blob.len() == per_blob || number == events * hour / HOURS {
                let of = types[blobs % types.len()];
                world
                    .emulator
                    .publish(world.tenant(), of, std::mem::take(&mut blob));
                blobs += 1;
            }
        }
        world.all_announced().await?;
        while world.queued().await? > 0 {
            world.fetch_batch(10).await?;
        }
    }
    // A search sees what was done before it.
    world.pass(HOUR);
    Ok(())
}

/// The event with this number, of some minutes ago.
fn record(world: &World, templates: &[Value], number: usize) -> Value {
    let mut record = templates[number % templates.len()].clone();
    let minutes = (number * 31 % 90) as u64;
    let at = world.now() - Duration::from_secs(60 * minutes);
    record["Id"] = json!(format!("a0000000-0000-4000-8000-{number:012}"));
    record["OrganizationId"] = json!(world.tenant());
    record["CreationTime"] = json!(at.strftime("%Y-%m-%dT%H:%M:%S").to_string());
    record["UserId"] = if number % RARE_EVERY == RARE_EVERY / 2 {
        json!(RARE)
    } else {
        json!(format!("user{}@contoso.example", number * 7_919 % USERS))
    };
    record
}

/// Runs a search, its first page or all pages.
async fn measure(world: &World, meter: &Meter, what: &str, query: &str, all: bool) -> Outcome<()> {
    let mut times = Vec::new();
    let mut last = String::new();
    for _ in 0..RUNS {
        let _before = meter.take();
        let began = Instant::now();
        let (mut pages, mut found, mut cursor) = (0, 0, String::new());
        let mut sums = [0; 4];
        loop {
            let tenant = world.tenant();
            let path = format!("/v1/tenants/{tenant}/events?{query}&cursor={cursor}");
            let (status, page) = world.operate(Method::GET, &path, Value::Null).await;
            if !status.is_success() || pages > PAGES_MAX {
                return Err(format!("{status}: {page}").into());
            }
            pages += 1;
            found += page["events"].as_array().map_or(0, Vec::len);
            for (sum, name) in sums.iter_mut().zip(["blobs", "objects", "events", "bytes"]) {
                *sum += page["searched"][name].as_u64().unwrap_or_default();
            }
            match page["next_cursor"].as_str().filter(|_| all) {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        times.push(began.elapsed().as_secs_f64() * 1e3);
        let read = meter.take().sum(|of, _| of == "Query");
        let [blobs, objects, events, bytes] = sums;
        last = format!(
            "{found} events on {pages} pages; {} Queries of {:.0} read units, {blobs} blobs, {objects} GETs of {:.1} MB, \
             {events} events looked at",
            read.calls,
            read.read_units,
            bytes as f64 / 1e6,
        );
    }
    times.sort_by(f64::total_cmp);
    let (median, slowest) = (times[RUNS / 2], times[RUNS - 1]);
    writeln!(
        io::stdout(),
        "{what}: {median:.0} ms (slowest {slowest:.0} ms): {last}"
    )?;
    Ok(())
}
