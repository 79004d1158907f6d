//! The product's own ledger, queue and lake at each reading: they must be right at all of them, whatever the differences.

use std::io::Write as _;
use std::time::Duration;

use futures::TryStreamExt as _;
use jiff::Timestamp;
use object_store::path::Path;
use office365::ContentType;
use pipeline::content::{ContentRef, DiscoveredBy};
use pipeline::lake::{Lake, Spool};
use pipeline::ledger::Ledger;
use pipeline::ledger::blob::{Counts, Evidence, Lease, LeaseOutcome, Release, State};
use pipeline::ledger::claims::{ClaimBucket, ClaimLog, Limits, RecordId};
use pipeline::ledger::loss::{Loss, LossId, LossKind};
use pipeline::queue::{Message, Queue};
use tests::Outcome;
use url::Url;

use super::servers::Reading;
use super::{s3, servers};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

const MINUTE: Duration = Duration::from_secs(60);

/// So that a log of a few records has several entries.
const FEW: Limits = Limits {
    entry_ids: 2,
    remembered_ids: 1_000,
};

/// Longer than a spool keeps in memory, and than a part of an upload has.
const LARGE: usize = 9 * 1024 * 1024;

fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn blob(number: usize) -> ContentRef {
    ContentRef {
        tenant_id: TENANT.parse().unwrap(),
        content_type: ContentType::AuditExchange,
        content_id: format!("content${number}").parse().unwrap(),
        content_created: "2026-03-01T11:00:00Z".parse().unwrap(),
        content_expiration: "2026-03-08T11:00:00Z".parse().unwrap(),
    }
}

fn lease(owner: &str, now: Timestamp) -> Lease {
    Lease {
        owner: owner.to_owned(),
        until: now + MINUTE,
    }
}

/// Runs a story on a ledger at each server.
async fn at_each_ledger(table: &str, story: impl AsyncFn(&Ledger) -> Outcome<()>) {
    for (reading, client) in servers::dynamodb().await.unwrap() {
        pipeline::ledger::create_table(&client, table)
            .await
            .unwrap();
        let told = story(&Ledger::new(client, table.to_owned())).await;
        assert!(told.is_ok(), "{reading:?}: {told:?}");
    }
}

async fn ask(ledger: &Ledger, owner: &str, now: Timestamp) -> Outcome<LeaseOutcome> {
    let (blob, lease) = (blob(1), lease(owner, now));
    let leased = ledger.lease(&blob, DiscoveredBy::Listing, &lease, now);
    Ok(leased.await?)
}

