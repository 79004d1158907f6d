//! Snapshots of the events of all fixtures, one file per family, so that a review shows what a change of the mapping
//! changes.
//!
//! `INSTA_UPDATE=always cargo test -p normalize fixtures` rewrites the snapshots.

use crate::findings_in_any_version;
use crate::lossless::lost;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;
use std::path::Path;

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// Values up to this many characters are written on one line: addresses and users are easier to read so.
const LINE_CHARS: usize = 110;

/// Defines a test for each family of fixtures, and the list of families.
macro_rules! families {
    ($($family:ident),+ $(,)?) => {
        const FAMILIES: &[&str] = &[$(stringify!($family)),+];
        $(
            #[test]
            fn $family() {
                check(stringify!($family));
            }
        )+
    };
}

families! {
    administration, alerts, apps, cloud_apps, cmdlets_compliance, cmdlets_exchange, computers, copilot, defender, dlp,
    entra_accounts, entra_entities, entra_groups, entra_rights, labels, mailbox, quarantine, sharepoint_files,
    sharepoint_sharing, sharepoint_sites, signins, teams, unknown,
}

/// The records of a family, one per line. Some lines are not records, on purpose.
fn records(family: &str) -> Vec<String> {
    let path = Path::new(TESTS).join(format!("fixtures/records/{family}.ndjson"));
    let text = std::fs::read_to_string(&path).expect("a family of fixtures");
    text.lines().map(str::to_owned).collect()
}

/// Checks that each event is valid, loses nothing, and matches its snapshot.
#[track_caller]
fn check(family: &str) {
    let (mut snapshot, mut wrong) = (String::new(), Vec::new());
    for line in records(family) {
        let event = crate::event(line.as_bytes());
        let mut findings = findings_in_any_version(line.as_bytes());
        if let Ok(record) = serde_json::from_str::<Value>(&line) {
            findings.extend(lost(&record, &event));
        }
        if !findings.is_empty() {
            wrong.push(format!("{line}\n  {}", findings.join("\n  ")));
        }
        write!(snapshot, "{}\n{}\n\n", heading(&event), pretty(&event, 0)).expect("a String grows");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(family, snapshot);
    });
}

/// What a reviewer looks for first: record type and operation, and the class and activity they were mapped to.
fn heading(event: &Value) -> String {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or("-");
    format!(
        "## {} {} {}: {}, {}, severity {}",
        text("/metadata/tags/0/value"),
        text("/metadata/log_source"),
        text("/metadata/event_code"),
        text("/type_name"),
        text("/status"),
        event["severity_id"],
    )
}

/// JSON, with short values on one line.
fn pretty(value: &Value, depth: usize) -> String {
    let flat = value.to_string();
    let (brackets, entries) = match value {
        Value::Object(members) if flat.len() > LINE_CHARS || depth == 0 => (
            ('{', '}'),
            members
                .iter()
                .map(|(name, value)| {
                    format!(
                        "{}: {}",
                        Value::from(name.as_str()),
                        pretty(value, depth + 1)
                    )
                })
                .collect::<Vec<_>>(),
        ),
        Value::Array(list) if flat.len() > LINE_CHARS => (
            ('[', ']'),
            list.iter().map(|value| pretty(value, depth + 1)).collect(),
        ),
        _ => return flat,
    };
    let indent = "  ".repeat(depth);
    let lines = entries.join(&format!(",\n{indent}  "));
    format!("{}\n{indent}  {lines}\n{indent}{}", brackets.0, brackets.1)
}

#[test]
fn every_family_and_snapshot_has_a_test() {
    let listed: BTreeSet<String> = FAMILIES.iter().map(|family| (*family).to_owned()).collect();
    let stems = |folder: &str, suffix: &str| {
        let files = std::fs::read_dir(Path::new(TESTS).join(folder)).expect("a folder");
        let names = files.map(|file| file.expect("a file").file_name());
        let stem = |name: std::ffi::OsString| {
            name.to_str()
                .and_then(|name| name.strip_suffix(suffix))
                .map(str::to_owned)
        };
        names
            .map(|name| {
                stem(name.clone())
                    .unwrap_or_else(|| format!("{} does not belong there", name.display()))
            })
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(stems("fixtures/records", ".ndjson"), listed);
    assert_eq!(stems("it/snapshots", ".snap"), listed);
}

#[test]
fn the_fixtures_cover_every_class_with_unique_ids() {
    let lines: Vec<String> = FAMILIES.iter().flat_map(|family| records(family)).collect();
    assert!(lines.len() >= 700, "{} fixtures", lines.len());
    let classes: BTreeSet<i64> = lines
        .iter()
        .filter_map(|line| crate::event(line.as_bytes())["class_uid"].as_i64())
        .collect();
    let expect = [
        0, 2004, 2006, 3001, 3002, 3004, 3005, 3006, 4009, 6001, 6002, 6003, 6006,
    ];
    assert_eq!(classes, BTreeSet::from(expect));
    let ids: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            serde_json::from_str::<Value>(line).ok()?["Id"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
}
