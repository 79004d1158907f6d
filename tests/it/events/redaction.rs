//! Secrets in records: no event in the lake holds them and, with the setting for it, no object at all.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use emulator::ContentType as Published;
use normalize::{Options, RawData};
use pipeline::settings::EventSettings;
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{EXCHANGE, World, quiet};

/// Must not be found in the lake.
const MARKER: &str = "hunter2-of-contoso";

async fn world(redact_raw: bool) -> Outcome<World> {
    let options = Options {
        raw_data: RawData::Always,
        ..Options::default()
    };
    let settings = EventSettings {
        options,
        redact_raw,
        ..EventSettings::default()
    };
    let world = World::with_settings(quiet(), settings).await?;
    world.register(&[EXCHANGE]).await?;
    Ok(world)
}

/// A record with the Id number `n` and a secret.
fn with_secret(world: &World, n: u32) -> Value {
    let mut record = world.record(n);
    record["Parameters"] =
        json!([{"Name": "Password", "Value": MARKER}, {"Name": "Name", "Value": "x"}]);
    record
}

/// Publishes a blob and works until it is finished. Returns its ledger item.
async fn end_of(world: &World, body: impl Into<Bytes>) -> Outcome<HashMap<String, String>> {
    let content = world
        .emulator
        .publish_bytes(world.tenant(), Published::Exchange, body.into());
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.blob(&content).await
}

/// The unpacked objects in a folder of the lake.
fn objects(world: &World, folder: &str) -> Outcome<Vec<Vec<u8>>> {
    let files = tests::lake::files(&world.lake().join(folder))?;
    files
        .iter()
        .map(|path| tests::lake::unpacked(path))
        .collect()
}

fn mentions(object: &[u8]) -> bool {
    String::from_utf8_lossy(object).contains(MARKER)
}

#[tokio::test]
async fn events_hold_no_secret_and_the_raw_copy_is_unchanged() -> Outcome<()> {
    let world = world(false).await?;
    let body = json!([with_secret(&world, 1)]).to_string();
    let item = end_of(&world, body.clone()).await?;
    assert_eq!(item["records_written"], "1");
    assert_eq!(objects(&world, "raw")?, [body.into_bytes()]);
    let events = objects(&world, "ocsf")?;
    assert!(
        !mentions(&events[0]),
        "{}",
        String::from_utf8_lossy(&events[0])
    );
    assert!(String::from_utf8_lossy(&events[0]).contains("[redacted]"));
    Ok(())
}

#[tokio::test]
async fn with_the_setting_no_object_holds_a_secret() -> Outcome<()> {
    let world = world(true).await?;
    let (plain, secret) = (world.record(2).to_string(), with_secret(&world, 1));
    let mut nameless = with_secret(&world, 3);
    nameless.as_object_mut().unwrap().remove("Id");
    let body = format!(
        "[{plain},\n {secret}, {nameless},{nameless}, {{\"Password\":{MARKER}}}, \"no record\"]"
    );
    let item = end_of(&world, body).await?;
    let count = |name: &str| item[&format!("records_{name}")].as_str();
    assert_eq!(
        (
            count("in"),
            count("written"),
            count("duplicate"),
            count("malformed")
        ),
        ("6", "3", "1", "2")
    );
    for path in tests::lake::files(world.lake())? {
        assert!(
            !mentions(&tests::lake::unpacked(&path)?),
            "{}",
            path.display()
        );
    }
    let raw = String::from_utf8(objects(&world, "raw")?.remove(0))?;
    let array: Vec<Value> = serde_json::from_str(&raw)?;
    assert_eq!(array.len(), 6);
    assert!(raw.starts_with(&format!("[{plain},{{")), "{raw}");
    assert_eq!(array[1]["Parameters"][0]["Value"], "[redacted]");
    let hash = hex(digest(&SHA256, raw.as_bytes()).as_ref());
    assert_eq!(item["raw_sha256"], hash);
    Ok(())
}

#[tokio::test]
async fn redacted_raw_copies_give_the_same_events_again() -> Outcome<()> {
    let world = world(true).await?;
    let body = json!([with_secret(&world, 1), world.record(2)]).to_string();
    end_of(&world, body.clone()).await?;
    let once = objects(&world, "ocsf")?;
    // The same records in another blob, from a lake that keeps secrets: only the blob differs.
    let other = self::world(false).await?;
    end_of(
        &other,
        body.replace(&world.tenant().to_string(), &other.tenant().to_string()),
    )
    .await?;
    let lines = |events: &[Vec<u8>], tenant: String| {
        let text = String::from_utf8_lossy(&events[0]).replace(&tenant, "T");
        let events = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        events
            .map(|event| event["unmapped"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        lines(&once, world.tenant().to_string()),
        lines(&objects(&other, "ocsf")?, other.tenant().to_string())
    );
    Ok(())
}

#[tokio::test]
async fn a_cut_blob_with_a_secret_is_set_aside_without_it() -> Outcome<()> {
    let world = world(true).await?;
    let body = format!(r#"[{{"Id":"a","Password":"{MARKER}"}},{{"Id""#);
    let tenant = world.tenant();
    let content = world
        .emulator
        .publish_bytes(tenant, Published::Exchange, body.into());
    world.all_announced().await?;
    world.try_again(9, Duration::from_secs(600)).await?;
    let item = world.blob(&content).await?;
    assert_eq!(item["state"], "QUARANTINED");
    let kept = objects(&world, "quarantine")?;
    assert_eq!(kept.len(), 1);
    assert!(kept[0].starts_with(b"[redacted: "), "{kept:?}");
    assert!(
        !item.values().any(|value| value.contains(MARKER)),
        "{item:?}"
    );
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
