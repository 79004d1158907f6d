//! `serve`: the pipeline against Microsoft, with settings from the command line and the environment.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use office365::Endpoints;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use uuid::Uuid;

use crate::arguments::{PipelineArgs, secret};
use crate::commands::{CommandError, log, print};
use crate::installation::data_dir::{DataDir, DataDirError};
use crate::installation::{self, API_KEY, Config, Installation, InstallationError, WebhookBase};
use crate::signals;

/// Shortest key taken, in bytes: a shorter one could be guessed. Generated ones have 43.
const KEY_BYTES_MIN: usize = 32;

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Application (client) id of the app registration in Microsoft Entra
    #[arg(long, env = "CLIENT_ID", value_name = "GUID")]
    pub client_id: Uuid,
    /// Client secret of the app registration; better given in the environment, which process lists do not show
    #[arg(long, env = "CLIENT_SECRET", hide_env_values = true, value_name = "SECRET", value_parser = secret)]
    pub client_secret: SecretString,
    /// Your own tenant id, against which Microsoft counts requests
    #[arg(long, env = "PUBLISHER_ID", value_name = "GUID")]
    pub publisher_id: Uuid,
    /// Login server to use instead of Microsoft's
    #[arg(long, env = "LOGIN_URL", value_name = "URL")]
    pub login_url: Option<Url>,
    /// Management Activity API server to use instead of Microsoft's
    #[arg(long, env = "MANAGE_URL", value_name = "URL")]
    pub manage_url: Option<Url>,
    /// Public https address that leads to --port, for Microsoft's webhook calls; its certificate must be publicly trusted
    #[arg(long, env = "WEBHOOK_BASE_URL", value_name = "URL")]
    pub public_url: Option<Url>,
    /// Port of the API and the webhook
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    pub port: u16,
    /// Folder of the ledger, the lake and the keys
    #[arg(long, default_value = ".ualstream", value_name = "DIR")]
    pub data: PathBuf,
    /// Bearer key of the API, at least 32 characters [default: in the file api-key of the data folder]
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "KEY", value_parser = secret)]
    pub api_key: Option<SecretString>,
    /// Master key of the webhook, at least 32 characters [default: in the file webhook-key of the data folder]
    #[arg(long, env = "WEBHOOK_KEY", hide_env_values = true, value_name = "KEY", value_parser = secret)]
    pub webhook_key: Option<SecretString>,
    /// Where findings are sent: an https address, or an http one of this machine
    #[arg(
        long,
        env = "FINDINGS_WEBHOOK_URL",
        value_name = "URL",
        requires = "findings_webhook_secret"
    )]
    pub findings_webhook: Option<Url>,
    /// What signs findings: whsec_ and the base64 of 24 to 64 bytes
    #[arg(long, env = "FINDINGS_WEBHOOK_SECRET", hide_env_values = true, value_name = "KEY", value_parser = secret)]
    pub findings_webhook_secret: Option<SecretString>,
    /// The pipeline's options.
    #[command(flatten)]
    pub pipeline: PipelineArgs,
}

/// It cannot start.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(
        "Microsoft needs an https address to call: give it with --public-url, or leave delivery to the sweep with --no-webhook"
    )]
    NoPublicUrl,
    #[error(transparent)]
    Endpoint(#[from] office365::InvalidEndpoint),
    #[error(
        "{0} is too short: give at least {KEY_BYTES_MIN} characters, or leave it out to have one generated"
    )]
    ShortKey(&'static str),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Installation(#[from] InstallationError),
}

