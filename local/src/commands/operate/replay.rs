//! `replay`: the events of a period made anew, with its progress.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use office365::{ContentType, TenantId};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::api::{Api, counted, grouped, json as as_json, number};
use crate::arguments::{ApiArgs, moment};
use crate::commands::{CommandError, print, progress};

/// Pause between two looks at the progress.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Options of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// Directory (tenant) id
    #[arg(value_name = "TENANT")]
    pub tenant: TenantId,
    /// Begin of the period, a day or a time, at most 20 days ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub from: Timestamp,
    /// End of the period [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub to: Option<Timestamp>,
    /// Of this content type alone; may be given again
    #[arg(long = "type", value_name = "TYPE")]
    pub content_types: Vec<ContentType>,
    /// Write below generations/NAME/ and leave the events that are there
    #[arg(long, value_name = "NAME")]
    pub generation: Option<String>,
    /// Print the replay as JSON once it is done
    #[arg(long)]
    pub json: bool,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

pub(crate) async fn main(args: &ReplayArgs) -> Result<ExitCode, CommandError> {
    let api = Api::new(&args.api)?;
    let mut body = json!({ "from": args.from });
    if let Some(to) = args.to {
        body["to"] = json!(to);
    }
    if !args.content_types.is_empty() {
        body["content_types"] = json!(args.content_types);
    }
    if let Some(generation) = &args.generation {
        body["generation"] = json!(generation);
    }
    let path = format!("{}/replays", args.tenant);
    let mut replay = api.post(&path, &body).await?;
    let id = replay["replay_id"].as_str().unwrap_or_default().to_owned();
    let (bar, mut shown) = (progress::bar(), String::new());
    // Ends: the API calls a replay that does not move failed after some hours.
    loop {
        let line = standing(&replay);
        bar.set_length(number(&replay, "units"));
        bar.set_position(number(&replay, "units_done"));
        bar.set_message(amounts(&replay));
        if bar.is_hidden() && !args.json && line != shown {
            print(&line)?;
            shown = line;
        }
        if replay["state"] != "running" {
            break;
        }
        sleep(LOOK_EVERY).await;
        replay = api.get(&format!("{path}/{id}"), &[]).await?;
    }
    bar.finish_and_clear();
    print(&if args.json {
        as_json(&replay)
    } else {
        report(&replay)
    })?;
    Ok(if replay["state"] == "done" {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Where it stands, in a line.
fn standing(replay: &Value) -> String {
    format!(
        "{}: {} of {} {}\n",
        replay["replay_id"].as_str().unwrap_or_default(),
        grouped(number(replay, "units_done")),
        grouped(number(replay, "units")),
        amounts(replay),
    )
}

/// What there was so far, after a number of days.
fn amounts(replay: &Value) -> String {
    let days = if number(replay, "units") == 1 {
        "day"
    } else {
        "days"
    };
    format!(
        "{days}, {}, {}",
        counted(number(replay, "blobs"), "blob"),
        counted(number(replay, "records_in"), "record"),
    )
}

/// What came of it.
fn report(replay: &Value) -> String {
    let mut text = match replay["state"].as_str() {
        Some("done") => "\ndone\n\n".to_owned(),
        _ => format!(
            "\nnothing has moved for hours: look at the log and the dead-letter queue, then start it again with\n\
             POST /v1/tenants/.../replays/{}/restart\n\n",
            replay["replay_id"].as_str().unwrap_or_default()
        ),
    };
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<10} {value}\n"));
    line(
        "written",
        counted(number(replay, "records_written"), "event"),
    );
    for name in ["routed", "dropped", "duplicate", "foreign", "malformed"] {
        let count = number(replay, &format!("records_{name}"));
        if count > 0 {
            line(name, counted(count, "record"));
        }
    }
    let skipped = number(replay, "skipped");
    if skipped > 0 {
        let why = replay["last_skip"].as_str().unwrap_or_default();
        line("skipped", format!("{}: {why}", counted(skipped, "blob")));
    }
    if let Some(generation) = replay["generation"].as_str() {
        line("in", format!("generations/{generation}/"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_a_line_and_the_end_a_summary() {
        let replay = json!({
            "replay_id": "20260301T101500123-0a1b2c3d", "state": "done", "units": 35, "units_done": 35,
            "blobs": 1_200, "records_in": 120_000, "records_written": 119_000, "records_duplicate": 1_000,
            "skipped": 1, "last_skip": "the raw copy is gone", "generation": "ocsf-1-8",
        });
        assert_eq!(
            standing(&replay),
            "20260301T101500123-0a1b2c3d: 35 of 35 days, 1,200 blobs, 120,000 records\n"
        );
        let expect = "
done

  written    119,000 events
  duplicate  1,000 records
  skipped    1 blob: the raw copy is gone
  in         generations/ocsf-1-8/
";
        assert_eq!(report(&replay), expect);
    }
}
