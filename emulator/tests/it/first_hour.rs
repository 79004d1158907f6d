//! The whole flow: token, start, notification, listing, blob.

use std::collections::HashSet;

use emulator::{Config, ContentType};
use serde_json::Value;

use crate::world::{Receiver, World, eventually};

#[tokio::test]
async fn webhook_and_listing_each_give_every_published_record() {
    let receiver = Receiver::new().await;
    let world = World::new(Config {
        blobs_per_tenant: 23,
        records_per_blob: 0..=30,
        ..World::config()
    })
    .await;
    for content_type in ContentType::ALL {
        let started = world
            .start_with_webhook(content_type, &receiver.address)
            .await;
        assert_eq!(started.status, 200, "{started:?}");
    }
    eventually("everything is published", || {
        world.microsoft.published().finished
    })
    .await;
    eventually("everything is announced", || {
        receiver.announced().len() == 23
    })
    .await;
    let mut listed = HashSet::new();
    for content_type in ContentType::ALL {
        listed.extend(world.content_ids(content_type).await);
    }
    assert_eq!(listed, receiver.announced().into_iter().collect());
    let mut ids = HashSet::new();
    for content_id in &listed {
        let blob = world.blob(content_id).await.json();
        for record in blob.as_array().expect("an array") {
            assert_eq!(record["OrganizationId"], world.tenant.to_string());
            ids.insert((
                world.tenant,
                record["Id"].as_str().expect("an Id").to_owned(),
            ));
        }
    }
    assert_eq!(ids, world.microsoft.published_ids().into_iter().collect());
    assert_eq!(world.microsoft.published().records, ids.len() as u64);
    assert_eq!(world.microsoft.violations(), []);
}

#[tokio::test]
async fn two_runs_with_the_same_seed_publish_the_same() {
    let run = || async {
        let world = World::new(Config {
            blobs_per_tenant: 6,
            ..World::config()
        })
        .await;
        world.start(ContentType::Exchange).await;
        world.start(ContentType::Dlp).await;
        eventually("everything is published", || {
            world.microsoft.published().finished
        })
        .await;
        world.microsoft.published_ids()
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn an_unknown_address_is_refused_and_recorded() {
    let world = World::new(World::config()).await;
    let answer = world.get("subscriptions/pause").await;
    assert_eq!(answer.refusal(), (404, "EmulatorUnknownAddress".to_owned()));
    let behaviour: Vec<&str> = world
        .microsoft
        .violations()
        .iter()
        .map(|violation| violation.rule)
        .collect();
    assert_eq!(behaviour, ["unknown_address"]);
}

#[tokio::test]
async fn records_of_a_file_get_ids_of_their_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("records.ndjson");
    std::fs::write(
        &path,
        "{\"Id\":\"a\",\"Workload\":\"Exchange\",\"Kept\":\"as it is\"}\n",
    )
    .expect("a file");
    let config = Config {
        blobs_per_tenant: 5,
        records_per_blob: 4..=4,
        records: Some(path),
        ..World::config()
    };
    let world = World::new(config).await;
    world.start(ContentType::Exchange).await;
    eventually("everything is published", || {
        world.microsoft.published().finished
    })
    .await;
    let content_id = world
        .content_ids(ContentType::Exchange)
        .await
        .pop()
        .expect("a blob");
    let records: Vec<Value> =
        serde_json::from_slice(&world.blob(&content_id).await.body).expect("records");
    let ids: HashSet<String> = records
        .iter()
        .map(|record| record["Id"].to_string())
        .collect();
    assert_eq!((records.len(), ids.len()), (4, 4));
    assert!(records.iter().all(|record| record["Kept"] == "as it is"));
}
