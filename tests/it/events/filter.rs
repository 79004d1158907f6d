//! A filter in the fetcher: every record is stored somewhere or counted as dropped.

use std::collections::HashMap;

use emulator::ContentType as Published;
use normalize::{Filter, Options, SeverityRules};
use pipeline::settings::EventSettings;
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{EXCHANGE, World, quiet};
use uuid::Uuid;

const FILTER: &str = r#"[
    {"name": "inbox-rules", "action": "keep", "operation": "*-InboxRule"},
    {"name": "system", "action": "drop", "user": "NT AUTHORITY\\*"},
    {"name": "reads", "action": "route(reads)", "operation": "Get-*"}]"#;

async fn world() -> Outcome<World> {
    let options = Options {
        filter: Filter::parse(FILTER)?,
        severity: SeverityRules::parse(r#"[{"operation":"Set-Mailbox","severity":5}]"#)?,
        ..Options::default()
    };
    let settings = EventSettings {
        options,
        ..EventSettings::default()
    };
    let world = World::with_settings(quiet(), settings).await?;
    world.register(&[EXCHANGE]).await?;
    Ok(world)
}

/// A cmdlet with the Id number `n`.
fn cmdlet(world: &World, n: u32, operation: &str, user: &str) -> Value {
    let mut record = world.record(n);
    record["Operation"] = json!(operation);
    record["UserId"] = json!(user);
    record
}

const SYSTEM: &str = r"NT AUTHORITY\SYSTEM (w3wp)";

/// Publishes a blob and works until it is finished. Returns its ledger item.
async fn delivered(world: &World, records: Vec<Value>) -> Outcome<HashMap<String, String>> {
    let body = serde_json::to_vec(&records)?;
    let content = world
        .emulator
        .publish_bytes(world.tenant(), Published::Exchange, body.into());
    world.all_announced().await?;
    world.work_until_empty().await?;
    let item = world.blob(&content).await?;
    assert_eq!(item["state"], "DONE", "{item:?}");
    Ok(item)
}

/// The counts in the ledger: in, written, routed, dropped, duplicate, foreign and malformed. The first is the sum of
/// the others.
fn counts(item: &HashMap<String, String>) -> [u32; 7] {
    let names = [
        "in",
        "written",
        "routed",
        "dropped",
        "duplicate",
        "foreign",
        "malformed",
    ];
    let counts = names.map(|name| item[&format!("records_{name}")].parse().unwrap());
    assert_eq!(counts[0], counts[1..].iter().sum::<u32>(), "{item:?}");
    counts
}

#[tokio::test]
async fn every_record_is_written_routed_dropped_or_counted() -> Outcome<()> {
    let world = world().await?;
    let mut foreign = world.record(8);
    foreign["OrganizationId"] = json!(Uuid::from_u128(99));
    let item = delivered(
        &world,
        vec![
            cmdlet(&world, 1, "Set-Mailbox", "alex@contoso.example"),
            cmdlet(&world, 2, "Set-Mailbox", SYSTEM),
            cmdlet(&world, 3, "New-InboxRule", SYSTEM),
            cmdlet(&world, 4, "Get-Mailbox", "alex@contoso.example"),
            cmdlet(&world, 5, "Get-Mailbox", SYSTEM),
            cmdlet(&world, 6, "Get-Mailbox", "kim@contoso.example"),
            cmdlet(&world, 2, "Set-Mailbox", SYSTEM),
            foreign,
            json!("no record"),
        ],
    )
    .await?;
    assert_eq!(counts(&item), [9, 2, 2, 2, 1, 1, 1]);
    let events = tests::lake::events(world.lake())?;
    let kept: Vec<_> = events
        .iter()
        .map(|event| (&event["metadata"]["event_code"], &event["severity_id"]))
        .collect();
    assert_eq!(
        kept,
        [
            (&json!("Set-Mailbox"), &json!(5)),
            (&json!("New-InboxRule"), &json!(1))
        ]
    );
    let routed = tests::lake::files(&world.lake().join("routed"))?;
    let path = routed[0].to_string_lossy();
    assert_eq!(routed.len(), 1);
    assert!(
        path.contains("/routed/reads/content_type=Audit.Exchange/day="),
        "{path}"
    );
    let lines = tests::lake::unpacked(&routed[0])?;
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 2);
    Ok(())
}

#[tokio::test]
async fn a_dropped_record_is_claimed_and_kept_raw() -> Outcome<()> {
    let world = world().await?;
    let record = || vec![cmdlet(&world, 1, "Set-Mailbox", SYSTEM)];
    let first = delivered(&world, record()).await?;
    let second = delivered(&world, record()).await?;
    assert_eq!(counts(&first), [1, 0, 0, 1, 0, 0, 0]);
    assert_eq!(counts(&second), [1, 0, 0, 0, 1, 0, 0]);
    let raw = tests::lake::files(&world.lake().join("raw"))?;
    assert_eq!(raw.len(), 2);
    assert_eq!(
        serde_json::from_slice::<Value>(&tests::lake::unpacked(&raw[0])?)?,
        json!(record())
    );
    assert_eq!(tests::lake::files(&world.lake().join("ocsf"))?.len(), 0);
    Ok(())
}
