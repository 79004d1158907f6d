//! The timeline: what was delivered is found again, each event once, within a budget, and never taken for anything but text.

mod athena;

use std::collections::BTreeSet;
use std::time::Duration;

use emulator::{Clock, ContentType as Published};
use http::Method;
use normalize::{OcsfVersion, Options, Schema};
use office365::ContentType;
use pipeline::lake::Codec;
use pipeline::settings::EventSettings;
use serde_json::{Value, json};
use tests::Outcome;
use tests::meter::Meter;
use tests::world::{EXCHANGE, World, quiet};
use url::form_urlencoded;

const SHAREPOINT: ContentType = ContentType::AuditSharePoint;

/// Pages after which a search counts as endless.
const PAGES_MAX: usize = 500;

/// Markup, control characters, text from right to left, and what ends strings elsewhere.
const HOSTILE: &str = "<script>alert(1)</script>\u{202e}'; DROP TABLE x; --\u{0}\"\\${jndi:x}";

/// Parameters and their values.
type Query<'q> = &'q [(&'q str, &'q str)];

/// Starts an installation with one tenant.
async fn installed(events: EventSettings) -> Outcome<World> {
    let world = World::with_settings(quiet(), events).await?;
    world.register(&[EXCHANGE, SHAREPOINT]).await?;
    Ok(world)
}

/// A record of so many minutes ago.
fn record(world: &World, n: u32, minutes: u64, changes: &Value) -> Value {
    let mut record = world.record(n);
    let at = world.now() - Duration::from_secs(minutes * 60);
    record["CreationTime"] = json!(at.strftime("%Y-%m-%dT%H:%M:%S").to_string());
    for (name, value) in changes.as_object().into_iter().flatten() {
        record[name] = value.clone();
    }
    record
}

/// Publishes records as one blob, and delivers it.
async fn deliver(world: &World, of: Published, records: Vec<Value>) -> Outcome<()> {
    world.emulator.publish(world.tenant(), of, records);
    world.all_announced().await?;
    world.work_until_empty().await?;
    // Delivering takes real time, and a search sees what was done before it.
    world.pass(Duration::from_secs(60));
    Ok(())
}

