//! Events made anew from raw copies: the same ones, without Microsoft, in steps that may fail.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use emulator::{Fault, FaultKind, Operation};
use http::{Method, StatusCode};
use jiff::Timestamp;
use pipeline::content::DiscoveredBy;
use pipeline::ledger::blob::Lease;
use pipeline::queue::Message;
use serde_json::{Value, json};
use tests::Outcome;
use tests::flaky::Trouble;
use tests::world::{EXCHANGE, World, exchange};

use super::{ask, get};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Each file below a folder of the lake with its bytes; none when the folder is not there.
fn objects(lake: &Path, folder: &str) -> Outcome<BTreeMap<PathBuf, Vec<u8>>> {
    let root = lake.join(folder);
    let files = tests::lake::files(&root)?.into_iter();
    let read = |path: PathBuf| Ok((path.strip_prefix(&root)?.to_owned(), std::fs::read(&path)?));
    files.map(read).collect()
}

/// A tenant with everything delivered.
async fn delivered() -> Outcome<World> {
    let world = World::start(exchange()).await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.assert_delivered()?;
    world.pass(Duration::from_secs(60));
    Ok(world)
}

async fn begin(world: &World, more: Value) -> (StatusCode, Value) {
    let (from, to) = (world.now() - 8 * DAY, world.now());
    let mut body = json!({"from": from, "to": to});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    ask(world, Method::POST, "/replays", body).await
}

async fn show(world: &World, replay: &Value) -> Value {
    let path = format!("/replays/{}", replay["replay_id"].as_str().unwrap());
    get(world, &path).await.1
}

#[tokio::test]
async fn a_replay_writes_the_same_objects_without_microsoft() -> Outcome<()> {
    let world = delivered().await?;
    let before = objects(world.lake(), "ocsf")?;
    std::fs::remove_dir_all(world.lake().join("ocsf"))?;
    let fetched = world.emulator.request_count(Operation::Blob);
    let (status, replay) = begin(&world, json!({})).await;
    assert_eq!(
        (status.as_u16(), &replay["state"]),
        (202, &json!("running"))
    );
    world.work_until_empty().await?;
    let done = show(&world, &replay).await;
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(done["units_done"], done["units"]);
    assert_eq!(done["blobs"], 20);
    assert_eq!(done["records_in"], world.emulator.published().records);
    assert!(objects(world.lake(), "ocsf")? == before, "byte for byte");
    assert_eq!(world.emulator.request_count(Operation::Blob), fetched);
    let (_, all) = get(&world, "/replays").await;
    assert_eq!(all["replays"][0], done);
    Ok(())
}

#[tokio::test]
async fn a_generation_leaves_the_events_that_are_there() -> Outcome<()> {
    let world = delivered().await?;
    let before = objects(world.lake(), "ocsf")?;
    begin(&world, json!({"generation": "second"})).await;
    world.work_until_empty().await?;
    assert!(objects(world.lake(), "ocsf")? == before);
    assert!(objects(world.lake(), "generations/second/ocsf")? == before);
    Ok(())
}

#[tokio::test]
async fn a_replay_of_a_part_takes_nothing_else() -> Outcome<()> {
    let world = delivered().await?;
    let more = json!({"content_types": ["Audit.General"], "generation": "general"});
    let (_, replay) = begin(&world, more).await;
    world.work_until_empty().await?;
    let done = show(&world, &replay).await;
    assert_eq!(
        (&done["state"], &done["blobs"]),
        (&json!("done"), &json!(0))
    );
    let to = world.now() - 2 * DAY;
    let (_, replay) = begin(&world, json!({ "to": to })).await;
    world.work_until_empty().await?;
    assert_eq!(show(&world, &replay).await["blobs"], 0);
    Ok(())
}

#[tokio::test]
async fn a_raw_copy_that_is_gone_is_counted_and_told() -> Outcome<()> {
    let world = delivered().await?;
    let raw = objects(world.lake(), "raw")?;
    let gone = raw.keys().next().unwrap();
    std::fs::remove_file(world.lake().join("raw").join(gone))?;
    let (_, replay) = begin(&world, json!({})).await;
    world.work_until_empty().await?;
    let done = show(&world, &replay).await;
    assert_eq!(
        json!([done["state"], done["blobs"], done["skipped"]]),
        json!(["done", 19, 1]),
        "{done}"
    );
    assert!(done["last_skip"].is_string());
    Ok(())
}

#[tokio::test]
async fn a_replay_whose_messages_are_lost_is_started_again() -> Outcome<()> {
    let world = delivered().await?;
    let (_, replay) = begin(&world, json!({})).await;
    world.empty_the_queue().await?;
    world.pass(7 * DAY / 24);
    assert_eq!(show(&world, &replay).await["state"], "failed");
    let id = replay["replay_id"].as_str().unwrap();
    let path = format!("/replays/{id}/restart");
    let (status, restarted) = ask(&world, Method::POST, &path, Value::Null).await;
    assert_eq!(
        (status.as_u16(), &restarted["state"]),
        (202, &json!("running"))
    );
    // Started twice by two people: nothing is counted twice.
    ask(&world, Method::POST, &path, Value::Null).await;
    world.work_until_empty().await?;
    let done = show(&world, &replay).await;
    assert_eq!(
        (&done["state"], &done["blobs"]),
        (&json!("done"), &json!(20))
    );
    Ok(())
}

