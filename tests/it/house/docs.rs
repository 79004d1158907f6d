//! Everything that the documents refer to exists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use normalize::{Context, Options};
use serde_json::Value;
use tests::{repo, severity};

/// Prefixes of commands that a reader can be expected to have.
const KNOWN_COMMANDS: [&str; 15] = [
    "aws",
    "bash",
    "cargo",
    "cat",
    "cd",
    "curl",
    "duckdb",
    "export",
    "git",
    "jq",
    "mkdir",
    "rustup",
    "sam",
    "source",
    "ualstream",
];

#[test]
fn every_relative_link_has_a_target() {
    let mut broken = Vec::new();
    for path in documents() {
        let text = repo::read(&path).unwrap();
        let folder = path.parent().unwrap_or(Path::new(""));
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            let is_ours = !file.is_empty() && !file.contains("://") && !file.starts_with("mailto:");
            if is_ours && !repo::root().join(folder).join(file).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "links that lead nowhere:\n{}",
        broken.join("\n")
    );
}

#[test]
fn every_command_in_the_documents_exists() {
    let aliases = repo::read(".cargo/config.toml").unwrap();
    // Only tracked files: a program left behind by an earlier build is not there after a clone.
    let tracked = repo::files().unwrap();
    let mut unknown = Vec::new();
    for path in documents() {
        for command in commands(&repo::read(&path).unwrap()) {
            let mut words = command.split_whitespace();
            let program = words.next().unwrap_or_default();
            let is_assignment = program.contains('=');
            let exists = is_assignment
                || KNOWN_COMMANDS.contains(&program)
                || tracked
                    .iter()
                    .any(|file| file.as_path() == Path::new(program));
            let argument = words.next().unwrap_or_default();
            let is_alias =
                program == "cargo" && argument == "demo" && !aliases.contains("\ndemo = ");
            if !exists && !program.starts_with(".tools/") || is_alias {
                unknown.push(format!("{}: {command}", path.display()));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "commands that do not exist:\n{}",
        unknown.join("\n")
    );
}

#[test]
fn the_document_shows_the_severity_tables() {
    let text = repo::read(severity::DOCUMENT).unwrap();
    let is_current = severity::document().unwrap() == text;
    assert!(is_current, "write the tables anew: {}", severity::COMMAND);
}

#[test]
fn the_readme_shows_the_event_of_a_record() {
    let text = repo::read("README.md").unwrap();
    let mut blocks = text
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let (record, shown) = (blocks.next().unwrap(), blocks.next().unwrap());
    let options = Options::default();
    let context = Context {
        content_type: None,
        content_created_ms: None,
        options: &options,
    };
    let mut event = Vec::new();
    normalize::event(record.as_bytes(), &context, &mut event);
    let event: Value = serde_json::from_slice(&event).unwrap();
    let shown: Value = serde_json::from_str(shown).unwrap();
    assert!(holds(&event, &shown), "the event is {event:#}");
}

#[test]
fn each_kind_of_error_is_explained_and_no_other() {
    let source = repo::read("shared/pipeline/src/verbs/api/error.rs").unwrap();
    // Each is written as `(S::STATUS, "kind", `.
    let named = source.split("(S::").skip(1);
    let named: BTreeSet<&str> = named.map(|of| of.split('"').nth(1).unwrap()).collect();
    assert!(
        named.len() > 30 && named.contains("not-registered"),
        "{named:?}"
    );
    let page = repo::read("docs/ERRORS.md").unwrap();
    let explained: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    assert_eq!(
        named, explained,
        "docs/ERRORS.md has a section for each kind"
    );
}

/// Whether `whole` contains `part`.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|whole| holds(whole, value))),
        _ => whole == part,
    }
}

#[test]
fn links_and_commands_are_found_in_markdown() {
    let text = "See [a](docs/A.md#b) and\n[c](https://x.example/).\n```sh\ncargo demo # runs\n  --flag\n# a comment\n```\n";
    assert_eq!(links(text), ["docs/A.md#b", "https://x.example/"]);
    assert_eq!(commands(text), ["cargo demo # runs"]);
}

fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect()
}

/// The first line of each command in ```sh blocks. Continuation lines are indented.
fn commands(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside && !line.is_empty() && !line.starts_with([' ', '#']) {
            found.push(line);
        }
    }
    found
}

fn documents() -> Vec<PathBuf> {
    let all = repo::files().unwrap();
    all.into_iter()
        .filter(|path| path.extension().is_some_and(|of| of == "md"))
        .collect()
}
