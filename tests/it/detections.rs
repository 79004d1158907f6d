//! Raw copies become findings: once in the lake, whatever comes twice, late, or fails on the way.

mod operate;
mod stories;
mod webhook;
mod windows;

use std::fs;
use std::time::Duration;

use emulator::ContentType as Published;
use http::{Method, StatusCode};
use normalize::Schema;
use pipeline::settings::EventSettings;
use serde_json::{Value, json};
use tests::flaky::Trouble;
use tests::world::{EXCHANGE, World, quiet};
use tests::{Outcome, lake, repo};

/// A rule of an operator's: one record is enough.
const ONE: &str = "
title: One act
id: 0c6a3a1e-0000-4000-8000-000000000001
logsource: {product: m365}
detection: {act: {Operation: Test-Act}, condition: act}
level: high
";

/// Three users from one address within ten minutes.
const SPRAY: &str = "
title: Guess
name: guess
logsource: {product: m365}
detection: {act: {Operation: Test-Guess}, condition: act}
---
title: Spray
id: 0c6a3a1e-0000-4000-8000-000000000002
correlation:
  type: value_count
  rules: [guess]
  group-by: [ClientIP]
  timespan: 10m
  condition: {gte: 3, field: UserId}
level: medium
";

/// An address that a user never came from.
const NEW: &str = "
title: New address
id: 0c6a3a1e-0000-4000-8000-000000000003
logsource: {product: m365}
detection: {act: {Operation: Test-SignIn}, condition: act}
level: low
ualstream:
  first_seen: {field: ClientIP, by: [UserId], within: 30d, learning: 7d}
";

/// An installation with one tenant and these rules beside the built-in ones.
async fn installed(rules: &[&str], events: EventSettings) -> Outcome<World> {
    let world = World::with_settings(quiet(), events).await?;
    for (n, rule) in rules.iter().enumerate() {
        put(&world, &format!("own-{n}.yml"), rule)?;
    }
    world.register(&[EXCHANGE]).await?;
    Ok(world)
}

fn put(world: &World, file: &str, text: &str) -> Outcome<()> {
    let folder = world.lake().join("rules");
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(file), text)?)
}

/// A record of an operation that only these tests know.
fn act(world: &World, n: u32, operation: &str, changes: &Value) -> Value {
    let mut record = world.record(n);
    record["Operation"] = json!(operation);
    for (name, value) in changes.as_object().into_iter().flatten() {
        record[name] = value.clone();
    }
    record
}

/// Publishes records as one blob, and delivers it.
async fn deliver(world: &World, records: Vec<Value>) -> Outcome<()> {
    world
        .emulator
        .publish(world.tenant(), Published::Exchange, records);
    world.all_announced().await?;
    world.work_until_empty().await
}

/// The findings in the lake, in the order of their keys.
fn findings(world: &World) -> Outcome<Vec<Value>> {
    let mut findings = Vec::new();
    for file in lake::files(&world.lake().join("findings"))? {
        findings.extend(lake::events_of(&file)?);
    }
    Ok(findings)
}

fn titles(world: &World) -> Outcome<Vec<String>> {
    let title = |of: Value| of["finding_info"]["title"].as_str().map(str::to_owned);
    let mut titles: Vec<String> = findings(world)?.into_iter().filter_map(title).collect();
    titles.sort();
    Ok(titles)
}

/// Announces all raw copies once more, and looks at them.
async fn look_again(world: &World) -> Outcome<()> {
    for file in lake::files(&world.lake().join("raw"))? {
        let key = file.strip_prefix(world.lake())?.display().to_string();
        world.announce_again(&key).await?;
    }
    world.detect_until_empty().await
}

#[tokio::test]
async fn a_record_becomes_a_finding_once() -> Outcome<()> {
    let world = installed(&[ONE], EventSettings::default()).await?;
    let calm = act(&world, 2, "Test-Other", &json!({}));
    deliver(&world, vec![act(&world, 1, "Test-Act", &json!({})), calm]).await?;
    world.detect_until_empty().await?;
    look_again(&world).await?;

    let found = findings(&world)?;
    assert_eq!(found.len(), 1, "{found:?}");
    let finding = &found[0];
    assert_eq!(finding["class_uid"], 2004);
    assert_eq!(finding["severity"], "High");
    assert_eq!(finding["metadata"]["tenant_uid"], json!(world.tenant()));
    let record = &finding["finding_info"]["related_events"][0]["uid"];
    assert_eq!(*record, act(&world, 1, "", &json!({}))["Id"]);
    Ok(())
}

