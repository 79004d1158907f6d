//! What is in the lake arrives in the Firehose stream, and what is sent is what Firehose takes.

use std::sync::Arc;
use std::time::Duration;

use pipeline::aws::batch::Delivery;
use pipeline::forward::{ATTEMPTS_MAX, CALL_TIMEOUT, Forwarder, RECORD_BYTES_MAX, Stream, batch};
use pipeline::lake::Lake;
use serde_json::json;
use tests::firehose::{Call, Firehose, Mishap, NAME};
use tokio::time::Instant;
use url::Url;

/// What Lambda gives the forwarder.
const WITHIN: Duration = Duration::from_secs(300);

const KEY: &str =
    "ocsf/content_type=Audit.General/day=2026-03-01/hour=10/tenant_id=t/a.b!2B.ndjson.zst";

/// A lake, the stream, and what leads from one to the other.
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

    /// Announces objects to the forwarder; answers the keys of those that come again.
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
async fn every_event_is_a_record_as_it_stands_in_the_lake() {
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
async fn large_events_go_in_calls_that_firehose_takes() {
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
async fn an_event_that_no_record_can_hold_stays_behind_alone() {
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
async fn only_what_was_refused_is_sent_again() {
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
async fn a_stream_in_trouble_is_waited_for() {
    let world = World::start();
    world.put(KEY, &events(2)).await;
    world.firehose.next(Mishap::Throttled, 6);
    world.firehose.next(Mishap::Internal, 2);
    world.firehose.next(Mishap::Hangs, 1);
    let began = Instant::now();
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    assert_eq!(world.firehose.taken(), lines(&events(2)));
    assert_eq!(world.firehose.ahead(), 0);
    // Not in a hurry, and not for ever.
    let took = began.elapsed();
    assert!(took > CALL_TIMEOUT + Duration::from_secs(10), "{took:?}");
    assert!(took < Duration::from_secs(100), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_all_of_the_call_is_sent_again() {
    let world = World::start();
    world.put(KEY, &events(2)).await;
    world.firehose.next(Mishap::AnswerLost, 1);
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    let twice = [lines(&events(2)), lines(&events(2))].concat();
    assert_eq!(world.firehose.taken(), twice);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_gone_fails_its_messages_at_once() {
    let world = World::start();
    world.put(KEY, &events(2)).await;
    for mishap in [Mishap::NoStream, Mishap::ShortAnswer] {
        world.firehose.next(mishap, 1);
        let began = Instant::now();
        assert_eq!(world.announce(&[KEY]).await, [KEY]);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
    // When it is there again, so is the message.
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_takes_nothing_fails_in_time() {
    let world = World::start();
    world.put(KEY, &events(2)).await;
    world.firehose.next(Mishap::Throttled, 1_000);
    let began = Instant::now();
    assert_eq!(world.announce(&[KEY]).await, [KEY]);
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    assert_eq!(world.calls().len(), ATTEMPTS_MAX as usize);

    // Each call hangs: then the worker's time ends it.
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
async fn an_object_that_somebody_deleted_is_done_with() {
    let world = World::start();
    assert_eq!(world.announce(&[KEY]).await, Vec::<String>::new());
    assert_eq!(world.calls(), []);
}

#[tokio::test]
async fn what_announces_no_object_of_the_lake_is_a_dead_letter() {
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
