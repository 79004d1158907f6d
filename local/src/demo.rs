//! `demo`: the whole pipeline against an emulated Microsoft, in one process, told as it happens.

mod follow;
mod restore;
mod text;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::scan::ScanError;
use emulator::{Config, ContentType, Emulator, TenantState};
use http::Method;
use office365::{Endpoints, TenantId};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use crate::audit::{self, AuditError};
use crate::call::{CallError, call};
use crate::cli::DemoArgs;
use crate::data_dir::{DataDir, DataDirError};
use crate::serve::{self, Options, ServeError, Serving, WebhookBase};
use crate::story::Story;

/// Where ledger, lake and keys are when nothing is said.
const DATA: &str = ".ualstream";

/// Blobs of each tenant in a single run when nothing is said.
const BLOBS_ONCE: u32 = 40;

/// Blobs of each tenant in an endless run: at [`BLOBS_PER_SECOND`], four days of them.
const BLOBS_ENDLESS: u32 = 1_000_000;

/// Pace of each tenant in an endless run: one blob of each content type every two seconds, which a person can follow.
const BLOBS_PER_SECOND: f64 = 2.5;

/// The emulated tenants' ids derive from this and their number, so that every start has the same ones.
const TENANTS: Uuid = Uuid::from_u128(0x5c2d_7c5e_51f6_4f0e_9d6b_a3b1_0f6e_77aa);

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Different records that Microsoft made available to an enabled subscription.
    pub published: u64,
    /// Different records that have an event in the lake, below `ocsf/` or `ecs/`.
    pub written: u64,
    /// Events in the lake beyond the first of their record.
    pub duplicates: u64,
    /// Published records without an event that were not dropped, or not counted as dropped.
    pub lost: u64,
    /// From the start until everything was in the lake.
    pub seconds: f64,
    /// Different records whose event is below `routed/` alone.
    pub routed: u64,
    /// Different records that the filter left out, and the ledger counted so.
    pub dropped: u64,
}

impl Summary {
    /// Whether every published record is in the lake once or was left out by the filter, and nothing else is there.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let accounted = self.written + self.routed + self.dropped;
        self.published == accounted && self.lost == 0 && self.duplicates == 0
    }
}

