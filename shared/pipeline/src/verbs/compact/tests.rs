//! Runs on lakes in memory and in a folder: crashes at every step, several at once, late and damaged objects.

mod dying;
mod order;
mod watched;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use futures::stream::TryStreamExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use url::Url;

use self::dying::Dying;
use super::*;

fn compactor(lake: Lake) -> Compactor {
    Compactor {
        lake,
        destination: Destination {
            region: "eu-central-1".parse().unwrap(),
            account_id: "111122223333".parse().unwrap(),
        },
    }
}

fn over(store: Arc<dyn ObjectStore>) -> Compactor {
    compactor(Lake::over(store, Url::parse("memory:///").unwrap()))
}

fn dying(inner: &Arc<InMemory>, writes: usize, last_takes_effect: bool) -> Compactor {
    over(Arc::new(Dying {
        inner: inner.clone(),
        writes_left: AtomicUsize::new(writes),
        last_takes_effect,
    }))
}

fn at(now: &str) -> Run {
    Run {
        now: now.parse().unwrap(),
        look_back_days: LOOK_BACK_DAYS,
        looks: Looks::Due,
        deadline: Instant::now() + Duration::from_secs(3_600),
    }
}

const NOON: &str = "2026-03-01T12:20:00Z";

/// When all hours that were complete at noon are looked at again.
const LATER: &str = "2026-03-01T15:20:00Z";

/// An event of a class with a name of its own, on one of two days.
fn event(class: i32, uid: &str) -> String {
    let day = uid.len() as i64 % 2;
    let time = 1_772_323_200_000 + day * 86_400_000;
    format!(
        r#"{{"class_uid":{class},"time":{time},"metadata":{{"uid":"{uid}"}},"unmapped":{{"of":"{uid}"}}}}"#
    )
}

fn key(content_type: &str, hour: i8, name: &str) -> Path {
    Path::from(format!(
        "ocsf/content_type={content_type}/day=2026-03-01/hour={hour:02}/tenant_id=t/{name}.ndjson.gz"
    ))
}

async fn put(lake: &Lake, path: &Path, events: &[String]) {
    lake.compress_and_write(path, events.join("\n").into())
        .await
        .unwrap();
}

/// Six events in four objects of three hours, of two classes and days.
async fn fill(lake: &Lake) {
    put(
        lake,
        &key("Audit.General", 7, "a"),
        &[event(3002, "a1"), event(6006, "a22")],
    )
    .await;
    put(lake, &key("Audit.Exchange", 7, "b"), &[event(3002, "b1")]).await;
    put(
        lake,
        &key("Audit.General", 8, "c"),
        &[event(3002, "c1"), event(3002, "c22")],
    )
    .await;
    put(lake, &key("Audit.General", 11, "d"), &[event(6003, "d1")]).await;
}

const FILLED: [&str; 6] = ["a1", "a22", "b1", "c1", "c22", "d1"];

/// The files, by key.
async fn files(lake: &Lake) -> BTreeMap<String, Bytes> {
    let mut files = BTreeMap::new();
    let listed: Vec<_> = lake
        .list(&Path::from("ext"))
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    for file in listed {
        let stored = lake.read(&file.path, usize::MAX).await.unwrap();
        files.insert(file.path.into(), stored.content);
    }
    files
}

/// The uid of every row of every file.
fn uids(files: &BTreeMap<String, Bytes>) -> Vec<String> {
    let mut uids = Vec::new();
    for file in files.values() {
        let reader = SerializedFileReader::new(file.clone()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let at = |name: &str| {
                row.get_column_iter()
                    .position(|(of, _)| of == name)
                    .unwrap()
            };
            let metadata = row.get_group(at("metadata")).unwrap();
            let uid = metadata
                .get_column_iter()
                .position(|(of, _)| of == "uid")
                .unwrap();
            let uid = metadata.get_string(uid).unwrap().clone();
            assert!(row.get_string(at("unmapped")).unwrap().contains(&uid));
            uids.push(uid);
        }
    }
    uids.sort();
    uids
}

async fn check(lake: &Lake, expect: &[&str]) {
    assert_eq!(uids(&files(lake).await), expect);
}

