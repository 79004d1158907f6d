//! Starting a subscription: validation, changes, cool-down.

use emulator::{Behaviour, Config, ContentType, Operation, StartCooldown, TenantState};
use jiff::SignedDuration;
use serde_json::json;

use crate::world::{Receiver, Seen, World};

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

async fn start_body(world: &World, body: &str) -> Seen {
    world
        .post(
            "subscriptions/start?contentType=Audit.General",
            body.to_owned(),
        )
        .await
}

#[tokio::test]
async fn a_start_answers_the_documented_form() {
    let receiver = Receiver::new().await;
    let world = World::new(World::config()).await;
    let with = world
        .start_with_webhook(ContentType::SharePoint, &receiver.address)
        .await;
    let webhook = json!({ "status": "enabled", "address": receiver.address, "authId": "o365activityapinotification", "expiration": null });
    assert_eq!(
        with.json(),
        json!({ "contentType": "Audit.SharePoint", "status": "enabled", "webhook": webhook })
    );
    let without = world.start(GENERAL).await;
    assert_eq!(
        without.json(),
        json!({ "contentType": "Audit.General", "status": "enabled", "webhook": null })
    );
}

#[tokio::test]
async fn a_start_echoes_the_content_type_as_it_was_sent() {
    let world = World::new(World::config()).await;
    let answer = world
        .post("subscriptions/start?contentType=Audit.Sharepoint", "")
        .await;
    assert_eq!(answer.json()["contentType"], "Audit.Sharepoint");
    assert_eq!(
        world.get("subscriptions/list").await.json()[0]["contentType"],
        "Audit.Sharepoint"
    );
}

