//! Log lines: JSON on Lambda, one event a line, fields with dotted names (`tenant.id`); text at a terminal.
//!
//! Nothing that came from outside is logged as it came: ids are parsed first, texts cut and escaped by the JSON writer.
//! Never a token, a key, an authId or a record.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, registry};

/// Messages that something outside the pipeline looks for: template.yaml's metric filters, or the demo that retells the log.
/// Whoever rewords one rewords template.yaml too; a test compares them.
pub mod message {
    /// Alarm: the blob ended as `QUARANTINED` or `LOST`.
    pub const BLOB_GIVEN_UP: &str = "blob given up";
    /// Alarm: Microsoft listed a blob whose address or id is not what Microsoft's should be.
    pub const LISTED_CONTENT_REFUSED: &str = "listed content refused";
    /// Alarm: an event stays out of the Firehose stream.
    pub const EVENT_TOO_LARGE: &str = "event too large for Firehose";
    /// Demo.
    pub const TENANT_REGISTERED: &str = "tenant registered";
    /// Demo.
    pub const STARTING_SUBSCRIPTION: &str = "starting subscription";
    /// Demo.
    pub const WEBHOOK_VALIDATED: &str = "webhook validated by Microsoft";
    /// Demo.
    pub const NOTIFICATION_ENQUEUED: &str = "notification enqueued";
    /// Demo; its numbers are metrics.
    pub const BLOB_DELIVERED: &str = "blob delivered";
    /// Demo.
    pub const RECONCILED: &str = "reconciled";
}

/// Fields that something outside the pipeline reads, as [`message`] is read.
pub mod field {
    /// Metric, of [`super::message::BLOB_DELIVERED`]: records that the filter dropped.
    pub const DROPPED: &str = "dropped";
    /// Metric: records of a blob whose type is in none of Microsoft's tables.
    pub const UNKNOWN_TYPES: &str = "unknown_types";
    /// Metric: records of a blob with an operation that no rule knows.
    pub const UNKNOWN_OPERATIONS: &str = "unknown_operations";
    /// Demo: whose.
    pub const TENANT_ID: &str = "tenant.id";
    /// Demo: of which subscription.
    pub const CONTENT_TYPE: &str = "content.type";
    /// Demo, of [`super::message::NOTIFICATION_ENQUEUED`]: blobs put into the queue.
    pub const ENQUEUED: &str = "enqueued";
    /// Demo, of [`super::message::BLOB_DELIVERED`]: records in the blob.
    pub const RECORDS: &str = "records";
    /// Demo, of [`super::message::BLOB_DELIVERED`]: records that another blob had brought.
    pub const DUPLICATE: &str = "duplicate";
    /// Demo, of [`super::message::RECONCILED`]: blobs that Microsoft listed.
    pub const LISTED: &str = "listed";
    /// Demo, of [`super::message::RECONCILED`]: blobs that the ledger did not know.
    pub const UNKNOWN: &str = "unknown";
    /// Demo, of [`super::message::RECONCILED`]: blobs that nobody had finished in time.
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
