//! Notifications: form, retries, disabling, order.

use std::collections::HashSet;

use emulator::{Behaviour, Config, ContentType, Fault, FaultKind, StartCooldown};
use serde_json::json;

use crate::world::{Receiver, World, eventually};

const GENERAL: ContentType = ContentType::General;

async fn started(behaviour: Behaviour) -> (World, Receiver) {
    let receiver = Receiver::new().await;
    let behaviour = Behaviour {
        start_cooldown: StartCooldown::Off,
        ..behaviour
    };
    let world = World::new(Config {
        tenants: 2,
        behaviour,
        ..World::config()
    })
    .await;
    world.start_with_webhook(GENERAL, &receiver.address).await;
    (world, receiver)
}

fn announced(receiver: &Receiver, count: usize) -> impl Fn() -> bool {
    move || receiver.announced().len() >= count
}

#[tokio::test]
async fn a_notification_has_the_documented_form() {
    let (world, receiver) = started(Behaviour::default()).await;
    let id = world.publish(GENERAL, "a");
    eventually("the notification", announced(&receiver, 1)).await;
    let call = receiver.notifications().pop().expect("a call");
    assert_eq!(call.header("content-type"), Some("application/json; utf-8"));
    assert_eq!(
        call.header("webhook-authid"),
        Some("o365activityapinotification")
    );
    assert!(
        call.headers
            .keys()
            .all(|name| !name.as_str().contains("signature"))
    );
    let listed = world.content(GENERAL).await.json();
    let mut expect = json!({ "tenantId": world.tenant, "clientId": world.microsoft.client_id() });
    for (name, value) in listed[0].as_object().expect("an entry") {
        expect[name] = value.clone();
    }
    assert_eq!(
        call.body,
        json!([expect]).to_string(),
        "the order of the fields, too"
    );
    assert_eq!(listed[0]["contentId"], id);
}

#[tokio::test]
async fn a_notification_can_carry_several_blobs_of_several_tenants() {
    let (world, receiver) = started(Behaviour {
        notification_parallel_max: 1,
        ..Behaviour::default()
    })
    .await;
    let other = world.microsoft.tenants()[1];
    let other_token = world.fresh_token(other).await;
    let url = world
        .feed("subscriptions/start?contentType=Audit.General")
        .replace(&world.tenant.to_string(), &other.to_string());
    let body = json!({ "webhook": { "address": receiver.address, "authId": "o365activityapinotification" } });
    assert_eq!(
        world
            .send(
                world
                    .client
                    .post(url)
                    .bearer_auth(other_token)
                    .body(body.to_string())
            )
            .await
            .status,
        200
    );
    for number in 0..20 {
        for tenant in [world.tenant, other] {
            world
                .microsoft
                .publish(tenant, GENERAL, vec![json!({ "Id": number.to_string() })]);
        }
    }
    eventually("all notifications", announced(&receiver, 40)).await;
    let mixed = receiver.notifications().iter().any(|call| {
        let tenants: HashSet<String> = call
            .json()
            .as_array()
            .expect("an array")
            .iter()
            .map(|item| item["tenantId"].to_string())
            .collect();
        tenants.len() == 2
    });
    assert!(
        mixed,
        "one address and one authId share their notifications"
    );
    assert!(
        receiver
            .notifications()
            .iter()
            .all(|call| (1..=10).contains(&call.json().as_array().map_or(0, Vec::len)))
    );
}

#[tokio::test]
async fn only_200_counts_and_retries_come_at_growing_pauses() {
    let (world, receiver) = started(Behaviour::default()).await;
    receiver.answer(&[202, 500]);
    let id = world.publish(GENERAL, "a");
    for (gap, attempts) in [(10, 1), (20, 2)] {
        eventually("an attempt", announced(&receiver, attempts)).await;
        eventually("its failure is noted", || {
            world.microsoft.deliveries().len() == attempts
                && world.microsoft.announcements_waiting() == 1
        })
        .await;
        world.advance(gap - 5);
        tokio::task::yield_now().await;
        assert_eq!(receiver.announced().len(), attempts, "not before {gap} s");
        world.advance(6);
    }
    eventually("success", announced(&receiver, 3)).await;
    eventually("it is noted", || world.microsoft.deliveries().len() == 3).await;
    let statuses: Vec<u16> = world
        .microsoft
        .deliveries()
        .iter()
        .map(|delivery| delivery.status)
        .collect();
    assert_eq!(statuses, [202, 500, 200]);
    assert_eq!(receiver.announced(), vec![id; 3]);
}

