//! Which hours a run looks at, and in which order.

use super::watched::Watched;
use super::*;
use crate::metrics::{captured, name};

fn watched(store: Watched) -> (Arc<Watched>, Compactor) {
    let store = Arc::new(store);
    (store.clone(), over(store))
}

fn key(day: &str, hour: i8, name: &str) -> Path {
    Path::from(format!(
        "ocsf/content_type=Audit.General/day={day}/hour={hour:02}/tenant_id=t/{name}.ndjson.gz"
    ))
}

/// Nine days with an hour each, and an hour of the tenth.
async fn fill_ten_days(lake: &Lake) {
    for day in 1..=10 {
        let path = key(&format!("2026-03-{day:02}"), 9, "a");
        put(lake, &path, &[event(3002, &format!("of{day}"))]).await;
    }
}

const DAY_10: &str = "2026-03-10T10:20:00Z";

/// The folders of events listed since the last time.
fn listed(store: &Watched) -> Vec<String> {
    let mut listed = std::mem::take(&mut *store.listed.lock().unwrap());
    listed.retain(|folder| folder.starts_with("ocsf/"));
    listed.sort();
    listed
}

#[tokio::test]
async fn complete_hours_of_old_days_are_not_listed_again() {
    let (store, compactor) = watched(Watched::default());
    fill_ten_days(&compactor.lake).await;
    let report = run(&compactor, at(DAY_10)).await.unwrap();
    assert_eq!((report.plans, report.hours_left), (10, 0));
    listed(&store);

    let today = key("2026-03-10", 10, "b");
    put(&compactor.lake, &today, &[event(3002, "today")]).await;
    let report = run(&compactor, at("2026-03-10T11:20:00Z")).await.unwrap();
    assert_eq!((report.plans, report.events), (1, 1));
    let listed = listed(&store);
    let hours = ["06", "07", "08", "09", "10"];
    let due: Vec<_> = hours
        .map(|hour| format!("/day=2026-03-10/hour={hour}"))
        .into();
    assert!(
        listed
            .iter()
            .all(|folder| due.iter().any(|hour| folder.ends_with(hour))),
        "{listed:?}"
    );
}

#[tokio::test]
async fn an_hour_is_listed_some_sixty_times_in_24_days() {
    let (store, compactor) = watched(Watched::default());
    let path = key("2026-03-01", 0, "a");
    put(&compactor.lake, &path, &[event(3002, "of1")]).await;
    let begin: Timestamp = "2026-03-01T01:20:00Z".parse().unwrap();
    let mut times = 0;
    for hour in 0..24 * 24 {
        let now = begin + Duration::from_secs(hour * 3_600);
        run(&compactor, at(&now.to_string())).await.unwrap();
        let of_hour = listed(&store);
        let folder = "ocsf/content_type=Audit.General/day=2026-03-01/hour=00";
        times += usize::from(of_hour.iter().any(|listed| listed == folder));
    }
    assert!((40..=64).contains(&times), "{times}");
}

#[tokio::test]
async fn what_comes_three_weeks_late_is_taken_in() {
    let (_, compactor) = watched(Watched::default());
    let begin: Timestamp = "2026-03-01T10:20:00Z".parse().unwrap();
    let mut events = 0;
    for hour in 0..24 * 24 {
        if hour == 22 * 24 {
            put(
                &compactor.lake,
                &key("2026-03-01", 9, "late"),
                &[event(3002, "late")],
            )
            .await;
        }
        let now = begin + Duration::from_secs(hour * 3_600);
        events += run(&compactor, at(&now.to_string())).await.unwrap().events;
    }
    assert_eq!(events, 1);
}

#[tokio::test(start_paused = true)]
async fn today_is_compacted_whatever_an_old_day_has() {
    let (_, compactor) = watched(Watched {
        slow: Some(("ocsf/content_type=Audit.General/day=2026-03-0", PLAN_WITHIN)),
        ..Watched::default()
    });
    fill_ten_days(&compactor.lake).await;
    let within = |now: &str| Run {
        deadline: Instant::now() + 4 * PLAN_WITHIN,
        ..at(now)
    };
    let measured = captured::start();
    let report = run(&compactor, within(DAY_10)).await.unwrap();
    let done = uids(&files(&compactor.lake).await);
    assert!(done.contains(&"of10".to_owned()), "{done:?}");
    assert!(done.len() < 9, "{done:?}");
    assert!(report.hours_left > 0, "{report:?}");
    let first_closed_of_day_1 = 9 * 86_400 + 9 * 3_600 + 5 * 60;
    assert_eq!(report.behind_seconds, first_closed_of_day_1, "{report:?}");
    let metric = name::COMPACTION_BEHIND_SECONDS;
    assert_eq!(measured.take().get(metric), Some(&first_closed_of_day_1));

    // The next run comes to today first again, and goes on with the others.
    let today = key("2026-03-10", 10, "b");
    put(&compactor.lake, &today, &[event(3002, "of11")]).await;
    for now in 11..16 {
        let now = format!("2026-03-10T{now}:20:00Z");
        let report = run(&compactor, within(&now)).await.unwrap();
        let uids = uids(&files(&compactor.lake).await);
        assert!(uids.contains(&"of11".to_owned()), "{uids:?}");
        if report.hours_left == 0 {
            assert_eq!((uids.len(), report.behind_seconds), (11, 0));
            assert_eq!(measured.take().get(metric), Some(&0));
            return;
        }
    }
    panic!("the old days were never done");
}

#[tokio::test]
async fn all_hours_are_looked_at_when_an_operator_asks() {
    let (_, compactor) = watched(Watched::default());
    fill_ten_days(&compactor.lake).await;
    run(&compactor, at(DAY_10)).await.unwrap();
    let late = key("2026-03-03", 9, "late");
    put(&compactor.lake, &late, &[event(3002, "late")]).await;
    assert_eq!(run(&compactor, at(DAY_10)).await.unwrap().events, 0);
    let event: Event = serde_json::from_str(r#"{"look_back_days": 9}"#).unwrap();
    let by_hand = event.run(at(DAY_10).now, at(DAY_10).deadline);
    assert_eq!(run(&compactor, by_hand).await.unwrap().events, 1);
}

#[tokio::test]
async fn an_unreadable_list_of_hours_costs_a_look_only() {
    let (_, compactor) = watched(Watched::default());
    fill_ten_days(&compactor.lake).await;
    let path = Path::from(key::LOOKED);
    let broken = Bytes::from_static(b"{");
    compactor.lake.write(&path, broken).await.unwrap();
    let report = run(&compactor, at(DAY_10)).await.unwrap();
    assert_eq!((report.plans, report.hours_left), (10, 0));
}
