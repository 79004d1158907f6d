//! Functions die at work while content is published, and one tenant has no consent: everything arrives, once.

use std::collections::BTreeSet;
use std::time::Duration;

use emulator::{
    Behaviour, Config, Consent, ContentType, Fault, FaultKind, Operation, Story, TenantState,
};
use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use reqwest::Method;
use serde_json::{Value, json};
use tests::Outcome;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::findings::findings;
use super::registration::{register, subscriptions_are_enabled};
use super::world::{
    World, blobs_published, call, ensure, lake_holds_what_was_published, ledger, wait_until,
};

const TYPES: [ContentType; 3] = [
    ContentType::AzureActiveDirectory,
    ContentType::Exchange,
    ContentType::SharePoint,
];

/// Blobs of a tenant that are there already when it is registered, of each type: hours that end before the storm, so that they can
/// be certified, and work for several fetchers.
const BLOBS_BEFORE: usize = 20;

/// Further blobs of a tenant, of all types.
const BLOBS: usize = 60;

/// They are published while functions die.
const BLOBS_PER_SECOND: f64 = 2.0;

/// Whose processes die, what Microsoft is asked when they work, and how often they die.
const DEATHS: [(&str, Operation, usize); 2] = [
    ("FetcherName", Operation::Blob, 10),
    // It begins when a fetcher has stored a raw copy.
    ("DetectorName", Operation::Blob, 4),
];

/// Who dies before them, in the first listing, and once more after them: a sweep that died keeps its tenant for forty seconds.
const SWEEPER: (&str, Operation) = ("ReconcilerName", Operation::Content);

/// Most requests at Microsoft before the next death: a batch has ten blobs.
const REQUESTS_MAX: u64 = 10;

/// Longest wait for them: whoever does not work is killed at rest.
const CALM_MAX: Duration = Duration::from_secs(5);

/// Time between two looks at the requests: shorter than any step of a blob's way.
const WATCH_EVERY: Duration = Duration::from_millis(3);

/// Fewest deaths at work that make a storm. The others meet a process at rest: detectors work for some milliseconds only.
const AT_WORK_MIN: [(&str, usize); 2] = [("ReconcilerName", 1), ("FetcherName", 3)];

/// A function's timeout in the storm, in seconds: a lease outlives its worker's time, and a test does not wait for minutes.
const TIMEOUT: &str = "15";

/// For how long the queues hide what a function took, in seconds. The template has six times the functions' own timeouts.
const HIDDEN_SECONDS: &str = "20";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_that_die_at_work_lose_and_double_nothing() {
    let repeats = Fault {
        probability: 0.3,
        ..Fault::from(FaultKind::RepeatRecords { count: 3 })
    };
    let slow = Fault {
        operation: Some(Operation::Blob),
        probability: 0.5,
        ..Fault::from(FaultKind::Delay { milliseconds: 200 })
    };
    let world = World::deploy(Config {
        tenants: 2,
        content_types: TYPES.to_vec(),
        blobs_per_tenant: BLOBS,
        blobs_per_second: Some(BLOBS_PER_SECOND),
        notify: false,
        allow_http_webhooks: true,
        faults: vec![repeats, slow],
        behaviour: Behaviour {
            blobs_before_subscription: BLOBS_BEFORE,
            ..Behaviour::default()
        },
        ..Config::default()
    })
    .await;
    let (seed, _) = Uuid::new_v4().as_u64_pair();
    let ended = storm(&world, seed).await;
    let ended = ended.map_err(|error| format!("storm {seed}: {error}").into());
    world.expect(ended).await;
}

async fn storm(world: &World, seed: u64) -> Outcome<()> {
    let tenants = world.microsoft.tenants();
    let (served, denied) = (tenants[0], tenants[1]);
    waits_are_short(world).await?;
    for tenant in [served, denied] {
        let types = TYPES.map(ContentType::name);
        let request = json!({"tenant_id": tenant, "cloud": "enterprise", "name": "Contoso", "content_types": types});
        register(world, &request).await?;
        subscriptions_are_enabled(world, tenant, TYPES.len()).await?;
    }
    consent(world, denied, Consent::Roleless);
    world.microsoft.tell(served, Story::PasswordSpray)?;

    functions_die_at_work(world, served, seed).await?;
    everything_is_done(world, served, &[served]).await?;
    lake_holds_what_was_published(world, &[served]).await?;
    everything_is_certified(world, served).await?;
    the_brake_says(world, denied, &json!("consent")).await?;

    consent(world, denied, Consent::Granted);
    tokens_are_forgotten(world).await?;
    everything_is_done(world, denied, &tenants).await?;
    lake_holds_what_was_published(world, &tenants).await?;
    everything_is_certified(world, denied).await?;
    the_brake_says(world, denied, &Value::Null).await?;

    queues_are_empty(world).await?;
    ensure(!findings(world).await?.is_empty(), || {
        "the attack was not found".to_owned()
    })?;
    let violations = world.microsoft.violations();
    ensure(violations.is_empty(), || {
        format!("Microsoft's rules were broken: {violations:#?}")
    })
}