/// Asks for events.
async fn ask(world: &World, query: Query<'_>) -> Value {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(query);
    let path = format!("/v1/tenants/{}/events?{}", world.tenant(), text.finish());
    let (status, answer) = world.operate(Method::GET, &path, Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The operations of all events that are found, in their order, from all pages.
async fn found(world: &World, query: Query<'_>) -> Vec<String> {
    let mut operations = Vec::new();
    let mut cursor = String::new();
    for _ in 0..PAGES_MAX {
        let page = ask(world, &[query, &[("cursor", cursor.as_str())]].concat()).await;
        for event in page["events"].as_array().unwrap() {
            operations.push(event["operation"].as_str().unwrap_or_default().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return operations,
        }
    }
    panic!("the search does not end");
}

/// Three blobs: a rule by Mallory, files by Alex, and a mailbox setting.
async fn delivered(world: &World) -> Outcome<()> {
    let mallory = json!({"UserId": "Mallory@contoso.example", "ClientIP": "203.0.113.66"});
    let rule = [
        &mallory,
        &json!({"Operation": "New-InboxRule", "ObjectId": "rule",
            "Parameters": [{"Name": "ForwardTo", "Value": "out@partner.example"}]}),
    ];
    let mut with_rule = record(world, 1, 30, rule[0]);
    for (name, value) in rule[1].as_object().unwrap() {
        with_rule[name] = value.clone();
    }
    deliver(world, Published::Exchange, vec![with_rule]).await?;
    let file = |n: u32, minutes: u64, name: &str| {
        let changes = json!({"Operation": name, "RecordType": 6, "Workload": "SharePoint",
            "ClientIP": "198.51.100.7", "SourceFileName": "plan.xlsx", "ItemType": "File",
            "ObjectId": "https://contoso.sharepoint.example/sites/finance/plan.xlsx"});
        record(world, n, minutes, &changes)
    };
    let files = vec![
        file(2, 10, "FileDownloaded"),
        file(3, 60 * 26, "FileUploaded"),
    ];
    deliver(world, Published::SharePoint, files).await?;
    deliver(
        world,
        Published::Exchange,
        vec![record(world, 4, 5, &Value::Null)],
    )
    .await
}

async fn check_filters(world: &World) {
    let all = [
        "Set-Mailbox",
        "FileDownloaded",
        "New-InboxRule",
        "FileUploaded",
    ];
    assert_eq!(found(world, &[]).await, all, "newest first");
    let cases: [(Query<'_>, &[&str]); 9] = [
        (&[("user", "mallory@CONTOSO.example")], &["New-InboxRule"]),
        (&[("address", "203.0.113.66")], &["New-InboxRule"]),
        (&[("operation", "filedownloaded")], &["FileDownloaded"]),
        (&[("severity", "High,5")], &["New-InboxRule"]),
        (
            &[("text", "PLAN.xlsx")],
            &["FileDownloaded", "FileUploaded"],
        ),
        (
            &[("text", "plan"), ("operation", "FileUploaded")],
            &["FileUploaded"],
        ),
        (
            &[("user", "mallory@contoso.example"), ("severity", "1")],
            &[],
        ),
        (&[("user", "nobody@contoso.example")], &[]),
        (&[("text", "no such text")], &[]),
    ];
    for (query, expect) in cases {
        assert_eq!(found(world, query).await, expect, "{query:?}");
    }
    let hour_ago = (world.now() - Duration::from_secs(3_600)).to_string();
    let before = found(world, &[("to", hour_ago.as_str())]).await;
    assert_eq!(before, ["FileUploaded"]);
    assert_eq!(found(world, &[("from", hour_ago.as_str())]).await, all[..3]);
}

#[tokio::test]
async fn each_filter_finds_its_events_and_no_others() -> Outcome<()> {
    let world = installed(EventSettings::default()).await?;
    delivered(&world).await?;
    check_filters(&world).await;
    assert_eq!(found(&world, &[("class", "6006")]).await.len(), 2);
    let by_name = found(&world, &[("class", "file hosting activity")]).await;
    assert_eq!(by_name.len(), 2);
    Ok(())
}

#[tokio::test]
async fn older_versions_and_ecs_are_searched_alike() -> Outcome<()> {
    let oldest = Options {
        version: OcsfVersion::V1_1,
        ..Options::default()
    };
    let ecs = Options {
        schema: Schema::Ecs,
        ..Options::default()
    };
    for (options, codec) in [(oldest, Codec::Zstd), (ecs, Codec::Gzip)] {
        let world = installed(EventSettings {
            options,
            codec,
            ..EventSettings::default()
        })
        .await?;
        delivered(&world).await?;
        check_filters(&world).await;
    }
    Ok(())
}

#[tokio::test]
async fn pages_have_each_event_once_while_blobs_arrive() -> Outcome<()> {
    // The receiver, whose clock is the system's, takes no content of the day after tomorrow.
    let days_ago = Clock::system().now() - Duration::from_secs(4 * 24 * 3_600);
    let config = emulator::Config {
        clock: Clock::stopped_at(days_ago),
        ..quiet()
    };
    // Its tokens expire by the emulated clock.
    let world = World::measured(config, &Meter::default()).await?;
    world.register(&[EXCHANGE]).await?;
    let mut number = 0;
    let mut blob = |world: &World, records: u32| {
        let all = (0..records).map(|at| {
            number += 1;
            // Events of a blob lie hours apart, and many in the same second.
            let minutes = u64::from((number * 7 + at) % 40) * 30;
            record(
                world,
                number,
                minutes,
                &json!({"Operation": format!("Set-{number}")}),
            )
        });
        all.collect::<Vec<Value>>()
    };
    for _ in 0..6 {
        deliver(&world, Published::Exchange, blob(&world, 17)).await?;
        world.pass(Duration::from_secs(7 * 3_600));
    }
    assert_eq!(world.audit()?, (102, 0, 0), "written, duplicates, lost");
    let expect: BTreeSet<String> = (1..=102).map(|n| format!("Set-{n}")).collect();
    for limit in ["7", "50", "200"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        for page in 0.. {
            assert!(page < PAGES_MAX);
            let page = ask(&world, &[("limit", limit), ("cursor", cursor.as_str())]).await;
            let events = page["events"].as_array().unwrap();
            let times: Vec<_> = events
                .iter()
                .map(|of| of["time"].as_str().unwrap())
                .collect();
            assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
            let of = events
                .iter()
                .map(|of| of["operation"].as_str().unwrap().to_owned());
            seen.extend(of);
            let Some(next) = page["next_cursor"].as_str() else {
                assert_eq!(page["complete"], true, "{page}");
                break;
            };
            cursor = next.to_owned();
            deliver(&world, Published::Exchange, blob(&world, 3)).await?;
        }
        // Of what came during an earlier search, this one knows.
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(once.len(), seen.len(), "limit {limit}: shown twice");
        let left_out: Vec<_> = expect.difference(&once).collect();
        assert!(left_out.is_empty(), "limit {limit}: left out {left_out:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_search_for_nothing_ends_and_says_so() -> Outcome<()> {
    let world = installed(EventSettings::default()).await?;
    for n in 0..20 {
        deliver(
            &world,
            Published::Exchange,
            vec![record(&world, n, 5, &Value::Null)],
        )
        .await?;
    }
    let from = (world.now() - Duration::from_secs(7 * 24 * 3_600)).to_string();
    let nobody = ("user", "nobody@contoso.example");
    let page = ask(&world, &[nobody, ("from", from.as_str())]).await;
    assert_eq!(page["events"], json!([]));
    assert_eq!(
        (&page["next_cursor"], &page["complete"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(page["searched_back_to"], from.as_str());
    assert_eq!(page["searched"]["blobs"], 20);
    // The filter lets one in a hundred through.
    assert!(page["searched"]["objects"].as_u64() <= Some(2), "{page}");
    let sql = page["athena_sql"].as_str().unwrap();
    assert!(sql.contains("'nobody@contoso.example'"), "{sql}");
    Ok(())
}

#[tokio::test]
async fn an_object_that_is_gone_is_told() -> Outcome<()> {
    let world = installed(EventSettings::default()).await?;
    delivered(&world).await?;
    std::fs::remove_dir_all(world.lake().join("ocsf/content_type=Audit.SharePoint"))?;
    let page = ask(&world, &[]).await;
    assert_eq!(page["events"].as_array().map(Vec::len), Some(2));
    assert_eq!(page["next_cursor"], Value::Null);
    assert_eq!(page["complete"], false);
    assert_eq!(page["searched"]["unreadable"], 1);
    Ok(())
}

#[tokio::test]
async fn an_event_opens_with_the_record_it_was_made_of() -> Outcome<()> {
    let world = installed(EventSettings::default()).await?;
    let secret = json!({"Operation": "New-Mailbox",
        "Parameters": [{"Name": "Password", "Value": "hunter2hunter2"}]});
    let records = vec![
        record(&world, 1, 9, &Value::Null),
        record(&world, 2, 5, &secret),
        json!({"Operation": "Nameless", "Workload": "Exchange"}),
    ];
    deliver(&world, Published::Exchange, records).await?;
    let open = async |operation: &str| {
        let page = ask(&world, &[("operation", operation)]).await;
        let id = page["events"][0]["event_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/tenants/{}/events/{id}", world.tenant());
        let (status, event) = world.operate(Method::GET, &path, Value::Null).await;
        assert_eq!(status, 200, "{event}");
        event
    };
    let event = open("New-Mailbox").await;
    assert_eq!(event["event"]["metadata"]["event_code"], "New-Mailbox");
    assert_eq!(event["raw"]["Operation"], "New-Mailbox");
    assert_eq!(event["raw_missing"], Value::Null);
    assert!(event["object"].as_str().unwrap().starts_with("ocsf/"));
    assert!(!event.to_string().contains("hunter2"), "{event}");

    std::fs::remove_dir_all(world.lake().join("raw"))?;
    let event = open("Set-Mailbox").await;
    assert_eq!(
        (&event["raw"], &event["raw_missing"]),
        (&Value::Null, &json!("not_kept"))
    );

    for wrong in ["x", "AAAA"] {
        let path = format!("/v1/tenants/{}/events/{wrong}", world.tenant());
        let (status, problem) = world.operate(Method::GET, &path, Value::Null).await;
        assert_eq!(status, 404, "{problem}");
    }
    Ok(())
}

#[tokio::test]
async fn hostile_contents_stay_text_in_every_answer() -> Outcome<()> {
    let world = installed(EventSettings::default()).await?;
    let hostile = json!({"UserId": HOSTILE, "ObjectId": "x".repeat(10_000), "ClientIP": HOSTILE,
        "Operation": HOSTILE});
    deliver(
        &world,
        Published::Exchange,
        vec![record(&world, 1, 5, &hostile)],
    )
    .await?;
    for query in [
        ("text", "drop table X"),
        ("operation", HOSTILE),
        ("text", "\"\\${jndi"),
        ("text", "<SCRIPT>"),
    ] {
        let page = ask(&world, &[query]).await;
        assert_eq!(
            page["events"].as_array().map(Vec::len),
            Some(1),
            "{query:?}"
        );
        let row = page["events"][0].to_string();
        assert!(row.len() < 4_000, "{row}");
        let sql = page["athena_sql"].as_str().unwrap();
        let outside: String = sql.split('\'').step_by(2).collect();
        assert!(!outside.to_lowercase().contains("drop"), "{sql}");
    }
    Ok(())
}

#[tokio::test]
async fn volumes_are_what_was_delivered() -> Outcome<()> {
    let world = installed(EventSettings::default()).await?;
    delivered(&world).await?;
    let path = format!("/v1/tenants/{}/volume", world.tenant());
    let (status, volume) = world.operate(Method::GET, &path, Value::Null).await;
    assert_eq!(status, 200, "{volume}");
    let sum = |of: &str, member: &str| {
        let hours = volume["hours"].as_array().unwrap().iter();
        let hours = hours.filter(|hour| hour["content_type"] == of);
        hours.filter_map(|hour| hour[member].as_u64()).sum::<u64>()
    };
    assert_eq!(
        (
            sum("Audit.Exchange", "records"),
            sum("Audit.Exchange", "blobs")
        ),
        (2, 2)
    );
    assert_eq!(sum("Audit.SharePoint", "records"), 2);
    let severities: u64 = volume["hours"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|hour| hour["severities"].as_object().unwrap().values())
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(severities, 4);
    Ok(())
}

#[tokio::test]
async fn a_common_blobs_index_costs_no_write_unit() -> Outcome<()> {
    let meter = Meter::default();
    let world = World::measured(quiet(), &meter).await?;
    world.register(&[EXCHANGE]).await?;
    let mut units = Vec::new();
    for records in [0, 100] {
        let all = (0..records).map(|n| {
            let who = json!({"UserId": format!("user{}@contoso.example", n % 40), "ClientIP": format!("198.51.100.{}", n % 50)});
            record(&world, n, 5, &who)
        });
        let all = all.collect();
        let _before = meter.take();
        deliver(&world, Published::Exchange, all).await?;
        let used = meter
            .take()
            .sum(|of, about| of == "UpdateItem" && about == "blobs");
        units.push(used.write_units);
    }
    assert_eq!(world.audit()?, (100, 0, 0), "written, duplicates, lost");
    assert_eq!(units[0], units[1], "an empty blob has no index");
    Ok(())
}
