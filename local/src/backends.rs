//! DynamoDB and SQS inside this process, behind their real wire protocols on loopback ports.
//!
//! Each has its own thread and runtime, because SQLite blocks the thread that it runs on: the queue and the pipeline must not
//! wait for it.

mod announcing;
mod bounded;
mod dynamodb;
mod server;
mod sqs;

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::QueueAttributeName;
use pipeline::aws::AwsError;

pub use self::announcing::Announcements;
pub use self::server::ServerError;

/// The table's name in the embedded DynamoDB.
pub const TABLE: &str = "ualstream";

/// The detections table's name in the embedded DynamoDB.
pub const DETECTIONS_TABLE: &str = "ualstream-detections";

/// The content queue's name in the embedded SQS.
pub const QUEUE: &str = "ualstream-content";

/// The sweep queue's name in the embedded SQS.
pub const SWEEP_QUEUE: &str = "ualstream-sweeps";

/// The queue of announced raw copies in the embedded SQS.
pub const DETECT_QUEUE: &str = "ualstream-raw-copies";

/// The queue of findings for a webhook in the embedded SQS.
pub const FINDINGS_QUEUE: &str = "ualstream-findings";

/// Time for a batch of raw copies: as on AWS (template.yaml).
pub const DETECT_WITHIN: Duration = Duration::from_secs(300);

/// Time for a batch of findings.
pub const NOTIFY_WITHIN: Duration = Duration::from_secs(30);

/// How much longer a message of these two queues is hidden than its batch may take.
const HIDDEN_MARGIN: Duration = Duration::from_secs(30);

/// How long a message for a sweep is hidden after its receipt, and how long the queue keeps one: as on AWS (template.yaml).
const SWEEP_MESSAGE_HIDDEN: Duration = Duration::from_secs(540);
const SWEEP_MESSAGE_KEPT: Duration = Duration::from_secs(600);

/// The embedded servers accept every signature, but the SDK makes none without a region.
const REGION: &str = "us-east-1";

/// Where the embedded DynamoDB keeps its items.
#[derive(Clone, Debug)]
pub enum Storage {
    /// In this SQLite file, created if it does not exist. It survives a kill of the process.
    File(PathBuf),
    /// In memory: they are gone with the process.
    Memory,
}

/// The running back ends, with their table and queues.
pub struct Backends {
    /// A client of the embedded DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// A client of the embedded SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// The content queue's address.
    pub queue_url: String,
    /// The sweep queue's address.
    pub sweep_queue_url: String,
    /// The address of the queue of announced raw copies.
    pub detect_queue_url: String,
    /// The address of the queue of findings for a webhook.
    pub findings_queue_url: String,
    database: dynamodb::Dynamodb,
    queues: server::Server,
}

/// The back ends cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackendsError {
    /// A server did not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The SQLite file cannot be opened.
    #[error(
        "the ledger {file} cannot be opened: {cause}; is it a ledger, and may this user write it?"
    )]
    Database {
        /// The SQLite file.
        file: String,
        /// What SQLite says.
        cause: String,
    },
    /// The table or a queue cannot be created.
    #[error("the embedded back ends are not usable: {0}")]
    Aws(#[from] AwsError),
}

/// Starts both servers and creates table and queues. A message of the content queue that is not deleted is received again after
/// `visibility_timeout`.
///
/// # Errors
/// See [`BackendsError`].
pub async fn start(
    storage: Storage,
    visibility_timeout: Duration,
) -> Result<Backends, BackendsError> {
    let database = dynamodb::start(&storage)?;
    let queues = sqs::start(REGION)?;

    let dynamodb = dynamodb_client(&database.url());
    pipeline::ledger::create_table(&dynamodb, TABLE).await?;
    pipeline::detections::create_table(&dynamodb, DETECTIONS_TABLE).await?;
    let sqs = sqs_client(&queues.url());
    let queue_url = create_queue(&sqs, QUEUE, visibility_timeout, None).await?;
    let sweep_queue_url = create_queue(
        &sqs,
        SWEEP_QUEUE,
        SWEEP_MESSAGE_HIDDEN,
        Some(SWEEP_MESSAGE_KEPT),
    )
    .await?;
    let hidden = DETECT_WITHIN + HIDDEN_MARGIN;
    let detect_queue_url = create_queue(&sqs, DETECT_QUEUE, hidden, None).await?;
    let hidden = NOTIFY_WITHIN + HIDDEN_MARGIN;
    let findings_queue_url = create_queue(&sqs, FINDINGS_QUEUE, hidden, None).await?;
    Ok(Backends {
        dynamodb,
        sqs,
        queue_url,
        sweep_queue_url,
        detect_queue_url,
        findings_queue_url,
        database,
        queues,
    })
}

