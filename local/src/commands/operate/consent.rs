//! `consent`: a link for another organization's administrator, and what becomes of it.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use http::Method;
use jiff::Timestamp;
use office365::{Cloud, TenantId};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::api::{Api, json as as_json, minute};
use crate::arguments::ApiArgs;
use crate::commands::{CommandError, print, progress};
use crate::wall_clock;

/// Pause between two looks at the link.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long the subscriptions of a new tenant are waited for. What is not enabled by then, the sweep starts.
const ENABLED_WITHIN: Duration = Duration::from_secs(2 * 60);

/// Options of `consent`.
#[derive(Args, Debug)]
pub struct ConsentArgs {
    /// Cloud of the tenant: enterprise, gcc, gcc-high, dod or china
    #[arg(long, default_value_t, value_name = "CLOUD")]
    pub cloud: Cloud,
    /// Name of the tenant, for people [default: its id]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Directory (tenant) id, if it is known: then the link registers no other
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<TenantId>,
    /// Wait until the tenant is registered and its subscriptions are enabled, and say what happens
    #[arg(long)]
    pub wait: bool,
    /// Print the answer as JSON: the link, or with --wait what became of it
    #[arg(long)]
    pub json: bool,
    /// The installation.
    #[command(flatten)]
    pub api: ApiArgs,
}

pub(crate) async fn main(args: &ConsentArgs) -> Result<ExitCode, CommandError> {
    let api = Api::new(&args.api)?;
    let mut body = json!({ "cloud": args.cloud });
    if let Some(name) = &args.name {
        body["name"] = json!(name);
    }
    if let Some(tenant) = args.tenant {
        body["tenant_id"] = json!(tenant.to_string());
    }
    let link = api.send(Method::POST, "consents", Some(&body)).await?;
    if args.json && !args.wait {
        print(&as_json(&link))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !args.json {
        print(&invitation(&link))?;
    }
    if !args.wait {
        return Ok(ExitCode::SUCCESS);
    }
    let consent = follow(&api, &link, args.json).await?;
    if args.json {
        print(&as_json(&consent))?;
    }
    if consent["state"] != "registered" {
        return Ok(ExitCode::FAILURE);
    }
    if !args.json {
        let tenant = consent["tenant_id"].as_str().unwrap_or_default();
        watch_subscriptions(&api, tenant).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The link, and what must be so for it to work.
fn invitation(link: &Value) -> String {
    let text = |name: &str| link[name].as_str().unwrap_or_default();
    format!(
        "A Global Administrator of the tenant opens this link and accepts, before {} UTC:\n\n  {}\n\n\
         Registered in Entra, as a redirect URI of the platform Web, must be\n\n  {}\n\n",
        minute(&link["expires_at"]),
        text("url"),
        text("redirect_uri"),
    )
}

/// Looks at the link until nothing can come of it any more, and says what changes.
async fn follow(api: &Api, link: &Value, is_silent: bool) -> Result<Value, CommandError> {
    let path = format!(
        "consents/{}",
        link["consent_id"].as_str().unwrap_or_default()
    );
    let (bar, mut shown) = (progress::waiting(), String::new());
    // Ends: a link has an end.
    loop {
        let consent = api.send(Method::GET, &path, None).await?;
        let text = consent["text"].as_str().unwrap_or_default();
        bar.set_message(text.to_owned());
        if !is_silent && text != shown {
            bar.suspend(|| print(&format!("{text}\n")))?;
            text.clone_into(&mut shown);
        }
        if is_settled(&consent, wall_clock::now()) {
            bar.finish_and_clear();
            return Ok(consent);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Whether nothing more comes of a link. One that was declined can be opened again until it ends.
fn is_settled(consent: &Value, now: Timestamp) -> bool {
    let ends_at: Option<Timestamp> = consent["expires_at"]
        .as_str()
        .and_then(|at| at.parse().ok());
    ["registered", "expired"].contains(&consent["state"].as_str().unwrap_or_default())
        || ends_at.is_none_or(|end| end <= now)
}

/// Says of each subscription when it is enabled.
async fn watch_subscriptions(api: &Api, tenant: &str) -> Result<(), CommandError> {
    let until = Instant::now() + ENABLED_WITHIN;
    let (bar, mut shown) = (progress::waiting(), BTreeSet::new());
    bar.set_message("waiting until Microsoft has started the subscriptions");
    loop {
        let answer = api
            .send(Method::GET, &format!("tenants/{tenant}"), None)
            .await?;
        let all = answer["subscriptions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let states: Map<String, Value> = all
            .iter()
            .filter_map(|of| {
                Some((
                    of["content_type"].as_str()?.to_owned(),
                    of["status"].clone(),
                ))
            })
            .collect();
        for (content_type, _) in states.iter().filter(|(_, status)| *status == "enabled") {
            if shown.insert(content_type.clone()) {
                bar.suspend(|| print(&format!("{content_type} enabled\n")))?;
            }
        }
        if shown.len() == states.len() {
            bar.finish_and_clear();
            return Ok(());
        }
        if Instant::now() >= until {
            bar.finish_and_clear();
            print(
                "the other subscriptions are started by themselves; ask for the tenant again in some minutes\n",
            )?;
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_has_link_and_redirect() {
        let link = json!({"url": "https://login.example/x", "redirect_uri": "https://ual.example/consent/callback",
            "expires_at": "2026-03-01T10:15:00Z"});
        let text = invitation(&link);
        for part in [
            "2026-03-01 10:15 UTC",
            "\n  https://login.example/x\n",
            "\n  https://ual.example/consent/callback\n",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_declined_link_is_waited_for_until_it_ends() {
        let consent = |state: &str| json!({"state": state, "expires_at": "2026-03-01T10:15:00Z"});
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let (before, after) = (at("2026-03-01T10:00:00Z"), at("2026-03-01T10:15:00Z"));
        for state in ["open", "waiting", "refused", "failed"] {
            assert!(!is_settled(&consent(state), before), "{state}");
            assert!(is_settled(&consent(state), after), "{state}");
        }
        assert!(is_settled(&consent("registered"), before));
        assert!(is_settled(&consent("expired"), before));
    }
}
