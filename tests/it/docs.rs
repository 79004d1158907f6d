//! What the documents refer to exists.

use std::path::{Path, PathBuf};

use tests::{repo, severity};

/// Beginnings of commands that a reader can be assumed to have.
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
fn every_relative_link_leads_somewhere() {
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
fn every_command_of_the_documents_exists() {
    let aliases = repo::read(".cargo/config.toml").unwrap();
    // Not what lies in the folder: a program that an earlier build left behind is not there after a clone.
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
fn the_document_shows_the_tables_of_severities() {
    let text = repo::read(severity::DOCUMENT).unwrap();
    let is_current = severity::document().unwrap() == text;
    assert!(is_current, "write the tables anew: {}", severity::COMMAND);
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

/// The first lines of commands in ```sh blocks; continuation lines are indented.
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