fn consent(world: &World, tenant: Uuid, consent: Consent) {
    let state = TenantState {
        consent: Some(consent),
        ..TenantState::default()
    };
    world.microsoft.set_tenant(tenant, &state);
}

/// A process keeps a token without the permission for up to five minutes, and says so long that consent is missing. It has no such
/// token when it is new.
async fn tokens_are_forgotten(world: &World) -> Outcome<()> {
    for function in ["ReconcilerName", "FetcherName"] {
        for process in world.stack.processes(function)? {
            // It may have ended by itself.
            drop(world.stack.kill(process).await);
        }
    }
    Ok(())
}

/// As deployed, but for the times that dead workers are waited for. And nobody but the test begins a sweep.
async fn waits_are_short(world: &World) -> Outcome<()> {
    let stack = &world.stack;
    let hidden = format!("VisibilityTimeout={HIDDEN_SECONDS}");
    try_join_all(queues(world).await?.iter().map(|url| async {
        let set = ["sqs", "set-queue-attributes", "--queue-url", url];
        let hidden = ["--attributes", &hidden];
        stack.aws(&[set.as_slice(), &hidden].concat()).await
    }))
    .await?;
    for function in ["FetcherName", "ReconcilerName"] {
        let name = ["--function-name", stack.output(function)?];
        let set = ["lambda", "update-function-configuration"];
        let set = [set.as_slice(), &name, &["--timeout", TIMEOUT]];
        stack.aws(&set.concat()).await?;
        let wait = ["lambda", "wait", "function-updated-v2"];
        stack.aws(&[wait.as_slice(), &name].concat()).await?;
    }
    let query = "Schedules[?contains(Name, 'SweepSchedule')].Name";
    let list = ["scheduler", "list-schedules", "--query", query];
    let schedules: Vec<String> = serde_json::from_value(stack.aws(&list).await?)?;
    let [schedule] = schedules.as_slice() else {
        return Err(format!("one schedule of sweeps, not {schedules:?}").into());
    };
    let delete = ["scheduler", "delete-schedule", "--name", schedule];
    stack.aws(&delete).await.map(drop)
}

/// The addresses of the stack's own queues.
async fn queues(world: &World) -> Outcome<Vec<String>> {
    let list = ["sqs", "list-queues", "--queue-name-prefix", "ualstream-"];
    let query = ["--query", "QueueUrls[]"];
    let list = [list.as_slice(), &query].concat();
    Ok(serde_json::from_value(world.stack.aws(&list).await?)?)
}

/// Sweeps go on until the last one is dead.
async fn functions_die_at_work(world: &World, tenant: Uuid, seed: u64) -> Outcome<()> {
    let deaths = deaths(world, seed);
    tokio::pin!(deaths);
    loop {
        tokio::select! {
            ended = &mut deaths => break ended?,
            // One that dies while it is dispatching is dispatched again.
            swept = sweep(world, tenant) => drop(swept),
        }
    }
    for (function, least) in AT_WORK_MIN {
        let at_work = world.stack.died_at_work(function)?;
        ensure(at_work >= least, || {
            format!("{at_work} invocations of {function} have died, not {least}")
        })?;
    }
    Ok(())
}

async fn deaths(world: &World, seed: u64) -> Outcome<()> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut order: Vec<(&str, Operation)> = DEATHS
        .into_iter()
        .flat_map(|(function, at, times)| vec![(function, at); times])
        .collect();
    order.shuffle(&mut rng);
    let order = [vec![SWEEPER], order, vec![SWEEPER]].concat();
    for (function, at) in order {
        let requests = world.microsoft.request_count(at) + rng.random_range(1..=REQUESTS_MAX);
        let deadline = Instant::now() + CALM_MAX;
        while world.microsoft.request_count(at) < requests && Instant::now() < deadline {
            sleep(WATCH_EVERY).await;
        }
        let mut processes = world.stack.processes(function)?;
        processes.shuffle(&mut rng);
        processes.truncate(rng.random_range(1..=processes.len().max(1)));
        for process in processes {
            // It may have ended by itself.
            drop(world.stack.kill(process).await);
        }
    }
    Ok(())
}

