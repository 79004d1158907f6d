//! Events in the lake arrive in the Firehose stream, and calls keep to Firehose's limits.

use std::sync::Arc;
use std::time::Duration;

use pipeline::aws::batch::Delivery;
use pipeline::forward::{ATTEMPTS_MAX, CALL_TIMEOUT, Forwarder, RECORD_BYTES_MAX, Stream, batch};
use pipeline::lake::Lake;
use serde_json::json;
use tests::firehose::{Call, Firehose, Mishap, NAME};
use tokio::time::Instant;
use url::Url;

/// Time that Lambda gives the forwarder.
const WITHIN: Duration = Duration::from_secs(300);

const KEY: &str =
    "ocsf/content_type=Audit.General/day=2026-03-01/hour=10/tenant_id=t/a.b!2B.ndjson.zst";

/// A lake, a stream, and the forwarder between them.
struct World {
    folder: tempfile::TempDir,
    firehose: Firehose,
    forwarder: Arc<Forwarder>,
}

impl World {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Url::from_directory_path(folder.path()).unwrap();
        let firehose = Firehose::default();
        let forwarder = Forwarder {
            lake: Lake::open(&lake).unwrap(),
            stream: Stream::new(&firehose.config(), NAME.to_owned()),
        };
        Self {
            folder,
            firehose,
            forwarder: Arc::new(forwarder),
        }
    }

    async fn put(&self, key: &str, text: &str) {
        let text = text.to_owned().into();
        let lake = &self.forwarder.lake;
        lake.compress_and_write(&key.into(), text).await.unwrap();
    }

    /// Announces objects to the forwarder. Returns the keys that are to be announced again.
    async fn announce(&self, keys: &[&str]) -> Vec<String> {
        let delivery = |key: &&str| Delivery {
            message_id: (*key).to_owned(),
            body: announcement("", key),
        };
        let deliveries = keys.iter().map(delivery).collect();
        let mut failed = batch(&self.forwarder, deliveries, Instant::now() + WITHIN).await;
        failed.sort();
        assert_eq!(self.firehose.broken(), Vec::<String>::new());
        failed
    }

    fn calls(&self) -> Vec<(usize, usize)> {
        let pair = |call: &Call| (call.records, call.taken);
        self.firehose.calls().iter().map(pair).collect()
    }
}

fn announcement(bucket: &str, key: &str) -> String {
    json!({"detail-type": "Object Created", "source": "aws.s3", "detail": {"bucket": {"name": bucket}, "object": {"key": key}}})
        .to_string()
}

