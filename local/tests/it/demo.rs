//! `demo`, and what `serve` says when it cannot start.

use std::process::Command;

use local::verify;

use crate::process::{Running, run, text, ualstream};

#[test]
fn once_with_json_prints_one_line_and_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        folder.path(),
        &[
            "demo",
            "--once",
            "--json",
            "--tenants",
            "2",
            "--blobs",
            "10",
            "--records-per-blob",
            "5",
            "--story",
            "none",
            "--lake",
            "lake",
        ],
    );
    let (out, told) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{told}");
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(
        out.starts_with(r#"{"published":100,"written":100,"duplicates":0,"lost":0,"seconds":"#),
        "{out}"
    );
    let lake = verify::read(&folder.path().join("lake")).unwrap();
    assert_eq!((lake.written(), lake.objects()), (100, 20));

    // The story is read from log events of the pipeline; a field or message spelled anew would leave holes.
    for part in [
        "registered",
        "subscribing to",
        "validated",
        "notified",
        "delivered",
    ] {
        assert!(told.contains(part), "nothing {part} in {told}");
    }
    assert!(!told.contains('?'), "{told}");

    let again = run(
        folder.path(),
        &["demo", "--once", "--json", "--lake", "lake"],
    );
    assert!(!again.status.success());
    assert!(text(&again.stderr).contains("not empty"));
}

/// A run with a filter that drops a content type and routes another, and severities of its own.
#[track_caller]
fn filtered(more: &[&str], folder_of_events: &str, ending: &str) {
    let folder = tempfile::tempdir().unwrap();
    let filter = r#"[{"name":"mail","action":"drop","content_type":"Audit.Exchange"},
                     {"name":"files","action":"route(files)","content_type":"Audit.SharePoint"}]"#;
    let severities = r#"[{"content_type":"Audit.General","severity":4}]"#;
    std::fs::write(folder.path().join("filter.json"), filter).unwrap();
    std::fs::write(folder.path().join("severities.json"), severities).unwrap();
    let arguments = "demo --once --json --tenants 1 --blobs 10 --records-per-blob 5 --story none --lake lake --filter filter.json \
                     --severity-rules severities.json";
    let arguments: Vec<&str> = arguments
        .split_whitespace()
        .chain(more.iter().copied())
        .collect();
    let output = run(folder.path(), &arguments);
    let (out, told) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{told}");
    assert!(
        out.starts_with(r#"{"published":50,"written":30,"duplicates":0,"lost":0,"seconds":"#),
        "{out}"
    );
    assert!(
        out.trim_end().ends_with(r#","routed":10,"dropped":10}"#),
        "{out}"
    );
    assert!(
        told.contains("every record once, or left out by the filter"),
        "{told}"
    );
    let lake = folder.path().join("lake");
    let records = verify::read(&lake).unwrap();
    assert_eq!(
        (records.written(), records.routed(), records.objects()),
        (30, 10, 8)
    );
    let find = format!("find lake/{folder_of_events} lake/routed/files -name '*.{ending}' | wc -l");
    let found = Command::new("sh")
        .args(["-c", &find])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(text(&found.stdout).trim(), "8", "{told}");
}

#[test]
fn dropped_and_routed_records_are_accounted_for() {
    filtered(&[], "ocsf", "ndjson.gz");
    filtered(&["--lake-compression", "zstd"], "ocsf", "ndjson.zst");
    filtered(
        &["--schema", "ecs", "--lake-compression", "zstd"],
        "ecs",
        "ndjson.zst",
    );
    filtered(&["--record-dedupe", "blob"], "ocsf", "ndjson.gz");
}

#[test]
fn without_notifications_the_sweep_delivers_everything() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        folder.path(),
        &[
            "demo",
            "--once",
            "--json",
            "--no-webhook",
            "--sweep-seconds",
            "1",
            "--tenants",
            "1",
            "--blobs",
            "10",
            "--records-per-blob",
            "3",
            "--story",
            "none",
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout)
            .starts_with(r#"{"published":30,"written":30,"duplicates":0,"lost":0,"#)
    );
    assert!(text(&output.stderr).contains("not announced"));
}

#[test]
fn a_story_is_found_and_its_records_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "demo --once --tenants 2 --blobs 5 --records-per-blob 10";
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let output = run(folder.path(), &arguments);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("every record once"), "{told}");
    // 100 ordinary records, and those of the password spray.
    assert!(told.contains("published  132 records"), "{told}");
    for title in [
        "found, high: Wrong passwords for many accounts from one address",
        "found, medium: Inbox rule sends mail on to an address",
        "findings   5\n",
    ] {
        assert_eq!(told.matches(title).count(), 1, "{title} in {told}");
    }
}

#[test]
fn few_file_descriptors_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 512 && exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_ualstream"),
        ])
        .args([
            "demo",
            "--once",
            "--json",
            "--blobs",
            "60",
            "--records-per-blob",
            "80",
            "--tenants",
            "2",
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        !text(&output.stderr).contains("WARN"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_run_stops_at_ctrl_c_and_the_next_one_continues() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join(".ualstream/lake");
    let mut records = 0;
    for _ in 0..2 {
        let mut demo = Running::start_piped(&mut ualstream(
            folder.path(),
            &["demo", "--tenants", "1", "--records-per-blob", "2"],
        ));
        let head = demo.read_to("delivered");
        assert!(
            head.contains("curl -s -H \"Authorization: Bearer $(cat "),
            "{head}"
        );
        let (rest, ended_well) = demo.interrupt();
        assert!(ended_well, "{head}{rest}");
        assert!(rest.contains("every record once"), "{rest}");
        assert!(!folder.path().join(".ualstream/ledger.sqlite-wal").exists());
        let now = verify::read(&lake).unwrap();
        assert!(now.written() > records, "{head}{rest}");
        assert_eq!(now.duplicates(), 0);
        records = now.written();
    }
}

#[test]
fn serve_names_its_missing_options() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["serve"]);
    assert!(!output.status.success());
    let error = text(&output.stderr);
    for name in ["--client-id", "--client-secret", "--publisher-id"] {
        assert!(error.contains(name), "{error}");
    }
}
