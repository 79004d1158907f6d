//! `demo`: the whole pipeline against an emulated Microsoft, in one process, with a story of what happens.

mod follow;
mod restore;
mod stories;
mod text;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::scan::ScanError;
use clap::Args;
use emulator::{
    Administrator, Behaviour, Consent, ContentType, Decision, Emulator, Story as Attack,
    TenantState,
};
use http::Method;
use office365::{Endpoints, TenantId};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use crate::api_client::{CallError, call};
use crate::arguments::PipelineArgs;
use crate::commands::{CommandError, log, print};
use crate::installation::data_dir::{DataDir, DataDirError};
use crate::installation::{self, Installation, InstallationError, WebhookBase};
use crate::signals;
use crate::story::{self, Story};
use crate::verify::{self, LakeReadError};

/// Default folder of ledger, lake and keys.
const DATA: &str = ".ualstream";

/// Blobs that each tenant publishes in a run with `--once`, by default.
const BLOBS_ONCE: u32 = 40;

/// Blobs that each tenant publishes in a run without `--once`, by default: enough for four days at [`BLOBS_PER_SECOND`].
const BLOBS_ENDLESS: u32 = 1_000_000;

/// Blobs a second of each tenant in a run without `--once`: one of each content type every two seconds, which a person can follow.
const BLOBS_PER_SECOND: f64 = 2.5;

/// Namespace of the tenants' ids, which derive from it and their numbers: every start has the same ones.
const TENANTS: Uuid = Uuid::from_u128(0x5c2d_7c5e_51f6_4f0e_9d6b_a3b1_0f6e_77aa);

/// How long the emulated Microsoft takes until a consent takes effect, in seconds: long enough to see the page that waits.
const CONSENT_SPREADS_AFTER: u64 = 12;

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Publish a fixed number of blobs and end when all records are in the lake; fails unless each is there exactly once
    #[arg(long)]
    pub once: bool,
    /// Print the result as one line of JSON, and everything else on standard error; needs --once
    #[arg(long, requires = "once")]
    pub json: bool,
    /// Number of tenants
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub tenants: u32,
    /// Blobs that each tenant publishes [default: 40 with --once, otherwise no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub blobs: Option<u32>,
    // The emulator keeps blobs in memory.
    /// Records in each blob
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub records_per_blob: u32,
    /// Publish the raw records of this NDJSON file instead of generated ones
    #[arg(long, value_name = "FILE")]
    pub records: Option<PathBuf>,
    // Told at the start, in the first tenant.
    /// Tell an attack among the records; may be given several times [default: password_spray, and none with --records]
    #[arg(long = "story", value_name = "NAME", value_parser = stories::name())]
    pub stories: Vec<Option<Attack>>,
    /// Seed of the generated records [default: 1, then 2 and so on with each start]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder of the ledger, the lake and the keys [default: .ualstream; with --once a temporary one]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Port of the API and the webhook; 0 is any free port
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,
    /// Port of the emulated Microsoft; 0 is any free port
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub emulator_port: u16,
    /// The pipeline's options.
    #[command(flatten)]
    pub pipeline: PipelineArgs,
}

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Different records that Microsoft made available to an enabled subscription.
    pub published: u64,
    /// Different records with an event in the lake, in `ocsf/` or `ecs/`.
    pub written: u64,
    /// Events in the lake whose record has another one.
    pub duplicates: u64,
    /// Published records without an event that the filter did not drop, or that are not counted as dropped.
    pub lost: u64,
    /// Seconds from the start of the process until everything was in the lake.
    pub seconds: f64,
    /// Different records whose only event is in `routed/`.
    pub routed: u64,
    /// Different records that the filter dropped and the ledger counted as dropped.
    pub dropped: u64,
}

impl Summary {
    /// Whether every published record is in the lake once or was dropped by the filter, and no other record is there.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let accounted = self.written + self.routed + self.dropped;
        self.published == accounted && self.lost == 0 && self.duplicates == 0
    }
}

