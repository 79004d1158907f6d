//! Numbers for CloudWatch's metrics and the alarms of template.yaml, in its embedded metric format: a line of the log says what
//! is measured, so that no alarm depends on the words of a message.
//!
//! Verbs call [`count`] and [`measure`] with a constant of [`name`]. Both do nothing until a function's main has called [`init`];
//! it then flushes at the end of each invocation, which is one line for all numbers together. What a process has not flushed when
//! it dies is not counted: an alarm must not be the only trace of what matters, and the ledger has each loss as an item.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::fmt;
use std::io::{self, Write};

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "ualstream";

/// The dimension of all metrics: which deployment they are of, so that two stacks of an account do not share an alarm.
pub const DIMENSION: &str = "Deployment";

/// Names of metrics. template.yaml has alarms on some; a test compares them.
pub mod name {
    /// Count: blobs that ended as `QUARANTINED` or `LOST`.
    pub const BLOBS_GIVEN_UP: &str = "BlobsGivenUp";
    /// Count: losses written down, of any kind.
    pub const LOSSES_RECORDED: &str = "LossesRecorded";
    /// Count, alarm: records that name another organization than their tenant.
    pub const FOREIGN_RECORDS: &str = "ForeignRecords";
    /// Count, alarm: elements of a blob that are not a record.
    pub const MALFORMED_RECORDS: &str = "MalformedRecords";
    /// Count: records that became events of the lake, routed ones among them.
    pub const RECORDS_WRITTEN: &str = "RecordsWritten";
    /// Count: records that another blob had brought.
    pub const RECORDS_DUPLICATE: &str = "RecordsDuplicate";
    /// Count: records that the filter dropped. It shows a rule that drops too much.
    pub const RECORDS_DROPPED: &str = "RecordsDropped";
    /// Count: records whose type is in none of Microsoft's tables, an early sign of changes there.
    pub const UNKNOWN_TYPES: &str = "UnknownTypes";
    /// Count: records with an operation that no rule knows.
    pub const UNKNOWN_OPERATIONS: &str = "UnknownOperations";
    /// Count, alarm: listed blobs whose address or id is not what Microsoft's should be.
    pub const LISTED_CONTENT_REFUSED: &str = "ListedContentRefused";
    /// Count, alarm: events that stay out of the Firehose stream.
    pub const EVENTS_TOO_LARGE: &str = "EventsTooLarge";
    /// Count: records that the rules looked at.
    pub const RECORDS_LOOKED_AT: &str = "RecordsLookedAt";
    /// Count: findings that there were not before.
    pub const FINDINGS_MADE: &str = "FindingsMade";
    /// Count: findings that an exception is for. It shows an exception that hides too much.
    pub const FINDINGS_EXCEPTED: &str = "FindingsExcepted";
    /// Count, alarm: findings beyond what a rule may make of a tenant's records in an hour.
    pub const FINDINGS_CAPPED: &str = "FindingsCapped";
    /// Count: sets of correlations and keys of new values that took no more.
    pub const DETECTION_SETS_FULL: &str = "DetectionSetsFull";
    /// Measure, alarm: tenants that were not swept for three periods.
    pub const TENANTS_NOT_SWEPT: &str = "TenantsNotSwept";
    /// Measure: tenants whose last sweep failed.
    pub const TENANTS_FAILING: &str = "TenantsFailing";
    /// Measure in seconds, alarm: how long ago the first blob was announced that is neither delivered nor given up; 0 for none.
    pub const OLDEST_OPEN_BLOB_SECONDS: &str = "OldestOpenBlobSeconds";
    /// Measure, alarm: losses of a tenant that nobody has acknowledged; of many, the newest two hundred.
    pub const UNACKNOWLEDGED_LOSSES: &str = "UnacknowledgedLosses";
    /// Measure in seconds, alarm: how long ago the first hour was due that is not compacted; 0 when none is left.
    pub const COMPACTION_BEHIND_SECONDS: &str = "CompactionBehindSeconds";

    /// What is counted.
    pub const COUNTS: [&str; 16] = [
        BLOBS_GIVEN_UP,
        LOSSES_RECORDED,
        FOREIGN_RECORDS,
        MALFORMED_RECORDS,
        RECORDS_WRITTEN,
        RECORDS_DUPLICATE,
        RECORDS_DROPPED,
        UNKNOWN_TYPES,
        UNKNOWN_OPERATIONS,
        LISTED_CONTENT_REFUSED,
        EVENTS_TOO_LARGE,
        RECORDS_LOOKED_AT,
        FINDINGS_MADE,
        FINDINGS_EXCEPTED,
        FINDINGS_CAPPED,
        DETECTION_SETS_FULL,
    ];

    /// What is measured, with its unit.
    pub const MEASURES: [(&str, ::metrics::Unit); 5] = [
        (TENANTS_NOT_SWEPT, ::metrics::Unit::Count),
        (TENANTS_FAILING, ::metrics::Unit::Count),
        (OLDEST_OPEN_BLOB_SECONDS, ::metrics::Unit::Seconds),
        (UNACKNOWLEDGED_LOSSES, ::metrics::Unit::Count),
        (COMPACTION_BEHIND_SECONDS, ::metrics::Unit::Seconds),
    ];
}

/// Counts something that happened, one of [`name::COUNTS`]. Nothing is written for 0.
pub fn count(name: &'static str, number: u64) {
    if number > 0 {
        counter!(name).increment(number);
    }
}

