//! The listing of notifications: each attempt, with the rules of the content listing.

use emulator::{Behaviour, Config, ContentType};

use crate::world::{Receiver, World, eventually};

const GENERAL: ContentType = ContentType::General;
const LISTING: &str = "subscriptions/notifications?contentType=Audit.General";

#[tokio::test]
async fn each_attempt_is_listed_with_time_and_status() {
    let receiver = Receiver::new().await;
    let world = World::new(World::config()).await;
    world.start_with_webhook(GENERAL, &receiver.address).await;
    receiver.answer(&[500]);
    let id = world.publish(GENERAL, "a");
    eventually("the first attempt", || {
        world.microsoft.deliveries().len() == 1 && world.microsoft.announcements_waiting() == 1
    })
    .await;
    world.advance(11);
    eventually("the second attempt", || {
        world.microsoft.deliveries().len() == 2
    })
    .await;
    let listed = world.get(LISTING).await.json();
    let attempts: Vec<(&str, &str)> = listed
        .as_array()
        .expect("an array")
        .iter()
        .map(|item| {
            (
                item["contentId"].as_str().expect("an id"),
                item["notificationStatus"].as_str().expect("a status"),
            )
        })
        .collect();
    assert_eq!(
        attempts,
        [(id.as_str(), "failed"), (id.as_str(), "success")]
    );
    let fields: Vec<&String> = listed[0].as_object().expect("an entry").keys().collect();
    assert_eq!(
        fields,
        [
            "contentType",
            "contentId",
            "contentUri",
            "contentCreated",
            "contentExpiration",
            "notificationSent",
            "notificationStatus"
        ]
    );
}

#[tokio::test]
async fn the_listing_has_pages_and_checks_windows() {
    let receiver = Receiver::new().await;
    let behaviour = Behaviour {
        page_items_max: 2,
        ..Behaviour::default()
    };
    let world = World::new(Config {
        behaviour,
        ..World::config()
    })
    .await;
    world.start_with_webhook(GENERAL, &receiver.address).await;
    for number in 0..5 {
        world.publish(GENERAL, &number.to_string());
    }
    eventually("all announced", || world.microsoft.deliveries().len() == 5).await;
    let mut page = world.get(LISTING).await;
    let mut sizes = vec![page.json().as_array().map_or(0, Vec::len)];
    while let Some(next) = page.headers.get("nextpageuri") {
        let next = next.to_str().expect("text").to_owned();
        assert!(next.contains("/subscriptions/notifications?"), "{next}");
        page = world.get_url(&next).await;
        sizes.push(page.json().as_array().map_or(0, Vec::len));
    }
    assert_eq!(sizes, [2, 2, 1]);
    let bad = world
        .get(&format!("{LISTING}&startTime=2026-03-10T00:00:00"))
        .await;
    assert_eq!(bad.refusal(), (400, "AF20055".to_owned()));
}

#[tokio::test]
async fn without_a_webhook_the_listing_is_empty() {
    let world = World::new(World::config()).await;
    assert_eq!(
        world.get(LISTING).await.refusal(),
        (400, "AF20022".to_owned())
    );
    world.start(GENERAL).await;
    world.publish(GENERAL, "a");
    assert_eq!(world.get(LISTING).await.body, "[]");
    world.stop(GENERAL).await;
    assert_eq!(
        world.get(LISTING).await.refusal(),
        (400, "AF20023".to_owned())
    );
}
