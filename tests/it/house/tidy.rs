//! House rules that no compiler checks: dependencies between crates, and the size and names of files.

mod teeth;
mod wings;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use tests::repo;

/// Most code lines in a file, without the tests at the end.
const FILE_LINES_MAX: usize = 400;

/// Most lines in a Lambda's main.rs: settings, clients, run.
const MAIN_LINES_MAX: usize = 50;

/// Longest name of a test in characters: enough for one short behaviour.
const TEST_NAME_MAX: usize = 60;

/// File names that do not say what the file contains.
const EMPTY_NAMES: [&str; 6] = ["mod", "utils", "util", "helpers", "common", "misc"];

/// Our own crates that each crate may use. The emulator uses none, so it cannot share a misreading of Microsoft's API.
const ARROWS: [(&str, &[&str]); 18] = [
    ("columnar", &[]),
    ("emulator", &[]),
    ("records", &[]),
    ("normalize", &["records"]),
    ("detections", &["normalize"]),
    ("office365", &["records"]),
    ("page", &[]),
    (
        "pipeline",
        &[
            "columnar",
            "detections",
            "normalize",
            "office365",
            "page",
            "records",
        ],
    ),
    ("receiver", &["pipeline"]),
    ("fetcher", &["pipeline"]),
    ("api", &["pipeline"]),
    ("reconciler", &["pipeline"]),
    ("compactor", &["pipeline"]),
    ("forwarder", &["pipeline"]),
    ("detector", &["pipeline"]),
    ("notifier", &["pipeline"]),
    (
        "local",
        &[
            "columnar",
            "detections",
            "emulator",
            "normalize",
            "office365",
            "pipeline",
            "records",
        ],
    ),
    (
        "tests",
        &[
            "columnar",
            "detections",
            "emulator",
            "local",
            "normalize",
            "office365",
            "pipeline",
        ],
    ),
];

const FUNCTIONS: &[&str] = &[
    "receiver",
    "fetcher",
    "api",
    "reconciler",
    "compactor",
    "forwarder",
    "detector",
    "notifier",
];

/// Prefixes of crate names, and the only crates that may use them.
const RESERVED: [(&str, &[&str]); 9] = [
    ("aws-config", &["pipeline", "local", "tests"]),
    ("aws-sdk-", &["pipeline", "local", "tests"]),
    ("aws-smithy-", &["pipeline", "local", "tests"]),
    ("axum", &["emulator", "local", "tests"]),
    ("clap", &["emulator", "local", "tests"]),
    ("lambda_", FUNCTIONS),
    ("object_store", &["pipeline", "local", "tests"]),
    // The emulator calls webhooks; office365 is the client for Microsoft; local calls the operator's API; pipeline the webhook that
    // wants findings.
    (
        "reqwest",
        &["emulator", "local", "office365", "pipeline", "tests"],
    ),
    ("dynoxide", &["local", "tests"]),
];

/// Crates not allowed in `records`, `normalize`, `detections`, `columnar` and `page`, which are pure: no I/O, no async. clippy.toml bans the
/// clock.
const NOT_IN_PURE: [&str; 5] = ["futures", "http", "rand", "tokio", "tracing"];

#[test]
fn crates_only_depend_along_the_arrows() {
    let metadata = repo::metadata().unwrap();
    assert_eq!(broken_arrows(&metadata), Vec::<String>::new());
}

#[test]
fn a_forbidden_arrow_is_reported() {
    let metadata: Value = serde_json::json!({"packages": [
        {"name": "emulator", "dependencies": [{"name": "office365", "kind": null, "path": "/x"}]},
        {"name": "normalize", "dependencies": [{"name": "tokio", "kind": null}, {"name": "axum", "kind": "dev"}]},
        {"name": "newcomer", "dependencies": []},
    ]});
    assert_eq!(
        broken_arrows(&metadata),
        [
            "emulator must not depend on office365",
            "normalize must not depend on tokio",
            "newcomer has no place in the list of arrows",
        ]
    );
}

