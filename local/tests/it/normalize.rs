//! `normalize` and `filter`.

use std::io::Write as _;
use std::process::Stdio;

use crate::process::{run, text, ualstream};

const RECORD: &str = r#"{"Id":"5ea2d1a2-6e2c-4b0e-9b0b-0c7e3a1d2f10","RecordType":15,"Operation":"UserLoggedIn","CreationTime":"2026-01-01T00:00:00","OrganizationId":"11111111-2222-4333-8444-555555555555"}"#;

#[test]
fn files_and_standard_input_come_out_as_events() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("a.ndjson"),
        format!("{RECORD}\n{RECORD}\n"),
    )
    .unwrap();
    std::fs::write(folder.path().join("b.json"), format!("[{RECORD}]")).unwrap();
    let mut child = ualstream(folder.path(), &["normalize", "a.ndjson", "-", "b.json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(RECORD.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let events = text(&output.stdout);
    assert_eq!(events.lines().count(), 4);
    for line in events.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["class_uid"], 3002, "{line}");
    }
}

#[test]
fn a_missing_file_is_named_and_the_others_are_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.ndjson"), RECORD).unwrap();
    let output = run(folder.path(), &["normalize", "missing.ndjson", "a.ndjson"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("missing.ndjson"));
    assert_eq!(text(&output.stdout).lines().count(), 1);
}

#[test]
fn a_filter_drops_what_its_dry_run_shows() {
    let folder = tempfile::tempdir().unwrap();
    let other = RECORD.replace("UserLoggedIn", "UserLoggedOff");
    std::fs::write(
        folder.path().join("a.ndjson"),
        format!("{RECORD}\n{other}\n{RECORD}\n"),
    )
    .unwrap();
    let rules = r#"[{"name":"logons","action":"drop","operation":"userloggedin"}]"#;
    std::fs::write(folder.path().join("f.json"), rules).unwrap();
    let told = run(
        folder.path(),
        &["filter", "--filter", "f.json", "--json", "a.ndjson"],
    );
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(
        (&told["dropped"]["records"], &told["kept"]["records"]),
        (&2.into(), &1.into())
    );
    assert_eq!(told["rules"][0]["name"], "logons");
    let done = run(
        folder.path(),
        &["normalize", "--filter", "f.json", "a.ndjson"],
    );
    assert_eq!(text(&done.stdout).lines().count(), 1);
    assert!(
        text(&done.stderr).contains("of 3 records, the filter dropped 2"),
        "{}",
        text(&done.stderr)
    );
}

#[test]
fn an_invalid_filter_is_refused_with_its_faults() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.ndjson"), RECORD).unwrap();
    std::fs::write(folder.path().join("f.json"), r#"[{"name":"x"}]"#).unwrap();
    for command in ["filter", "normalize"] {
        let output = run(folder.path(), &[command, "--filter", "f.json", "a.ndjson"]);
        assert!(!output.status.success());
        let told = text(&output.stderr);
        assert!(told.contains("rule 1: action is missing"), "{told}");
        assert_eq!(text(&output.stdout), "");
    }
}

/// What a person exports of [`RECORD`]: a CSV file, pages of JSON, lines.
fn exports() -> [(&'static str, Vec<u8>); 4] {
    let text = serde_json::json!({ "CreationDate": "2026-01-01", "AuditData": RECORD });
    let inner: serde_json::Value = serde_json::from_str(RECORD).unwrap();
    let page = serde_json::json!({ "value": [{ "id": "a", "auditData": inner }] });
    let cell = RECORD.replace('"', "\"\"");
    let csv = format!("\u{feff}RecordId,AuditData,UserId\r\n1,\"{cell}\",alex\r\n");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(csv.as_bytes()).unwrap();
    [
        ("lines.json", format!("{text}\n").into_bytes()),
        ("page.json", format!("{page}\n").into_bytes()),
        ("export.csv", csv.into_bytes()),
        ("export.csv.gz", gzip.finish().unwrap()),
    ]
}

#[test]
fn an_export_gives_the_events_of_its_records() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("raw.json"), RECORD).unwrap();
    let expect = run(folder.path(), &["normalize", "raw.json"]).stdout;
    std::fs::write(folder.path().join("f.json"), "[]").unwrap();
    for (name, bytes) in exports() {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let output = run(folder.path(), &["normalize", name]);
        assert!(output.status.success(), "{name}");
        assert_eq!(text(&output.stdout), text(&expect), "{name}");
        let told = run(
            folder.path(),
            &["filter", "--filter", "f.json", "--json", name],
        );
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(told["kept"]["records"], 1, "{name}");
    }
}

#[test]
fn without_a_file_standard_input_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = ualstream(folder.path(), &["normalize"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&exports()[3].1).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(text(&output.stdout).lines().count(), 1);
}

#[test]
fn a_broken_record_is_told_and_the_others_are_events() {
    let folder = tempfile::tempdir().unwrap();
    let broken = RECORD.replace("\"Id\"", "Id");
    std::fs::write(
        folder.path().join("a.ndjson"),
        format!("{RECORD}\n{broken}\n{{\"AuditData\":null}}\n{RECORD}\n"),
    )
    .unwrap();
    let output = run(folder.path(), &["normalize", "a.ndjson"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout).lines().count(), 4);
    let told = text(&output.stderr);
    for expect in [
        "warning: a.ndjson, line 2 (record 2): the record is not JSON at byte 1",
        "warning: a.ndjson, line 3 (record 3): AuditData holds no record",
        "of 4 records, 2 are broken",
    ] {
        assert!(told.contains(expect), "{told}");
    }
}

#[test]
fn a_file_of_another_kind_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.html"), "\n<html>\n").unwrap();
    std::fs::write(folder.path().join("b.ndjson"), RECORD).unwrap();
    let output = run(folder.path(), &["normalize", "a.html", "b.ndjson"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout).lines().count(), 1);
    let told = text(&output.stderr);
    assert!(
        told.contains("error: a.html is no file of records: line 2 "),
        "{told}"
    );
}
