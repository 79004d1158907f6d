//! The template's metric filters and alarms match the log lines that the pipeline writes.

use pipeline::logging::{field, message};
use serde_json::Value;

use super::{Template, expanded, resources};

/// Checks what every metric filter matches, and the number it takes if it does not count lines.
#[tokio::test]
async fn metric_filters_match_what_the_pipeline_logs() {
    let template = expanded(Template::Main).await;
    let mut found: Vec<_> = resources(&template, "AWS::Logs::MetricFilter")
        .into_iter()
        .map(|(name, resource)| (name, what_it_reads(resource)))
        .collect();
    found.sort();
    let lines = |message: &str| (format!("\"{message}\""), "1".to_owned());
    let numbers = |field: &str| (format!("{{ $.{field} > 0 }}"), format!("$.{field}"));
    let expect = [
        ("DroppedRecords", numbers(field::DROPPED)),
        ("FetcherLosses", lines(message::BLOB_GIVEN_UP)),
        ("ListingLosses", lines(message::LISTED_CONTENT_REFUSED)),
        ("UnforwardedEvents", lines(message::EVENT_TOO_LARGE)),
        ("UnknownOperations", numbers(field::UNKNOWN_OPERATIONS)),
        ("UnknownRecordTypes", numbers(field::UNKNOWN_TYPES)),
    ];
    assert_eq!(found, expect);
}

fn what_it_reads(filter: &Value) -> (String, String) {
    let properties = &filter["Properties"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (
        text(&properties["FilterPattern"]),
        text(&properties["MetricTransformations"][0]["MetricValue"]),
    )
}
