//! An installation under test: an emulated Microsoft, and the program that serves its tenants from a folder.

use std::collections::HashSet;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use emulator::{Config, ContentType, Emulator};
use http::Method;
use local::api_client::call;
use local::verify::{LakeRecords, RecordKey};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::Url;

use crate::process::{Running, WITHIN, ualstream};

/// How often a condition is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);

const KEY: &str = "a key for tests, nothing depends on it";

/// An installation that can be started again and again.
pub(crate) struct World {
    pub(crate) microsoft: Emulator,
    folder: tempfile::TempDir,
    url: Url,
}

impl World {
    pub(crate) async fn new(mut config: Config) -> Self {
        // The address must stay the same: Microsoft goes on calling it. It is held until Microsoft has one of its own.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        config.redirect_uris = vec![url.join("consent/callback").unwrap()];
        let microsoft = Emulator::start(config).await.unwrap();
        drop(free);
        Self {
            microsoft,
            folder: tempfile::tempdir().unwrap(),
            url,
        }
    }

    pub(crate) fn start(&self) -> Running {
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

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.folder.path().join("data/lake")
    }

    pub(crate) async fn register(&self) {
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

    /// Where the program answers.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The key that the program was started with.
    pub(crate) fn key() -> &'static str {
        KEY
    }

    /// Whether the program answers yet.
    pub(crate) async fn is_up(&self) -> bool {
        let key = SecretString::from(KEY);
        let asked = call(&self.url, &key, Method::GET, "v1/tenants", None);
        asked.await.is_ok()
    }

    /// What is published and not in the lake.
    pub(crate) fn missing(&self, lake: &LakeRecords) -> usize {
        self.published()
            .iter()
            .filter(|record| !lake.has(record))
            .count()
    }

    pub(crate) fn published(&self) -> HashSet<RecordKey> {
        let ids = self.microsoft.published_ids();
        ids.iter()
            .map(|(tenant, id)| RecordKey::new(&tenant.to_string(), id))
            .collect()
    }

    /// Asks the program's API.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let key = SecretString::from(KEY);
        call(&self.url, &key, Method::GET, path, None)
            .await
            .unwrap()
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// A new one each time, unless `TEST_SEED` repeats a failure (as far as the machine's pace repeats).
#[expect(clippy::disallowed_methods, reason = "a test has no other settings")]
#[expect(clippy::print_stdout, reason = "a failure says how to repeat it")]
pub(crate) fn seed() -> u64 {
    let given = std::env::var("TEST_SEED");
    let seed = given.map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("TEST_SEED={seed}");
    seed
}
