//! Measures a big blob: the memory that the whole pipeline takes above what it takes idle, and records a second; and the same of
//! the detector, which looks at the raw copy after it.
//!
//! ```sh
//! cargo run --release -p tests --bin big_blob -- [RECORDS] [gzip]
//! ```
//!
//! One blob of 1,000,000 records, or RECORDS, plain or compressed on the wire. The emulated Microsoft is a process of its own;
//! ledger and lake are in a temporary folder. Fails unless each record is in the lake exactly once.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use emulator::{Behaviour, ContentType, Emulator};
use http::Method;
use local::api_client::call;
use local::installation::data_dir::DataDir;
use local::installation::{self, Config, Installation, WebhookBase};
use local::verify;
use office365::Endpoints;
use pipeline::settings::EventSettings;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::lake::files;
use uuid::Uuid;

/// Records of the blob, unless the first argument says otherwise.
const RECORDS: usize = 1_000_000;

/// Longest run.
const DONE_WITHIN: Duration = Duration::from_secs(600);

/// Time between two looks at the lake.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The first argument of the process that is Microsoft.
const MICROSOFT: &str = "microsoft";

const MIB: u64 = 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_microsoft = arguments.first().is_some_and(|first| first == MICROSOFT);
    if is_microsoft {
        arguments.remove(0);
    }
    let records = match arguments.first() {
        Some(records) => records.parse()?,
        None => RECORDS,
    };
    let gzip = arguments.get(1).is_some_and(|of| of == "gzip");
    if is_microsoft {
        return be_microsoft(records, gzip).await;
    }
    let mut microsoft = Microsoft::start(records, gzip)?;
    let measured = measure(&microsoft.told, records).await;
    microsoft.process.kill()?;
    microsoft.process.wait()?;
    measured
}

/// Publishes one blob, until the process is ended.
async fn be_microsoft(records: usize, gzip: bool) -> Result<(), Box<dyn Error + Send + Sync>> {
    let emulator = Emulator::start(emulator::Config {
        content_types: vec![ContentType::Exchange],
        blobs_per_tenant: 1,
        records_per_blob: records..=records,
        allow_http_webhooks: true,
        behaviour: Behaviour {
            gzip,
            ..Behaviour::default()
        },
        ..emulator::Config::default()
    })
    .await?;
    let told = json!({
        "login": emulator.login_url().as_str(),
        "manage": emulator.manage_url().as_str(),
        "client_id": emulator.client_id(),
        "client_secret": emulator.client_secret(),
        "tenant": emulator.tenants()[0],
    });
    writeln!(io::stdout(), "{told}")?;
    std::future::pending().await
}

/// The emulated Microsoft's process, and what it told of itself.
struct Microsoft {
    process: Child,
    told: Value,
}

impl Microsoft {
    fn start(records: usize, gzip: bool) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let form = if gzip { "gzip" } else { "plain" };
        let mut process = Command::new(std::env::current_exe()?)
            .args([MICROSOFT, &records.to_string(), form])
            .stdout(Stdio::piped())
            .spawn()?;
        let out = process.stdout.take().ok_or("no output of the emulator")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        Ok(Self {
            process,
            told: serde_json::from_str(&line)?,
        })
    }
}

async fn measure(microsoft: &Value, records: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = TempDir::new()?;
    let installation = start(microsoft, folder.path()).await?;
    let lake = installation.data.lake().to_owned();
    // The highest so far counts from here.
    fs::write("/proc/self/clear_refs", "5")?;
    let idle = memory("VmRSS:")?;
    let began = Instant::now();
    let tenant = json!({
        "tenant_id": microsoft["tenant"],
        "cloud": "enterprise",
        "content_types": ["Audit.Exchange"],
    });
    let (url, key) = (&installation.url, &installation.api_key);
    call(url, key, Method::POST, "v1/tenants", Some(&tenant)).await?;
    while files(&lake.join("ocsf"))?.is_empty() {
        if began.elapsed() > DONE_WITHIN {
            return Err("the blob did not arrive in time".into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    let peak = memory("VmHWM:")?;
    fs::write("/proc/self/clear_refs", "5")?;
    while waiting(&installation).await? {
        if began.elapsed() > DONE_WITHIN {
            return Err("the rules did not look at the blob in time".into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let looked_at = began.elapsed().as_secs_f64();
    let peak_looking = memory("VmHWM:")?;
    let findings = files(&lake.join("findings"))?.len();
    if !installation.stop().await {
        return Err("the work under way was not finished".into());
    }
    let found = verify::read(&lake)?;
    let bytes: u64 = files(&lake)?
        .iter()
        .map(|path| fs::metadata(path).map_or(0, |file| file.len()))
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person to read")]
    let per_second = records as f64 / seconds;
    writeln!(
        io::stdout(),
        "{records} records in {seconds:.1} s, {per_second:.0} a second; memory {} MiB idle, {} MiB more at its peak; \
         {} events, {} twice; {} MiB in the lake",
        idle / MIB,
        peak.saturating_sub(idle) / MIB,
        found.written(),
        found.duplicates(),
        bytes / MIB / 1024,
    )?;
    writeln!(
        io::stdout(),
        "looked at by the rules {:.1} s later; {} MiB more at the peak; {findings} findings",
        looked_at - seconds,
        peak_looking.saturating_sub(idle) / MIB,
    )?;
    if (found.written(), found.duplicates(), found.unnamed()) != (records, 0, 0) {
        return Err("not every record is in the lake exactly once".into());
    }
    Ok(())
}

/// Whether a raw copy is still to be looked at.
async fn waiting(installation: &Installation) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let counts = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let asked = installation.backends.sqs.get_queue_attributes();
    let asked = asked.queue_url(&installation.backends.detect_queue_url);
    let got = asked
        .set_attribute_names(Some(counts.to_vec()))
        .send()
        .await?;
    let got = got.attributes.unwrap_or_default();
    Ok(counts
        .iter()
        .any(|name| got.get(name).is_some_and(|count| count != "0")))
}

async fn start(
    microsoft: &Value,
    folder: &Path,
) -> Result<Installation, Box<dyn Error + Send + Sync>> {
    let text = |name: &str| {
        microsoft[name]
            .as_str()
            .ok_or("the emulator told too little")
    };
    let config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        webhook: WebhookBase::Listener,
        client_id: text("client_id")?.parse()?,
        client_secret: SecretString::from(text("client_secret")?),
        publisher_id: Uuid::from_u128(1),
        endpoints: Endpoints::overridden(Some(text("login")?), Some(text("manage")?))?,
        api_key: None,
        webhook_key: None,
        findings_webhook: None,
        events: EventSettings::default(),
        sweep_every: DONE_WITHIN,
        batch_within: DONE_WITHIN,
    };
    Ok(installation::start(DataDir::open(folder, None)?, config).await?)
}

/// A figure of this process's memory, in KiB.
fn memory(name: &str) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no such figure")?.parse()?)
}