#[tokio::test]
async fn a_built_in_rule_sees_an_attack() -> Outcome<()> {
    let world = installed(&[], EventSettings::default()).await?;
    let forwards = json!({
        "ResultStatus": "True", "ClientIP": "203.0.113.7:40927", "ObjectId": "alex\\1",
        "Parameters": [
            {"Name": "Name", "Value": "."}, {"Name": "ForwardTo", "Value": "drop@attacker.example"},
        ],
    });
    deliver(&world, vec![act(&world, 1, "New-InboxRule", &forwards)]).await?;
    world.detect_until_empty().await?;
    let found = findings(&world)?;
    assert!(!found.is_empty());
    let evidence = &found[0]["evidences"][0];
    assert_eq!(evidence["src_endpoint"]["ip"], "203.0.113.7");
    assert!(found[0]["remediation"]["desc"].as_str() > Some(""));
    Ok(())
}

#[tokio::test]
async fn records_of_several_blobs_are_correlated_once() -> Outcome<()> {
    let world = installed(&[SPRAY], EventSettings::default()).await?;
    for (n, user) in [(1, "alex"), (2, "sam"), (3, "kim"), (4, "lee")] {
        let at = format!("2026-03-01T10:0{n}:00");
        let changes = json!({"UserId": user, "ClientIP": "203.0.113.9", "CreationTime": at});
        deliver(&world, vec![act(&world, n, "Test-Guess", &changes)]).await?;
        world.detect_until_empty().await?;
        let expected = usize::from(n >= 3);
        assert_eq!(titles(&world)?.len(), expected, "after {n}");
    }
    look_again(&world).await?;
    assert_eq!(titles(&world)?, ["Spray"]);
    Ok(())
}

#[tokio::test]
async fn a_finding_that_is_told_is_not_looked_up_again() -> Outcome<()> {
    let world = installed(&[SPRAY], EventSettings::default()).await?;
    let guess = |n: u32| {
        let changes = json!({"UserId": format!("user-{n}"), "ClientIP": "203.0.113.9"});
        act(&world, n, "Test-Guess", &changes)
    };
    deliver(&world, (1..4).map(guess).collect()).await?;
    world.detect_until_empty().await?;
    assert_eq!(titles(&world)?, ["Spray"]);
    deliver(&world, vec![guess(4)]).await?;
    world
        .flaky_dynamodb
        .next("GetItem", Trouble::Throttled, 100);
    let (_, failed) = world.detect().await?;
    assert!(failed.is_empty());
    assert_eq!(world.flaky_dynamodb.ahead(), 100);
    Ok(())
}

#[tokio::test]
async fn a_new_value_is_found_when_its_user_is_known() -> Outcome<()> {
    let world = installed(&[NEW], EventSettings::default()).await?;
    let days = [
        (1, "192.0.2.1"),
        (3, "192.0.2.2"),
        (9, "192.0.2.1"),
        (10, "192.0.2.3"),
        (11, "192.0.2.3"),
    ];
    for (day, address) in days {
        let at = format!("2026-03-{day:02}T10:00:00");
        let changes = json!({"ClientIP": address, "CreationTime": at});
        deliver(&world, vec![act(&world, day, "Test-SignIn", &changes)]).await?;
        world.detect_until_empty().await?;
    }
    look_again(&world).await?;
    let found = findings(&world)?;
    assert_eq!(found.len(), 1, "{found:?}");
    let data = &found[0]["evidences"][0]["data"];
    assert_eq!(data["ClientIP"], "192.0.2.3");
    Ok(())
}

#[tokio::test]
async fn faults_of_the_table_lose_and_double_nothing() -> Outcome<()> {
    let world = installed(&[ONE, SPRAY, NEW], EventSettings::default()).await?;
    let users = ["alex", "sam", "kim"];
    let mut records = vec![act(&world, 1, "Test-Act", &json!({}))];
    for (n, user) in (2..).zip(users) {
        let changes = json!({"UserId": user, "ClientIP": "203.0.113.9"});
        records.push(act(&world, n, "Test-Guess", &changes));
    }
    for (n, day) in [(10, 1), (11, 12)] {
        let at = format!("2026-03-{day:02}T10:00:00");
        let changes = json!({"ClientIP": format!("192.0.2.{n}"), "CreationTime": at});
        records.push(act(&world, n, "Test-SignIn", &changes));
    }
    deliver(&world, records).await?;
    let operations = ["UpdateItem", "PutItem", "GetItem", "Query", "BatchGetItem"];
    for operation in operations {
        for trouble in [Trouble::AnswerLost, Trouble::Throttled] {
            world.flaky_dynamodb.next(operation, trouble, 4);
        }
    }
    world.flaky_sqs.next("SendMessage", Trouble::AnswerLost, 4);
    // Attempts that fail leave their message hidden: each round announces it once more, as a redelivery would.
    for _ in 0..20 {
        let key = lake::files(&world.lake().join("raw"))?.remove(0);
        let key = key.strip_prefix(world.lake())?.display().to_string();
        world.announce_again(&key).await?;
        world.detect().await?;
        if world.flaky_dynamodb.ahead() == 0 && titles(&world)?.len() == 3 {
            break;
        }
    }
    assert_eq!(titles(&world)?, ["New address", "One act", "Spray"]);
    Ok(())
}

