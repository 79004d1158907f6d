//! Fetching blobs: what they hold, and what goes wrong.

use bytes::Bytes;
use emulator::{Behaviour, Config, ContentType, Fault, FaultKind, Operation};
use serde_json::Value;

use crate::world::{World, eventually};

const GENERAL: ContentType = ContentType::General;

async fn started(behaviour: Behaviour) -> World {
    let world = World::new(Config {
        behaviour,
        ..World::config()
    })
    .await;
    world.start(GENERAL).await;
    world
}

/// A world whose generator has published `blobs` blobs of `records` records in one type.
async fn generated(blobs: usize, records: usize, faults: Vec<Fault>) -> World {
    let content_types = vec![GENERAL];
    let world = World::new(Config {
        blobs_per_tenant: blobs,
        records_per_blob: records..=records,
        content_types,
        faults,
        ..World::config()
    })
    .await;
    world.start(GENERAL).await;
    eventually("everything is published", || {
        world.microsoft.published().finished
    })
    .await;
    world
}

fn record_ids(body: &Value) -> Vec<String> {
    body.as_array()
        .expect("an array")
        .iter()
        .map(|record| record["Id"].as_str().expect("an Id").to_owned())
        .collect()
}

#[tokio::test]
async fn an_unknown_expired_or_malformed_id_is_refused() {
    let world = started(Behaviour::default()).await;
    let id = world.publish(GENERAL, "a");
    let unknown = id.replacen("20", "21", 1);
    assert_eq!(
        world.blob(&unknown).await.refusal(),
        (404, "AF20050".to_owned())
    );
    for malformed in ["abc", "a%20b$c$d$audit_general$e", "x$y$z$audit_teams$q"] {
        assert_eq!(
            world.blob(malformed).await.refusal(),
            (400, "AF20052".to_owned()),
            "{malformed}"
        );
    }
    assert_eq!(world.blob(&id).await.status, 200);
    world.advance(7 * 86_400 + 1);
    let mut world = world;
    world.token = world.fresh_token(world.tenant).await;
    assert_eq!(world.blob(&id).await.refusal(), (400, "AF20051".to_owned()));
}

#[tokio::test]
async fn a_blob_is_found_under_other_spellings_of_its_address() {
    let world = started(Behaviour::default()).await;
    let id = world.publish(GENERAL, "a");
    let escaped = id.replace('$', "%24");
    for spelling in [
        format!("audit/{escaped}"),
        format!("Audit/{id}"),
        format!("audit/{id}?extra=1"),
    ] {
        assert_eq!(
            record_ids(&world.get(&spelling).await.json()),
            ["a"],
            "{spelling}"
        );
    }
}

#[tokio::test]
async fn a_blob_of_another_tenant_does_not_exist() {
    let world = World::new(Config {
        tenants: 2,
        ..World::config()
    })
    .await;
    world.start(GENERAL).await;
    let other = world.microsoft.tenants()[1];
    let id = world
        .microsoft
        .publish(other, GENERAL, vec![serde_json::json!({ "Id": "secret" })]);
    world.publish(GENERAL, "mine");
    let answer = world.blob(&id.replacen(&id[17..23], "000009", 1)).await;
    assert_eq!(answer.code(), "AF20050");
}

#[tokio::test]
async fn a_blob_can_be_empty_or_no_json_at_all() {
    let world = started(Behaviour::default()).await;
    for body in ["[]", "", "not JSON", "[{\"Id\":\"cut"] {
        let id = world
            .microsoft
            .publish_bytes(world.tenant, GENERAL, Bytes::from(body));
        let answer = world.blob(&id).await;
        assert_eq!((answer.status, answer.body), (200, Bytes::from(body)));
    }
    assert_eq!(
        (
            world.microsoft.published().blobs,
            world.microsoft.published().records
        ),
        (4, 0)
    );
    let empty = generated(1, 10, vec![FaultKind::BlobEmpty.into()]).await;
    let id = empty.content_ids(GENERAL).await.pop().expect("a blob");
    assert_eq!(empty.blob(&id).await.body, "[]");
}

