//! `rules`: list, show, test and lint Sigma rules, the built-in ones or a folder's.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use detections::{About, Fixtures, Off, Places, Rules, Source, lint};
use serde_json::json;

use crate::commands::table::{Column, table};
use crate::commands::{CommandError, print};
use crate::{place_files, rule_folder};

/// What to do with rules.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RulesCommand,
}

/// Commands for rules.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List the rules, the most severe first
    List {
        /// Folder of rules [default: the built-in ones]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
        /// File of places, in MaxMind's format; once for each (docs/DETECTIONS.md)
        #[arg(long, value_name = "FILE")]
        places: Vec<PathBuf>,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show a rule: what it finds, what looks the same, what to do
    Show {
        /// Its id, or its file's name
        #[arg(value_name = "RULE")]
        rule: String,
        /// Folder of rules [default: the built-in ones]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Try each rule on its fixtures: the file NAME.fixtures.json beside NAME.yml
    Test {
        /// Folder of rules [default: the built-in ones]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Tell what is wrong with the rules, or could be better
    Lint {
        /// Folder of rules [default: the built-in ones]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// No rule has this id, and no file this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no rule {0}: rules list shows them")]
struct NoRule(String);

pub(crate) fn main(args: &RulesArgs) -> Result<ExitCode, CommandError> {
    match &args.command {
        RulesCommand::List {
            folder,
            places,
            json,
        } => list(folder.as_deref(), &place_files::read(places)?, *json),
        RulesCommand::Show { rule, folder } => show(rule, folder.as_deref()),
        RulesCommand::Test { folder } => finish(&tested(&rule_folder::sources(folder.as_deref())?)),
        RulesCommand::Lint { folder } => finish(&linted(&rule_folder::sources(folder.as_deref())?)),
    }
}

/// Compiles rules, and tells on standard error which cannot be used.
pub(super) fn load(sources: &[Source]) -> Result<Rules, CommandError> {
    let rules = Rules::load(sources.iter().map(|of| (&*of.name, &*of.rules)));
    let mut out = io::stderr().lock();
    for refused in rules.refused() {
        let title = refused.title.as_deref().unwrap_or("a rule");
        let (file, reason) = (&refused.file, &refused.reason);
        writeln!(out, "warning: {file}: {title} is not used: {reason}")?;
    }
    Ok(rules)
}

/// Tells on standard error which rules can find nothing, because no file tells what they need of places.
pub(super) fn tell_off(rules: &Rules, places: &Places) -> Result<(), CommandError> {
    let mut out = io::stderr().lock();
    for Off { rule, lacks } in rules.off_without(places) {
        let (file, title, lacks) = (&rule.file, &rule.title, lacks.as_str());
        writeln!(
            out,
            "warning: {file}: {title} is off: it needs a file of {lacks} (--places)"
        )?;
    }
    Ok(())
}

/// How a level is written.
pub(super) fn level(of: &About) -> &'static str {
    of.level.map_or("", |level| level.as_str())
}

fn list(folder: Option<&Path>, places: &Places, is_json: bool) -> Result<ExitCode, CommandError> {
    let rules = load(&rule_folder::sources(folder)?)?;
    tell_off(&rules, places)?;
    let mut all: Vec<&About> = rules.about().collect();
    // Sigma's levels stand in the order of their severity.
    let rank = |of: &About| of.level.map(|level| level as u8);
    all.sort_by(|a, b| (rank(b), &a.file).cmp(&(rank(a), &b.file)));
    if is_json {
        print(&(json!(all).to_string() + "\n"))?;
    } else {
        let rows: Vec<Vec<String>> = all.iter().map(|of| row(of)).collect();
        let columns = ["LEVEL", "TITLE", "FILE", "ID"].map(Column::Left);
        print(&format!(
            "{}\n{} rules\n",
            table(&columns, &rows),
            rows.len()
        ))?;
    }
    Ok(code(rules.refused().is_empty()))
}

fn row(of: &About) -> Vec<String> {
    vec![
        level(of).to_owned(),
        of.title.clone(),
        of.file.clone(),
        of.id.clone(),
    ]
}

fn show(name: &str, folder: Option<&Path>) -> Result<ExitCode, CommandError> {
    let sources = rule_folder::sources(folder)?;
    let rules = load(&sources)?;
    let stem = |of: &About| {
        let stem = Path::new(&of.file).file_stem();
        stem.is_some_and(|stem| *stem == *name)
    };
    let is_it = |of: &&About| of.id == name || of.file == name || stem(of);
    let shown: Vec<&About> = rules.about().filter(is_it).collect();
    if shown.is_empty() {
        return Err(NoRule(name.to_owned()).into());
    }
    for about in shown {
        print(&described(about))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn described(of: &About) -> String {
    let list = |heading: &str, texts: &[String]| match texts {
        [] => String::new(),
        texts => format!("\n{heading}\n  {}\n", texts.join("\n  ")),
    };
    let mut text = format!("{}\n\n", of.title);
    let needs: Vec<&str> = of.needs.iter().map(|need| need.as_str()).collect();
    let needs = match &*needs {
        [] => String::new(),
        needs => format!("a file of {}", needs.join(", and of ")),
    };
    let facts = [
        ("level", level(of)),
        ("status", of.status.unwrap_or_default()),
        ("id", of.id.as_str()),
        ("file", of.file.as_str()),
        ("needs", &needs),
    ];
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("{name:<8}{value}\n"));
    }
    text.push_str(&list("What it finds", &lines(&of.description)));
    text.push_str(&list("What looks the same", &of.false_positives));
    text.push_str(&list("What to do", &lines(&of.respond)));
    text.push_str(&list("Tags", &of.tags));
    text.push_str(&list("References", &of.references));
    text.push('\n');
    text
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// What came of looking at rules.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// One line each, for standard error.
    faults: Vec<String>,
    /// At least one of them must be mended.
    is_bad: bool,
    /// The last line.
    summary: String,
}

fn finish(outcome: &Outcome) -> Result<ExitCode, CommandError> {
    let mut out = io::stderr().lock();
    for fault in &outcome.faults {
        writeln!(out, "{fault}")?;
    }
    print(&format!("{}\n", outcome.summary))?;
    Ok(code(!outcome.is_bad))
}

fn code(is_good: bool) -> ExitCode {
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Tries each file's rules on its fixtures. A file without any is told of, and fails nothing: rules of others have none.
fn tested(sources: &[Source]) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut cases, mut without) = (0, 0);
    for Source {
        name,
        rules,
        fixtures,
    } in sources
    {
        let rules = Arc::new(Rules::load([(&**name, &**rules)]));
        for refused in rules.refused() {
            outcome.faults.push(format!("{name}: {}", refused.reason));
            outcome.is_bad = true;
        }
        let Some(fixtures) = fixtures else {
            without += 1;
            continue;
        };
        match Fixtures::parse(fixtures) {
            Err(error) => {
                outcome.faults.push(format!("{name}: {error}"));
                outcome.is_bad = true;
            }
            Ok(fixtures) => {
                cases += fixtures.cases();
                let failures = fixtures.failures(&rules);
                outcome.is_bad |= !failures.is_empty();
                let failures = failures.iter().map(|of| format!("{name} {of}"));
                outcome.faults.extend(failures);
            }
        }
    }
    outcome.summary = format!(
        "{} files, {without} without fixtures; {cases} cases, {} faults",
        sources.len(),
        outcome.faults.len()
    );
    outcome
}

fn linted(sources: &[Source]) -> Outcome {
    let mut outcome = Outcome::default();
    for source in sources {
        for warning in lint(&source.name, &source.rules) {
            outcome.is_bad |= warning.is_error;
            outcome.faults.push(format!("{}: {warning}", source.name));
        }
    }
    outcome.summary = format!("{} files, {} faults", sources.len(), outcome.faults.len());
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "title: A rule\nid: 5d0f8b0e-7a0a-4a52-8f4b-0a7b9f6a1c07\nlogsource: {product: m365}\ndetection: {a: {Operation: x}, condition: a}\nlevel: high\nualstream: {respond: Ask.}\n";

    fn source(fixtures: Option<&str>) -> Source {
        Source {
            name: "a.yml".to_owned(),
            rules: RULE.to_owned(),
            fixtures: fixtures.map(str::to_owned),
        }
    }

    #[test]
    fn fixtures_that_fail_are_told() {
        let fixtures = |fires: &str, quiet: &str| {
            format!(
                r#"{{"fires":[{{"what":"one","records":[{{"Operation":"{fires}"}}]}}],"quiet":[{{"what":"two","records":[{{"Operation":"{quiet}"}}]}}]}}"#
            )
        };
        let good = tested(&[source(Some(&fixtures("x", "y"))), source(None)]);
        assert_eq!(good.faults, [] as [&str; 0]);
        assert_eq!(
            good.summary,
            "2 files, 1 without fixtures; 2 cases, 0 faults"
        );
        let bad = tested(&[source(Some(&fixtures("y", "x")))]);
        assert!(bad.is_bad);
        assert_eq!(
            bad.faults,
            [
                "a.yml does not fire: one",
                "a.yml is not quiet: two (A rule)"
            ]
        );
        assert!(tested(&[source(Some("{}"))]).is_bad);
    }

    #[test]
    fn what_a_rule_lacks_is_told_and_no_error() {
        let outcome = linted(&[source(None)]);
        assert!(!outcome.is_bad && !outcome.faults.is_empty(), "{outcome:?}");
        let bad = Source {
            rules: "title: a".to_owned(),
            ..source(None)
        };
        assert!(linted(&[bad]).is_bad);
    }

    #[test]
    fn a_rule_is_described_with_what_to_do() {
        let rules = Rules::load([("mail/a.yml", RULE)]);
        let text = described(rules.about().next().unwrap());
        assert!(
            text.contains("level   high\n") && text.contains("\nWhat to do\n  Ask.\n"),
            "{text}"
        );
        assert!(!text.contains("References") && !text.contains("needs"));
        let placed = RULE.replace("Operation: x", "ocsf.src_endpoint.location.city: x");
        let rules = Rules::load([("mail/a.yml", &*placed)]);
        let text = described(rules.about().next().unwrap());
        assert!(text.contains("needs   a file of cities\n"), "{text}");
    }
}
