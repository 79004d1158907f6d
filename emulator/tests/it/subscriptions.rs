//! Stopping and listing subscriptions.

use emulator::{Behaviour, Config, ContentType, FaultKind, StartCooldown};
use serde_json::json;

use crate::world::{Receiver, World};

const GENERAL: ContentType = ContentType::General;

async fn without_cooldown(behaviour: Behaviour) -> World {
    World::new(Config {
        behaviour: Behaviour {
            start_cooldown: StartCooldown::Off,
            ..behaviour
        },
        ..World::config()
    })
    .await
}

#[tokio::test]
async fn a_stop_answers_nothing_and_ends_the_content() {
    let world = without_cooldown(Behaviour::default()).await;
    assert_eq!(world.stop(GENERAL).await.code(), "AF20022");
    world.start(GENERAL).await;
    let before = world.publish(GENERAL, "before");
    let stopped = world.stop(GENERAL).await;
    assert_eq!((stopped.status, stopped.body.len()), (200, 0));
    assert_eq!(
        world.content(GENERAL).await.refusal(),
        (400, "AF20023".to_owned())
    );
    assert_eq!(
        world.get("subscriptions/list").await.json()[0]["status"],
        "disabled"
    );
    world.advance(1);
    let between = world.publish(GENERAL, "between");
    world.advance(1);
    assert_eq!(world.start(GENERAL).await.status, 200);
    let after = world.publish(GENERAL, "after");
    assert_eq!(world.content_ids(GENERAL).await, [before, after]);
    assert_eq!(world.blob(&between).await.code(), "AF20050");
    assert_eq!(
        world.microsoft.published().records,
        2,
        "content made while stopped is nobody's"
    );
    assert_eq!(world.microsoft.violations()[0].rule, "stop_without_start");
}

#[tokio::test]
async fn a_restarted_subscription_can_be_stuck_for_a_while() {
    let mut world = without_cooldown(Behaviour {
        stuck_after_restart_seconds: 7_200,
        ..Behaviour::default()
    })
    .await;
    world.start(GENERAL).await;
    world.stop(GENERAL).await;
    assert_eq!(world.start(GENERAL).await.json()["status"], "enabled");
    assert_eq!(world.get("subscriptions/list").await.json(), json!([]));
    assert_eq!(
        world.content(GENERAL).await.refusal(),
        (400, "AF20023".to_owned())
    );
    world.advance(7_201);
    world.token = world.fresh_token(world.tenant).await;
    assert_eq!(world.content(GENERAL).await.status, 200);
}

#[tokio::test]
async fn the_listing_shows_the_webhook_once_it_is_validated() {
    let receiver = Receiver::new().await;
    let world = without_cooldown(Behaviour {
        validation_shown_after_seconds: 60,
        ..Behaviour::default()
    })
    .await;
    assert_eq!(world.get("subscriptions/list").await.json(), json!([]));
    world.start_with_webhook(GENERAL, &receiver.address).await;
    assert_eq!(
        world.get("subscriptions/list").await.json(),
        json!([{ "contentType": "Audit.General", "status": "enabled", "webhook": null }])
    );
    world.advance(61);
    let listed = world.get("subscriptions/list").await;
    let webhook = format!(
        r#"{{"authId":"o365activityapinotification","address":"{}","expiration":"","status":"enabled"}}"#,
        receiver.address
    );
    assert_eq!(
        listed.body,
        format!(r#"[{{"contentType":"Audit.General","status":"enabled","webhook":{webhook}}}]"#),
        "the order of the fields, too"
    );
}

#[tokio::test]
async fn the_listing_may_omit_the_status() {
    let world = without_cooldown(Behaviour {
        omit_subscription_status: true,
        ..Behaviour::default()
    })
    .await;
    world.start(GENERAL).await;
    assert_eq!(
        world.get("subscriptions/list").await.json(),
        json!([{ "contentType": "Audit.General", "webhook": null }])
    );
}

#[tokio::test]
async fn webhooks_and_subscriptions_end_without_being_asked() {
    let receiver = Receiver::new().await;
    let world = without_cooldown(Behaviour::default()).await;
    let ends = [
        (FaultKind::WebhookDisabled, ("enabled", "disabled")),
        (FaultKind::WebhookExpires, ("enabled", "expired")),
        (FaultKind::SubscriptionDisabled, ("disabled", "enabled")),
    ];
    for (end, expect) in ends {
        let started = world.start_with_webhook(GENERAL, &receiver.address).await;
        assert_eq!(started.status, 200, "a start brings it back: {end:?}");
        world.microsoft.fault(end);
        let listed = world.get("subscriptions/list").await.json();
        world.microsoft.clear_faults();
        let found = (&listed[0]["status"], &listed[0]["webhook"]["status"]);
        assert_eq!(found, (&json!(expect.0), &json!(expect.1)));
    }
}

#[tokio::test]
async fn a_webhook_can_silently_become_null() {
    let receiver = Receiver::new().await;
    let world = without_cooldown(Behaviour::default()).await;
    world.start_with_webhook(GENERAL, &receiver.address).await;
    world.microsoft.fault(FaultKind::WebhookVanishes);
    let listed = world.get("subscriptions/list").await.json();
    assert_eq!(
        (listed[0]["status"].as_str(), listed[0]["webhook"].is_null()),
        (Some("enabled"), true)
    );
    world.microsoft.clear_faults();
    assert_eq!(
        world
            .start_with_webhook(GENERAL, &receiver.address)
            .await
            .status,
        200,
        "a start brings it back"
    );
}