#[tokio::test]
async fn closed_hours_become_files_by_class_and_day() {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = Lake::open(&Url::from_directory_path(folder.path()).unwrap()).unwrap();
    for lake in [
        on_disk,
        Lake::open(&Url::parse("memory:///").unwrap()).unwrap(),
    ] {
        let compactor = compactor(lake);
        fill(&compactor.lake).await;
        put(
            &compactor.lake,
            &key("Audit.General", 12, "open"),
            &[event(3002, "open")],
        )
        .await;
        let report = run(&compactor, at(NOON)).await.unwrap();
        assert_eq!(
            (report.plans, report.objects, report.events, report.files),
            (3, 4, 6, 5)
        );
        check(&compactor.lake, &FILLED).await;
        let keys: Vec<_> = files(&compactor.lake).await.into_keys().collect();
        let below = |source: &str, day: &str, file: &str| {
            format!(
                "ext/{source}/region=eu-central-1/accountId=111122223333/eventDay={day}/{file}.parquet"
            )
        };
        assert_eq!(
            keys,
            [
                below("ual_api_activity", "20260301", "20260301T11-0001-0000"),
                below("ual_authentication", "20260301", "20260301T07-0001-0000"),
                below("ual_authentication", "20260301", "20260301T08-0001-0000"),
                below("ual_authentication", "20260302", "20260301T08-0001-0000"),
                below("ual_file_hosting", "20260302", "20260301T07-0001-0000"),
            ]
        );
        let again = run(&compactor, at(NOON)).await.unwrap();
        assert_eq!(again, Report::default());
    }
}