/// The demo cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A run with `--once` counts everything in the lake.
    #[error(
        "{0} is not empty: --once counts what one run writes, so give it an empty folder or leave the folder out"
    )]
    NotEmpty(String),
    /// A folder cannot be read or created.
    #[error("{path}: {cause}")]
    Folder {
        /// The folder.
        path: String,
        /// The system's answer.
        cause: io::Error,
    },
    /// The emulated Microsoft does not start.
    #[error("the emulated Microsoft does not start: {0}")]
    Emulator(#[from] emulator::StartError),
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The pipeline does not start.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The API refused a registration.
    #[error("a tenant was not registered: {0}")]
    Call(#[from] CallError),
    /// The lake cannot be read.
    #[error("the lake cannot be read: {0}")]
    Lake(#[from] LakeReadError),
    /// The ledger's counts cannot be read.
    #[error("the ledger cannot be read: {0}")]
    Ledger(Box<SdkError<ScanError>>),
    /// The emulated Microsoft's address or tenants cannot be used by the client.
    #[error("the emulated Microsoft cannot be used: {0}")]
    Unusable(String),
}

/// Runs the demo; `began` is when the process started.
pub(crate) async fn main(
    args: &DemoArgs,
    log_level: Option<&str>,
    began: Instant,
) -> Result<ExitCode, CommandError> {
    let out: Box<dyn io::Write + Send> = if args.json {
        Box::new(io::stderr())
    } else {
        Box::new(io::stdout())
    };
    let story = story::begin(out, began)?;
    log(log_level.unwrap_or("warn"), Some(&story));
    let summary = run(args, &story, began, signals::interrupted()?).await;
    story.end();
    let summary = summary?;
    if args.json {
        print(&(serde_json::to_string(&summary)? + "\n"))?;
    }
    let is_good = if args.once {
        summary.is_exact()
    } else {
        summary.lost == 0 && summary.duplicates == 0
    };
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn run(
    args: &DemoArgs,
    story: &Story,
    began: Instant,
    interrupted: impl Future<Output = ()>,
) -> Result<Summary, DemoError> {
    let folders = Folders::of(args)?;
    let data = DataDir::open(&folders.data, args.pipeline.lake.as_deref())?;
    let seed = match args.seed {
        Some(seed) => seed,
        None => data.count_start()?,
    };
    let lake = data.lake().to_owned();
    let microsoft = Emulator::start(emulated(args, seed)).await?;
    let config = config(args, &microsoft)?;
    let mut installation = installation::start(data, config).await?;
    microsoft.register_redirect(redirect_uri(&installation)?);
    story.line(text::header(&installation, &microsoft, seed, args));

    restore::subscriptions(&installation, &microsoft).await?;
    for (number, tenant) in tenants(args).enumerate() {
        register(&installation, tenant, number + 1).await?;
    }
    installation.begin_sweeps();
    let backends = Arc::clone(&installation.backends);
    let filter = args.pipeline.events.filter.clone().unwrap_or_default();
    let end = follow::LakeAndLedger {
        folder: &lake,
        filter: &filter,
        ledger: &backends.dynamodb,
    };
    let published = if args.once {
        tokio::select! {
            settled = follow::wait_until_settled(&microsoft, &end) => {
                if settled? {
                    follow::wait_until_looked_at(&installation).await;
                } else {
                    story.line("\ngiving up: nothing has arrived for four minutes");
                }
            }
            () = interrupted => story.line("\ninterrupted"),
        }
        follow::published(&microsoft)
    } else {
        interrupted.await;
        story.line("\nstopping: finishing what is under way");
        follow::drain(&microsoft, &end).await?
    };
    let seconds = began.elapsed().as_secs_f64();
    if !installation.stop().await {
        tracing::warn!("not everything under way was finished in time");
    }
    microsoft.shutdown().await;
    let counted_dropped = follow::counted_dropped(&end).await?;
    if let Ok(backends) = Arc::try_unwrap(backends) {
        backends.stop().await;
    }

    // Read anew, so that the verdict depends on the lake alone.
    let found = verify::read_filtered(&lake, &filter)?;
    let summary = follow::compare(&published, &found, counted_dropped, seconds);
    let findings = verify::findings(&lake)?;
    story.line(text::summary(&summary, (&found, findings), &lake, args));
    Ok(summary)
}

/// The data folder of a run.
struct Folders {
    data: PathBuf,
    /// Deleted with this value.
    _temporary: Option<TempDir>,
}

impl Folders {
    fn of(args: &DemoArgs) -> Result<Self, DemoError> {
        if args.once {
            for folder in [&args.data, &args.pipeline.lake].into_iter().flatten() {
                must_be_empty(folder)?;
            }
        }
        if let Some(data) = &args.data {
            return Ok(Self {
                data: data.clone(),
                _temporary: None,
            });
        }
        if !args.once {
            return Ok(Self {
                data: DATA.into(),
                _temporary: None,
            });
        }
        let temporary = TempDir::with_prefix("ualstream-").map_err(|cause| DemoError::Folder {
            path: std::env::temp_dir().display().to_string(),
            cause,
        })?;
        Ok(Self {
            data: temporary.path().to_owned(),
            _temporary: Some(temporary),
        })
    }
}

fn must_be_empty(folder: &Path) -> Result<(), DemoError> {
    let path = folder.display().to_string();
    match verify::is_empty(folder) {
        Ok(true) => Ok(()),
        Ok(false) => Err(DemoError::NotEmpty(path)),
        Err(cause) => Err(DemoError::Folder { path, cause }),
    }
}

fn tenants(args: &DemoArgs) -> impl Iterator<Item = Uuid> {
    (1..=args.tenants).map(|number| Uuid::new_v5(&TENANTS, &number.to_be_bytes()))
}

/// A tenant that knows nothing of the application yet: whoever opens a consent link is its administrator.
fn guest(args: &DemoArgs) -> Uuid {
    Uuid::new_v5(&TENANTS, &(args.tenants + 1).to_be_bytes())
}

/// Where the emulated Microsoft's consent page may send browsers back to.
fn redirect_uri(installation: &Installation) -> Result<Url, DemoError> {
    let base = installation.webhook_url.as_ref();
    let base = base.unwrap_or(&installation.url);
    base.join("consent/callback")
        .map_err(|error| DemoError::Unusable(error.to_string()))
}

fn emulated(args: &DemoArgs, seed: u64) -> emulator::Config {
    let endless = BLOBS_ENDLESS;
    let blobs = args
        .blobs
        .unwrap_or(if args.once { BLOBS_ONCE } else { endless });
    let records = args.records_per_blob as usize;
    let stranger = TenantState {
        consent: Some(Consent::Missing),
        ..TenantState::default()
    };
    let guest = guest(args);
    emulator::Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, args.emulator_port)),
        seed,
        tenants: 0,
        more_tenants: tenants(args).collect(),
        blobs_per_tenant: blobs as usize,
        records_per_blob: records..=records,
        records: args.records.clone(),
        stories: stories::told(args),
        blobs_per_second: (!args.once).then_some(BLOBS_PER_SECOND),
        allow_http_webhooks: true,
        tenant_states: if args.once {
            vec![]
        } else {
            vec![(guest, stranger)]
        },
        administrator: Administrator {
            decision: Decision::Ask,
            tenant: Some(guest),
            ..Administrator::default()
        },
        behaviour: Behaviour {
            consent_spreads_after_seconds: CONSENT_SPREADS_AFTER,
            ..Behaviour::default()
        },
        ..emulator::Config::default()
    }
}