#[tokio::test]
async fn a_large_blob_is_streamed() {
    let world = generated(1, 20_000, Vec::new()).await;
    let id = world.content_ids(GENERAL).await.pop().expect("a blob");
    let mut answer = world
        .client
        .get(world.feed(&format!("audit/{id}")))
        .bearer_auth(&world.token)
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        answer.content_length(),
        None,
        "nobody knows the length beforehand"
    );
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await.expect("a chunk") {
        bytes += chunk.len();
    }
    assert!(bytes > 6 * 1024 * 1024, "{bytes}");
}

#[tokio::test]
async fn the_same_record_can_be_in_two_blobs() {
    let world = generated(3, 10, vec![FaultKind::RepeatRecords { count: 4 }.into()]).await;
    let mut ids = Vec::new();
    for content_id in world.content_ids(GENERAL).await {
        ids.push(record_ids(&world.blob(&content_id).await.json()));
    }
    assert_eq!(ids.iter().map(Vec::len).collect::<Vec<_>>(), [10, 14, 14]);
    assert_eq!(ids[0][6..], ids[1][..4]);
    assert_eq!(ids[1][10..], ids[2][..4]);
    assert_eq!(
        world.microsoft.published().records,
        30,
        "a record counts once"
    );
}

#[tokio::test]
async fn a_listing_that_begins_at_a_blob_can_make_it_partial() {
    let behaviour = Behaviour {
        partial_blob_at_window_start: true,
        ..Behaviour::default()
    };
    let clock =
        emulator::Clock::stopped_at(jiff::Timestamp::from_second(1_773_144_000).expect("a time"));
    let content_types = vec![GENERAL];
    let config = Config {
        blobs_per_tenant: 1,
        records_per_blob: 9..=9,
        content_types,
        behaviour,
        clock,
        ..World::config()
    };
    let world = World::new(config).await;
    world.start(GENERAL).await;
    eventually("everything is published", || {
        world.microsoft.published().finished
    })
    .await;
    let id = world.content_ids(GENERAL).await.pop().expect("a blob");
    assert_eq!(record_ids(&world.blob(&id).await.json()).len(), 9);
    world.get("subscriptions/content?contentType=Audit.General&startTime=2026-03-10T12:00:00&endTime=2026-03-10T13:00:00").await;
    assert_eq!(record_ids(&world.blob(&id).await.json()).len(), 5);
}

#[tokio::test]
async fn an_answer_can_be_cut_short_or_reset() {
    let world = generated(1, 100, Vec::new()).await;
    let id = world.content_ids(GENERAL).await.pop().expect("a blob");
    let whole = world.blob(&id).await.body;
    let get = || {
        world
            .client
            .get(world.feed(&format!("audit/{id}")))
            .bearer_auth(&world.token)
    };
    let once = |kind: FaultKind| Fault {
        times: Some(1),
        operation: Some(Operation::Blob),
        ..kind.into()
    };

    world
        .microsoft
        .fault(once(FaultKind::CutBody { after_bytes: 1_000 }));
    let cut = get().send().await.expect("the head").bytes().await;
    assert!(cut.is_err(), "the connection ends before the body does");

    world
        .microsoft
        .fault(once(FaultKind::ShortBody { after_bytes: 1_000 }));
    assert_eq!(
        world.blob(&id).await.body,
        whole[..1_000],
        "HTTP is fine, the JSON is not"
    );

    world.microsoft.fault(Fault {
        times: Some(2),
        ..once(FaultKind::Reset)
    });
    assert!(get().send().await.is_err());
    let reset = world
        .try_raw_get(&format!("audit/{id}"))
        .await
        .expect_err("a reset");
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(
        world.microsoft.requests().last().map(|seen| seen.status),
        Some(0)
    );
    assert_eq!(world.blob(&id).await.body, whole);
}

#[tokio::test]
async fn an_answer_can_be_slow() {
    let world = started(Behaviour::default()).await;
    let id = world.publish(GENERAL, "a");
    world
        .microsoft
        .fault(FaultKind::Delay { milliseconds: 300 });
    let begun = std::time::Instant::now();
    assert_eq!(world.blob(&id).await.status, 200);
    assert!(begun.elapsed().as_millis() >= 300);
}
