//! `serve`: settings from the command line and the environment, and what is said at the start.

use std::fmt::Write as _;

use office365::Endpoints;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::ServeArgs;
use crate::data_dir::{DataDir, DataDirError};
use crate::serve::{self, API_KEY, Options, ServeError, Serving, WebhookBase};

/// Shortest keys taken, in bytes: what is generated has 43.
const KEY_BYTES_MIN: usize = 32;

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// Microsoft cannot reach a loopback address.
    #[error(
        "Microsoft needs an https address to call: give it with --public-url, or leave delivery to the sweep with --no-webhook"
    )]
    NoPublicUrl,
    /// An address in Microsoft's place.
    #[error(transparent)]
    Endpoint(#[from] office365::InvalidEndpoint),
    /// A key that can be guessed.
    #[error(
        "{0} is too short: give {KEY_BYTES_MIN} characters or more, or leave it out to have one generated"
    )]
    ShortKey(&'static str),
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The pipeline.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Starts what the arguments say.
///
/// # Errors
/// See [`InstallationError`].
pub async fn start(args: &ServeArgs) -> Result<Serving, InstallationError> {
    let options = options(args)?;
    let data = DataDir::open(&args.data, args.common.lake.as_deref())?;
    let mut serving = serve::start(data, options).await?;
    serving.begin_sweeps(args.common.sweep_every());
    Ok(serving)
}

fn options(args: &ServeArgs) -> Result<Options, InstallationError> {
    let text = |url: &Option<url::Url>| url.as_ref().map(ToString::to_string);
    let (login, manage) = (text(&args.login_url), text(&args.manage_url));
    let webhook = match &args.public_url {
        _ if args.common.no_webhook => WebhookBase::None,
        Some(url) => WebhookBase::Public(url.clone()),
        None if args.manage_url.is_some() => WebhookBase::Listener,
        None => return Err(InstallationError::NoPublicUrl),
    };
    Ok(Options {
        listen: args.common.address(args.port),
        webhook,
        client_id: args.client_id,
        client_secret: args.client_secret.clone(),
        publisher_id: args.publisher_id,
        endpoints: Endpoints::overridden(login.as_deref(), manage.as_deref())?,
        api_key: key("API_KEY", args.api_key.as_ref())?,
        webhook_key: key("WEBHOOK_KEY", args.webhook_key.as_ref())?,
        events: args.common.events(),
        batch_within: args.common.batch_within(),
    })
}

fn key(
    name: &'static str,
    given: Option<&SecretString>,
) -> Result<Option<SecretString>, InstallationError> {
    match given {
        Some(key) if key.expose_secret().len() < KEY_BYTES_MIN => {
            Err(InstallationError::ShortKey(name))
        }
        given => Ok(given.cloned()),
    }
}

/// What runs where, and how to register the first tenant.
#[must_use]
pub fn header(serving: &Serving, args: &ServeArgs) -> String {
    let mut text = String::from("ualstream: the whole pipeline in this process\n\n");
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    let api = format!("{}v1/tenants", serving.url);
    let webhook = serving.webhook_url.as_ref().map_or_else(
        || "none: the sweep delivers".to_owned(),
        |url| format!("{url}   (must lead to {})", serving.url),
    );
    line("API", &api);
    line("webhook", &webhook);
    line("ledger", &serving.data.ledger().display().to_string());
    line("lake", &serving.data.lake().display().to_string());
    if serving.resumed > 0 {
        line(
            "resumed",
            &format!(
                "{} blobs that the last run had not finished",
                serving.resumed
            ),
        );
    }
    let key = match &args.api_key {
        Some(_) => "$API_KEY".to_owned(),
        None => format!("$(cat {})", serving.data.root().join(API_KEY).display()),
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
    use crate::cli::{Cli, Command};

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    fn check(more: &[&str], expect: Result<fn(&WebhookBase) -> bool, &str>) {
        let start = [
            "local",
            "serve",
            "--client-id",
            ID,
            "--client-secret",
            "s",
            "--publisher-id",
            ID,
        ];
        let cli = Cli::try_parse_from(start.iter().chain(more)).unwrap();
        let Command::Serve(args) = cli.command else {
            panic!("parsed as another command");
        };
        match (options(&args), expect) {
            (Ok(options), Ok(is_right)) => assert!(is_right(&options.webhook), "{more:?}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (result, _) => panic!("{more:?} gave {result:?}"),
        }
    }

    #[test]
    fn microsoft_needs_an_address_it_can_call() {
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
    fn another_server_is_given_the_address_that_is_listened_on() {
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
    fn a_key_that_can_be_guessed_is_refused() {
        check(
            &["--no-webhook", "--api-key", "hunter2"],
            Err("API_KEY is too short"),
        );
    }
}