impl Backends {
    /// The embedded DynamoDB's address, for the AWS CLI (`--endpoint-url`).
    #[must_use]
    pub fn dynamodb_url(&self) -> String {
        self.database.url()
    }

    /// The embedded SQS's address, for the AWS CLI (`--endpoint-url`).
    #[must_use]
    pub fn sqs_url(&self) -> String {
        self.queues.url()
    }

    /// Deletes expired items and returns how many there were. Blocks the thread.
    #[must_use]
    pub fn expire_items(&self) -> usize {
        self.database.expire_items()
    }

    /// Stops both servers. The SQLite file then has no write-ahead log beside it.
    pub async fn stop(self) {
        self.queues.stop().await;
        self.database.stop().await;
    }
}

/// A client of an embedded DynamoDB at `url`.
#[must_use]
pub fn dynamodb_client(url: &str) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(credentials())
            .endpoint_url(url)
            .http_client(bounded::client())
            .build(),
    )
}

/// A client of an embedded SQS at `url`.
#[must_use]
pub fn sqs_client(url: &str) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::from_conf(
        aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(credentials())
            .endpoint_url(url)
            .http_client(bounded::client())
            .build(),
    )
}

/// Any credentials will do: the embedded servers look only at their form.
fn credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "embedded")
}

async fn create_queue(
    sqs: &aws_sdk_sqs::Client,
    name: &str,
    visibility_timeout: Duration,
    retention: Option<Duration>,
) -> Result<String, AwsError> {
    let mut create = sqs.create_queue().queue_name(name).attributes(
        QueueAttributeName::VisibilityTimeout,
        visibility_timeout.as_secs().to_string(),
    );
    if let Some(retention) = retention {
        create = create.attributes(
            QueueAttributeName::MessageRetentionPeriod,
            retention.as_secs().to_string(),
        );
    }
    let created = create
        .send()
        .await
        .map_err(|error| AwsError::new("sqs:CreateQueue", &error))?;
    created.queue_url.ok_or_else(|| AwsError {
        operation: "sqs:CreateQueue",
        code: "unusable answer".to_owned(),
        message: "no queue url".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    async fn put(backends: &Backends, key: &str) {
        backends
            .dynamodb
            .put_item()
            .table_name(TABLE)
            .item("pk", AttributeValue::S(key.to_owned()))
            .item("sk", AttributeValue::S("x".to_owned()))
            .send()
            .await
            .unwrap();
    }

    async fn has(backends: &Backends, key: &str) -> bool {
        backends
            .dynamodb
            .get_item()
            .table_name(TABLE)
            .key("pk", AttributeValue::S(key.to_owned()))
            .key("sk", AttributeValue::S("x".to_owned()))
            .send()
            .await
            .unwrap()
            .item
            .is_some()
    }

    #[tokio::test]
    async fn items_in_a_file_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.sqlite");
        let storage = Storage::File(file.clone());
        let first = start(storage.clone(), Duration::from_secs(30))
            .await
            .unwrap();
        put(&first, "a").await;
        first.stop().await;
        assert!(file.exists());
        assert!(!folder.path().join("ledger.sqlite-wal").exists());

        let second = start(storage, Duration::from_secs(30)).await.unwrap();
        assert!(has(&second, "a").await);
        assert!(!has(&second, "b").await);
        second.stop().await;
    }

    #[tokio::test]
    async fn a_message_that_is_not_deleted_is_received_again() {
        let backends = start(Storage::Memory, Duration::from_secs(1))
            .await
            .unwrap();
        let send = backends.sqs.send_message().queue_url(&backends.queue_url);
        send.message_body("hello").send().await.unwrap();
        for count in 1..=2 {
            let received = backends
                .sqs
                .receive_message()
                .queue_url(&backends.queue_url)
                .wait_time_seconds(5)
                .send()
                .await
                .unwrap();
            assert_eq!(received.messages().len(), 1, "receive {count}");
            assert_eq!(received.messages()[0].body(), Some("hello"));
        }
        backends.stop().await;
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_named_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.sqlite");
        std::fs::write(
            &file,
            "not a database, but long enough to have a header in it",
        )
        .unwrap();
        let error = start(Storage::File(file), Duration::from_secs(30))
            .await
            .err()
            .unwrap();
        assert!(error.to_string().contains("ledger.sqlite"), "{error}");
    }
}