fn config(args: &DemoArgs, microsoft: &Emulator) -> Result<installation::Config, DemoError> {
    let (login, manage) = (microsoft.login_url(), microsoft.manage_url());
    let endpoints = Endpoints::overridden(Some(login.as_str()), Some(manage.as_str()))
        .map_err(|error| DemoError::Unusable(error.to_string()))?;
    Ok(installation::Config {
        listen: args.pipeline.address(args.port),
        webhook: if args.pipeline.no_webhook {
            WebhookBase::None
        } else {
            WebhookBase::Listener
        },
        client_id: microsoft.client_id(),
        client_secret: SecretString::from(microsoft.client_secret()),
        publisher_id: TENANTS,
        endpoints,
        api_key: None,
        webhook_key: None,
        findings_webhook: None,
        events: args.pipeline.events(),
        sweep_every: args.pipeline.sweep_every(),
        batch_within: args.pipeline.batch_within(),
    })
}

/// Registers a tenant through the API, as an operator does.
async fn register(
    installation: &Installation,
    tenant: Uuid,
    number: usize,
) -> Result<(), DemoError> {
    let types: Vec<String> = ContentType::ALL.iter().map(ToString::to_string).collect();
    let body = json!({
        "tenant_id": tenant,
        "cloud": "enterprise",
        "name": format!("Demo tenant {number}"),
        "content_types": types,
    });
    call(
        &installation.url,
        &installation.api_key,
        Method::POST,
        "v1/tenants",
        Some(&body),
    )
    .await?;
    Ok(())
}

/// Adds a tenant of the pipeline to the emulated Microsoft; it has consented, or it would not be registered.
fn add_tenant(microsoft: &Emulator, tenant: TenantId) -> Result<(), DemoError> {
    let id = Uuid::try_parse(&tenant.to_string())
        .map_err(|error| DemoError::Unusable(error.to_string()))?;
    let state = TenantState {
        consent: Some(Consent::Granted),
        ..TenantState::default()
    };
    microsoft.set_tenant(id, &state);
    Ok(())
}
