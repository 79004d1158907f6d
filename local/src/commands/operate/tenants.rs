//! `tenants`: who is registered, and how each stands.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use office365::{Cloud, ContentType, TenantId};
use serde_json::{Value, json};

use super::api::{Api, json as as_json, minute};
use crate::arguments::ApiArgs;
use crate::commands::table::{Column, table};
use crate::commands::{CommandError, print};

/// Pages of a list that are asked for: 100,000 tenants.
const PAGES_MAX: usize = 1_000;

/// Options of `tenants`.
#[derive(Args, Debug)]
pub struct TenantsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: Action,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with tenants.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List the tenants, those that need somebody first
    List(ListArgs),
    /// Show one: its subscriptions, what is open and what was lost
    Show(OneArgs),
    /// Register one that has consented, or change what is named of it
    Add(AddArgs),
    /// Stop its subscriptions and remove it; what is in the lake stays
    Remove(OneArgs),
}

/// Options of `tenants list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Only those with this in their name or id
    #[arg(value_name = "SEARCH")]
    pub search: Option<String>,
    /// Only those in this state: needs_you, lost, catching_up, waiting or complete
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// Options of `tenants show` and `tenants remove`.
#[derive(Args, Debug)]
pub struct OneArgs {
    /// Directory (tenant) id
    #[arg(value_name = "TENANT")]
    pub tenant: TenantId,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// Options of `tenants add`.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// Directory (tenant) id
    #[arg(value_name = "TENANT")]
    pub tenant: TenantId,
    /// What people call it
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// enterprise, gcc, gcc-high, dod or china
    #[arg(long, value_name = "CLOUD")]
    pub cloud: Option<Cloud>,
    /// A content type, such as Audit.Exchange; may be given again [default: the four audit types]
    #[arg(long = "type", value_name = "TYPE")]
    pub content_types: Vec<ContentType>,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

pub(crate) async fn main(args: &TenantsArgs) -> Result<ExitCode, CommandError> {
    let (answer, text) = match &args.action {
        Action::List(of) => {
            let answer = list(of).await?;
            let text = listed(&answer);
            (answer, text)
        }
        Action::Show(of) => {
            let answer = Api::new(&of.api)?.get(&of.tenant.to_string(), &[]).await?;
            let text = shown(&answer);
            (answer, text)
        }
        Action::Add(of) => {
            let api = Api::new(&of.api)?;
            let answer = api.send(Method::POST, "tenants", Some(&asked(of))).await?;
            let text = shown(&answer);
            (answer, text)
        }
        Action::Remove(of) => {
            let path = format!("tenants/{}", of.tenant);
            Api::new(&of.api)?.send(Method::DELETE, &path, None).await?;
            let text = format!("{} is removed; what is in the lake stays\n", of.tenant);
            (json!({ "tenant_id": of.tenant, "removed": true }), text)
        }
    };
    print(&if args.json { as_json(&answer) } else { text })?;
    Ok(ExitCode::SUCCESS)
}

/// All pages of the list as one.
async fn list(args: &ListArgs) -> Result<Value, CommandError> {
    let api = Api::new(&args.api)?;
    let mut query = vec![("sort", "trouble".to_owned())];
    query.extend(args.search.clone().map(|of| ("search", of)));
    query.extend(args.state.clone().map(|of| ("state", of)));
    let mut tenants = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let mut query = query.clone();
        query.extend(cursor.map(|of| ("cursor", of)));
        let mut page = api.get("", &query).await?;
        if let Value::Array(found) = page["tenants"].take() {
            tenants.extend(found);
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(json!({ "tenants": tenants }))
}

fn asked(args: &AddArgs) -> Value {
    let mut body = json!({ "tenant_id": args.tenant });
    if let Some(name) = &args.name {
        body["name"] = json!(name);
    }
    if let Some(cloud) = args.cloud {
        body["cloud"] = json!(cloud.as_str());
    }
    if !args.content_types.is_empty() {
        let types: Vec<&str> = args.content_types.iter().map(|of| of.as_str()).collect();
        body["content_types"] = json!(types);
    }
    body
}

fn text(of: &Value, name: &str) -> String {
    of[name].as_str().unwrap_or_default().to_owned()
}

fn listed(answer: &Value) -> String {
    let tenants = answer["tenants"].as_array();
    let Some(tenants) = tenants.filter(|tenants| !tenants.is_empty()) else {
        return "there is no such tenant\n".to_owned();
    };
    let rows: Vec<Vec<String>> = tenants.iter().map(listed_row).collect();
    let columns = ["TENANT", "NAME", "STATE", "COMPLETE UNTIL", "WHAT IS UP"];
    table(&columns.map(Column::Left), &rows)
}

fn listed_row(tenant: &Value) -> Vec<String> {
    let standing = &tenant["standing"];
    let up = match tenant["error"].as_str() {
        Some(error) => error.to_owned(),
        None => text(standing, "sentence"),
    };
    vec![
        text(tenant, "tenant_id"),
        text(tenant, "name"),
        text(standing, "state").replace('_', " "),
        minute(&tenant["complete_until"]),
        up,
    ]
}

fn shown(tenant: &Value) -> String {
    let standing = &tenant["standing"];
    let mut report = format!(
        "{}, {}, {}: {}\n",
        text(tenant, "tenant_id"),
        text(tenant, "name"),
        text(standing, "state").replace('_', " "),
        text(standing, "sentence"),
    );
    if let Some(action) = standing["next_action"].as_str() {
        report.push_str(action);
        report.push('\n');
    }
    report.push('\n');
    let all = tenant["subscriptions"].as_array();
    let rows: Vec<Vec<String>> = all.into_iter().flatten().map(shown_row).collect();
    let columns = [
        "SUBSCRIPTION",
        "WEBHOOK",
        "LAST NOTIFICATION",
        "LAST CONTENT",
        "LISTED UNTIL",
        "ERROR",
    ];
    report.push_str(&table(&columns.map(Column::Left), &rows));
    report
}

fn shown_row(of: &Value) -> Vec<String> {
    vec![
        format!("{} {}", text(of, "content_type"), text(of, "status")),
        text(of, "webhook"),
        minute(&of["last_notification_at"]),
        minute(&of["last_content_at"]),
        minute(&of["listed_until"]),
        text(of, "last_error"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    #[test]
    fn tenants_are_listed_with_what_is_up() {
        let tenant = json!({
            "tenant_id": ID, "name": "Contoso", "complete_until": "2026-03-01T10:00:00Z",
            "standing": {"state": "needs_you", "sentence": "Consent is missing."},
        });
        let damaged = json!({"tenant_id": ID, "error": "cannot be read"});
        let expect = "\
TENANT                                NAME     STATE      COMPLETE UNTIL    WHAT IS UP
11111111-2222-4333-8444-555555555555  Contoso  needs you  2026-03-01 10:00  Consent is missing.
11111111-2222-4333-8444-555555555555                                        cannot be read
";
        assert_eq!(listed(&json!({ "tenants": [tenant, damaged] })), expect);
        assert_eq!(
            listed(&json!({ "tenants": [] })),
            "there is no such tenant\n"
        );
    }

    #[test]
    fn a_tenant_is_shown_with_its_subscriptions() {
        let tenant = json!({
            "tenant_id": ID, "name": "Contoso",
            "standing": {"state": "complete", "sentence": "Complete.", "next_action": null},
            "subscriptions": [{"content_type": "Audit.Exchange", "status": "enabled", "webhook": "enabled",
                "last_notification_at": null, "last_content_at": null, "listed_until": null, "last_error": null}],
        });
        let found = shown(&tenant);
        assert!(found.starts_with(&format!("{ID}, Contoso, complete: Complete.\n")));
        assert!(found.contains("Audit.Exchange enabled  enabled"), "{found}");
    }
}
