//! The process is killed at random moments: nothing is lost and nothing is written twice.

use std::collections::HashSet;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use emulator::{Config, ContentType, Emulator, Fault, FaultKind};
use http::Method;
use local::api_client::call;
use local::verify::{self, LakeRecords, RecordKey};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use secrecy::SecretString;
use serde_json::json;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::process::{Running, WITHIN, ualstream};

const KILLS: usize = 10;

/// A process lives at most this long before its kill: some die while they start, some in the midst of their work.
const LIVES_MILLIS_MAX: u64 = 1_200;

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const TENANTS: usize = 2;
const BLOBS_PER_TENANT: usize = 500;
const RECORDS_PER_BLOB: usize = 20;

/// Twenty seconds of blobs: longer than ten lives.
const BLOBS_PER_SECOND: f64 = 25.0;

const KEY: &str = "a key for tests, nothing depends on it";

/// An installation that is killed and started again.
struct World {
    microsoft: Emulator,
    folder: tempfile::TempDir,
    url: Url,
    seed: u64,
}

impl World {
    async fn new(seed: u64) -> Self {
        let microsoft = Emulator::start(Config {
            seed,
            tenants: TENANTS,
            blobs_per_tenant: BLOBS_PER_TENANT,
            records_per_blob: RECORDS_PER_BLOB..=RECORDS_PER_BLOB,
            blobs_per_second: Some(BLOBS_PER_SECOND),
            allow_http_webhooks: true,
            ..Config::default()
        })
        .await
        .unwrap();
        // Every third blob repeats records of the one before: whoever is killed between two claims must not let both
        // blobs write them, or neither.
        let mut repeat = Fault::from(FaultKind::RepeatRecords { count: 5 });
        repeat.probability = 0.3;
        assert!(microsoft.fault(repeat));
        // The address must stay the same: Microsoft goes on calling it.
        let port = {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            free.local_addr().unwrap().port()
        };
        Self {
            microsoft,
            folder: tempfile::tempdir().unwrap(),
            url: Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap(),
            seed,
        }
    }

    fn start(&self) -> Running {
        let login = self.microsoft.login_url().to_string();
        let manage = self.microsoft.manage_url().to_string();
        let client_id = self.microsoft.client_id().to_string();
        let port = self.url.port().unwrap().to_string();
        let arguments = [
            "serve",
            "--login-url",
            &login,
            "--manage-url",
            &manage,
            "--client-id",
            &client_id,
            "--publisher-id",
            &client_id,
            "--port",
            &port,
            "--data",
            "data",
            "--sweep-seconds",
            "1",
            "--batch-seconds",
            "5",
        ];
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.log())
            .unwrap();
        Running::start(
            ualstream(self.folder.path(), &arguments)
                .env("CLIENT_SECRET", self.microsoft.client_secret())
                .env("API_KEY", KEY)
                .stdout(log.try_clone().unwrap())
                .stderr(log),
        )
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn lake(&self) -> PathBuf {
        self.folder.path().join("data/lake")
    }

    async fn register(&self) {
        let types: Vec<String> = ContentType::ALL.iter().map(ToString::to_string).collect();
        let key = SecretString::from(KEY);
        for tenant in self.microsoft.tenants() {
            let body = json!({ "tenant_id": tenant, "content_types": types });
            let end = Instant::now() + WITHIN;
            while let Err(error) =
                call(&self.url, &key, Method::POST, "v1/tenants", Some(&body)).await
            {
                assert!(Instant::now() < end, "not registered: {error}");
                sleep(LOOK_EVERY).await;
            }
        }
    }

    /// What is published and not in the lake.
    fn missing(&self, lake: &LakeRecords) -> usize {
        self.published()
            .iter()
            .filter(|record| !lake.has(record))
            .count()
    }

    fn published(&self) -> HashSet<RecordKey> {
        let ids = self.microsoft.published_ids();
        ids.iter()
            .map(|(tenant, id)| RecordKey::new(&tenant.to_string(), id))
            .collect()
    }

    async fn settle(&self) {
        let mut lake = LakeRecords::default();
        let end = Instant::now() + WITHIN;
        loop {
            lake.refresh(&self.lake()).unwrap();
            if self.microsoft.published().finished && self.missing(&lake) == 0 {
                return;
            }
            assert!(
                Instant::now() < end,
                "seed {}: {} records missing\n{}",
                self.seed,
                self.missing(&lake),
                tail(&self.log())
            );
            sleep(LOOK_EVERY).await;
        }
    }
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// A new one each time, unless `KILL_SEED` repeats a failure (as far as the machine's pace repeats).
#[expect(clippy::disallowed_methods, reason = "a test has no other settings")]
fn seed() -> u64 {
    std::env::var("KILL_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_kills_under_load_lose_and_duplicate_nothing() {
    let seed = seed();
    println!("KILL_SEED={seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let world = World::new(seed).await;
    let mut process = world.start();
    world.register().await;
    for _ in 0..KILLS {
        sleep(Duration::from_millis(
            dice.random_range(0..LIVES_MILLIS_MAX),
        ))
        .await;
        process.kill();
        process = world.start();
    }
    assert!(
        !world.microsoft.published().finished,
        "the last kill came after the load"
    );
    world.settle().await;
    let (_, ended_well) = process.interrupt();
    assert!(ended_well, "seed {seed}\n{}", tail(&world.log()));

    let published = world.published();
    assert!(published.len() > TENANTS * BLOBS_PER_TENANT * RECORDS_PER_BLOB / 2);
    let lake = verify::read(&world.lake()).unwrap();
    assert_eq!(lake.duplicates(), 0, "seed {seed}");
    assert_eq!(lake.unnamed(), 0, "seed {seed}");
    assert_eq!(lake.written(), published.len(), "seed {seed}");
    assert_eq!(world.missing(&lake), 0, "seed {seed}");
}
