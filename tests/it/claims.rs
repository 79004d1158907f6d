//! Each record belongs to one blob, whoever claims at the same time and whatever fails on the way.

mod orders;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use local::backends::{self, Backends, Storage, TABLE};
use office365::ContentType;
use pipeline::content::ContentRef;
use pipeline::ledger::LedgerError;
use pipeline::ledger::claims::{ClaimBucket, ClaimLog, ENTRY_IDS_MAX, Limits, RecordId};
use tests::Outcome;
use tests::flaky::{Flaky, Trouble};
use tokio::task::JoinSet;

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Of a queue that is not used here.
const VISIBLE_AFTER: Duration = Duration::from_secs(60);

/// An hour in which most of the records here were made.
const TEN: &str = "2026-03-01T10:15:00";

type Record = (ClaimBucket, RecordId);

/// The embedded DynamoDB, and faults before it.
struct Table {
    backends: Backends,
    flaky: Flaky,
}

impl Table {
    async fn start() -> Outcome<Self> {
        Ok(Self {
            backends: backends::start(Storage::Memory, VISIBLE_AFTER).await?,
            flaky: Flaky::default(),
        })
    }

    /// A process that has read nothing yet. It does not repeat calls by itself.
    fn process(&self, limits: Limits) -> ClaimLog {
        let config = self.backends.dynamodb.config().to_builder();
        let config = config
            .http_client(self.flaky.clone())
            .retry_config(RetryConfig::disabled());
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        ClaimLog::with_limits(client, TABLE.to_owned(), limits)
    }

    fn cold(&self) -> ClaimLog {
        self.process(Limits::default())
    }

    fn key(bucket: &str, number: u32) -> HashMap<String, AttributeValue> {
        let pk = AttributeValue::S(format!("claims#{TENANT}#{bucket}"));
        let sk = AttributeValue::S(format!("{number:010}"));
        HashMap::from([("pk".to_owned(), pk), ("sk".to_owned(), sk)])
    }

    /// When an entry of a log expires, in seconds since 1970; none if there is no such entry.
    async fn expires_at(&self, bucket: &str, number: u32) -> Outcome<Option<i64>> {
        let output = self
            .backends
            .dynamodb
            .get_item()
            .table_name(TABLE)
            .set_key(Some(Self::key(bucket, number)))
            .send()
            .await?;
        let item = output.item.unwrap_or_default();
        let expires_at = item
            .get("expires_at")
            .and_then(|value| value.as_n().ok()?.parse().ok());
        Ok(expires_at)
    }

