//! Log lines: JSON on Lambda, one event a line, fields with dotted names (`tenant.id`); text at a terminal.
//!
//! Nothing that came from outside is logged as it came: ids are parsed first, texts cut and escaped by the JSON writer.
//! Never a token, a key, an authId or a record.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, registry};

/// Messages that the demo looks for when it retells the log. Alarms look at [`crate::metrics`] instead.
pub mod message {
    /// A tenant was added, or registered again.
    pub const TENANT_REGISTERED: &str = "tenant registered";
    /// Microsoft is asked for a content type's content.
    pub const STARTING_SUBSCRIPTION: &str = "starting subscription";
    /// Microsoft tried the webhook.
    pub const WEBHOOK_VALIDATED: &str = "webhook validated by Microsoft";
    /// A notification's blobs are in the queue.
    pub const NOTIFICATION_ENQUEUED: &str = "notification enqueued";
    /// A blob is in the lake.
    pub const BLOB_DELIVERED: &str = "blob delivered";
    /// A rule found something, and everybody was told.
    pub const FINDING_MADE: &str = "finding made";
    /// A sweep ended.
    pub const RECONCILED: &str = "reconciled";
}

/// Fields that the demo reads, as [`message`] is read.
pub mod field {
    /// Whose.
    pub const TENANT_ID: &str = "tenant.id";
    /// Of which subscription.
    pub const CONTENT_TYPE: &str = "content.type";
    /// Of [`super::message::NOTIFICATION_ENQUEUED`]: blobs put into the queue.
    pub const ENQUEUED: &str = "enqueued";
    /// Of [`super::message::BLOB_DELIVERED`]: records in the blob.
    pub const RECORDS: &str = "records";
    /// Of [`super::message::BLOB_DELIVERED`]: records that another blob had brought.
    pub const DUPLICATE: &str = "duplicate";
    /// Of [`super::message::FINDING_MADE`]: the same in each of its copies.
    pub const FINDING: &str = "finding.uid";
    /// Of [`super::message::FINDING_MADE`]: the rule's level.
    pub const LEVEL: &str = "rule.level";
    /// Of [`super::message::FINDING_MADE`]: the rule's title.
    pub const TITLE: &str = "rule.title";
    /// Of [`super::message::RECONCILED`]: blobs that Microsoft listed.
    pub const LISTED: &str = "listed";
    /// Of [`super::message::RECONCILED`]: blobs that the ledger did not know.
    pub const UNKNOWN: &str = "unknown";
    /// Of [`super::message::RECONCILED`]: blobs that nobody had finished in time.
    pub const OVERDUE: &str = "overdue";
}

/// Everything of ours from `info` up, of the libraries only warnings.
const DEFAULT_FILTER: &str = "warn,pipeline=info,office365=info,local=info,emulator=warn";

/// Starts JSON logging to standard output, as CloudWatch Logs takes it. `level` is the value of `LOG_LEVEL`: a level or a
/// list of targets with levels, such as `debug` or `warn,pipeline=debug`; one that cannot be read counts as absent.
pub fn init_json(level: Option<&str>) {
    let filter = level
        .filter(|level| !level.is_empty())
        .and_then(|level| level.parse::<Targets>().ok())
        .or_else(|| DEFAULT_FILTER.parse().ok())
        .unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_filter(filter);
    // A second call (in tests) keeps the first subscriber.
    let _ = registry().with(lines).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_filter_parses() {
        let filter: Targets = DEFAULT_FILTER.parse().unwrap();
        assert!(filter.would_enable("pipeline::fetch", &tracing::Level::INFO));
        assert!(!filter.would_enable("hyper", &tracing::Level::INFO));
    }
}