pub(crate) async fn main(
    args: &ServeArgs,
    log_level: Option<&str>,
) -> Result<ExitCode, CommandError> {
    log(
        log_level.unwrap_or("warn,pipeline=info,office365=info,local=info"),
        None,
    );
    let interrupted = signals::interrupted()?;
    let installation = start(args).await?;
    print(&(header(&installation, args) + "\n"))?;
    interrupted.await;
    print("stopping: finishing what is under way\n")?;
    let finished = installation.stop().await;
    Ok(if finished {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn start(args: &ServeArgs) -> Result<Installation, ServeError> {
    let config = config(args)?;
    let data = DataDir::open(&args.data, args.pipeline.lake.as_deref())?;
    let mut installation = installation::start(data, config).await?;
    installation.begin_sweeps();
    Ok(installation)
}

fn config(args: &ServeArgs) -> Result<Config, ServeError> {
    let text = |url: &Option<Url>| url.as_ref().map(ToString::to_string);
    let (login, manage) = (text(&args.login_url), text(&args.manage_url));
    let webhook = match &args.public_url {
        _ if args.pipeline.no_webhook => WebhookBase::None,
        Some(url) => WebhookBase::Public(url.clone()),
        None if args.manage_url.is_some() => WebhookBase::Listener,
        None => return Err(ServeError::NoPublicUrl),
    };
    Ok(Config {
        listen: args.pipeline.address(args.port),
        webhook,
        client_id: args.client_id,
        client_secret: args.client_secret.clone(),
        publisher_id: args.publisher_id,
        endpoints: Endpoints::overridden(login.as_deref(), manage.as_deref())?,
        api_key: key("API_KEY", args.api_key.as_ref())?,
        webhook_key: key("WEBHOOK_KEY", args.webhook_key.as_ref())?,
        events: args.pipeline.events(),
        findings_webhook: args
            .findings_webhook
            .clone()
            .zip(args.findings_webhook_secret.clone()),
        sweep_every: args.pipeline.sweep_every(),
        batch_within: args.pipeline.batch_within(),
    })
}

fn key(
    name: &'static str,
    given: Option<&SecretString>,
) -> Result<Option<SecretString>, ServeError> {
    match given {
        Some(key) if key.expose_secret().len() < KEY_BYTES_MIN => Err(ServeError::ShortKey(name)),
        given => Ok(given.cloned()),
    }
}

/// Addresses and folders, and how to register the first tenant.
fn header(installation: &Installation, args: &ServeArgs) -> String {
    let mut text = String::from("ualstream: the whole pipeline in this process\n\n");
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    let api = format!("{}v1/tenants", installation.url);
    let webhook = installation.webhook_url.as_ref().map_or_else(
        || "none: the sweep delivers".to_owned(),
        |url| format!("{url}   (must lead to {})", installation.url),
    );
    line("API", &api);
    line("webhook", &webhook);
    line("ledger", &installation.data.ledger().display().to_string());
    line("lake", &installation.data.lake().display().to_string());
    if installation.resumed > 0 {
        line(
            "resumed",
            &format!(
                "{} blobs that the last run had not finished",
                installation.resumed
            ),
        );
    }
    let key = match &args.api_key {
        Some(_) => "$API_KEY".to_owned(),
        None => format!(
            "$(cat {})",
            installation.data.root().join(API_KEY).display()
        ),
    };
    let _ = write!(
        text,
        "\nRegister a tenant:\n\n  curl -s -H \"Authorization: Bearer {key}\" {api} -d '{{\"tenant_id\": \"…\"}}'\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        serve: ServeArgs,
    }

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    fn check(more: &[&str], expect: Result<fn(&WebhookBase) -> bool, &str>) {
        let start = [
            "serve",
            "--client-id",
            ID,
            "--client-secret",
            "s",
            "--publisher-id",
            ID,
        ];
        let line = Line::try_parse_from(start.iter().chain(more)).unwrap();
        match (config(&line.serve), expect) {
            (Ok(config), Ok(is_right)) => assert!(is_right(&config.webhook), "{more:?}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (result, _) => panic!("{more:?} gave {result:?}"),
        }
    }

    #[test]
    fn microsoft_needs_a_public_address() {
        check(&[], Err("--public-url"));
        check(
            &["--no-webhook"],
            Ok(|webhook| matches!(webhook, WebhookBase::None)),
        );
        check(
            &["--public-url", "https://hooks.example"],
            Ok(|webhook| matches!(webhook, WebhookBase::Public(_))),
        );
    }

    #[test]
    fn another_server_gets_the_address_of_the_listener() {
        check(
            &["--manage-url", "http://127.0.0.1:9"],
            Ok(|webhook| matches!(webhook, WebhookBase::Listener)),
        );
        check(
            &["--manage-url", "http://127.0.0.1:9", "--no-webhook"],
            Ok(|webhook| matches!(webhook, WebhookBase::None)),
        );
    }

    #[test]
    fn a_short_key_is_refused() {
        check(
            &["--no-webhook", "--api-key", "hunter2"],
            Err("API_KEY is too short"),
        );
    }
}