    /// Deletes an entry, as DynamoDB does some time after it expired.
    async fn delete(&self, bucket: &str, number: u32) -> Outcome<()> {
        self.backends
            .dynamodb
            .delete_item()
            .table_name(TABLE)
            .set_key(Some(Self::key(bucket, number)))
            .send()
            .await?;
        Ok(())
    }
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn blob(number: u32) -> ContentRef {
    ContentRef {
        tenant_id: TENANT.parse().unwrap(),
        content_type: ContentType::AuditExchange,
        content_id: format!("content${number}").parse().unwrap(),
        content_created: "2026-03-01T11:00:00Z".parse().unwrap(),
        content_expiration: "2026-03-08T11:00:00Z".parse().unwrap(),
    }
}

fn record_at(number: u32, creation_time: Option<&str>) -> Record {
    let id = RecordId::new(Some(&format!("record {number}")), b"");
    (ClaimBucket::new(creation_time, &id), id)
}

fn records(numbers: impl IntoIterator<Item = u32>) -> Vec<Record> {
    let numbers = numbers.into_iter();
    numbers.map(|n| record_at(n, Some(TEN))).collect()
}

fn count(owned: &[bool]) -> usize {
    owned.iter().filter(|is_owned| **is_owned).count()
}

#[tokio::test]
async fn a_record_belongs_to_the_blob_that_claims_it_first() -> Outcome<()> {
    let table = Table::start().await?;
    let (one, other) = (table.cold(), table.cold());
    let first = records([1, 2, 1, 3]);
    let second = records([3, 4, 2, 5]);
    for _ in 0..2 {
        let owned = one.claim(&blob(1), &first, now()).await?;
        assert_eq!(owned, [true, true, false, true], "the second 1 is a repeat");
        for process in [&other, &one, &table.cold()] {
            let owned = process.claim(&blob(2), &second, now()).await?;
            assert_eq!(owned, [false, true, false, true]);
        }
    }
    Ok(())
}

#[tokio::test]
async fn blobs_of_one_name_are_told_apart_by_type_and_hour() -> Outcome<()> {
    let table = Table::start().await?;
    let process = table.cold();
    let owned = process.claim(&blob(1), &records([1]), now()).await?;
    assert_eq!(owned, [true]);
    let of_another_type = ContentRef {
        content_type: ContentType::AuditGeneral,
        ..blob(1)
    };
    let listed_later = ContentRef {
        content_created: "2026-03-01T12:00:00Z".parse()?,
        ..blob(1)
    };
    for other in [of_another_type, listed_later] {
        let owned = process.claim(&other, &records([1]), now()).await?;
        assert_eq!(owned, [false], "{other:?}");
    }
    Ok(())
}

#[tokio::test]
async fn known_records_are_answered_without_a_call() -> Outcome<()> {
    let table = Table::start().await?;
    let process = table.cold();
    process.claim(&blob(1), &records(0..10), now()).await?;
    for operation in ["Query", "PutItem", "UpdateItem"] {
        table.flaky.next(operation, Trouble::Throttled, 100);
    }
    let again = process.claim(&blob(1), &records(0..10), now()).await?;
    let duplicates = process.claim(&blob(2), &records(5..8), now()).await?;
    assert_eq!((count(&again), count(&duplicates)), (10, 0));
    // What is new is not.
    let new = process.claim(&blob(2), &records([10]), now()).await;
    assert!(matches!(new, Err(LedgerError::Aws(_))), "{new:?}");
    Ok(())
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_is_found_again() -> Outcome<()> {
    let table = Table::start().await?;
    let process = table.cold();
    table.flaky.next("PutItem", Trouble::AnswerLost, 1);
    let lost = process.claim(&blob(1), &records([1, 2]), now()).await;
    assert!(matches!(lost, Err(LedgerError::Aws(_))), "{lost:?}");
    let other = process
        .claim(&blob(2), &records([2, 3]), now() + DAY)
        .await?;
    assert_eq!(other, [false, true]);
    for process in [process, table.cold()] {
        let again = process.claim(&blob(1), &records([1, 2]), now()).await?;
        assert_eq!(again, [true, true]);
    }
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_died_between_entries_is_taken_over() -> Outcome<()> {
    let table = Table::start().await?;
    let process = table.cold();
    let entry = u32::try_from(ENTRY_IDS_MAX)?;
    let all = records(0..2 * entry + 10);
    // The second entry cannot be written.
    table
        .flaky
        .next_matching("PutItem", "0000000001", Trouble::Throttled, 1);
    let died = process.claim(&blob(1), &all, now()).await;
    assert!(matches!(died, Err(LedgerError::Aws(_))), "{died:?}");
    // Meanwhile somebody else claims one record of the first entry and some of those that were to follow.
    let others = records([0, 2 * entry, 2 * entry + 1]);
    let owned = table.cold().claim(&blob(2), &others, now()).await?;
    assert_eq!(owned, [false, true, true]);
    for process in [process, table.cold()] {
        let owned = process.claim(&blob(1), &all, now()).await?;
        let (first, rest) = owned.split_at(2 * ENTRY_IDS_MAX);
        assert_eq!(count(first), 2 * ENTRY_IDS_MAX);
        assert_eq!((count(&rest[..2]), count(&rest[2..])), (0, 8));
    }
    assert!(table.expires_at("2026-03-01T10", 3).await?.is_some());
    assert_eq!(table.expires_at("2026-03-01T10", 4).await?, None);
    Ok(())
}

#[tokio::test]
async fn records_without_a_time_are_claimed_by_their_id() -> Outcome<()> {
    let table = Table::start().await?;
    let untimed = |number| record_at(number, None);
    let owned = table
        .cold()
        .claim(&blob(1), &[1, 2, 3].map(untimed), now())
        .await?;
    assert_eq!(owned, [true; 3]);
    let owned = table
        .cold()
        .claim(&blob(2), &[3, 4].map(untimed), now())
        .await?;
    assert_eq!(owned, [false, true]);
    Ok(())
}

#[tokio::test]
async fn a_log_that_was_forgotten_is_read_again() -> Outcome<()> {
    let table = Table::start().await?;
    let process = table.process(Limits {
        remembered_ids: 1,
        ..Limits::default()
    });
    // Each of the two logs is more than is remembered.
    let hours = [TEN, "2026-03-01T11:15:00"];
    let of = |numbers: [u32; 6]| numbers.map(|n| record_at(n, Some(hours[n as usize % 2])));
    for _ in 0..2 {
        let first = process
            .claim(&blob(1), &of([1, 2, 3, 4, 5, 6]), now())
            .await?;
        assert_eq!(count(&first), 6);
        let second = process
            .claim(&blob(2), &of([5, 6, 7, 8, 9, 10]), now())
            .await?;
        assert_eq!(count(&second), 4);
    }
    Ok(())
}

#[tokio::test]
async fn many_processes_at_one_log_all_come_to_their_turn() -> Outcome<()> {
    let table = Table::start().await?;
    let mut claims = JoinSet::new();
    for number in 0..30 {
        let process = table.cold();
        claims.spawn(async move {
            let own = records(number..number + 5);
            process.claim(&blob(number), &own, now()).await
        });
    }
    let mut owned = 0;
    while let Some(answer) = claims.join_next().await {
        owned += count(&answer??);
    }
    assert_eq!(owned, 34);
    Ok(())
}

#[tokio::test]
async fn blobs_that_wait_for_a_log_are_claimed_for_together() -> Outcome<()> {
    let table = Table::start().await?;
    let process = table.cold();
    let claims = (0..10).map(async |number| {
        let own = records(number..number + 5);
        process.claim(&blob(number), &own, now()).await
    });
    let owned = futures::future::try_join_all(claims).await?;
    assert_eq!(owned.iter().map(|owned| count(owned)).sum::<usize>(), 14);
    // The first found nobody waiting; the second claimed for the eight others.
    assert!(table.expires_at("2026-03-01T10", 1).await?.is_some());
    assert!(table.expires_at("2026-03-01T10", 2).await?.is_none());
    for (number, owned) in (0..).zip(&owned) {
        let own = records(number..number + 5);
        let again = table.cold().claim(&blob(number), &own, now()).await?;
        assert_eq!(&again, owned);
    }
    Ok(())
}

#[tokio::test]
async fn a_log_that_began_anew_is_not_taken_for_the_old_one() -> Outcome<()> {
    let table = Table::start().await?;
    let (old, never) = (table.cold(), table.cold());
    let empty = old.claim(&blob(1), &records([1]), now()).await?;
    assert_eq!(empty, [true]);
    let also = never.claim(&blob(2), &records([2]), now()).await?;
    assert_eq!(also, [true]);
    // All of it expires, and others begin anew from number 0.
    let later = now() + 40 * DAY;
    for number in 0..2 {
        table.delete("2026-03-01T10", number).await?;
    }
    let fresh = table.cold();
    for number in 3..6 {
        let owned = fresh
            .claim(&blob(number), &records([number]), later)
            .await?;
        assert_eq!(owned, [true]);
    }
    for process in [old, never] {
        let owned = process.claim(&blob(7), &records([3, 4, 5]), later).await?;
        assert_eq!(owned, [false; 3]);
    }
    Ok(())
}

#[tokio::test]
async fn an_expired_last_entry_is_kept_before_one_follows() -> Outcome<()> {
    let table = Table::start().await?;
    table.cold().claim(&blob(1), &records([1]), now()).await?;
    let kept = table.expires_at("2026-03-01T10", 0).await?;
    let expiry = |at: Timestamp| Some((at + 35 * DAY).as_second());
    assert_eq!(kept, expiry(now()));
    // It has expired and is still there.
    let later = now() + 36 * DAY;
    let owned = table
        .cold()
        .claim(&blob(2), &records([1, 2]), later)
        .await?;
    assert_eq!(owned, [false, true]);
    for number in 0..2 {
        let kept = table.expires_at("2026-03-01T10", number).await?;
        assert_eq!(kept, expiry(later), "{number}");
    }
    Ok(())
}

#[tokio::test]
async fn a_last_entry_that_went_meanwhile_is_not_followed() -> Outcome<()> {
    let table = Table::start().await?;
    table.cold().claim(&blob(1), &records([1]), now()).await?;
    let later = now() + 36 * DAY;
    // This process reads the expired entry, and comes no further.
    let slow = table.cold();
    table.flaky.next("UpdateItem", Trouble::Throttled, 1);
    let died = slow.claim(&blob(2), &records([2]), later).await;
    assert!(matches!(died, Err(LedgerError::Aws(_))), "{died:?}");
    table.delete("2026-03-01T10", 0).await?;
    let owned = table.cold().claim(&blob(3), &records([2]), later).await?;
    assert_eq!(owned, [true]);
    let owned = slow.claim(&blob(2), &records([2]), later).await?;
    assert_eq!(owned, [false]);
    Ok(())
}
