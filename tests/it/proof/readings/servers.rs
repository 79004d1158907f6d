//! The servers that read AWS, started once for all tests.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use local::backends::{self, Backends, Storage};
use tests::served::Served;
use tests::{Outcome, ministack, moto};
use tokio::sync::OnceCell;

/// Of the content queue, which is not used here.
const VISIBLE_AFTER: Duration = Duration::from_secs(60);

pub(super) const REGION: &str = "us-east-1";

/// For ministack the name of the account's root; moto and the embedded servers take any.
pub(super) const KEY: &str = "test";

/// Who reads AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// dynoxide, rustack and a folder, as local mode runs them.
    Embedded,
    /// ministack.
    Ministack,
    /// moto.
    Moto,
    /// The queues of the simulation.
    Simulation,
}

struct Servers {
    embedded: Backends,
    ministack: Served,
    moto: Served,
}

/// They end with this process: the two in Python when their standard input closes.
static SERVERS: OnceCell<Servers> = OnceCell::const_new();

async fn servers() -> Outcome<&'static Servers> {
    SERVERS.get_or_try_init(start).await
}

async fn start() -> Outcome<Servers> {
    let logs = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("readings");
    std::fs::create_dir_all(&logs)?;
    Ok(Servers {
        embedded: backends::start(Storage::Memory, VISIBLE_AFTER).await?,
        ministack: ministack::start(&logs).await?,
        moto: moto::start(&logs).await?,
    })
}

/// How the AWS SDK reaches a server.
fn config(url: String) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials()))
        .endpoint_url(url)
        .build()
}

/// A client of each DynamoDB. Made anew for each test: its connections end with the test's runtime.
pub(super) async fn dynamodb() -> Outcome<Vec<(Reading, aws_sdk_dynamodb::Client)>> {
    let servers = servers().await?;
    let client = |url| aws_sdk_dynamodb::Client::new(&config(url));
    Ok(vec![
        (Reading::Embedded, client(servers.embedded.dynamodb_url())),
        (Reading::Ministack, client(servers.ministack.endpoint())),
        (Reading::Moto, client(servers.moto.endpoint())),
    ])
}

/// A client of each SQS that is a server.
pub(super) async fn sqs() -> Outcome<Vec<(Reading, aws_sdk_sqs::Client)>> {
    let servers = servers().await?;
    let client = |url| aws_sdk_sqs::Client::new(&config(url));
    Ok(vec![
        (Reading::Embedded, client(servers.embedded.sqs_url())),
        (Reading::Ministack, client(servers.ministack.endpoint())),
        (Reading::Moto, client(servers.moto.endpoint())),
    ])
}

/// The address of each S3 that is a server.
pub(super) async fn s3() -> Outcome<[(Reading, String); 2]> {
    let servers = servers().await?;
    Ok([
        (Reading::Ministack, servers.ministack.endpoint()),
        (Reading::Moto, servers.moto.endpoint()),
    ])
}

fn credentials() -> Credentials {
    Credentials::new(KEY, KEY, None, None, "readings")
}
