//! Claims in random order, with failures and cancellations.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use pipeline::ledger::claims::Limits;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use tests::Outcome;
use tests::flaky::Trouble;
use tokio::task::JoinSet;

use super::{Record, TEN, Table, blob, now, record_at};

/// Most rounds of attempts that may fail, before everything must have been claimed.
const ROUNDS_MAX: usize = 50;

/// What a process can remember and write at once, so that every limit is met.
const TIGHT: [Limits; 3] = [
    Limits {
        entry_ids: 3,
        remembered_ids: 5,
    },
    Limits {
        entry_ids: 3,
        remembered_ids: 45,
    },
    Limits {
        entry_ids: 7,
        remembered_ids: 1_000,
    },
];

#[tokio::test]
async fn any_order_of_claims_gives_each_record_one_owner() -> Outcome<()> {
    for seed in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89] {
        claim_in_any_order(seed)
            .await
            .map_err(|error| format!("seed {seed}: {error}"))?;
    }
    Ok(())
}

/// Eight blobs share 40 records of four logs. Each is claimed by several attempts in three processes at once, of which
/// some are cancelled and some meet failures.
async fn claim_in_any_order(seed: u64) -> Outcome<()> {
    let mut rng = StdRng::seed_from_u64(seed);
    let table = Table::start().await?;
    let times = [Some(TEN), Some("2026-03-01T09:00:00"), None];
    let all: Vec<Record> = (0..40)
        .map(|n| record_at(n, times[n as usize % 3]))
        .collect();
    let contents: Vec<Vec<Record>> = (0..8)
        .map(|_| {
            let mut own = all.clone();
            own.shuffle(&mut rng);
            own.truncate(rng.random_range(1..=20));
            own.push(own[0]);
            own
        })
        .collect();
    let processes = TIGHT.map(|limits| table.process(limits));
    let mut answers: HashMap<usize, Vec<bool>> = HashMap::new();
    for round in 0..ROUNDS_MAX {
        if answers.len() == contents.len() {
            break;
        }
        table.flaky.clear();
        if round < ROUNDS_MAX / 2 {
            for _ in 0..6 {
                let operation = ["Query", "PutItem"][rng.random_range(0..2)];
                let trouble = [Trouble::AnswerLost, Trouble::Throttled][rng.random_range(0..2)];
                table.flaky.next(operation, trouble, 1);
            }
        }
        let mut attempts = JoinSet::new();
        for _ in 0..12 {
            let at = rng.random_range(0..contents.len());
            let (process, own) = (
                processes[rng.random_range(0..3)].clone(),
                contents[at].clone(),
            );
            let patience = Duration::from_millis(rng.random_range(1..200));
            attempts.spawn(async move {
                let name = blob(u32::try_from(at).unwrap_or_default());
                let claim = process.claim(&name, &own, now());
                (at, tokio::time::timeout(patience, claim).await)
            });
        }
        while let Some(attempt) = attempts.join_next().await {
            // Others were cancelled, or failed.
            if let (at, Ok(Ok(owned))) = attempt? {
                let before = answers.entry(at).or_insert_with(|| owned.clone());
                assert_eq!(*before, owned, "seed {seed}, blob {at}");
            }
        }
    }
    table.flaky.clear();
    let mut owners = HashSet::new();
    let mut claimed = HashSet::new();
    for (at, own) in contents.iter().enumerate() {
        let name = blob(u32::try_from(at)?);
        for process in processes.iter().chain([&table.cold()]) {
            let again = process.claim(&name, own, now()).await?;
            assert_eq!(answers.get(&at), Some(&again), "seed {seed}, blob {at}");
        }
        claimed.extend(own.iter().map(|(_, id)| *id));
        for ((_, id), is_owned) in own.iter().zip(&answers[&at]) {
            assert!(!is_owned || owners.insert(*id), "seed {seed}: two owners");
        }
    }
    assert_eq!(owners, claimed, "seed {seed}");
    Ok(())
}