/// Whoever is registered again is due at once.
async fn sweep(world: &World, tenant: Uuid) -> Outcome<()> {
    register(world, &json!({"tenant_id": tenant})).await?;
    let dispatch = json!({"dispatch": "sweeps"});
    let dispatched = world.stack.invoke("ReconcilerName", &dispatch).await;
    dispatched.map(drop)
}

/// All that these tenants published, of whom one is swept, is in the ledger as done, and nothing else.
async fn everything_is_done(world: &World, swept: Uuid, by: &[Uuid]) -> Outcome<()> {
    wait_until("every blob is done", async || {
        sweep(world, swept).await?;
        let ledger = ledger(world).await?;
        let (finished, blobs) = (
            world.microsoft.published().finished,
            blobs_published(world, by),
        );
        let is_done = ledger.len() == 1 && ledger.get("DONE") == Some(&blobs);
        Ok((finished && is_done)
            .then_some(())
            .ok_or_else(|| format!("{ledger:?} of {blobs} blobs")))
    })
    .await
}

/// Each blob is in it, done; hours that have ended are complete; and nothing is lost.
async fn everything_is_certified(world: &World, tenant: Uuid) -> Outcome<()> {
    let path = format!("v1/tenants/{tenant}");
    let of = async |what: &str| {
        let path = format!("{path}/{what}");
        call(world, Method::GET, &path, Value::Null).await
    };
    let certificate = of("certificate").await?;
    let hours = certificate["hours"].as_array().cloned().unwrap_or_default();
    let sum = |member: &str| -> u64 { hours.iter().filter_map(|hour| hour[member].as_u64()).sum() };
    let feeds = world.microsoft.published().feeds;
    let feeds = feeds.iter().filter(|feed| feed.tenant == tenant);
    let records: u64 = feeds.map(|feed| feed.records).sum();
    let blobs = blobs_published(world, &[tenant]);
    let found = ["done", "records_written"].map(sum);
    let missing = ["open", "quarantined", "lost", "unreadable"].map(sum);
    ensure(found == [blobs, records] && missing == [0; 4], || {
        format!("{blobs} blobs, {records} records; but certified are {hours:#?}")
    })?;
    // What is being published now is listed once more, in an hour's time.
    let now = TYPES.len() * 2;
    let complete = hours.iter().filter(|hour| hour["state"] == "complete");
    let (complete, all) = (complete.count(), hours.len());
    ensure(complete > now && complete + now >= all, || {
        format!("{complete} of {all} hours are complete: {hours:#?}")
    })?;
    let losses = of("losses").await?;
    ensure(losses["losses"] == json!([]), || {
        format!("losses: {losses:#}")
    })
}

async fn the_brake_says(world: &World, tenant: Uuid, reason: &Value) -> Outcome<()> {
    let path = format!("v1/tenants/{tenant}");
    let status = call(world, Method::GET, &path, Value::Null).await?;
    // Of none there is nothing, and no reason either.
    ensure(status["brake"]["reason"] == *reason, || {
        format!("the brake should say {reason}: {status:#}")
    })
}

/// Those for dead letters too.
async fn queues_are_empty(world: &World) -> Outcome<()> {
    let urls: BTreeSet<String> = queues(world).await?.into_iter().collect();
    wait_until("every queue is empty", async || {
        let read = urls.iter().map(|url| async move {
            let get = ["sqs", "get-queue-attributes", "--attribute-names", "All"];
            let get = [get.as_slice(), &["--queue-url", url]].concat();
            Outcome::Ok((url, world.stack.aws(&get).await?))
        });
        let counts = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ];
        let mut filled = Vec::new();
        for (url, read) in try_join_all(read).await? {
            let counts = counts.map(|name| read["Attributes"][name].clone());
            if counts.iter().any(|count| count != "0") {
                filled.push(format!("{url}: {counts:?}"));
            }
        }
        Ok(filled.is_empty().then_some(()).ok_or(filled.join("\n")))
    })
    .await
}