#[tokio::test]
async fn a_start_calls_the_webhook_first() {
    let receiver = Receiver::new().await;
    let world = World::new(World::config()).await;
    world.start_with_webhook(GENERAL, &receiver.address).await;
    let call = receiver.calls().pop().expect("the validation");
    assert_eq!(world.microsoft.request_count(Operation::Validation), 1);
    let code = call
        .header("webhook-validationcode")
        .expect("a code")
        .to_owned();
    assert_eq!(call.json(), json!({ "validationCode": code }));
    assert_eq!(
        call.header("webhook-authid"),
        Some("o365activityapinotification")
    );
    assert_eq!(
        call.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

#[tokio::test]
async fn a_webhook_that_does_not_answer_200_changes_nothing() {
    let receiver = Receiver::new().await;
    let world = without_cooldown(Behaviour {
        validation_timeout_seconds: 1,
        ..Behaviour::default()
    })
    .await;
    for status in [201, 204, 302, 401, 503] {
        receiver.answer(&[status]);
        let refused = world.start_with_webhook(GENERAL, &receiver.address).await;
        assert_eq!(refused.refusal(), (400, "AF20021".to_owned()), "{status}");
        assert!(
            refused.json()["error"]["message"]
                .as_str()
                .expect("a text")
                .contains("The endpoint did not return HTTP 200.")
        );
    }
    assert_eq!(world.get("subscriptions/list").await.json(), json!([]));
    // Nobody listens, and nobody answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let slow = format!("http://{}/", silent.local_addr().expect("an address"));
    for address in ["http://127.0.0.1:1/", slow.as_str()] {
        assert_eq!(
            world.start_with_webhook(GENERAL, address).await.code(),
            "AF20021",
            "{address}"
        );
    }
    // An existing subscription stays as it was.
    world.start_with_webhook(GENERAL, &receiver.address).await;
    let before = world.get("subscriptions/list").await.json();
    receiver.answer(&[500]);
    let other = format!("{}/other", receiver.address);
    assert_eq!(
        world.start_with_webhook(GENERAL, &other).await.code(),
        "AF20021"
    );
    assert_eq!(world.get("subscriptions/list").await.json(), before);
}

#[tokio::test]
async fn a_plain_http_address_is_refused() {
    let receiver = Receiver::new().await;
    let world = World::new(Config {
        allow_http_webhooks: false,
        ..World::config()
    })
    .await;
    let refused = world.start_with_webhook(GENERAL, &receiver.address).await;
    assert_eq!(refused.refusal(), (400, "AF20021".to_owned()));
    assert!(
        refused.json()["error"]["message"]
            .as_str()
            .expect("a text")
            .contains("must begin with HTTPS")
    );
    assert_eq!(receiver.calls().len(), 0);
}

#[tokio::test]
async fn a_start_that_changes_nothing_is_af20024() {
    let receiver = Receiver::new().await;
    let world = without_cooldown(Behaviour::default()).await;
    world.start(ContentType::Exchange).await;
    let again = world.start(ContentType::Exchange).await;
    assert_eq!(again.refusal(), (400, "AF20024".to_owned()));
    assert_eq!(
        again.json()["error"]["message"],
        "The subscription is already enabled. No property change."
    );
    world.start_with_webhook(GENERAL, &receiver.address).await;
    assert_eq!(
        world
            .start_with_webhook(GENERAL, &receiver.address)
            .await
            .code(),
        "AF20024"
    );
    let other = format!("{}?moved", receiver.address);
    assert_eq!(world.start_with_webhook(GENERAL, &other).await.status, 200);
}

#[tokio::test]
async fn a_start_without_a_webhook_can_remove_it() {
    let receiver = Receiver::new().await;
    for removes in [true, false] {
        let world = without_cooldown(Behaviour {
            start_without_webhook_removes: removes,
            ..Behaviour::default()
        })
        .await;
        world.start_with_webhook(GENERAL, &receiver.address).await;
        let answer = world.start(GENERAL).await;
        assert_eq!(answer.status, if removes { 200 } else { 400 });
        assert_eq!(
            world.get("subscriptions/list").await.json()[0]["webhook"].is_null(),
            removes
        );
    }
}

#[tokio::test]
async fn a_body_encoded_twice_is_silently_no_webhook() {
    let world = without_cooldown(Behaviour::default()).await;
    let twice =
        json!(json!({ "webhook": { "address": "https://a.example/" } }).to_string()).to_string();
    let answer = start_body(&world, &twice).await;
    assert_eq!(
        (answer.status, answer.json()["webhook"].is_null()),
        (200, true)
    );
    world.stop(GENERAL).await;
    assert_eq!(
        start_body(&world, "{\"webhook\":").await.json()["webhook"],
        json!(null)
    );
}

#[tokio::test]
async fn a_webhook_expires_and_is_revived() {
    let receiver = Receiver::new().await;
    let world = without_cooldown(Behaviour::default()).await;
    let until = |hours: i64| {
        (world.microsoft.clock().now() + SignedDuration::from_hours(hours)).to_string()
    };
    let body = |expiration: String| {
        json!({ "Webhook": { "address": receiver.address, "authid": "", "expiration": expiration } }).to_string()
    };
    assert_eq!(
        start_body(&world, &body(until(-1))).await.refusal(),
        (400, "AF20003".to_owned())
    );
    assert_eq!(start_body(&world, &body(until(1))).await.status, 200);
    world.advance(3_601);
    let mut world = world;
    world.token = world.fresh_token(world.tenant).await;
    assert_eq!(
        world.get("subscriptions/list").await.json()[0]["webhook"]["status"],
        "expired"
    );
    assert_eq!(start_body(&world, &body(String::new())).await.status, 200);
    let listed = world.get("subscriptions/list").await.json();
    assert_eq!(
        (
            listed[0]["webhook"]["status"].as_str(),
            listed[0]["webhook"]["expiration"].as_str()
        ),
        (Some("enabled"), Some(""))
    );
}

#[tokio::test]
async fn a_second_start_within_fifteen_minutes_is_429() {
    let world = World::new(World::config()).await;
    assert_eq!(world.start(GENERAL).await.status, 200);
    assert_eq!(
        world.start(ContentType::Exchange).await.status,
        200,
        "another type"
    );
    world.advance(4);
    let refused = world.start(GENERAL).await;
    assert_eq!(refused.status, 429);
    let text = refused.json()["error"]["message"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert!(
        text.starts_with(
            "Too many frequent subscription start requests. Please retry again after 14m 5"
        ),
        "{text}"
    );
    assert!(text.ends_with('s'), "{text}");
    assert_eq!(
        world
            .microsoft
            .violations()
            .iter()
            .map(|violation| violation.rule)
            .collect::<Vec<_>>(),
        ["start_within_15_minutes"]
    );
    assert_eq!(world.stop(GENERAL).await.status, 200, "stopping is exempt");
    world.advance(15 * 60);
    assert_eq!(world.start(GENERAL).await.status, 200);
    let starts: Vec<u16> = world
        .microsoft
        .starts()
        .iter()
        .map(|start| start.status)
        .collect();
    assert_eq!(starts, [200, 200, 429, 200]);
}

#[tokio::test]
async fn the_cool_down_can_count_all_types_together() {
    let behaviour = Behaviour {
        start_cooldown: StartCooldown::PerTenant,
        ..Behaviour::default()
    };
    let world = World::new(Config {
        behaviour,
        ..World::config()
    })
    .await;
    assert_eq!(world.start(GENERAL).await.status, 200);
    assert_eq!(world.start(ContentType::Exchange).await.status, 429);
}

#[tokio::test]
async fn a_tenant_exists_an_hour_after_auditing_is_turned_on() {
    let mut world = without_cooldown(Behaviour::default()).await;
    world.microsoft.set_tenant(
        world.tenant,
        &TenantState {
            auditing: Some(false),
            ..TenantState::default()
        },
    );
    let refused = world.start(GENERAL).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.code().starts_with(&format!(
            "StartSubscription [TenantId={},ContentType=Audit.General,",
            world.tenant
        )),
        "{}",
        refused.code()
    );
    let text = refused.json()["error"]["message"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert!(
        text.contains(&format!("Tenant {} does not exist.", world.tenant)) && text.len() > 500,
        "{text}"
    );
    world.microsoft.set_tenant(
        world.tenant,
        &TenantState {
            auditing: Some(true),
            ..TenantState::default()
        },
    );
    assert_eq!(world.start(GENERAL).await.status, 400);
    world.advance(3_601);
    world.token = world.fresh_token(world.tenant).await;
    assert_eq!(world.start(GENERAL).await.status, 200);
}
