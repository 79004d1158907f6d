//! `Schema=ecs`, from Microsoft to the lake: each record becomes one valid document, stored under the hour of its blob.

use std::collections::HashSet;
use std::path::Path;

use emulator::ContentType as Published;
use jiff::Timestamp;
use normalize::{Options, Schema};
use office365::ContentType;
use pipeline::settings::EventSettings;
use serde_json::Value;
use tests::world::World;
use tests::{Outcome, lake};

use self::ecs_schema::ECS;

#[path = "../../../shared/normalize/tests/it/ecs_schema.rs"]
#[expect(
    dead_code,
    clippy::expect_used,
    reason = "the normalizer's own reading of the official definitions, of which this needs a part"
)]
mod ecs_schema;

async fn world() -> Outcome<World> {
    let settings = EventSettings {
        options: Options {
            schema: Schema::Ecs,
            ..Options::default()
        },
        ..EventSettings::default()
    };
    let config = emulator::Config {
        blobs_per_tenant: 15,
        records_per_blob: 1..=8,
        ..emulator::Config::default()
    };
    let world = World::with_settings(config, settings).await?;
    world.register(&ContentType::ALL).await?;
    Ok(world)
}

#[tokio::test]
async fn each_record_is_one_valid_document_in_its_hour() -> Outcome<()> {
    let world = world().await?;
    for _ in 0..2 {
        let records = (1..=3).map(|n| world.record(n)).collect();
        world
            .emulator
            .publish(world.tenant(), Published::Exchange, records);
    }
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.assert_delivered()?;
    assert_eq!(lake::files(&world.lake().join("ocsf"))?.len(), 0);

    let mut ids = HashSet::new();
    let mut content_types = HashSet::new();
    for file in lake::files(&world.lake().join("ecs"))? {
        let documents = lake::events_of(&file)?;
        content_types.insert(at_its_hour(&world, &file, documents.len()).await?);
        for document in documents {
            assert_eq!(ECS.findings(&document), Vec::<String>::new(), "{document}");
            assert_eq!(
                document["organization"]["id"],
                Value::from(world.tenant().to_string())
            );
            let id = document["event"]["id"].as_str().map(str::to_owned);
            assert!(ids.insert(id.ok_or("no event.id")?), "twice: {document}");
        }
    }
    assert_eq!(ids.len() as u64, world.emulator.published().records);
    assert_eq!(content_types.len(), ContentType::ALL.len());
    assert_eq!(lake::events(world.lake())?.len(), ids.len());
    Ok(())
}

/// Compares a file's path with the ledger's item for its blob. Returns the content type.
async fn at_its_hour(world: &World, file: &Path, documents: usize) -> Outcome<String> {
    let key = file.strip_prefix(world.lake())?.to_string_lossy();
    let name = key
        .rsplit('/')
        .next()
        .and_then(|name| name.strip_suffix(".ndjson.gz"));
    let blob = world
        .blob(&name.ok_or("another ending")?.replace('.', "$"))
        .await?;
    assert_eq!(blob["state"], "DONE", "{key}");
    assert_eq!(blob["records_written"], documents.to_string(), "{key}");
    let created = Timestamp::from_millisecond(blob["content_created"].parse()?)?;
    let hour = created.strftime("day=%Y-%m-%d/hour=%H");
    let of = blob["pk"].split('#').nth(2).ok_or("another key")?;
    let expect = format!("ecs/content_type={of}/{hour}/tenant_id={}/", world.tenant());
    assert!(key.starts_with(&expect), "{key} is not below {expect}");
    Ok(of.to_owned())
}
