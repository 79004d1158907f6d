//! The commands that speak to a running installation.

use std::path::Path;

use serde_json::Value;

use crate::process::{Running, run, text, ualstream};

/// The word after `before`, up to a character that cannot be part of it.
fn word_after<'a>(text: &'a str, before: &str) -> &'a str {
    let rest = text.split(before).nth(1).unwrap();
    let ends = |char: char| !(char.is_ascii_alphanumeric() || "-.:/".contains(char));
    rest.split(ends).next().unwrap()
}

/// What a command prints; it must succeed.
fn ask(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_running_installation_is_asked_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "demo",
        "--tenants",
        "1",
        "--blobs",
        "4",
        "--records-per-blob",
        "3",
        "--data",
        "data",
    ];
    let mut demo = Running::start_piped(&mut ualstream(folder.path(), &arguments));
    let seen = demo.read_to("delivered");
    let api = format!("http://{}", word_after(&seen, "API        http://"));
    let api = api.trim_end_matches("v1/tenants");
    let tenant = word_after(&seen, "v1/tenants/");
    let there = ["--api", api, "--data", "data"];
    let with = |more: &[&str]| ask(folder.path(), &[more, &there[..]].concat());

    let certificate = with(&["certificate", tenant]);
    assert!(certificate.starts_with(tenant) && certificate.contains("records\n"));
    let json = with(&["certificate", tenant, "--type", "dlp.all", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["hours"][0]["content_type"], "DLP.All");
    assert_eq!(with(&["losses", tenant]), "nothing was lost\n");

    let tenants = with(&["tenants", "list"]);
    assert!(tenants.contains(tenant), "{tenants}");
    let shown = with(&["tenants", "show", tenant]);
    assert!(shown.contains("DLP.All enabled"), "{shown}");
    let events = with(&["events", tenant, "--limit", "2"]);
    assert!(events.starts_with("TIME (UTC)"), "{events}");
    let events = with(&["events", tenant, "--user", "nobody at all", "--json"]);
    let events: Value = serde_json::from_str(&events).unwrap();
    assert_eq!(
        (&events["events"], &events["complete"]),
        (&Value::from([0; 0].as_slice()), &Value::Bool(true))
    );

    let link = with(&["consent", "--name", "Guest"]);
    for part in ["/organizations/v2.0/adminconsent?", "/consent/callback\n"] {
        assert!(link.contains(part), "{link}");
    }

    let hour = json["hours"][0]["hour"].as_str().unwrap();
    let replay = with(&["replay", tenant, "--from", hour, "--generation", "second"]);
    assert!(replay.contains("\ndone\n"), "{replay}");
    assert!(
        folder
            .path()
            .join("data/lake/generations/second/ocsf")
            .is_dir()
    );

    let stranger = run(
        folder.path(),
        &[
            &["losses", "11111111-2222-4333-8444-555555555555"][..],
            &there,
        ]
        .concat(),
    );
    assert!(text(&stranger.stderr).contains("register it with POST /v1/tenants"));
    assert!(!stranger.status.success());
    demo.kill();
}