#[tokio::test]
async fn an_exception_is_for_what_it_names_alone() -> Outcome<()> {
    let world = installed(&[ONE], EventSettings::default()).await?;
    let exception = json!({
        "rule_id": "0c6a3a1e-0000-4000-8000-000000000001", "user": "Alex@contoso.example",
        "reason": "the migration", "until": "2027-01-01T00:00:00Z",
    });
    let (status, _) = world
        .operate(Method::POST, "/v1/exceptions", exception)
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let other = act(
        &world,
        2,
        "Test-Act",
        &json!({"UserId": "sam@contoso.example"}),
    );
    deliver(&world, vec![act(&world, 1, "Test-Act", &json!({})), other]).await?;
    world.detect_until_empty().await?;
    let found = findings(&world)?;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["message"], "One act: sam@contoso.example");
    Ok(())
}

#[tokio::test]
async fn rules_that_cannot_be_used_stop_no_other() -> Outcome<()> {
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\n";
    let world = installed(&[bomb, "title: [", ONE], EventSettings::default()).await?;
    deliver(&world, vec![act(&world, 1, "Test-Act", &json!({}))]).await?;
    world.detect_until_empty().await?;
    assert_eq!(titles(&world)?, ["One act"]);

    // A rule that comes later is at work once the folder is read again.
    put(
        &world,
        "own-3.yml",
        &ONE.replace("Test-Act", "Test-Late").replace("0001", "0009"),
    )?;
    world.pass(pipeline::detect::RELOAD_AFTER + Duration::from_secs(1));
    deliver(&world, vec![act(&world, 2, "Test-Late", &json!({}))]).await?;
    world.detect_until_empty().await?;
    assert_eq!(titles(&world)?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_rule_that_matches_everything_is_capped() -> Outcome<()> {
    let world = installed(&[ONE], EventSettings::default()).await?;
    let most = detections::FINDINGS_PER_HOUR_MAX;
    let records = (0..most + 5).map(|n| act(&world, n, "Test-Act", &json!({})));
    deliver(&world, records.collect()).await?;
    world.detect_until_empty().await?;
    assert_eq!(findings(&world)?.len(), most as usize);
    Ok(())
}

#[tokio::test]
async fn records_of_another_organization_are_not_tried() -> Outcome<()> {
    let world = installed(&[ONE], EventSettings::default()).await?;
    let foreign = json!({"OrganizationId": "99999999-2222-4333-8444-555555555555"});
    deliver(&world, vec![act(&world, 1, "Test-Act", &foreign)]).await?;
    world.detect_until_empty().await?;
    assert!(findings(&world)?.is_empty());
    Ok(())
}

#[tokio::test]
async fn in_a_lake_of_ecs_findings_are_alerts() -> Outcome<()> {
    let mut events = EventSettings::default();
    events.options.schema = Schema::Ecs;
    let world = installed(&[ONE], events).await?;
    deliver(&world, vec![act(&world, 1, "Test-Act", &json!({}))]).await?;
    world.detect_until_empty().await?;
    let found = findings(&world)?;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["event"]["kind"], "alert");
    assert_eq!(found[0]["rule"]["name"], "One act");
    assert!(world.lake().join("findings/ecs").is_dir());
    Ok(())
}

#[tokio::test]
async fn what_is_no_raw_copy_is_passed_over() -> Outcome<()> {
    let world = installed(&[ONE], EventSettings::default()).await?;
    let folder = world.lake().join("raw/tenant_id=x");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("note.txt"), "hello")?;
    world.announce_again("raw/tenant_id=x/note.txt").await?;
    world.announce_again("raw/gone").await?;
    world.detect_until_empty().await?;
    assert!(findings(&world)?.is_empty());
    Ok(())
}

#[tokio::test]
async fn with_files_of_places_impossible_travel_is_found() -> Outcome<()> {
    let world = installed(&[], EventSettings::default()).await?;
    let folder = world.lake().join("places");
    fs::create_dir_all(&folder)?;
    let cities = repo::root().join("shared/detections/tests/places/city.mmdb");
    fs::copy(cities, folder.join("city.mmdb"))?;
    fs::write(folder.join("broken.mmdb"), "no such file")?;
    for (n, address) in [(1, "198.51.100.7"), (2, "203.0.113.7")] {
        let at = format!("2026-03-01T10:0{n}:00");
        let changes = json!({
            "ClientIP": address, "CreationTime": at, "RecordType": 15, "Workload": "AzureActiveDirectory",
        });
        deliver(&world, vec![act(&world, n, "UserLoggedIn", &changes)]).await?;
        world.detect_until_empty().await?;
    }
    let title = "Two sign-ins too far apart for the time between";
    assert!(
        titles(&world)?.contains(&title.to_owned()),
        "{:?}",
        titles(&world)?
    );
    Ok(())
}
