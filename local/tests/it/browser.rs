//! The pages in a real browser, against the program and an emulated Microsoft: `tests/browser/journey.py` clicks, here is
//! only the installation.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use emulator::Config;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use crate::world::{LOOK_EVERY, World, tail};

/// A first installation downloads a browser of 100 MB.
const INSTALL_WITHIN: Duration = Duration::from_secs(15 * 60);

/// About 150 screenshots and 40 runs of axe-core, on a machine that builds meanwhile.
const JOURNEY_WITHIN: Duration = Duration::from_secs(15 * 60);

/// The program starts within a second on an idle machine.
const START_WITHIN: Duration = Duration::from_secs(120);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_adds_a_tenant_and_sees_its_trouble() {
    let install = Command::new(root().join("tests/tools/install.sh"))
        .arg("browser")
        .kill_on_drop(true)
        .output();
    let install = timeout(INSTALL_WITHIN, install).await.unwrap().unwrap();
    assert!(
        install.status.success(),
        "{}",
        String::from_utf8_lossy(&install.stderr)
    );

    let world = World::new(Config {
        blobs_per_tenant: 20,
        allow_http_webhooks: true,
        ..Config::default()
    })
    .await;
    let _program = world.start();
    let end = Instant::now() + START_WITHIN;
    while !world.is_up().await {
        assert!(Instant::now() < end, "not started: {}", tail(&world.log()));
        sleep(LOOK_EVERY).await;
    }

    let mut journey = Command::new(root().join(".tools/browser/bin/python"))
        .arg(root().join("tests/browser/journey.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let given = json!({
        "url": world.url().as_str(),
        "key": World::key(),
        "manage_url": world.microsoft.manage_url().as_str(),
        "tenants": world.microsoft.tenants(),
        "folder": root().join("target/browser"),
    });
    let mut input = journey.stdin.take().unwrap();
    input.write_all(given.to_string().as_bytes()).await.unwrap();
    drop(input);
    let output = timeout(JOURNEY_WITHIN, journey.wait_with_output());
    let output = output.await.unwrap().unwrap();
    assert!(
        output.status.success(),
        "{}\n--- program ---\n{}",
        String::from_utf8_lossy(&output.stderr),
        tail(&world.log())
    );
}
