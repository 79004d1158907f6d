//! A client in Python, written from Microsoft's documentation alone, runs against the program.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The program starts within a second; builds may be running beside it.
const START_WITHIN: Duration = Duration::from_secs(30);

/// Longest run of the script, which has a shorter limit of its own.
const SCRIPT_WITHIN: Duration = Duration::from_secs(120);

/// Starts the program with pages of three blobs, and gives its first line.
async fn program(scenario: &Path) -> (Child, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_emulator"))
        .args(["--port", "0", "--seed", "7", "--blobs", "23", "--scenario"])
        .arg(scenario)
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    let line = timeout(START_WITHIN, lines.next_line())
        .await
        .expect("in time")
        .expect("readable")
        .expect("a line");
    (child, serde_json::from_str(&line).expect("JSON"))
}

#[tokio::test]
async fn a_script_written_from_the_documentation_gets_every_record() {
    let directory = tempfile::tempdir().expect("a directory");
    let scenario = directory.path().join("scenario.json");
    std::fs::write(&scenario, r#"{"behaviour": {"page_items_max": 3}}"#).expect("a file");
    let (_program, line) = program(&scenario).await;
    let text = |field: &str| line[field].as_str().expect("a text").to_owned();
    let tenant = line["tenants"][0].as_str().expect("a tenant");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second_client.py");
    let run = Command::new("python3")
        .arg(script)
        .args(["login_url", "manage_url", "client_id", "client_secret"].map(text))
        .arg(tenant)
        .kill_on_drop(true)
        .output();
    let output = timeout(SCRIPT_WITHIN, run)
        .await
        .expect("in time")
        .expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let got: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let ask = async |question: &str| -> Value {
        let url = format!("{}_emulator/{question}", text("manage_url"));
        let answer = client.get(url).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    };
    let published = ask("published?ids=true").await;
    let mut ids: Vec<&str> = published["ids"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|pair| pair[1].as_str().expect("an Id"))
        .collect();
    ids.sort_unstable();
    assert_eq!(got["blobs"], 23);
    assert!(!ids.is_empty());
    assert_eq!(got["ids"], serde_json::json!(ids));
    assert_eq!(ask("violations").await, serde_json::json!([]));
}