fn broken_arrows(metadata: &Value) -> Vec<String> {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut broken = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some((_, allowed)) = ARROWS.iter().find(|(of, _)| *of == name) else {
            broken.push(format!("{name} has no place in the list of arrows"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            // Tests may use any crate of ours; cargo itself refuses circles.
            let is_dev = dependency["kind"] == "dev";
            let reserved = RESERVED
                .iter()
                .any(|(prefix, users)| on.starts_with(prefix) && !users.contains(&name));
            let impure = ["columnar", "detections", "normalize", "page", "records"].contains(&name)
                && NOT_IN_PURE.contains(&on);
            let across = ours.contains(on) && !allowed.contains(&on);
            if (!is_dev && (reserved || impure || across)) || (across && name == "emulator") {
                broken.push(format!("{name} must not depend on {on}"));
            }
        }
    }
    broken
}

#[test]
fn versions_are_chosen_in_one_place() {
    let metadata = repo::metadata().unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = std::fs::read_to_string(package["manifest_path"].as_str().unwrap()).unwrap();
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.ends_with("dependencies]") && line.contains('=') {
                assert!(
                    line.contains("workspace"),
                    "{}: {line}: take it from [workspace.dependencies]",
                    package["name"]
                );
            }
        }
    }
}

#[test]
fn every_source_file_is_short_and_has_a_heading() {
    let mut faults = Vec::new();
    for path in sources() {
        let text = repo::read(&path).unwrap();
        if !text.starts_with("//!") {
            faults.push(format!(
                "{}: begins without a //! line that says what it is",
                path.display()
            ));
        }
        let lines = code_lines(&text);
        let is_function_main = path.starts_with("functions") && path.ends_with("src/main.rs");
        let most = if is_function_main {
            MAIN_LINES_MAX
        } else {
            FILE_LINES_MAX
        };
        if lines > most {
            faults.push(format!(
                "{}: {lines} lines of code, at most {most}",
                path.display()
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Lines before the tests that are neither empty nor comments.
fn code_lines(text: &str) -> usize {
    text.lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[test]
fn file_names_say_what_is_inside() {
    for path in sources() {
        let named = path
            .iter()
            .filter_map(|part| Path::new(part).file_stem()?.to_str());
        let empty: Vec<&str> = named.filter(|name| EMPTY_NAMES.contains(name)).collect();
        assert!(
            empty.is_empty(),
            "{}: name it after what it holds",
            path.display()
        );
    }
}

#[test]
fn test_names_are_short() {
    let mut long = Vec::new();
    for path in sources() {
        let text = repo::read(&path).unwrap();
        let mut lines = text.lines().map(str::trim);
        while lines.any(|line| line.starts_with("#[test") || line.starts_with("#[tokio::test")) {
            let name = lines.find_map(|line| {
                let name = line
                    .strip_prefix("async ")
                    .unwrap_or(line)
                    .strip_prefix("fn ")?;
                name.split('(').next()
            });
            let name = name.unwrap_or_default();
            if name.len() > TEST_NAME_MAX {
                long.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(
        long.is_empty(),
        "longer than {TEST_NAME_MAX}:\n{}",
        long.join("\n")
    );
}

#[test]
fn nothing_is_left_undone_or_disabled() {
    // Written in two parts, so that this file does not contain the marks.
    let marks = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["#[ig", "nore"],
        ["#[al", "low("],
        ["/ho", "me/"],
        ["/wo", "rk/"],
    ];
    let mut faults = Vec::new();
    for path in repo::files().unwrap() {
        let is_text = path.extension().is_some_and(|of| {
            ["rs", "toml", "yaml", "md", "sh", "py"]
                .iter()
                .any(|text| of == *text)
        });
        if !is_text {
            continue;
        }
        let text = repo::read(&path).unwrap();
        let found = marks
            .iter()
            .map(|parts| parts.concat())
            .filter(|mark| text.contains(mark.as_str()));
        faults.extend(found.map(|mark| format!("{}: {mark}", path.display())));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn sources() -> Vec<std::path::PathBuf> {
    let all = repo::files().unwrap();
    let sources: Vec<_> = all
        .into_iter()
        .filter(|path| path.extension().is_some_and(|of| of == "rs"))
        .collect();
    assert!(
        sources.len() > 20,
        "found only {} source files: is this the whole checkout?",
        sources.len()
    );
    sources
}
