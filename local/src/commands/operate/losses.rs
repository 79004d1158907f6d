//! `losses`: what could not be delivered, and who knows of it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use office365::TenantId;
use serde_json::{Value, json};

use super::api::{Api, counted, json as as_json, minute, number};
use crate::arguments::ApiArgs;
use crate::commands::{CommandError, print};

/// Pages of losses read: with 200 each, more than anybody reads. What is over is said.
const PAGES_MAX: usize = 50;

/// Options of `losses`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LossesArgs {
    /// Directory (tenant) id
    #[arg(value_name = "TENANT", required = true)]
    pub tenant: Option<TenantId>,
    /// Leave out what was acknowledged or delivered after all
    #[arg(long)]
    pub open: bool,
    /// Print the losses as JSON
    #[arg(long)]
    pub json: bool,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
    /// What to do with them.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What can be done with a loss.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Note that somebody knows of a loss
    Acknowledge(AcknowledgeArgs),
}

/// Options of `losses acknowledge`.
#[derive(Args, Debug)]
pub struct AcknowledgeArgs {
    /// Directory (tenant) id
    #[arg(value_name = "TENANT")]
    pub tenant: TenantId,
    /// The loss, as the list names it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Who has looked at it, and what follows from it
    #[arg(long, value_name = "TEXT")]
    pub note: String,
    /// Print the loss as JSON
    #[arg(long)]
    pub json: bool,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

pub(crate) async fn main(args: &LossesArgs) -> Result<ExitCode, CommandError> {
    let text = match (&args.action, args.tenant) {
        (Some(Action::Acknowledge(of)), _) => acknowledge(of).await?,
        (None, Some(tenant)) => list(args, tenant).await?,
        (None, None) => String::new(),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn list(args: &LossesArgs, tenant: TenantId) -> Result<String, CommandError> {
    let api = Api::new(&args.api)?;
    let mut losses = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let mut query = vec![("limit", "200".to_owned())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let mut page = api.get(&format!("{tenant}/losses"), &query).await?;
        if let Value::Array(found) = page["losses"].take() {
            losses.extend(found.into_iter().filter(|loss| !args.open || is_open(loss)));
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(if args.json {
        as_json(&json!({ "losses": losses, "next_cursor": cursor }))
    } else {
        report(&losses, cursor.is_some())
    })
}

async fn acknowledge(args: &AcknowledgeArgs) -> Result<String, CommandError> {
    let api = Api::new(&args.api)?;
    // Only what can be part of a loss's id: it becomes a part of the path.
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '-';
    if args.id.is_empty() || !args.id.chars().all(is_part) {
        return Err(format!("{:?} is no loss's id", args.id).into());
    }
    let path = format!("{}/losses/{}/acknowledge", args.tenant, args.id);
    let loss = api.post(&path, &json!({ "note": args.note })).await?;
    Ok(if args.json {
        as_json(&loss)
    } else {
        one(&loss)
    })
}

fn is_open(loss: &Value) -> bool {
    loss["acknowledged_at"].is_null() && loss["recovered_at"].is_null()
}

/// The losses, a paragraph each, and how many there are.
fn report(losses: &[Value], is_cut: bool) -> String {
    if losses.is_empty() {
        return "nothing was lost\n".to_owned();
    }
    let mut text: String = losses.iter().map(|loss| one(loss) + "\n").collect();
    let open = losses.iter().filter(|loss| is_open(loss)).count() as u64;
    let all = match losses.len() {
        1 => "1 loss".to_owned(),
        many => format!("{many} losses"),
    };
    text.push_str(&format!("{all}, {open} of them open"));
    text.push_str(if is_cut { "; there are more\n" } else { "\n" });
    text
}

/// A loss in a paragraph: what, then why, then who knows.
fn one(loss: &Value) -> String {
    let text = |name: &str| loss[name].as_str().unwrap_or_default();
    let period = if loss["from"] == loss["to"] {
        minute(&loss["from"])
    } else {
        format!("{} to {}", minute(&loss["from"]), minute(&loss["to"]))
    };
    let mut paragraph = format!(
        "{}  {}  {}  {period}\n",
        text("id"),
        text("kind"),
        text("content_type")
    );
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            paragraph.push_str(&format!("  {name:<12} {value}\n"));
        }
    };
    line("blob", text("content_id"));
    line("why", text("reason"));
    let answers = counted(number(loss, "evidence_count"), "answer");
    if !loss["evidence_since"].is_null() {
        let since = minute(&loss["evidence_since"]);
        line("evidence", &format!("{answers} since {since}"));
    }
    line("bytes", text("object"));
    line("recorded", &minute(&loss["recorded_at"]));
    line("delivered", &minute(&loss["recovered_at"]));
    if !loss["acknowledged_at"].is_null() {
        let at = minute(&loss["acknowledged_at"]);
        line("acknowledged", &format!("{at}: {}", text("note")));
    }
    paragraph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_reads_as_a_paragraph() {
        let loss = json!({
            "id": "20260301T101500123-9f86d081884c7d65", "kind": "lost", "content_type": "Audit.Exchange",
            "content_id": "a$b", "from": "2026-03-01T10:15:00.123Z", "to": "2026-03-01T10:15:00.123Z",
            "reason": "status 404", "evidence_count": 10, "evidence_since": "2026-03-08T10:00:00Z", "object": null,
            "recorded_at": "2026-03-08T16:00:00Z", "acknowledged_at": "2026-03-09T09:00:00Z", "note": "seen by Kim",
            "recovered_at": null,
        });
        let expect = "\
20260301T101500123-9f86d081884c7d65  lost  Audit.Exchange  2026-03-01 10:15
  blob         a$b
  why          status 404
  evidence     10 answers since 2026-03-08 10:00
  recorded     2026-03-08 16:00
  acknowledged 2026-03-09 09:00: seen by Kim

1 loss, 0 of them open
";
        assert_eq!(report(std::slice::from_ref(&loss), false), expect);
        let two = report(&[loss.clone(), loss], true);
        assert!(two.ends_with("2 losses, 0 of them open; there are more\n"));
        assert_eq!(report(&[], false), "nothing was lost\n");
    }
}
