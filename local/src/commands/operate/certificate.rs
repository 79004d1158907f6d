//! `certificate`: what was delivered of each hour.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use office365::{ContentType, TenantId};
use serde_json::Value;

use super::api::{Api, counted, grouped, json, minute, number};
use crate::arguments::{ApiArgs, moment};
use crate::commands::table::{Column, table};
use crate::commands::{CommandError, print};

/// Options of `certificate`.
#[derive(Args, Debug)]
pub struct CertificateArgs {
    /// Directory (tenant) id
    #[arg(value_name = "TENANT")]
    pub tenant: TenantId,
    /// Begin of the period, a day or a time [default: 24 hours before its end]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: Option<Timestamp>,
    /// End of the period, at most eight days after its begin [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub to: Option<Timestamp>,
    /// Of this content type alone, such as Audit.Exchange
    #[arg(long = "type", value_name = "TYPE")]
    pub content_type: Option<ContentType>,
    /// Show hours too in which there was nothing to deliver
    #[arg(long)]
    pub all: bool,
    /// Print the API's answer
    #[arg(long)]
    pub json: bool,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// Counts that are shown where they are not all zero, and their headings.
const RARE: [(&str, &str); 8] = [
    ("open", "open"),
    ("quarantined", "quarantined"),
    ("lost", "lost"),
    ("records_routed", "routed"),
    ("records_dropped", "dropped"),
    ("records_duplicate", "duplicate"),
    ("records_foreign", "foreign"),
    ("records_malformed", "malformed"),
];

pub(crate) async fn main(args: &CertificateArgs) -> Result<ExitCode, CommandError> {
    let api = Api::new(&args.api)?;
    let mut query = Vec::new();
    let of = args.content_type.map(|of| of.to_string());
    for (name, value) in [
        ("from", args.from.map(|at| at.to_string())),
        ("to", args.to.map(|at| at.to_string())),
        ("content_type", of),
    ] {
        query.extend(value.map(|value| (name, value)));
    }
    let path = format!("{}/certificate", args.tenant);
    let answer = api.get(&path, &query).await?;
    print(&if args.json {
        json(&answer)
    } else {
        report(&answer, args.all)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The hours as a table, and what can be said of all of them.
fn report(answer: &Value, all: bool) -> String {
    let hours = answer["hours"].as_array().map_or(&[][..], Vec::as_slice);
    let shown: Vec<&Value> = hours.iter().filter(|hour| all || is_worth(hour)).collect();
    let mut text = format!(
        "{}, {} to {} UTC\n\n",
        answer["tenant_id"].as_str().unwrap_or_default(),
        minute(&answer["from"]),
        minute(&answer["to"])
    );
    if !shown.is_empty() {
        text.push_str(&rows(&shown));
        text.push('\n');
    }
    let count = |state: &str| hours.iter().filter(|hour| hour["state"] == state).count() as u64;
    let blobs: u64 = hours.iter().map(|hour| number(hour, "done")).sum();
    let records: u64 = hours.iter().map(|hour| number(hour, "records_in")).sum();
    text.push_str(&format!(
        "{}: {} final, {} complete, {} open; {} with {}\n",
        counted(hours.len() as u64, "hour"),
        grouped(count("final")),
        grouped(count("complete")),
        grouped(count("open")),
        counted(blobs, "blob"),
        counted(records, "record"),
    ));
    let quiet = hours.len() - shown.len();
    if quiet > 0 {
        text.push_str(&format!(
            "without content, and not shown: {} (--all)\n",
            counted(quiet as u64, "hour")
        ));
    }
    text
}

/// Whether there was something, or something is not settled.
fn is_worth(hour: &Value) -> bool {
    let counts = [
        "listed",
        "done",
        "open",
        "quarantined",
        "lost",
        "unreadable",
    ];
    hour["state"] == "open" || counts.iter().any(|name| number(hour, name) > 0)
}

fn rows(hours: &[&Value]) -> String {
    let rare = RARE.iter().filter(|(name, _)| {
        let mut counts = hours.iter().map(|hour| number(hour, name));
        counts.any(|count| count > 0)
    });
    let rare: Vec<&(&str, &str)> = rare.collect();
    let mut columns = vec![
        Column::Left("hour (UTC)"),
        Column::Left("content type"),
        Column::Left("state"),
        Column::Right("listed"),
        Column::Right("done"),
        Column::Right("records"),
        Column::Right("written"),
    ];
    columns.extend(rare.iter().map(|(_, heading)| Column::Right(heading)));
    columns.push(Column::Left(""));
    let row = |hour: &&Value| {
        let text = |name: &str| hour[name].as_str().unwrap_or_default().to_owned();
        let count = |name: &str| grouped(number(hour, name));
        let mut row = vec![minute(&hour["hour"]), text("content_type"), text("state")];
        row.extend(["listed", "done", "records_in", "records_written"].map(count));
        row.extend(rare.iter().map(|(name, _)| count(name)));
        row.push(why_open(hour));
        row
    };
    let rows: Vec<Vec<String>> = hours.iter().map(row).collect();
    table(&columns, &rows)
}

/// What keeps an hour open, as far as the row tells.
fn why_open(hour: &Value) -> String {
    if hour["state"] != "open" {
        return String::new();
    }
    let known = ["done", "open", "quarantined", "lost"];
    let known: u64 = known.iter().map(|name| number(hour, name)).sum();
    let unreadable = number(hour, "unreadable");
    if hour["gap"] == true {
        "a part of it could not be listed: see losses".to_owned()
    } else if unreadable > 0 {
        format!(
            "{} of the ledger cannot be read",
            counted(unreadable, "item")
        )
    } else if number(hour, "open") > 0 {
        "not all fetched yet".to_owned()
    } else if known < number(hour, "listed") {
        "listed blobs are missing".to_owned()
    } else {
        "not listed to its end yet".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hour(at: &str, state: &str, (listed, done, open): (u64, u64, u64)) -> Value {
        json!({
            "hour": format!("2026-03-01T{at}:00:00Z"), "content_type": "Audit.Exchange", "state": state,
            "listed": listed, "done": done, "open": open, "quarantined": 0, "lost": 0, "unreadable": 0, "gap": false,
            "records_in": done * 1_000, "records_written": done * 990, "records_duplicate": done * 10,
        })
    }

    #[test]
    fn a_certificate_reads_as_a_table_with_a_sum() {
        let answer = json!({
            "tenant_id": "11111111-2222-4333-8444-555555555555",
            "from": "2026-03-01T08:00:00Z", "to": "2026-03-01T12:30:00Z",
            "hours": [
                hour("08", "complete", (0, 0, 0)),
                hour("09", "complete", (12, 12, 0)),
                hour("10", "open", (3, 2, 1)),
                hour("11", "open", (0, 0, 0)),
            ],
        });
        let expect = "\
11111111-2222-4333-8444-555555555555, 2026-03-01 08:00 to 2026-03-01 12:30 UTC

hour (UTC)        content type    state     listed  done  records  written  open  duplicate
2026-03-01 09:00  Audit.Exchange  complete      12    12   12,000   11,880     0        120
2026-03-01 10:00  Audit.Exchange  open           3     2    2,000    1,980     1         20  not all fetched yet
2026-03-01 11:00  Audit.Exchange  open           0     0        0        0     0          0  not listed to its end yet

4 hours: 0 final, 2 complete, 2 open; 14 blobs with 14,000 records
without content, and not shown: 1 hour (--all)
";
        assert_eq!(report(&answer, false), expect);
    }
}