#[tokio::test]
async fn a_message_that_comes_twice_counts_once() -> Outcome<()> {
    let world = delivered().await?;
    let (_, replay) = begin(&world, json!({})).await;
    let (tenant, id) = (world.tenant(), replay["replay_id"].as_str().unwrap());
    for lane in 0..4 {
        let again = json!({"v": "replay-1", "tenant_id": tenant, "replay_id": id, "lane": lane});
        world.put_into_the_queue(&again.to_string()).await?;
    }
    world.work_until_empty().await?;
    let done = show(&world, &replay).await;
    assert_eq!(
        (&done["state"], &done["blobs"]),
        (&json!("done"), &json!(20))
    );
    Ok(())
}

#[tokio::test]
async fn a_period_out_of_reach_and_a_third_replay_are_refused() -> Outcome<()> {
    let world = delivered().await?;
    for (from, to) in [
        (world.now() - 21 * DAY, world.now()),
        (world.now() - DAY, world.now() + DAY),
        (world.now(), world.now() - DAY),
    ] {
        let (status, problem) = begin(&world, json!({"from": from, "to": to})).await;
        assert_eq!(status, 400, "{problem}");
    }
    let (status, problem) = begin(&world, json!({"generation": "../raw"})).await;
    assert_eq!(status, 400, "{problem}");
    assert_eq!(begin(&world, json!({})).await.0, 202);
    assert_eq!(begin(&world, json!({})).await.0, 202);
    let (status, problem) = begin(&world, json!({})).await;
    assert_eq!(status, 409, "{problem}");
    let other = "/replays/20260301T101500123-0a1b2c3d";
    assert_eq!(get(&world, other).await.0, 404);
    Ok(())
}

#[tokio::test]
async fn a_step_whose_answer_is_lost_is_made() -> Outcome<()> {
    let world = delivered().await?;
    let (_, replay) = begin(&world, json!({})).await;
    world
        .flaky_dynamodb
        .next_matching("UpdateItem", "replays#", Trouble::AnswerLost, 1);
    world.work_until_empty().await?;
    let done = show(&world, &replay).await;
    assert_eq!(
        (&done["state"], &done["blobs"]),
        (&json!("done"), &json!(20))
    );
    Ok(())
}

#[tokio::test]
async fn an_item_that_cannot_be_read_hides_no_replay() -> Outcome<()> {
    let world = delivered().await?;
    let of = format!("replays#{}", world.tenant());
    let odd = [("pk", of.as_str()), ("sk", "20260301T101500123-0a1b2c3d")];
    world.put_item(&odd).await?;
    let (status, replay) = begin(&world, json!({})).await;
    assert_eq!(status, 202, "{replay}");
    world.work_until_empty().await?;
    let (_, all) = get(&world, "/replays").await;
    assert_eq!(all["replays"], json!([show(&world, &replay).await]));
    Ok(())
}

#[tokio::test]
async fn a_replay_waits_for_a_blob_that_runs_alone() -> Outcome<()> {
    let world = delivered().await?;
    let of = emulator::ContentType::Exchange;
    let records = vec![world.record(1)];
    let content = world.emulator.publish(world.tenant(), of, records);
    world.all_announced().await?;
    world.pass(Duration::from_secs(60));
    world.sweep().await?;
    world.empty_the_queue().await?;
    let tenant = world.tenant().to_string().parse()?;
    let open = world.ledger.open_blobs(tenant, Timestamp::MAX, 1).await?;
    for _ in 0..3 {
        let lease = Lease {
            owner: "one that dies".to_owned(),
            until: world.now() + Duration::from_secs(60),
        };
        let (blob, now) = (&open[0].blob, world.now());
        let leased = world.ledger.lease(blob, DiscoveredBy::Retry, &lease, now);
        leased.await?;
        world.pass(Duration::from_secs(120));
    }
    world.emulator.fault(Fault {
        operation: Some(Operation::Blob),
        ..Fault::from(FaultKind::Delay {
            milliseconds: 3_000,
        })
    });
    let message = Message::new(open[0].blob.clone(), DiscoveredBy::Retry);
    let message = serde_json::to_string(&message)?;
    world.put_into_the_queue(&message).await?;
    let beside = async || -> Outcome<String> {
        let dead = |item: HashMap<String, String>| {
            let owner = item.get("lease_owner");
            owner.is_some_and(|owner| owner == "one that dies")
        };
        while dead(world.blob(&content).await?) {
            tokio::task::yield_now().await;
        }
        begin(&world, json!({"generation": "beside"})).await;
        while !world.lake().join("generations").exists() {
            world.work().await?;
        }
        Ok(world.blob(&content).await?["state"].clone())
    };
    let (alone, beside) = tokio::join!(world.work(), beside());
    alone?;
    assert_eq!(beside?, "DONE");
    Ok(())
}
