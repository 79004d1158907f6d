//! Who is told of a finding: a bus of EventBridge, and the queue of the webhook. At least once; the uid tells copies.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::value::RawValue;

use crate::aws::AwsError;
use crate::store::detections::FindingRecord;
use crate::store::queue::FindingMessage;

/// `source` of the events.
pub const FINDING_SOURCE: &str = "ualstream";

/// `detail-type` of the events. The detail is the finding as it lies in the lake.
pub const FINDING_DETAIL_TYPE: &str = "ualstream Finding";

const PUT_EVENTS: &str = "events:PutEvents";

const SEND_MESSAGE: &str = "sqs:SendMessage";

/// Who is told; nobody by default.
#[derive(Clone, Debug, Default)]
pub struct Announcer {
    bus: Option<(aws_sdk_eventbridge::Client, String)>,
    webhook: Option<(aws_sdk_sqs::Client, String)>,
}

impl Announcer {
    /// Tells a bus of EventBridge, too.
    #[must_use]
    pub fn with_bus(self, aws: &SdkConfig, bus: String) -> Self {
        Self {
            bus: Some((aws_sdk_eventbridge::Client::new(aws), bus)),
            ..self
        }
    }

    /// Tells the webhook, too, by its queue.
    #[must_use]
    pub fn with_webhook(self, client: aws_sdk_sqs::Client, queue_url: String) -> Self {
        Self {
            webhook: Some((client, queue_url)),
            ..self
        }
    }

    pub(super) async fn announce(&self, finding: &FindingRecord) -> Result<(), AwsError> {
        if let Some((client, bus)) = &self.bus {
            let entry = PutEventsRequestEntry::builder()
                .event_bus_name(bus)
                .source(FINDING_SOURCE)
                .detail_type(FINDING_DETAIL_TYPE)
                .detail(&finding.event)
                .build();
            let answer = client.put_events().entries(entry).send().await;
            let answer = answer.map_err(|error| AwsError::new(PUT_EVENTS, &error))?;
            if answer.failed_entry_count > 0 {
                let code = answer.entries().iter().find_map(|entry| entry.error_code());
                let code = code.unwrap_or("no code");
                return Err(AwsError::unusable(
                    PUT_EVENTS,
                    format!("refused with {code}"),
                ));
            }
        }
        if let Some((client, queue_url)) = &self.webhook {
            let event = RawValue::from_string(finding.event.clone())
                .map_err(|error| AwsError::unusable(SEND_MESSAGE, error.to_string()))?;
            let message = FindingMessage::new(finding.summary.uid, event);
            let body = serde_json::to_string(&message)
                .map_err(|error| AwsError::unusable(SEND_MESSAGE, error.to_string()))?;
            let sent = client.send_message().queue_url(queue_url);
            let sent = sent.message_body(body).send().await;
            sent.map_err(|error| AwsError::new(SEND_MESSAGE, &error))?;
        }
        Ok(())
    }
}
