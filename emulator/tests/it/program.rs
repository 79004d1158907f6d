//! The program: its first line, its scenario, its end.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

fn emulator() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emulator"));
    command
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn the_first_line_says_where_it_is_and_how_to_log_in() {
    let directory = tempfile::tempdir().expect("a directory");
    let scenario = directory.path().join("scenario.json");
    std::fs::write(
        &scenario,
        r#"{"faults": [{"kind": "html", "status": 503, "operation": "list"}]}"#,
    )
    .expect("a file");
    let mut child = emulator()
        .args(["--port", "0", "--seed", "1", "--tenants", "2", "--scenario"])
        .arg(&scenario)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line())
        .await
        .expect("in time")
        .expect("readable")
        .expect("a line");
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(line["tenants"].as_array().map(Vec::len), Some(2));
    for field in ["login_url", "manage_url", "client_id", "client_secret"] {
        assert!(
            line[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}: {line}"
        );
    }
    let base = line["manage_url"].as_str().expect("a URL");
    let tenant = line["tenants"][0].as_str().expect("a tenant");
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let answer = client
        .get(format!(
            "{base}api/v1.0/{tenant}/activity/feed/subscriptions/list"
        ))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 503, "the scenario is in force");
}

#[tokio::test]
async fn help_lists_the_arguments_and_bad_ones_are_named() {
    let help = emulator().arg("--help").output().await.expect("it runs");
    let text = String::from_utf8(help.stdout).expect("text");
    for word in [
        "--tenants",
        "--scenario",
        "--records",
        "--story",
        "--print-records",
        "--no-notify",
        "/_emulator/published",
        "login_url",
    ] {
        assert!(text.contains(word), "{word} is missing in the help");
    }
    let bad = emulator()
        .args(["--port", "0", "--scenario", "/nowhere/scenario.json"])
        .output()
        .await
        .expect("it runs");
    let text = String::from_utf8_lossy(&bad.stderr).into_owned();
    assert!(
        !bad.status.success() && text.contains("cannot read /nowhere/scenario.json"),
        "{text}"
    );
}