/// The demo cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A single run counts all that is in the lake.
    #[error(
        "{0} is not empty: --once counts what one run writes, give it an empty folder or leave the option out"
    )]
    NotEmpty(String),
    /// A folder cannot be read or made.
    #[error("{path}: {cause}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// The emulated Microsoft.
    #[error("the emulated Microsoft does not start: {0}")]
    Emulator(#[from] emulator::StartError),
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The pipeline.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The API refused a registration.
    #[error("a tenant was not registered: {0}")]
    Call(#[from] CallError),
    /// The lake cannot be read.
    #[error("the lake cannot be read: {0}")]
    Audit(#[from] AuditError),
    /// The ledger's counts cannot be read.
    #[error("the ledger cannot be read: {0}")]
    Ledger(Box<SdkError<ScanError>>),
    /// The emulated Microsoft's address or tenants cannot be used by the client.
    #[error("the emulated Microsoft cannot be used: {0}")]
    Unusable(String),
}

/// Runs until everything has settled (`--once`) or until `interrupted`. `began` is when the process started.
///
/// # Errors
/// See [`DemoError`].
pub async fn run(
    args: &DemoArgs,
    story: &Story,
    began: Instant,
    interrupted: impl Future<Output = ()>,
) -> Result<Summary, DemoError> {
    let folders = Folders::of(args)?;
    let data = DataDir::open(&folders.data, args.common.lake.as_deref())?;
    let seed = match args.seed {
        Some(seed) => seed,
        None => data.count_start()?,
    };
    let lake = data.lake().to_owned();
    let microsoft = Emulator::start(emulated(args, seed)).await?;
    let options = options(args, &microsoft)?;
    let mut serving = serve::start(data, options).await?;
    story.line(text::header(&serving, &microsoft, seed));

    restore::subscriptions(&serving, &microsoft).await?;
    for (number, tenant) in tenants(args).enumerate() {
        register(&serving, tenant, number + 1).await?;
    }
    serving.begin_sweeps(args.common.sweep_every());
    let backends = Arc::clone(&serving.backends);
    let filter = args.common.events.filter.clone().unwrap_or_default();
    let end = follow::Lake {
        folder: &lake,
        filter: &filter,
        ledger: &backends.dynamodb,
    };
    let published = if args.once {
        tokio::select! {
            settled = follow::until_settled(&microsoft, &end) => {
                if !settled? {
                    story.line("\ngiven up: nothing has arrived for minutes");
                }
            }
            () = interrupted => story.line("\ninterrupted"),
        }
        follow::names(&microsoft)
    } else {
        interrupted.await;
        story.line("\nstopping: what is under way is finished first");
        follow::drain(&microsoft, &end).await?
    };
    let seconds = began.elapsed().as_secs_f64();
    if !serving.stop().await {
        tracing::warn!("not everything under way was finished in time");
    }
    microsoft.shutdown().await;
    let counted_dropped = follow::counted_dropped(&end).await?;
    if let Ok(backends) = Arc::try_unwrap(backends) {
        backends.stop().await;
    }

    // The verdict is read from the lake as it is now, by nobody's memory.
    let found = audit::read_filtered(&lake, &filter)?;
    let summary = follow::compare(&published, &found, counted_dropped, seconds);
    story.line(text::summary(&summary, &found, &lake, args));
    Ok(summary)
}

/// The folders of a run.
struct Folders {
    data: PathBuf,
    /// Removed at the end.
    _temporary: Option<TempDir>,
}

impl Folders {
    fn of(args: &DemoArgs) -> Result<Self, DemoError> {
        if args.once {
            for folder in [&args.data, &args.common.lake].into_iter().flatten() {
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
    match audit::is_empty(folder) {
        Ok(true) => Ok(()),
        Ok(false) => Err(DemoError::NotEmpty(path)),
        Err(cause) => Err(DemoError::Folder { path, cause }),
    }
}

fn tenants(args: &DemoArgs) -> impl Iterator<Item = Uuid> {
    (1..=args.tenants).map(|number| Uuid::new_v5(&TENANTS, &number.to_be_bytes()))
}

fn emulated(args: &DemoArgs, seed: u64) -> Config {
    let endless = BLOBS_ENDLESS;
    let blobs = args
        .blobs
        .unwrap_or(if args.once { BLOBS_ONCE } else { endless });
    let records = args.records_per_blob as usize;
    Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, args.emulator_port)),
        seed,
        tenants: 0,
        more_tenants: tenants(args).collect(),
        blobs_per_tenant: blobs as usize,
        records_per_blob: records..=records,
        records: args.records.clone(),
        blobs_per_second: (!args.once).then_some(BLOBS_PER_SECOND),
        allow_http_webhooks: true,
        ..Config::default()
    }
}

fn options(args: &DemoArgs, microsoft: &Emulator) -> Result<Options, DemoError> {
    let (login, manage) = (microsoft.login_url(), microsoft.manage_url());
    let endpoints = Endpoints::overridden(Some(login.as_str()), Some(manage.as_str()))
        .map_err(|error| DemoError::Unusable(error.to_string()))?;
    Ok(Options {
        listen: args.common.address(args.port),
        webhook: if args.common.no_webhook {
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
        events: args.common.events(),
        batch_within: args.common.batch_within(),
    })
}

/// Registers a tenant as an operator would: through the API.
async fn register(serving: &Serving, tenant: Uuid, number: usize) -> Result<(), DemoError> {
    let types: Vec<String> = ContentType::ALL.iter().map(ToString::to_string).collect();
    let body = json!({
        "tenant_id": tenant,
        "cloud": "enterprise",
        "name": format!("Demo tenant {number}"),
        "content_types": types,
    });
    call(
        &serving.url,
        &serving.api_key,
        Method::POST,
        "v1/tenants",
        Some(&body),
    )
    .await?;
    Ok(())
}

/// A tenant's id as the pipeline knows it, made known to the emulated Microsoft.
fn known(microsoft: &Emulator, tenant: TenantId) -> Result<(), DemoError> {
    let id = Uuid::try_parse(&tenant.to_string())
        .map_err(|error| DemoError::Unusable(error.to_string()))?;
    microsoft.set_tenant(id, &TenantState::default());
    Ok(())
}
