//! Further records from a folder named by the environment variable `UALSTREAM_RECORDS`: `.ndjson` files whose lines are
//! raw records, or pairs of a record and its event as in `fixtures/golden.ndjson`.
//!
//! The only place where a test or bench of this crate reads anything outside the repository. It prints whether it did.

#![expect(
    clippy::expect_used,
    reason = "a test fails loudly, and says what it expected"
)]

use serde_json::Value;
use std::io::Write;
use std::path::Path;

/// The raw records, each with its expected event if the line has one; none when the variable is not set. `used_by` is
/// printed.
#[expect(clippy::disallowed_methods, reason = "not a setting of the project")]
pub(crate) fn further_records(used_by: &str) -> Vec<(String, Option<Value>)> {
    let folder = std::env::var_os("UALSTREAM_RECORDS");
    let records = folder
        .as_deref()
        .map_or_else(Vec::new, |folder| read(Path::new(folder)));
    // Not eprintln: its output is not shown for a test that passes.
    let said = match &folder {
        Some(folder) => writeln!(
            std::io::stderr(),
            "{used_by}: {} further records from {}",
            records.len(),
            folder.display()
        ),
        None => writeln!(
            std::io::stderr(),
            "{used_by}: no further records, UALSTREAM_RECORDS is not set"
        ),
    };
    said.expect("standard error");
    records
}

fn read(folder: &Path) -> Vec<(String, Option<Value>)> {
    let files = std::fs::read_dir(folder).expect("UALSTREAM_RECORDS is a folder");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "ndjson"));
    paths.sort();
    let texts = paths
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("a file of records"));
    let lines: Vec<String> = texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let lines = lines.into_iter().filter(|line| !line.trim().is_empty());
    lines.map(raw_and_event).collect()
}

fn raw_and_event(line: String) -> (String, Option<Value>) {
    let mut value: Value = serde_json::from_str(&line).expect("a record is JSON");
    if value["ocsf"].is_object() {
        (value["raw"].to_string(), Some(value["ocsf"].take()))
    } else {
        (line, None)
    }
}