#[tokio::test]
async fn too_many_failures_disable_the_webhook_but_not_content() {
    let (world, receiver) = started(Behaviour {
        failures_until_disabled: 3,
        ..Behaviour::default()
    })
    .await;
    receiver.always(503);
    let id = world.publish(GENERAL, "a");
    for attempts in 1..=3 {
        eventually("an attempt", || {
            world.microsoft.deliveries().len() == attempts
        })
        .await;
        world.advance(100);
    }
    let status =
        || async { world.get("subscriptions/list").await.json()[0]["webhook"]["status"].clone() };
    assert_eq!(status().await, "disabled");
    assert_eq!(world.content_ids(GENERAL).await, [id]);
    receiver.always(200);
    let missed = world.publish(GENERAL, "b");
    assert_eq!(world.microsoft.announcements_waiting(), 0);
    assert_eq!(
        world
            .start_with_webhook(GENERAL, &receiver.address)
            .await
            .status,
        200,
        "a start revives it"
    );
    assert_eq!(status().await, "enabled");
    let next = world.publish(GENERAL, "c");
    eventually("the next blob", || receiver.announced().contains(&next)).await;
    assert!(
        !receiver.announced().contains(&missed),
        "what was missed is found by listing only"
    );
}

#[tokio::test]
async fn notifications_can_be_late_lost_twice_and_out_of_order() {
    let (world, receiver) = started(Behaviour {
        notification_items_max: 1,
        notification_parallel_max: 1,
        ..Behaviour::default()
    })
    .await;
    let nth = |after: u64, kind: FaultKind| Fault {
        after,
        times: Some(1),
        ..kind.into()
    };
    world.microsoft.fault(nth(0, FaultKind::NotificationLost));
    world
        .microsoft
        .fault(nth(1, FaultKind::NotificationLate { seconds: 600 }));
    world.microsoft.fault(nth(
        2,
        FaultKind::NotificationTwice {
            after_seconds: 5 * 86_400,
        },
    ));
    let lost = world.publish(GENERAL, "lost");
    let late = world.publish(GENERAL, "late");
    let twice = world.publish(GENERAL, "twice");
    eventually("the third", announced(&receiver, 1)).await;
    assert_eq!(receiver.announced(), std::slice::from_ref(&twice));
    world.advance(601);
    eventually("the second, late", announced(&receiver, 2)).await;
    world.advance(5 * 86_400);
    eventually("the third, again", announced(&receiver, 3)).await;
    assert_eq!(receiver.announced(), [twice.clone(), late, twice]);
    assert!(!receiver.announced().contains(&lost));
}

#[tokio::test]
async fn a_notification_can_be_sent_before_older_ones() {
    let (world, receiver) = started(Behaviour {
        notification_items_max: 1,
        notification_parallel_max: 1,
        ..Behaviour::default()
    })
    .await;
    receiver.answer(&[500]);
    let first = world.publish(GENERAL, "first");
    eventually("the first attempt fails", || {
        world.microsoft.deliveries().len() == 1 && world.microsoft.announcements_waiting() == 1
    })
    .await;
    world.microsoft.fault(FaultKind::NotificationFirst);
    let second = world.publish(GENERAL, "second");
    world.advance(11);
    eventually("both", announced(&receiver, 3)).await;
    assert_eq!(receiver.announced(), [first.clone(), second, first]);
}

#[tokio::test]
async fn an_expired_webhook_gets_nothing() {
    let receiver = Receiver::new().await;
    let world = World::new(World::config()).await;
    let soon = (world.microsoft.clock().now() + jiff::SignedDuration::from_secs(60)).to_string();
    let body = json!({ "webhook": { "address": receiver.address, "expiration": soon } });
    world
        .post(
            "subscriptions/start?contentType=Audit.General",
            body.to_string(),
        )
        .await;
    world.advance(61);
    world.publish(GENERAL, "a");
    assert_eq!(world.microsoft.announcements_waiting(), 0);
    assert_eq!(world.content_ids(GENERAL).await.len(), 1);
    assert_eq!(receiver.notifications().len(), 0);
}

#[tokio::test]
async fn a_stopped_subscription_gets_nothing() {
    let (world, receiver) = started(Behaviour::default()).await;
    world.stop(GENERAL).await;
    world.publish(GENERAL, "a");
    assert_eq!(
        (
            world.microsoft.announcements_waiting(),
            receiver.notifications().len()
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn with_notifications_off_blobs_are_listed_but_not_announced() {
    let (world, receiver) = started(Behaviour::default()).await;
    world.microsoft.set_notify(false);
    world.publish(GENERAL, "a");
    world.microsoft.set_notify(true);
    let second = world.publish(GENERAL, "b");
    eventually("the second", announced(&receiver, 1)).await;
    assert_eq!(receiver.announced(), [second]);
    assert_eq!(world.content_ids(GENERAL).await.len(), 2);
}

#[tokio::test]
async fn a_blob_can_be_announced_with_a_foreign_address() {
    let receiver = Receiver::new().await;
    let host = "user@manage.office.com:8443".to_owned();
    let config = Config {
        blobs_per_tenant: 1,
        content_types: vec![GENERAL],
        faults: vec![FaultKind::BlobForeign { host }.into()],
        ..World::config()
    };
    let world = World::new(config).await;
    world.start_with_webhook(GENERAL, &receiver.address).await;
    eventually("the notification", announced(&receiver, 1)).await;
    let uri = receiver.notifications()[0].json()[0]["contentUri"]
        .as_str()
        .expect("a URI")
        .to_owned();
    assert!(
        uri.starts_with("https://user@manage.office.com:8443/api/v1.0/"),
        "{uri}"
    );
}
