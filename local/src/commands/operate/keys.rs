//! `keys`: who may use the API.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use jiff::Timestamp;
use office365::TenantId;
use serde_json::{Value, json};

use super::api::{Api, counted, json as as_json, minute};
use crate::arguments::{ApiArgs, moment};
use crate::commands::table::{Column, table};
use crate::commands::{CommandError, print};

/// Options of `keys`.
#[derive(Args, Debug)]
pub struct KeysArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: Action,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List the keys, without the keys themselves
    List(ListArgs),
    /// Make a key, and show it once
    Create(CreateArgs),
    /// End a key within five seconds
    Revoke(OneArgs),
    /// Put another key in the place of one, and show it once
    Rotate(OneArgs),
}

/// Options of `keys list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// Options of `keys create`.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// What people call it, such as where it is used
    #[arg(value_name = "NAME")]
    pub name: String,
    /// read: look at things; admin: change them too
    #[arg(
        long,
        default_value = "read",
        value_name = "read|admin",
        hide_possible_values = true
    )]
    pub scope: ScopeArg,
    /// Good for this tenant alone; may be given again
    #[arg(long = "tenant", value_name = "TENANT")]
    pub tenants: Vec<TenantId>,
    /// When it stops to work, a day or a time [default: never]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub expires: Option<Timestamp>,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// Options of `keys revoke` and `keys rotate`.
#[derive(Args, Debug)]
pub struct OneArgs {
    /// The key, as the list names it
    #[arg(value_name = "ID")]
    pub id: String,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[expect(
    missing_docs,
    reason = "clap would print the documentation of each value as a paragraph"
)]
pub enum ScopeArg {
    Read,
    Admin,
}

pub(crate) async fn main(args: &KeysArgs) -> Result<ExitCode, CommandError> {
    let (answer, text) = match &args.action {
        Action::List(of) => {
            let api = Api::new(&of.api)?;
            let answer = api.send(Method::GET, "keys", None).await?;
            let text = report(&answer);
            (answer, text)
        }
        Action::Create(of) => {
            let api = Api::new(&of.api)?;
            let answer = api.send(Method::POST, "keys", Some(&asked(of))).await?;
            let text = shown(&answer);
            (answer, text)
        }
        Action::Revoke(of) => {
            let api = Api::new(&of.api)?;
            let path = format!("keys/{}", part(&of.id)?);
            api.send(Method::DELETE, &path, None).await?;
            let text = format!("{} is revoked and stops working within 5 s\n", of.id);
            (json!({ "key_id": of.id, "revoked": true }), text)
        }
        Action::Rotate(of) => {
            let api = Api::new(&of.api)?;
            let path = format!("keys/{}/rotate", part(&of.id)?);
            let answer = api.send(Method::POST, &path, None).await?;
            let text = shown(&answer);
            (answer, text)
        }
    };
    print(&if args.json { as_json(&answer) } else { text })?;
    Ok(ExitCode::SUCCESS)
}

fn asked(args: &CreateArgs) -> Value {
    let scope = match args.scope {
        ScopeArg::Read => "read",
        ScopeArg::Admin => "admin",
    };
    let mut body = json!({ "name": args.name, "scope": scope });
    if !args.tenants.is_empty() {
        body["tenants"] = json!(args.tenants);
    }
    if let Some(expires) = args.expires {
        body["expires_at"] = json!(expires);
    }
    body
}

/// Only what can be a key's id: it becomes a part of the path.
fn part(id: &str) -> Result<&str, CommandError> {
    if id.is_empty() || !id.chars().all(|char| char.is_ascii_alphanumeric()) {
        return Err(format!("{id:?} is no key's id").into());
    }
    Ok(id)
}

fn report(answer: &Value) -> String {
    let keys = answer["keys"].as_array();
    let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
        return "there is only the installation's own key\n".to_owned();
    };
    let columns = [
        "ID",
        "NAME",
        "SCOPE",
        "TENANTS",
        "MADE",
        "LAST USED",
        "ENDS",
    ];
    let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
    table(&columns.map(Column::Left), &rows)
}

fn row(key: &Value) -> Vec<String> {
    let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
    let tenants = match key["tenants"].as_array() {
        None => "all".to_owned(),
        Some(some) => counted(some.len() as u64, "tenant"),
    };
    let ends = match (&key["revoked_at"], &key["expires_at"]) {
        (Value::Null, Value::Null) => String::new(),
        (Value::Null, at) => minute(at),
        (at, _) => format!("revoked {}", minute(at)),
    };
    let last = match &key["last_used_at"] {
        Value::Null => "never".to_owned(),
        at => minute(at),
    };
    vec![
        text("key_id"),
        text("name"),
        text("scope"),
        tenants,
        minute(&key["created_at"]),
        last,
        ends,
    ]
}

/// A key that was just made. It goes to standard output alone, for whoever asked.
fn shown(key: &Value) -> String {
    let text = |name: &str| key[name].as_str().unwrap_or_default();
    format!(
        "{}\n\n{} ({}), scope {}. This is the only time that the key is shown.\n",
        text("key"),
        text("name"),
        text("key_id"),
        text("scope")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_as_a_table() {
        let key = json!({
            "key_id": "0123456789ab", "name": "dashboard", "scope": "read", "tenants": ["a"],
            "created_at": "2026-03-01T10:00:00Z", "created_by": "root", "expires_at": null,
            "last_used_at": null, "revoked_at": "2026-03-02T10:00:00Z",
        });
        let expect = "\
ID            NAME       SCOPE  TENANTS   MADE              LAST USED  ENDS
0123456789ab  dashboard  read   1 tenant  2026-03-01 10:00  never      revoked 2026-03-02 10:00
";
        assert_eq!(report(&json!({ "keys": [key] })), expect);
        assert!(report(&json!({ "keys": [] })).starts_with("there is only"));
    }

    #[test]
    fn only_an_id_becomes_a_part_of_a_path() {
        assert!(part("0123456789ab").is_ok());
        assert!(part("../tenants").is_err() && part("").is_err());
    }
}
