//! `check`: how one tenant is, asked of Microsoft and of the stores.

use std::process::ExitCode;

use clap::Args;
use office365::TenantId;
use serde_json::Value;

use super::api::{Api, json, minute};
use crate::arguments::ApiArgs;
use crate::commands::table::{Column, table};
use crate::commands::{CommandError, print};

/// Longest line of a meaning or a remedy, in characters: what a terminal shows beside the table.
const LINE_CHARS_MAX: usize = 100;

/// What the command ends with when something is broken, for scripts.
const BROKEN: u8 = 2;

/// Options of `check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Directory (tenant) id
    #[arg(value_name = "TENANT")]
    pub tenant: TenantId,
    /// Show what is in order too
    #[arg(long)]
    pub all: bool,
    /// Print the API's answer
    #[arg(long)]
    pub json: bool,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

pub(crate) async fn main(args: &CheckArgs) -> Result<ExitCode, CommandError> {
    let api = Api::new(&args.api)?;
    let answer = api.get(&format!("{}/check", args.tenant), &[]).await?;
    print(&if args.json {
        json(&answer)
    } else {
        report(&answer, args.all)
    })?;
    Ok(match answer["verdict"].as_str() {
        Some("broken") => ExitCode::from(BROKEN),
        _ => ExitCode::SUCCESS,
    })
}

/// The verdict, the checks as a table, and what each finding means.
fn report(answer: &Value, all: bool) -> String {
    let checks = answer["checks"].as_array().map_or(&[][..], Vec::as_slice);
    let (found, rest): (Vec<&Value>, Vec<&Value>) =
        checks.iter().partition(|check| is_finding(check));
    let mut text = format!(
        "{}, {} UTC: {}\n\n",
        field(answer, "tenant_id"),
        minute(&answer["as_of"]),
        field(answer, "verdict")
    );
    for line in wrapped(field(answer, "sentence"), "") {
        text.push_str(&line);
    }
    text.push('\n');
    let shown: Vec<&Value> = checks.iter().filter(|of| all || is_finding(of)).collect();
    if !shown.is_empty() {
        text.push_str(&rows(&shown));
        text.push('\n');
    }
    for check in &found {
        text.push_str(&finding(check));
    }
    let counts = format!("{} of {} checks found something", found.len(), checks.len());
    text.push_str(&counts);
    if !all && !rest.is_empty() {
        text.push_str("; --all shows the others");
    }
    text.push('\n');
    text
}

fn field<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

fn is_finding(check: &Value) -> bool {
    ["failed", "warning"].contains(&field(check, "result"))
}

fn rows(checks: &[&Value]) -> String {
    let columns = [
        Column::Left("check"),
        Column::Left("content type"),
        Column::Left("result"),
        Column::Left("since (UTC)"),
    ];
    let row = |check: &&Value| {
        vec![
            field(check, "title").to_owned(),
            field(check, "content_type").to_owned(),
            field(check, "result").to_owned(),
            minute(&check["since"]),
        ]
    };
    let rows: Vec<Vec<String>> = checks.iter().map(row).collect();
    table(&columns, &rows)
}

/// What a finding means, and what to do.
fn finding(check: &Value) -> String {
    let of = match field(check, "content_type") {
        "" => String::new(),
        of => format!(", {of}"),
    };
    let mut text = format!("{}{of}\n", field(check, "title"));
    for line in wrapped(field(check, "meaning"), "  ") {
        text.push_str(&line);
    }
    for (name, before) in [("remedy", "  -> "), ("link", "     ")] {
        for line in wrapped(field(check, name), before) {
            text.push_str(&line);
        }
    }
    text.push('\n');
    text
}

/// The text in lines, the first after `before`, the others below it. What came from outside is shown without control characters.
fn wrapped(text: &str, before: &str) -> Vec<String> {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut lines: Vec<String> = Vec::new();
    for word in plain.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE_CHARS_MAX => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let below = " ".repeat(before.len());
    let number = |(number, line): (usize, String)| {
        let before = if number == 0 { before } else { &below };
        format!("{before}{line}\n")
    };
    lines.into_iter().enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn findings_are_told_with_what_to_do() {
        let answer = json!({
            "tenant_id": "11111111-2222-4333-8444-555555555555", "as_of": "2026-03-01T10:15:00Z",
            "verdict": "degraded", "sentence": "DLP.All needs a permission.\u{1b}[31m",
            "checks": [
                {"id": "login_host", "title": "Login host", "result": "ok", "meaning": "It answers."},
                {"id": "roles", "title": "Permissions", "result": "failed", "content_type": "DLP.All",
                 "meaning": "DLP.All needs a permission.", "remedy": "Add it.", "link": "https://learn.microsoft.com/",
                 "since": "2026-03-01T09:00:00Z"},
            ],
        });
        let expect = "\
11111111-2222-4333-8444-555555555555, 2026-03-01 10:15 UTC: degraded

DLP.All needs a permission. [31m

check        content type  result  since (UTC)
Permissions  DLP.All       failed  2026-03-01 09:00

Permissions, DLP.All
  DLP.All needs a permission.
  -> Add it.
     https://learn.microsoft.com/

1 of 2 checks found something; --all shows the others
";
        assert_eq!(report(&answer, false), expect);
        assert!(report(&answer, true).contains("Login host"));
    }

    #[test]
    fn long_texts_are_wrapped_below_their_begin() {
        let lines = wrapped(&"word ".repeat(60), "  -> ");
        assert!(
            lines.len() > 1 && lines[1].starts_with("     word"),
            "{lines:?}"
        );
        assert!(
            lines
                .iter()
                .all(|line| line.chars().count() <= LINE_CHARS_MAX + 6)
        );
    }
}
