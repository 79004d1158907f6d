//! `events`: a tenant's newest events.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use office365::TenantId;
use serde_json::{Value, json};

use super::api::{Api, json as as_json, minute};
use crate::arguments::{ApiArgs, moment};
use crate::commands::table::{Column, table};
use crate::commands::{CommandError, print};

/// Pages that are asked for until there are enough events. Each searches for up to twelve seconds.
const PAGES_MAX: usize = 50;

/// The API's longest page.
const PAGE_MAX: usize = 200;

/// Options of `events`.
#[derive(Args, Debug)]
pub struct EventsArgs {
    /// Directory (tenant) id
    #[arg(value_name = "TENANT")]
    pub tenant: TenantId,
    /// Who did it, or to whom it was done: name, address or id, whole
    #[arg(long)]
    pub user: Option<String>,
    /// The IP address that it came from
    #[arg(long)]
    pub address: Option<String>,
    /// Microsoft's name of what was done, such as New-InboxRule
    #[arg(long)]
    pub operation: Option<String>,
    /// One or several severities, with commas, such as High,Critical
    #[arg(long)]
    pub severity: Option<String>,
    /// OCSF's class, by number or name
    #[arg(long)]
    pub class: Option<String>,
    /// Text anywhere in the event
    #[arg(long)]
    pub text: Option<String>,
    /// From this day or time on [default: seven days ago]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: Option<Timestamp>,
    /// Up to this day or time [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub to: Option<Timestamp>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    pub limit: usize,
    /// Print the events as JSON
    #[arg(long)]
    pub json: bool,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

pub(crate) async fn main(args: &EventsArgs) -> Result<ExitCode, CommandError> {
    let found = search(args).await?;
    print(&if args.json {
        as_json(&found)
    } else {
        report(&found)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Pages until there are enough events, or the search has come to its end.
async fn search(args: &EventsArgs) -> Result<Value, CommandError> {
    let api = Api::new(&args.api)?;
    let path = format!("{}/events", args.tenant);
    let wanted = query(args);
    let mut events: Vec<Value> = Vec::new();
    let (mut back_to, mut complete, mut cursor) = (Value::Null, false, None);
    for _ in 0..PAGES_MAX {
        let left = args.limit.saturating_sub(events.len());
        if left == 0 {
            break;
        }
        let mut query = wanted.clone();
        query.push(("limit", left.min(PAGE_MAX).to_string()));
        query.extend(cursor.map(|of| ("cursor", of)));
        let mut page = api.get(&path, &query).await?;
        if let Value::Array(found) = page["events"].take() {
            events.extend(found);
        }
        back_to = page["searched_back_to"].take();
        complete = page["complete"].as_bool().unwrap_or_default();
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(json!({ "events": events, "searched_back_to": back_to, "complete": complete }))
}

fn query(args: &EventsArgs) -> Vec<(&'static str, String)> {
    let texts = [
        ("user", &args.user),
        ("address", &args.address),
        ("operation", &args.operation),
        ("severity", &args.severity),
        ("class", &args.class),
        ("text", &args.text),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(name, of)| Some((name, of.clone()?)));
    let times = [("from", args.from), ("to", args.to)];
    let times = times
        .into_iter()
        .filter_map(|(name, of)| Some((name, of?.to_string())));
    texts.chain(times).collect()
}

fn report(found: &Value) -> String {
    let rows: Vec<Vec<String>> = found["events"]
        .as_array()
        .into_iter()
        .flatten()
        .map(row)
        .collect();
    let columns = [
        "TIME (UTC)",
        "SEVERITY",
        "WHO",
        "WHAT",
        "TO WHAT",
        "FROM",
        "RESULT",
    ];
    let mut text = match rows.len() {
        0 => "no event fits\n".to_owned(),
        _ => table(&columns.map(Column::Left), &rows),
    };
    let how = match found["complete"].as_bool() {
        Some(true) => "everything since",
        _ => "searched back to",
    };
    let back_to = minute(&found["searched_back_to"]);
    if !back_to.is_empty() {
        text.push_str(&format!("\n{how} {back_to} UTC\n"));
    }
    text
}

fn row(event: &Value) -> Vec<String> {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let at = text("time");
    let second = at.get(..19).unwrap_or(&at).replace('T', " ");
    let what = match event["operation"].as_str() {
        Some(operation) => operation.to_owned(),
        None => text("activity"),
    };
    vec![
        second,
        text("severity"),
        text("user"),
        what,
        text("target"),
        text("address"),
        text("result"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_a_table_that_nobody_in_them_can_write_over() {
        let event = json!({
            "time": "2026-03-01T10:00:29.000Z", "severity": "High", "user": "alex\u{1b}[2J@contoso.example",
            "operation": "New-InboxRule", "target": null, "address": "192.0.2.1", "result": "Success",
        });
        let found = json!({
            "events": [event], "searched_back_to": "2026-03-01T00:00:00Z", "complete": true,
        });
        let text = report(&found);
        assert!(text.contains("2026-03-01 10:00:29  High"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.ends_with("\neverything since 2026-03-01 00:00 UTC\n"));
        assert!(report(&json!({ "events": [] })).starts_with("no event"));
    }
}