#[tokio::test]
async fn a_blob_is_leased_given_back_and_settled() {
    at_each_ledger("a_blob_is_leased", async |ledger| {
        let (now, tenant) = (noon(), TENANT.parse()?);
        let granted = |outcome| match outcome {
            LeaseOutcome::Granted(granted) => Some(granted.attempt),
            LeaseOutcome::Held { .. } | LeaseOutcome::Finished(_) => None,
        };
        assert_eq!(granted(ask(ledger, "one", now).await?), Some(1));
        let held = LeaseOutcome::Held {
            until: now + MINUTE,
        };
        assert_eq!(ask(ledger, "two", now).await?, held);
        let evidence = Evidence::default().with_gone(now);
        let release = Release {
            cause: "not there",
            evidence: &evidence,
            attempts: 1,
            unconcluded: 0,
            again_at: now,
            due_at: now,
        };
        assert!(
            !ledger
                .release(&blob(1), &lease("two", now), release)
                .await?
        );
        assert!(
            ledger
                .release(&blob(1), &lease("one", now), release)
                .await?
        );
        let open = ledger.open_blobs(tenant, now, 10).await?;
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].blob, blob(1));
        assert_eq!(granted(ask(ledger, "two", now).await?), Some(2));
        let counts = Counts {
            records: 3,
            written: 2,
            duplicate: 1,
            ..Counts::default()
        };
        let index = Some(vec![1, 2, 3]);
        ledger.settle(&blob(1), &counts, index, now).await?;
        let finished = LeaseOutcome::Finished(State::Done);
        assert_eq!(ask(ledger, "three", now).await?, finished);
        let open = ledger.open_blobs(tenant, Timestamp::MAX, 10).await?;
        assert!(open.is_empty(), "{open:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_blob_is_given_up_with_its_loss_or_not_at_all() {
    at_each_ledger("a_blob_is_given_up", async |ledger| {
        let (now, tenant) = (noon(), TENANT.parse()?);
        let of = blob(1);
        let loss = Loss {
            id: LossId::of_blob(of.content_type, &of.content_id, of.content_created),
            kind: LossKind::Lost,
            content_type: of.content_type,
            content_id: Some(of.content_id.clone()),
            from: of.content_created,
            to: of.content_created,
            reason: "gone".to_owned(),
            evidence_count: 10,
            evidence_since: Some(now),
            object: None,
            recorded_at: now,
            acknowledged_at: None,
            note: None,
            recovered_at: None,
        };
        ask(ledger, "one", now).await?;
        let losses = async || Outcome::Ok(ledger.losses(tenant, None, 10).await?.losses);
        assert!(!ledger.give_up(&of, &lease("two", now), &loss, now).await?);
        assert_eq!(losses().await?, []);
        // The second time as if the answer to the first was lost.
        for _ in 0..2 {
            assert!(ledger.give_up(&of, &lease("one", now), &loss, now).await?);
            assert_eq!(losses().await?, std::slice::from_ref(&loss));
        }
        let finished = LeaseOutcome::Finished(State::Lost);
        assert_eq!(ask(ledger, "two", now).await?, finished);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_tenant_is_swept_by_one_at_a_time() {
    at_each_ledger("a_tenant_is_swept", async |ledger| {
        let (now, tenant) = (noon(), TENANT.parse()?);
        let take = async |owner, now: Timestamp| {
            let times = (now, now + MINUTE);
            let taken = ledger.take_sweep(tenant, owner, now, times).await?;
            Outcome::Ok(taken.is_some())
        };
        assert!(!take("one", now).await?);
        ledger.begin_sweeps(tenant, now).await?;
        assert!(take("one", now).await?);
        assert!(!take("two", now).await?);
        assert!(take("one", now).await?);
        assert!(take("two", now + 2 * MINUTE).await?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn requests_of_a_minute_are_counted_out() {
    at_each_ledger("requests_of_a_minute", async |ledger| {
        let (now, tenant) = (noon(), TENANT.parse()?);
        for (requests, expect) in [(60, true), (60, false), (40, true), (1, false)] {
            let taken = ledger.take_requests(tenant, (requests, 100), now).await?;
            assert_eq!(taken, expect, "{requests}");
        }
        assert_eq!(ledger.requests_taken(tenant, now).await?, 100);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_record_is_the_first_blobs_in_several_entries() {
    let records = |numbers: [u32; 5]| {
        numbers.map(|number| {
            let id = RecordId::new(Some(&format!("record {number}")), b"");
            (ClaimBucket::new(Some("2026-03-01T10:15:00"), &id), id)
        })
    };
    let table = "a_record_is_the_first_blobs";
    for (reading, client) in servers::dynamodb().await.unwrap() {
        pipeline::ledger::create_table(&client, table)
            .await
            .unwrap();
        let cold = || ClaimLog::with_limits(client.clone(), table.to_owned(), FEW);
        let (first, second) = (records([1, 2, 3, 4, 5]), records([4, 5, 6, 7, 8]));
        let mine = cold().claim(&blob(1), &first, noon()).await.unwrap();
        assert_eq!(mine, [true; 5], "{reading:?}");
        // Each with a memory of its own, as two processes have.
        for process in [cold(), cold()] {
            let mine = process.claim(&blob(2), &second, noon()).await.unwrap();
            assert_eq!(mine, [false, false, true, true, true], "{reading:?}");
            let again = process.claim(&blob(1), &first, noon()).await.unwrap();
            assert_eq!(again, [true; 5], "{reading:?}");
        }
    }
}

#[tokio::test]
async fn all_messages_are_in_the_queue_and_counted() {
    for (reading, client) in servers::sqs().await.unwrap() {
        let create = client.create_queue().queue_name("all_messages");
        let url = create.send().await.unwrap().queue_url.unwrap();
        // Local mode asks for no groups.
        let fair = reading != Reading::Embedded;
        let queue = Queue::new(client, url, fair);
        let message = |number| Message::new(blob(number), DiscoveredBy::Listing);
        let messages: Vec<Message> = (0..25).map(message).collect();
        queue.send(&messages).await.unwrap();
        queue.send_later(&message(25), MINUTE).await.unwrap();
        assert_eq!(queue.depth().await.unwrap(), 26, "{reading:?}");
    }
}

#[tokio::test]
async fn the_lake_is_the_same_in_each_store() {
    let (_folder, stores) = s3::stores("the_lake_is_the_same").await.unwrap();
    for (reading, store) in stores {
        let memory = Lake::open(&Url::parse("memory:///").unwrap()).unwrap();
        let lake = memory.through(|_| store).unwrap();
        let told = in_a_lake(&lake).await;
        assert!(told.is_ok(), "{reading:?}: {told:?}");
    }
}

async fn in_a_lake(lake: &Lake) -> Outcome<()> {
    let path = |key: &str| Path::from(key);
    assert!(lake.create(&path("a/b/1"), "one".into()).await?);
    assert!(!lake.create(&path("a/b/1"), "two".into()).await?);
    let stored = lake.read_if_there(&path("a/b/1"), 3).await?;
    let stored = stored.ok_or("it is not there")?;
    assert_eq!(stored.content, b"one"[..]);
    assert!(lake.read_if_there(&path("a/b/2"), 3).await?.is_none());
    let missing = lake.open_object(&path("a/b/2")).await.err();
    assert!(missing.is_some_and(|error| error.is_missing_or_damaged()));
    assert_eq!(lake.folders(&path("a")).await?, [path("a/b")]);
    assert!(lake.folders(&path("c")).await?.is_empty());

    let mut spool = Spool::default();
    let bytes: Vec<u8> = (0..LARGE).map(|at| (at % 251) as u8).collect();
    spool.write_all(&bytes)?;
    lake.write_spool(&path("a/b/2"), &mut spool).await?;
    let large = lake.read(&path("a/b/2"), LARGE).await?;
    assert!(large.content == bytes);
    let mut listed: Vec<_> = lake.list(&path("a"))?.try_collect().await?;
    listed.sort_by(|one, other| one.path.cmp(&other.path));
    let versions: Vec<_> = listed.iter().map(|of| of.version.clone()).collect();
    assert_eq!(versions, [stored.version, large.version]);
    Ok(())
}
