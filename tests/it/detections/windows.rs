//! Whoever adds the last record of a finding to the sets of windows sees the others, whoever adds them at the same time and
//! whatever fails on the way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use detections::{Member, THRESHOLD_MAX, WindowKey};
use jiff::Timestamp;
use local::backends::{self, Backends, DETECTIONS_TABLE, Storage};
use pipeline::detections::{Addition, Detections, WindowLimits, WindowSets};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tests::Outcome;
use tests::flaky::{Flaky, Trouble};
use tokio::task::JoinSet;

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Most rounds of attempts that may fail, before everything must have been added.
const ROUNDS_MAX: usize = 50;

/// Less than a few records take.
const TIGHT: WindowLimits = WindowLimits {
    entry_bytes: 200,
    remembered_bytes: 1_000,
};

/// The embedded DynamoDB, and faults before it.
struct Table {
    backends: Backends,
    flaky: Flaky,
}

impl Table {
    async fn start() -> Outcome<Self> {
        // Nothing is queued here.
        let visible_after = Duration::from_secs(60);
        Ok(Self {
            backends: backends::start(Storage::Memory, visible_after).await?,
            flaky: Flaky::default(),
        })
    }

    /// A process that has read nothing yet. It does not repeat calls by itself.
    fn process(&self, limits: WindowLimits) -> Detections {
        let config = self.backends.dynamodb.config().to_builder();
        let config = config
            .http_client(self.flaky.clone())
            .retry_config(RetryConfig::disabled());
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        Detections::with_limits(client, DETECTIONS_TABLE.to_owned(), limits)
    }

    fn cold(&self) -> Detections {
        self.process(WindowLimits::default())
    }

    fn key(log: &str, number: u32) -> HashMap<String, AttributeValue> {
        let pk = AttributeValue::S(format!("windows#{TENANT}#{log}"));
        let sk = AttributeValue::S(format!("{number:010}"));
        HashMap::from([("pk".to_owned(), pk), ("sk".to_owned(), sk)])
    }

    async fn has_entry(&self, log: &str, number: u32) -> Outcome<bool> {
        let get = self
            .backends
            .dynamodb
            .get_item()
            .table_name(DETECTIONS_TABLE);
        let got = get.set_key(Some(Self::key(log, number))).send().await?;
        Ok(got.item.is_some())
    }

    /// Deletes an entry, as DynamoDB does some time after it expired.
    async fn delete(&self, log: &str, number: u32) -> Outcome<()> {
        let delete = self
            .backends
            .dynamodb
            .delete_item()
            .table_name(DETECTIONS_TABLE);
        delete.set_key(Some(Self::key(log, number))).send().await?;
        Ok(())
    }

