//! Listing content: form, availability, expiry.

use std::time::Duration;

use emulator::{Behaviour, Clock, Config, ContentType, Fault, FaultKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::world::{World, eventually};

const GENERAL: ContentType = ContentType::General;

/// A world that stands still at a round time, with a started subscription.
async fn still(behaviour: Behaviour) -> World {
    let clock =
        Clock::stopped_at(Timestamp::from_second(1_773_144_000).expect("2026-03-10T12:00:00Z"));
    let world = World::new(Config {
        behaviour,
        clock,
        ..World::config()
    })
    .await;
    world.start(GENERAL).await;
    world
}

fn bare(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[tokio::test]
async fn an_entry_has_the_documented_fields_in_their_order() {
    let world = still(Behaviour::default()).await;
    let id = world.publish(GENERAL, "a");
    let listed = world.content(GENERAL).await;
    let uri = format!(
        "{}api/v1.0/{}/activity/feed/audit/{id}",
        world.microsoft.manage_url(),
        world.tenant
    );
    let expect = format!(
        r#"[{{"contentType":"Audit.General","contentId":"{id}","contentUri":"{uri}","contentCreated":"2026-03-10T12:00:00.000Z","contentExpiration":"2026-03-17T12:00:00.000Z"}}]"#
    );
    assert_eq!(listed.body, expect);
    assert_eq!(
        id,
        "20260310120000000000000$20260310120000000000000$audit_general$Audit_General$na0030$na0030"
    );
}

#[tokio::test]
async fn a_type_that_was_never_started_is_refused_by_either_code() {
    for (code, text) in [
        (
            "AF20022",
            "No subscription found for the specified content type.",
        ),
        ("AF20023", "The subscription was disabled."),
    ] {
        let world = still(Behaviour {
            never_started_code: code.to_owned(),
            ..Behaviour::default()
        })
        .await;
        let refused = world.content(ContentType::Exchange).await;
        assert_eq!(
            (
                refused.refusal(),
                refused.json()["error"]["message"].as_str()
            ),
            ((400, code.to_owned()), Some(text))
        );
    }
}

#[tokio::test]
async fn a_first_listing_can_show_blobs_older_than_the_subscription() {
    let behaviour = Behaviour {
        blobs_before_subscription: 3,
        ..Behaviour::default()
    };
    let world = World::new(Config {
        blobs_per_tenant: 5,
        behaviour,
        ..World::config()
    })
    .await;
    let started = world.microsoft.clock().now();
    world.start(GENERAL).await;
    let items = world.content(GENERAL).await.json();
    let older = items.as_array().expect("an array").iter().filter(|item| {
        let created: Timestamp = item["contentCreated"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("a time");
        created < started && created >= started - SignedDuration::from_hours(23)
    });
    assert_eq!(older.count(), 3);
    assert_eq!(
        world.microsoft.published().blobs,
        3 + 1,
        "three older ones, and the type's share of five"
    );
}

#[tokio::test]
async fn a_first_blob_can_take_hours() {
    let behaviour = Behaviour {
        first_blob_after_seconds: 12 * 3600,
        ..Behaviour::default()
    };
    let mut world = World::new(Config {
        blobs_per_tenant: 5,
        behaviour,
        ..World::config()
    })
    .await;
    world.start(GENERAL).await;
    world.advance(12 * 3600 - 60);
    world.token = world.fresh_token(world.tenant).await;
    assert_eq!(world.content_ids(GENERAL).await, [""; 0]);
    assert!(!world.microsoft.published().finished);
    world.advance(61);
    eventually("the first blob", || world.microsoft.published().finished).await;
    assert_eq!(world.content_ids(GENERAL).await.len(), 1);
}

#[tokio::test]
async fn events_are_older_than_their_blob_and_out_of_order() {
    let world = World::new(Config {
        blobs_per_tenant: 5,
        records_per_blob: 200..=200,
        ..World::config()
    })
    .await;
    world.start(GENERAL).await;
    eventually("everything is published", || {
        world.microsoft.published().finished
    })
    .await;
    let id = world.content_ids(GENERAL).await.pop().expect("a blob");
    let now = world.microsoft.clock().now();
    let records = world.blob(&id).await.json();
    let lags: Vec<i64> = records
        .as_array()
        .expect("records")
        .iter()
        .map(|record| {
            format!("{}Z", record["CreationTime"].as_str().expect("a time"))
                .parse::<Timestamp>()
                .expect("UTC without a zone")
        })
        .map(|event| now.duration_since(event).as_secs())
        .collect();
    assert!(
        lags.iter().all(|lag| (60..7 * 3600).contains(lag)),
        "{lags:?}"
    );
    assert!(
        lags.iter().any(|lag| *lag > 2 * 3600)
            && !lags.is_sorted()
            && !lags.iter().rev().is_sorted()
    );
}

#[tokio::test]
async fn a_late_blob_appears_late_and_delays_the_finish() {
    let world = World::new(Config {
        blobs_per_tenant: 5,
        ..World::config()
    })
    .await;
    world
        .microsoft
        .fault(FaultKind::BlobLate { seconds: 3_000 });
    world.start(GENERAL).await;
    eventually("the generator has run", || {
        world
            .microsoft
            .published()
            .feeds
            .iter()
            .any(|feed| feed.content_type == GENERAL)
    })
    .await;
    assert!(!world.microsoft.published().finished);
    world.advance(3_001);
    eventually("the late blob", || world.microsoft.published().finished).await;
    assert_eq!(world.content_ids(GENERAL).await.len(), 1);
}

#[tokio::test]
async fn content_expires_after_the_configured_days() {
    let world = still(Behaviour {
        content_expires_after_days: 21,
        ..Behaviour::default()
    })
    .await;
    world.publish(GENERAL, "a");
    assert_eq!(
        world.content(GENERAL).await.json()[0]["contentExpiration"],
        "2026-03-31T12:00:00.000Z"
    );
}

#[tokio::test]
async fn a_content_uri_can_point_to_a_foreign_host() {
    let world = still(Behaviour::default()).await;
    world.publish(GENERAL, "a");
    let fault = Fault {
        times: Some(1),
        ..FaultKind::ForeignContentUri {
            host: "manage.office.com.evil.example".to_owned(),
        }
        .into()
    };
    world.microsoft.fault(fault);
    let uri = |listed: Value| listed[0]["contentUri"].as_str().expect("a URI").to_owned();
    let foreign = uri(world.content(GENERAL).await.json());
    assert!(
        foreign.starts_with(&format!(
            "https://manage.office.com.evil.example/api/v1.0/{}/activity/feed/audit/2026",
            world.tenant
        )),
        "{foreign}"
    );
    assert!(
        uri(world.content(GENERAL).await.json()).starts_with(world.microsoft.manage_url().as_str())
    );
}

#[tokio::test]
async fn a_blobs_pace_can_be_set() {
    let clock = Clock::stopped_at(Timestamp::from_second(1_773_144_000).expect("a time"));
    let content_types = vec![GENERAL];
    let world = World::new(Config {
        blobs_per_tenant: 10,
        blobs_per_second: Some(0.1),
        content_types,
        clock,
        ..World::config()
    })
    .await;
    world.start(GENERAL).await;
    world.microsoft.clock().advance(Duration::from_secs(35));
    eventually("three blobs", || world.microsoft.published().blobs == 3).await;
    world.microsoft.clock().advance(Duration::from_secs(65));
    eventually("all blobs", || world.microsoft.published().finished).await;
    assert_eq!(world.microsoft.published().blobs, 10);
    assert_eq!(bare(world.microsoft.clock().now()), "2026-03-10T12:01:40");
}