#[tokio::test]
async fn the_next_run_completes_a_crash_at_any_step() {
    let whole = Arc::new(InMemory::new());
    let whole = over(whole);
    fill(&whole.lake).await;
    run(&whole, at(NOON)).await.unwrap();
    let expected = files(&whole.lake).await;
    for last_takes_effect in [false, true] {
        let mut crashes = 0;
        loop {
            let inner = Arc::new(InMemory::new());
            let sound = over(inner.clone());
            fill(&sound.lake).await;
            let crashed = run(&dying(&inner, crashes, last_takes_effect), at(NOON)).await;
            run(&sound, at(NOON)).await.unwrap();
            assert_eq!(
                files(&sound.lake).await,
                expected,
                "died after {crashes} writes"
            );
            assert_eq!(run(&sound, at(NOON)).await.unwrap(), Report::default());
            if crashed.is_ok() {
                break;
            }
            crashes += 1;
        }
        // Three plans, five files, three markers.
        assert!(crashes >= 11, "{crashes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_runs_at_once_end_with_one_set() {
    for round in 0..20 {
        let compactor = Arc::new(over(Arc::new(InMemory::new())));
        fill(&compactor.lake).await;
        let runs = (0..3).map(|_| {
            let compactor = compactor.clone();
            tokio::spawn(async move { run(&compactor, at(NOON)).await })
        });
        // One more object comes while they are at it.
        let (late, events) = (key("Audit.General", 7, "late"), [event(3002, "late")]);
        let (runs, ()) = tokio::join!(
            join_all(runs.collect::<Vec<_>>()),
            put(&compactor.lake, &late, &events)
        );
        for result in runs {
            result.unwrap().unwrap();
        }
        run(&compactor, at(LATER)).await.unwrap();
        assert_eq!(
            uids(&files(&compactor.lake).await),
            ["a1", "a22", "b1", "c1", "c22", "d1", "late"],
            "round {round}"
        );
    }
}

#[tokio::test]
async fn an_object_that_comes_late_is_a_plan_of_its_own() {
    let compactor = over(Arc::new(InMemory::new()));
    fill(&compactor.lake).await;
    run(&compactor, at(NOON)).await.unwrap();
    let before = files(&compactor.lake).await;
    put(
        &compactor.lake,
        &key("Audit.General", 7, "late"),
        &[event(3002, "late1")],
    )
    .await;
    // A retry of the fetcher writes an object that is there already, with the same content.
    put(
        &compactor.lake,
        &key("Audit.Exchange", 7, "b"),
        &[event(3002, "b1")],
    )
    .await;
    let report = run(&compactor, at("2026-03-09T07:00:00Z")).await.unwrap();
    assert_eq!((report.plans, report.events), (1, 1));
    let mut after = files(&compactor.lake).await;
    assert_eq!(
        uids(&after),
        ["a1", "a22", "b1", "c1", "c22", "d1", "late1"]
    );
    after.retain(|key, _| before.contains_key(key));
    assert_eq!(
        after, before,
        "files that were read before are as they were"
    );
}

#[tokio::test]
async fn a_damaged_object_is_reported_and_holds_up_nothing() {
    let compactor = over(Arc::new(InMemory::new()));
    let lake = &compactor.lake;
    fill(lake).await;
    let bad = key("Audit.General", 7, "aa");
    lake.write(&bad, Bytes::from_static(b"\x1f\x8b no gzip"))
        .await
        .unwrap();
    let worse = key("Audit.General", 8, "cc");
    put(
        lake,
        &worse,
        &[event(3002, "x"), r#"{"class_uid":3002,"time":"#.to_owned()],
    )
    .await;
    let error = run(&compactor, at(NOON)).await.unwrap_err();
    assert_eq!(error, CompactError::Damaged { damaged: 2 });
    check(lake, &FILLED).await;
    assert_eq!(
        run(&compactor, at(LATER)).await.unwrap(),
        Report::default(),
        "said once"
    );

    put(lake, &bad, &[event(3002, "repaired")]).await;
    let report = run(&compactor, at("2026-03-01T18:20:00Z")).await.unwrap();
    assert_eq!((report.plans, report.events), (1, 1));
    check(lake, &["a1", "a22", "b1", "c1", "c22", "d1", "repaired"]).await;
}

#[tokio::test]
async fn an_object_repaired_between_two_attempts_is_taken_in_once() {
    for writes in 0..8 {
        let inner = Arc::new(InMemory::new());
        let sound = over(inner.clone());
        fill(&sound.lake).await;
        // In the hour that is worked on first.
        let bad = key("Audit.General", 11, "aa");
        sound
            .lake
            .write(&bad, Bytes::from_static(b"no gzip"))
            .await
            .unwrap();
        let crashed = run(&dying(&inner, writes, false), at(NOON)).await;
        assert!(crashed.is_err());
        put(&sound.lake, &bad, &[event(3002, "repaired")]).await;
        // The first may still find the plan with the old verdict.
        for now in [NOON, LATER] {
            run(&sound, at(now)).await.unwrap();
        }
        check(
            &sound.lake,
            &["a1", "a22", "b1", "c1", "c22", "d1", "repaired"],
        )
        .await;
    }
}

#[tokio::test]
async fn a_lake_that_fails_in_one_hour_does_not_hold_up_the_others() {
    let inner = Arc::new(InMemory::new());
    let compactor = dying(&inner, usize::MAX, false);
    fill(&compactor.lake).await;
    put(
        &compactor.lake,
        &key("Audit.General", 7, "unreachable"),
        &[event(3002, "z1")],
    )
    .await;
    let error = run(&compactor, at(NOON)).await.unwrap_err();
    assert_eq!(error, CompactError::Failed { failed: 1 });
    assert_eq!(uids(&files(&compactor.lake).await), ["c1", "c22", "d1"]);
    run(&over(inner), at(NOON)).await.unwrap();
    check(
        &compactor.lake,
        &["a1", "a22", "b1", "c1", "c22", "d1", "z1"],
    )
    .await;
}

#[tokio::test]
async fn an_object_deleted_after_it_was_planned_holds_up_nothing() {
    let inner = Arc::new(InMemory::new());
    let compactor = dying(&inner, usize::MAX, false);
    fill(&compactor.lake).await;
    let gone = key("Audit.General", 11, "gone");
    put(&compactor.lake, &gone, &[event(3002, "gone")]).await;
    // Dies after the plan was written.
    run(&dying(&inner, 1, false), at(NOON)).await.unwrap_err();
    inner.delete(&gone).await.unwrap();
    let error = run(&compactor, at(NOON)).await.unwrap_err();
    assert_eq!(error, CompactError::Damaged { damaged: 1 });
    check(&compactor.lake, &FILLED).await;
}

#[tokio::test]
async fn near_the_deadline_nothing_is_begun() {
    let compactor = over(Arc::new(InMemory::new()));
    fill(&compactor.lake).await;
    let late = Run {
        deadline: Instant::now() + PLAN_WITHIN / 2,
        ..at(NOON)
    };
    let report = run(&compactor, late).await.unwrap();
    assert_eq!((report.plans, report.hours_left), (0, 12));
    let since_first_closed = 11 * 3_600 + 5 * 60;
    assert_eq!(report.behind_seconds, since_first_closed);
    check(&compactor.lake, &[]).await;
    run(&compactor, at(NOON)).await.unwrap();
    check(&compactor.lake, &FILLED).await;
}

#[tokio::test]
async fn hours_beyond_the_look_back_are_left_alone() {
    let compactor = over(Arc::new(InMemory::new()));
    fill(&compactor.lake).await;
    let later = at("2026-04-20T00:00:00Z");
    assert_eq!(run(&compactor, later).await.unwrap(), Report::default());
    let further = Run {
        look_back_days: 60,
        ..later
    };
    assert_eq!(run(&compactor, further).await.unwrap().events, 6);
}