    /// From now on nothing can be written.
    fn refuse_writes(&self) {
        for operation in ["PutItem", "UpdateItem"] {
            self.flaky.next(operation, Trouble::Throttled, 100);
        }
    }
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// Records of a group at these times, in windows so long.
fn records(group: &str, span: i64, times: impl IntoIterator<Item = i64>) -> Vec<Addition> {
    let mut windows = BTreeMap::<i64, BTreeSet<Member>>::new();
    for time in times {
        windows
            .entry(time.div_euclid(span))
            .or_default()
            .insert(Member {
                time,
                base: 0,
                record: format!("record {time}"),
                value: String::new(),
            });
    }
    let additions = windows.into_iter().map(|(window, members)| Addition {
        key: WindowKey {
            tenant: TENANT.to_owned(),
            rule: "rule".to_owned(),
            group: vec![group.to_owned()],
            window,
        },
        span,
        members,
    });
    additions.collect()
}

async fn join(process: &Detections, additions: Vec<Addition>) -> Outcome<Vec<WindowSets>> {
    Ok(process.join(TENANT, additions, now()).await?)
}

/// The times of all records in sets.
fn seen(sets: &[WindowSets]) -> BTreeSet<i64> {
    let members = sets
        .iter()
        .flat_map(|of| [&of.before, &of.own, &of.after])
        .flatten();
    members.map(|member| member.time).collect()
}

/// Lengths of windows, and two times of which a finding could be made: in one window, in two of one log, and in two logs.
const TOGETHER: [(i64, [i64; 2]); 6] = [
    (10 * MINUTE, [700, 800]),
    (10 * MINUTE, [1_190, 1_210]),
    (10 * MINUTE, [3_590, 3_610]),
    (HOUR, [3_599, 3_601]),
    (DAY, [DAY - 1, DAY + 1]),
    (7 * DAY, [35 * DAY - 1, 35 * DAY + 1]),
];

#[tokio::test]
async fn who_adds_the_last_record_sees_the_others() -> Outcome<()> {
    let table = Table::start().await?;
    let (one, other) = (table.cold(), table.cold());
    for (n, (span, times)) in TOGETHER.into_iter().enumerate() {
        for (first, second) in [(0, 1), (1, 0)] {
            let group = format!("{n} {first}");
            let add = |at: usize| records(&group, span, [times[at]]);
            let sets = join(&one, add(first)).await?;
            assert_eq!(seen(&sets), BTreeSet::from([times[first]]), "{group}");
            let sets = join(&other, add(second)).await?;
            assert_eq!(seen(&sets), BTreeSet::from(times), "{group}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn of_two_that_add_at_once_one_sees_both() -> Outcome<()> {
    let table = Table::start().await?;
    let (one, other) = (table.cold(), table.cold());
    for round in 0..20 {
        for (n, (span, times)) in TOGETHER.into_iter().enumerate() {
            let group = format!("{n} {round}");
            let [first, second] = times.map(|time| records(&group, span, [time]));
            let (first, second) = tokio::try_join!(join(&one, first), join(&other, second))?;
            let both = BTreeSet::from(times);
            let saw_both = [seen(&first), seen(&second)].contains(&both);
            assert!(saw_both, "{group}: {first:?} {second:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn records_that_come_again_cost_no_write() -> Outcome<()> {
    let table = Table::start().await?;
    let process = table.cold();
    let blob = || {
        let mut blob = records("a", 10 * MINUTE, (0..100).map(|n| n * 90));
        blob.extend(records("b", DAY, [5, DAY + 5]));
        blob
    };
    let first = join(&process, blob()).await?;
    table.refuse_writes();
    for process in [process, table.cold()] {
        assert_eq!(join(&process, blob()).await?, first);
        let part = records("a", 10 * MINUTE, [90]);
        assert!(seen(&join(&process, part).await?).contains(&180));
    }
    Ok(())
}

#[tokio::test]
async fn a_log_longer_than_memory_still_tells_all() -> Outcome<()> {
    let table = Table::start().await?;
    let tight = table.process(TIGHT);
    let groups: Vec<String> = (0..40).map(|n| format!("group {n}")).collect();
    for time in [100, 3_500, 3_700] {
        for group in &groups {
            join(&tight, records(group, HOUR, [time])).await?;
        }
    }
    for process in [tight, table.process(TIGHT), table.cold()] {
        for group in &groups {
            let sets = join(&process, records(group, HOUR, [3_600])).await?;
            assert_eq!(seen(&sets), BTreeSet::from([100, 3_500, 3_600, 3_700]));
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_changes_nothing() -> Outcome<()> {
    let table = Table::start().await?;
    let process = table.cold();
    let add = || records("a", 10 * MINUTE, [1, 2]);
    table.flaky.next("PutItem", Trouble::AnswerLost, 1);
    assert!(join(&process, add()).await.is_err());
    let other = table.cold();
    let sets = join(&other, records("a", 10 * MINUTE, [3])).await?;
    assert_eq!(seen(&sets), BTreeSet::from([1, 2, 3]));
    for process in [process, table.cold()] {
        let sets = join(&process, add()).await?;
        assert_eq!(sets[0].own.len(), 3);
        assert_eq!(seen(&sets), BTreeSet::from([1, 2, 3]));
    }
    assert!(table.has_entry("hour#0", 1).await?);
    assert!(!table.has_entry("hour#0", 2).await?);
    Ok(())
}

#[tokio::test]
async fn records_beyond_a_full_set_are_told_of() -> Outcome<()> {
    let table = Table::start().await?;
    let process = table.cold();
    let most = i64::try_from(THRESHOLD_MAX)?;
    let add = |times| records("a", HOUR, times);
    let sets = join(&process, add(0..most - 1)).await?;
    assert!(!sets[0].is_full);
    let over = || add(most - 1..most + 3);
    let sets = join(&process, over()).await?;
    assert_eq!((sets[0].is_full, sets[0].own.len()), (true, THRESHOLD_MAX));
    table.refuse_writes();
    for process in [process, table.cold()] {
        let sets = join(&process, over()).await?;
        assert_eq!((sets[0].is_full, sets[0].own.len()), (true, THRESHOLD_MAX));
        // Those that are in it are not beyond it.
        let sets = join(&process, add(0..5)).await?;
        assert!(!sets[0].is_full);
    }
    Ok(())
}

#[tokio::test]
async fn a_log_of_sets_that_began_anew_is_read_anew() -> Outcome<()> {
    let table = Table::start().await?;
    let old = table.cold();
    join(&old, records("a", HOUR, [1])).await?;
    join(&old, records("a", HOUR, [2])).await?;
    // All of it expires, and others begin anew from number 0.
    let later = now() + Duration::from_secs(10 * 24 * 3_600);
    for number in 0..2 {
        table.delete("hour#0", number).await?;
    }
    let fresh = table.cold();
    for time in 11..15 {
        let add = records("a", HOUR, [time]);
        fresh.join(TENANT, add, later).await?;
    }
    let sets = old.join(TENANT, records("a", HOUR, [15]), later).await?;
    assert_eq!(seen(&sets), (11..16).collect());
    Ok(())
}

#[tokio::test]
async fn in_any_order_somebody_sees_all_records() -> Outcome<()> {
    for seed in [1, 2, 3, 5, 8, 13, 21, 34] {
        add_in_any_order(seed)
            .await
            .map_err(|error| format!("seed {seed}: {error}"))?;
    }
    Ok(())
}

/// Eight records of two windows in two logs are each added by attempts of three processes until one succeeds; some are cancelled,
/// and some meet failures. Others add to the same logs.
async fn add_in_any_order(seed: u64) -> Outcome<()> {
    let mut rng = StdRng::seed_from_u64(seed);
    let table = Table::start().await?;
    let processes = [TIGHT, TIGHT, WindowLimits::default()].map(|limits| table.process(limits));
    let all: BTreeSet<i64> = (0..8).map(|n| 3_000 + n * 170).collect();
    let mut waiting = all.clone();
    let mut somebody_saw_all = false;
    for round in 0..ROUNDS_MAX {
        if waiting.is_empty() {
            break;
        }
        table.flaky.clear();
        if round < ROUNDS_MAX / 2 {
            for _ in 0..4 {
                let operation = ["Query", "PutItem"][rng.random_range(0..2)];
                let trouble = [Trouble::AnswerLost, Trouble::Throttled][rng.random_range(0..2)];
                table.flaky.next(operation, trouble, 1);
            }
        }
        let mut attempts = JoinSet::new();
        for time in waiting.clone() {
            let process = processes[rng.random_range(0..3)].clone();
            let patience = Duration::from_millis(rng.random_range(1..100));
            let mut add = records("a", HOUR, [time]);
            add.extend(records(&format!("other {round} {time}"), HOUR, [time]));
            attempts.spawn(async move {
                let adding = process.join(TENANT, add, now());
                (time, tokio::time::timeout(patience, adding).await)
            });
        }
        while let Some(attempt) = attempts.join_next().await {
            // Others were cancelled, or failed, and come again.
            if let (time, Ok(Ok(sets))) = attempt? {
                waiting.remove(&time);
                somebody_saw_all |= seen(&sets) == all;
            }
        }
    }
    assert!(waiting.is_empty(), "seed {seed}: {waiting:?}");
    assert!(somebody_saw_all, "seed {seed}");
    Ok(())
}
