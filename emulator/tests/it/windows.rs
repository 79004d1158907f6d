//! Windows and pages of a listing.

use emulator::{Behaviour, Clock, Config, ContentType, NextPageHeader};
use jiff::Timestamp;

use crate::world::{Seen, World};

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

async fn between(world: &World, start: &str, end: &str) -> Seen {
    world
        .get(&format!(
            "subscriptions/content?contentType=Audit.General&startTime={start}&endTime={end}"
        ))
        .await
}

fn ids(listed: &Seen) -> Vec<String> {
    let items = listed.json();
    items
        .as_array()
        .expect("an array")
        .iter()
        .map(|item| item["contentId"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn a_window_includes_its_start_and_excludes_its_end() {
    let world = still(Behaviour::default()).await;
    let first = world.publish(GENERAL, "a");
    world.advance(60);
    let second = world.publish(GENERAL, "b");
    world.advance(60);
    assert_eq!(
        ids(&between(&world, "2026-03-10T12:00:00", "2026-03-10T12:01:00").await),
        std::slice::from_ref(&first)
    );
    assert_eq!(
        ids(&between(&world, "2026-03-10T12:00:01", "2026-03-10T12:01:01").await),
        std::slice::from_ref(&second)
    );
    assert_eq!(
        ids(&between(&world, "2026-03-10T12:00", "2026-03-10T13:00:00.000Z").await),
        [first.clone(), second.clone()]
    );
    assert_eq!(
        ids(&between(&world, "2026-03-10", "2026-03-10T23:00").await),
        [first, second],
        "an end in the future is fine"
    );
}

#[tokio::test]
async fn without_times_the_last_24_hours_are_listed() {
    let mut world = still(Behaviour::default()).await;
    world.publish(GENERAL, "a");
    world.advance(86_402);
    world.token = world.fresh_token(world.tenant).await;
    let fresh = world.publish(GENERAL, "b");
    assert_eq!(world.content_ids(GENERAL).await, [fresh]);
}

#[tokio::test]
async fn a_window_that_breaks_a_rule_is_refused() {
    let world = still(Behaviour::default()).await;
    for (start, end) in [
        ("2026-03-09T11:00:00", "2026-03-10T11:00:01"),
        ("2026-03-09T11:00:00", "2026-03-10T11:00:00"),
        ("2026-03-10T11:00:00", "2026-03-10T10:00:00"),
        ("2026-03-03T11:00:00", "2026-03-03T12:00:00"),
        ("2026-03-10T11:00:00", ""),
        ("", "2026-03-10T11:00:00"),
    ] {
        assert_eq!(
            between(&world, start, end).await.refusal(),
            (400, "AF20055".to_owned()),
            "{start}..{end}"
        );
    }
    assert_eq!(
        between(&world, "yesterday", "2026-03-10T11:00:00")
            .await
            .refusal(),
        (400, "AF20002".to_owned())
    );
    let older = still(Behaviour {
        window_code: "AF20030".to_owned(),
        refuse_exact_day: false,
        ..Behaviour::default()
    })
    .await;
    assert_eq!(
        between(&older, "2026-03-09T11:00:00", "2026-03-10T11:00:00")
            .await
            .status,
        200
    );
    assert_eq!(
        between(&older, "2026-03-09T11:00:00", "2026-03-10T11:00:01")
            .await
            .code(),
        "AF20030"
    );
}

#[tokio::test]
async fn a_window_that_is_too_wide_can_give_part_of_the_data() {
    let mut world = still(Behaviour {
        wide_windows_are_partial: true,
        ..Behaviour::default()
    })
    .await;
    let first = world.publish(GENERAL, "a");
    world.advance(30 * 3600);
    world.token = world.fresh_token(world.tenant).await;
    world.publish(GENERAL, "b");
    let listed = between(&world, "2026-03-10T10:00:00", "2026-03-12T10:00:00").await;
    assert_eq!((listed.status, ids(&listed)), (200, vec![first]));
}

#[tokio::test]
async fn pages_are_linked_by_a_header_without_publisher() {
    let world = still(Behaviour {
        page_items_max: 2,
        ..Behaviour::default()
    })
    .await;
    let published: Vec<String> = (0..5)
        .map(|number| world.publish(GENERAL, &number.to_string()))
        .collect();
    let mut listed = Vec::new();
    let mut page = world.content(GENERAL).await;
    let mut pages = 1;
    loop {
        listed.extend(ids(&page));
        let Some(next) = page.headers.get("NextPageUri") else {
            break;
        };
        let next = next.to_str().expect("text").to_owned();
        assert!(next.starts_with(&format!("{}api/v1/{}/activity/feed/subscriptions/content?contentType=Audit.General&startTime=2026-03-09T12", world.microsoft.manage_url(), world.tenant)), "{next}");
        assert!(!next.to_lowercase().contains("publisher"), "{next}");
        page = world
            .get_url(&format!(
                "{next}&PublisherIdentifier={}",
                crate::world::PUBLISHER
            ))
            .await;
        pages += 1;
    }
    assert_eq!((listed, pages), (published, 3));
}

#[tokio::test]
async fn an_unknown_next_page_is_refused() {
    let world = still(Behaviour::default()).await;
    let answer = world
        .get("subscriptions/content?contentType=Audit.General&nextPage=bogus")
        .await;
    assert_eq!(answer.refusal(), (400, "AF20031".to_owned()));
}

#[tokio::test]
async fn the_spelling_of_the_next_page_header_can_be_chosen() {
    for (next_page_header, spelling) in [
        (NextPageHeader::Lower, "nextpageuri"),
        (NextPageHeader::Title, "Nextpageuri"),
        (NextPageHeader::Documented, "NextPageUri"),
    ] {
        assert_eq!(serde_json::json!(next_page_header), spelling);
        let world = still(Behaviour {
            page_items_max: 1,
            next_page_header,
            ..Behaviour::default()
        })
        .await;
        world.publish(GENERAL, "a");
        world.publish(GENERAL, "b");
        let text = world
            .raw_get("subscriptions/content?contentType=Audit.General")
            .await;
        assert!(text.contains(&format!("\r\n{spelling}: http://")), "{text}");
        let other = match next_page_header {
            NextPageHeader::Lower => "\r\nserver: ",
            NextPageHeader::Title | NextPageHeader::Documented => "\r\nServer: ",
        };
        assert!(text.contains(other), "{text}");
    }
}
