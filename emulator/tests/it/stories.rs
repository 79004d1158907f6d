//! Stories: told by command or from the start, in the content types that are subscribed, in the order of their times.

use emulator::{Config, ContentType, Story, StoryEntry};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Seen, World, eventually};

async fn tell(world: &World, body: Value) -> Seen {
    let url = format!("{}_emulator/stories", world.microsoft.manage_url());
    let request = world.client.request(Method::POST, url);
    world.send(request.body(body.to_string())).await
}

async fn records(world: &World, content_ids: &[String]) -> Vec<Value> {
    let mut records = Vec::new();
    for id in content_ids {
        let blob = world.blob(id).await.json();
        records.extend(blob.as_array().expect("records").iter().cloned());
    }
    records
}

#[tokio::test]
async fn a_story_comes_in_the_types_that_are_subscribed() {
    let world = World::new(World::config()).await;
    world.start(ContentType::AzureActiveDirectory).await;
    let asked = json!({ "tenant": world.tenant, "story": "password_spray" });
    let answer = tell(&world, asked.clone()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = answer.json();
    assert_eq!(told["left_out"], json!(["Audit.Exchange", "Audit.General"]));

    let ids = world.content_ids(ContentType::AzureActiveDirectory).await;
    assert_eq!(json!(ids), told["content_ids"]);
    assert!(ids.len() > 1, "an attack lies in several blobs");
    let all = records(&world, &ids).await;
    assert_eq!(json!(all.len()), told["records"]);
    assert_eq!(world.microsoft.published().records, all.len() as u64);
    assert!(all.is_sorted_by_key(|of| of["CreationTime"].as_str().map(str::to_owned)));

    // Told once more it is another attack.
    let again = tell(&world, asked).await.json();
    assert_eq!(again["records"], told["records"]);
    let ids = world.content_ids(ContentType::AzureActiveDirectory).await;
    let both = records(&world, &ids).await;
    assert_eq!(world.microsoft.published().records, both.len() as u64);
    assert_ne!(both[0]["ClientIP"], both[all.len()]["ClientIP"]);
}

#[tokio::test]
async fn unknown_stories_and_tenants_are_refused_by_name() {
    let world = World::new(World::config()).await;
    for (body, expect) in [
        (
            json!({ "tenant": world.tenant, "story": "spray" }),
            (400, "EmulatorUnknownStory"),
        ),
        (
            json!({ "tenant": Uuid::max(), "story": "password_spray" }),
            (404, "EmulatorUnknownTenant"),
        ),
        (
            json!({ "story": "password_spray" }),
            (400, "EmulatorBadCommand"),
        ),
    ] {
        let (status, code) = tell(&world, body).await.refusal();
        assert_eq!((status, &*code), expect);
    }
    let url = format!("{}_emulator/stories", world.microsoft.manage_url());
    let listed = world.send(world.client.get(url)).await.json();
    assert_eq!(listed, json!(Story::ALL));
}

#[tokio::test]
async fn a_configured_story_is_told_once_at_the_first_start() {
    let other = Uuid::from_u128(42);
    let entry = |story, tenant| StoryEntry { story, tenant };
    let world = World::new(Config {
        more_tenants: vec![other],
        stories: vec![
            entry(Story::ConsentPhishing, None),
            entry(Story::PasswordSpray, Some(other)),
        ],
        ..World::config()
    })
    .await;
    world.start(ContentType::Exchange).await;
    eventually("it is told", || world.microsoft.published().finished).await;
    let ids = world.content_ids(ContentType::Exchange).await;
    let told = records(&world, &ids).await;
    assert_eq!(told.len(), 41);
    assert!(told.iter().all(|of| of["Operation"] == "MailItemsAccessed"));

    world.stop(ContentType::Exchange).await;
    world.advance(1_000);
    world.start(ContentType::Exchange).await;
    world.start(ContentType::AzureActiveDirectory).await;
    eventually("the other part is told", || {
        world.microsoft.published().records == 41 + 5
    })
    .await;
    let directory = world.content_ids(ContentType::AzureActiveDirectory).await;
    let consent = records(&world, &directory).await;
    assert!(consent[4]["CreationTime"].as_str() < told[0]["CreationTime"].as_str());
    assert_eq!(consent[4]["UserId"], told[0]["UserId"]);
    assert_eq!(consent[4]["ObjectId"], told[0]["AppId"]);
}