fn events(count: usize) -> String {
    let event = |at: usize| format!("{{\"metadata\":{{\"uid\":\"{at}\"}},\"message\":\"über\"}}\n");
    (0..count).map(event).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[tokio::test]
async fn every_event_is_sent_as_it_is_in_the_lake() {
    let world = World::start();
    let gzip = KEY.replace(".zst", ".gz");
    world.put(KEY, &events(1_200)).await;
    world.put(&gzip, &events(3)).await;
    world.put("ecs/empty.ndjson.gz", "").await;
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    assert_eq!(world.firehose.taken(), lines(&events(1_200)));
    assert_eq!(world.calls(), [(500, 500), (500, 500), (200, 200)]);

    let more = world.announce(&[&gzip, "ecs/empty.ndjson.gz"]).await;
    assert_eq!(more, Vec::<String>::new());
    assert_eq!(world.firehose.taken()[1_200..], lines(&events(3)));
    assert_eq!(world.calls().len(), 4);
}

#[tokio::test]
async fn large_events_are_sent_within_firehoses_limits() {
    let world = World::start();
    let large: String = (0..40)
        .map(|at| format!("\"{}{at}\"\n", "x".repeat(200_000)))
        .collect();
    world.put(KEY, &large).await;
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    assert_eq!(world.firehose.taken(), lines(&large));
    assert!(world.calls().len() >= 3, "{:?}", world.calls());
}

#[tokio::test]
async fn an_event_that_is_too_large_is_left_out_alone() {
    let world = World::start();
    let large = format!("\"{}\"\n", "x".repeat(RECORD_BYTES_MAX));
    world.put(KEY, &format!("{{}}\n{large}[]\n")).await;
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    assert_eq!(world.firehose.taken(), ["{}\n", "[]\n"]);

    let world = World::start();
    world.put(KEY, &large).await;
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    assert_eq!(world.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn only_refused_records_are_sent_again() {
    let world = World::start();
    world.put(KEY, &events(5)).await;
    world.firehose.next(Mishap::Refuses(vec![1, 3, 4]), 1);
    world.firehose.next(Mishap::Refuses(vec![0, 2]), 1);
    world.firehose.next(Mishap::Refuses(vec![0, 1]), 1);
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    assert_eq!(world.calls(), [(5, 2), (3, 1), (2, 0), (2, 2)]);
    let mut taken = world.firehose.taken();
    taken.sort();
    assert_eq!(taken, lines(&events(5)));
}

#[tokio::test(start_paused = true)]
async fn a_failing_stream_is_retried() {
    let world = World::start();
    world.put(KEY, &events(2)).await;
    world.firehose.next(Mishap::Throttled, 6);
    world.firehose.next(Mishap::Internal, 2);
    world.firehose.next(Mishap::Hangs, 1);
    let began = Instant::now();
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    assert_eq!(world.firehose.taken(), lines(&events(2)));
    assert_eq!(world.firehose.ahead(), 0);
    // Retries must be neither immediate nor endless.
    let took = began.elapsed();
    assert!(took > CALL_TIMEOUT + Duration::from_secs(10), "{took:?}");
    assert!(took < Duration::from_secs(100), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_the_whole_call_is_sent_again() {
    let world = World::start();
    world.put(KEY, &events(2)).await;
    world.firehose.next(Mishap::AnswerLost, 1);
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    let twice = [lines(&events(2)), lines(&events(2))].concat();
    assert_eq!(world.firehose.taken(), twice);
}

#[tokio::test(start_paused = true)]
async fn a_missing_stream_fails_its_messages_at_once() {
    let world = World::start();
    world.put(KEY, &events(2)).await;
    for mishap in [Mishap::NoStream, Mishap::ShortAnswer] {
        world.firehose.next(mishap, 1);
        let began = Instant::now();
        assert_eq!(world.announce(&[KEY]).await, [KEY]);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
    // When the stream is back, the message succeeds.
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_accepts_nothing_fails_in_time() {
    let world = World::start();
    world.put(KEY, &events(2)).await;
    world.firehose.next(Mishap::Throttled, 1_000);
    let began = Instant::now();
    assert_eq!(world.announce(&[KEY]).await, [KEY]);
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    assert_eq!(world.calls().len(), ATTEMPTS_MAX as usize);

    // Each call hangs, until the worker's time is up.
    let world = World::start();
    world.put(KEY, &events(2)).await;
    world.firehose.next(Mishap::Hangs, 1_000);
    let began = Instant::now();
    assert_eq!(world.announce(&[KEY]).await, [KEY]);
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_damaged_object_is_not_sent() {
    let world = World::start();
    world.put("ocsf/good.ndjson.gz", &events(2)).await;
    for ending in ["gz", "zst"] {
        let key = format!("ocsf/bad.ndjson.{ending}");
        world.put(&key, &events(20_000)).await;
        let path = world.folder.path().join(&key);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        let failed = world.announce(&[&key, "ocsf/good.ndjson.gz"]).await;
        assert_eq!(failed, [key]);
    }
    let twice = [lines(&events(2)), lines(&events(2))].concat();
    assert_eq!(world.firehose.taken(), twice);
}

#[tokio::test]
async fn a_deleted_object_counts_as_done() {
    let world = World::start();
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    assert_eq!(world.calls(), []);
}

#[tokio::test]
async fn an_announcement_of_another_object_is_a_dead_letter() {
    let world = World::start();
    world.put(KEY, &events(1)).await;
    let delivery = |id: &str, body: String| Delivery {
        message_id: id.to_owned(),
        body,
    };
    let deliveries = vec![
        delivery("other bucket", announcement("other", KEY)),
        delivery("no json", "ocsf/".to_owned()),
        delivery("of s3 itself", json!({"Records": []}).to_string()),
    ];
    let mut failed = batch(&world.forwarder, deliveries, Instant::now() + WITHIN).await;
    failed.sort();
    assert_eq!(failed, ["no json", "of s3 itself", "other bucket"]);
    assert_eq!(world.calls(), []);
}
