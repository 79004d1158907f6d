//! DynamoDB, S3 and SQS do not answer, or nobody works.

use std::time::Duration;

use emulator::Operation;
use tests::Outcome;
use tests::sim::plan::Plan;
use tests::sim::scene::Scene;
use tests::sim::sqs::CONTENT_QUEUE;

use super::{DAY, FINE, HOUR};

const TENANTS: usize = 2;

const OUTAGE: Duration = Duration::from_secs(6 * 60 * 60);

/// A message waits this long at most before a sweep takes it for lost and sends another one.
const WAITS_FOR: Duration = Duration::from_secs(12 * 60 * 60);

/// These services do not answer for six hours, in which Microsoft goes on. Nobody puts a dead letter back.
async fn without(services: &[&'static str]) -> Outcome<()> {
    let mut scene = Scene::begin(Plan::still(TENANTS), FINE).await?;
    scene.live(2 * HOUR).await?;
    assert_eq!(scene.missing()?, 0);
    let since = scene.house().now();
    scene.house().weather.set_down(services.to_vec());
    scene.live(OUTAGE).await?;
    let missing = scene.missing()?;
    assert!(missing >= 5 * TENANTS * 2, "{missing}");
    let dealt = scene.house().weather.dealt();
    let is_dealt = |service: &&str| dealt.contains_key(&format!("{service} is down"));
    assert!(services.iter().any(is_dealt), "{dealt:?}");
    let answers = scene.house().emulator.deliveries().into_iter();
    let answers = answers.filter(|delivery| delivery.at > since);
    let answers: Vec<u16> = answers.map(|delivery| delivery.status).collect();
    // What is in the queue is acknowledged, and nothing else.
    let expected = if services.contains(&"sqs") { 503 } else { 200 };
    assert!(!answers.is_empty());
    assert_eq!(answers, vec![expected; answers.len()]);

    scene.is_well();
    scene.live(WAITS_FOR).await?;
    scene.wait(HOUR).await?;
    assert_eq!(scene.missing()?, 0);
    assert_eq!(scene.twice()?, [].into());
    scene.ends_well().await
}

#[tokio::test]
async fn six_hours_without_dynamodb_lose_nothing() -> Outcome<()> {
    without(&["dynamodb"]).await
}

#[tokio::test]
async fn six_hours_without_s3_lose_nothing() -> Outcome<()> {
    without(&["s3"]).await
}

#[tokio::test]
async fn six_hours_without_sqs_acknowledge_nothing() -> Outcome<()> {
    without(&["sqs"]).await
}

#[tokio::test]
async fn six_hours_without_aws_lose_nothing() -> Outcome<()> {
    without(&["dynamodb", "s3", "sqs"]).await
}

#[tokio::test]
async fn a_backlog_of_a_day_is_delivered_once() -> Outcome<()> {
    let mut scene = Scene::begin(Plan::still(TENANTS), FINE).await?;
    scene.fetches = false;
    scene.live(DAY).await?;
    let blobs = scene.blobs()?.len();
    assert_eq!(scene.missing()?, blobs);
    let waiting = scene.house().sqs.waiting(CONTENT_QUEUE);
    assert!(waiting >= blobs, "{waiting} of {blobs}");
    scene.fetches = true;
    // Sweeps have sent some a second time. What meets another worker at its blob comes again, after minutes.
    scene.wait(2 * FINE.tick).await?;
    assert_eq!(scene.missing()?, 0);
    assert_eq!(scene.house().sqs.waiting(CONTENT_QUEUE), 0);
    let fetches = scene.house().emulator.request_count(Operation::Blob);
    assert_eq!(fetches, blobs as u64, "none is fetched twice");
    scene.ends_well().await
}