/// Notes the state of something, one of [`name::MEASURES`]; 0 is a state like others. At most 100 times for each name and
/// invocation, which is the format's limit.
#[expect(
    clippy::cast_precision_loss,
    reason = "metrics are floating point numbers; these are far below 2^53"
)]
pub fn measure(name: &'static str, value: u64) {
    // Not a gauge, which would be written again by invocations that have measured nothing.
    histogram!(name).record(value as f64);
}

/// Where numbers are collected.
#[derive(Clone, Copy)]
pub struct Metrics(Option<&'static Collector>);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(&self.0.is_some()).finish()
    }
}

/// Begins to collect, for the whole process. `deployment` is the name of the stack; without one nothing is collected.
#[must_use]
pub fn init(deployment: Option<String>) -> Metrics {
    let Some(deployment) = deployment.filter(|name| !name.is_empty()) else {
        return Metrics(None);
    };
    let collector = Builder::new()
        .cloudwatch_namespace(NAMESPACE)
        .with_dimension(DIMENSION, deployment)
        .init();
    let collector = collector.inspect_err(|error| {
        // Deliver without metrics, not the other way round.
        tracing::error!(%error, "no metrics are collected");
    });
    for name in name::COUNTS {
        describe_counter!(name, Unit::Count, "");
    }
    for (name, unit) in name::MEASURES {
        describe_histogram!(name, unit, "");
    }
    Metrics(collector.ok())
}

impl Metrics {
    /// Writes what was collected since the last time to standard output, from which Lambda takes the log.
    pub fn flush(&self) {
        // Locked, so that no log line gets between the parts of this one.
        if let Err(error) = self.write(io::stdout().lock()) {
            tracing::warn!(%error, "metrics cannot be written");
        }
    }

    /// Writes what was collected since the last time, a line of JSON; none when there is nothing.
    ///
    /// # Errors
    /// The writer's; the numbers are lost then.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        self.0.map_or(Ok(()), |collector| collector.flush(to))
    }
}

/// What a test's own thread counts and measures.
#[cfg(test)]
pub(crate) mod captured {
    use std::collections::BTreeMap;

    use metrics::{LocalRecorderGuard, set_default_local_recorder};
    use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

    pub(crate) struct Captured {
        snapshotter: Snapshotter,
        _guard: LocalRecorderGuard<'static>,
    }

    /// Captures until it is dropped.
    pub(crate) fn start() -> Captured {
        let recorder: &'static _ = Box::leak(Box::new(DebuggingRecorder::new()));
        Captured {
            snapshotter: recorder.snapshotter(),
            _guard: set_default_local_recorder(recorder),
        }
    }

    impl Captured {
        /// What came since the last time: sums of counts, the last of measures.
        pub(crate) fn take(&self) -> BTreeMap<String, u64> {
            let all = self.snapshotter.snapshot().into_vec().into_iter();
            let values = all.filter_map(|(key, _, _, value)| {
                let value = match value {
                    DebugValue::Counter(count) => count,
                    DebugValue::Gauge(_) => return None,
                    DebugValue::Histogram(values) => values.last()?.into_inner() as u64,
                };
                Some((key.key().name().to_owned(), value))
            });
            values.collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn numbers_are_lines_of_the_embedded_metric_format() {
        let written = |metrics: Metrics| {
            let mut written = Vec::new();
            metrics.write(&mut written).unwrap();
            String::from_utf8(written).unwrap()
        };
        let none = init(None);
        count(name::BLOBS_GIVEN_UP, 1);
        assert_eq!(written(none), "");

        let metrics = init(Some("audit".to_owned()));
        count(name::BLOBS_GIVEN_UP, 2);
        count(name::BLOBS_GIVEN_UP, 1);
        count(name::UNKNOWN_TYPES, 0);
        measure(name::TENANTS_NOT_SWEPT, 0);
        measure(name::OLDEST_OPEN_BLOB_SECONDS, 90);
        let text = written(metrics);
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["Deployment"], "audit");
        // Other tests of this process may count the same.
        assert!(line["BlobsGivenUp"].as_u64() >= Some(3), "{line}");
        let has = |value: &Value, what: f64| value.as_array().unwrap().contains(&json!(what));
        assert!(has(&line["TenantsNotSwept"], 0.0), "{line}");
        assert!(has(&line["OldestOpenBlobSeconds"], 90.0), "{line}");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "ualstream");
        assert_eq!(directive["Dimensions"], json!([["Deployment"]]));
        let declared = directive["Metrics"].as_array().unwrap();
        assert!(declared.contains(&json!({"Name": "BlobsGivenUp", "Unit": "Count"})));
        assert!(declared.contains(&json!({"Name": "OldestOpenBlobSeconds", "Unit": "Seconds"})));
        assert!(line["_aws"]["Timestamp"].is_u64());
    }

    #[test]
    fn a_test_captures_what_it_counts() {
        let captured = captured::start();
        count(name::RECORDS_WRITTEN, 3);
        count(name::RECORDS_WRITTEN, 4);
        measure(name::COMPACTION_BEHIND_SECONDS, 5);
        let expect = [("CompactionBehindSeconds", 5), ("RecordsWritten", 7)];
        let expect = expect.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(captured.take(), expect.into());
    }
}
