//! Who is told of findings: an SNS topic, a rule of the operator's own, and a webhook. All are there before the stack is deployed.

use serde_json::{Value, json};

use super::Stack;
use crate::Outcome;

/// The topic of `FindingsTopicArn`.
pub(super) const TOPIC_ARN: &str = "arn:aws:sns:us-east-1:000000000000:findings";

const TOPIC: &str = "findings";

/// Keeps what the topic is sent.
pub const TOPIC_QUEUE: &str = "findings-of-the-topic";

/// Keeps what a rule on the default bus is sent.
pub const RULE_QUEUE: &str = "findings-of-the-rule";

const RULE: &str = "findings-for-the-operator";

/// Seconds that a message is hidden after it was received: the most there are, so that it is received once.
const HIDDEN_SECONDS: &str = "43200";

impl Stack {
    /// Creates the topic and the rule, each with a queue.
    pub(super) async fn create_listeners(&self) -> Outcome<()> {
        let rule_arn = format!("arn:aws:events:us-east-1:000000000000:rule/{RULE}");
        self.create_queue(TOPIC_QUEUE, "sns.amazonaws.com", TOPIC_ARN)
            .await?;
        self.create_queue(RULE_QUEUE, "events.amazonaws.com", &rule_arn)
            .await?;
        self.aws(&["sns", "create-topic", "--name", TOPIC]).await?;
        // As docs/DETECTIONS.md says.
        let statement = json!({
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": TOPIC_ARN,
        });
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let mut allow = vec!["sns", "set-topic-attributes", "--topic-arn", TOPIC_ARN];
        allow.extend(["--attribute-name", "Policy", "--attribute-value", &policy]);
        self.aws(&allow).await?;
        let queue = arn(TOPIC_QUEUE);
        let mut subscribe = vec!["sns", "subscribe", "--topic-arn", TOPIC_ARN];
        subscribe.extend(["--protocol", "sqs", "--notification-endpoint", &queue]);
        self.aws(&subscribe).await?;
        let pattern = json!({"source": ["ualstream"], "detail-type": ["ualstream Finding"]});
        let pattern = pattern.to_string();
        let rule = ["events", "put-rule", "--name", RULE, "--event-pattern"];
        self.aws(&[rule.as_slice(), &[&pattern]].concat()).await?;
        let target = format!("Id=queue,Arn={}", arn(RULE_QUEUE));
        let targets = ["events", "put-targets", "--rule", RULE, "--targets"];
        self.aws(&[targets.as_slice(), &[&target]].concat())
            .await
            .map(drop)
    }

    /// The bodies of up to ten messages of such a queue that were not received before.
    ///
    /// # Errors
    /// There is no such queue, or it holds something that is not JSON.
    pub async fn told(&self, queue: &str) -> Outcome<Vec<Value>> {
        let url = self.queue_url(queue).await?;
        let mut receive = vec!["sqs", "receive-message", "--queue-url", &url];
        receive.extend(["--max-number-of-messages", "10"]);
        receive.extend(["--query", "Messages[].Body"]);
        let bodies: Option<Vec<String>> = serde_json::from_value(self.aws(&receive).await?)?;
        let bodies = bodies.unwrap_or_default();
        let bodies = bodies.iter().map(|body| Ok(serde_json::from_str(body)?));
        bodies.collect()
    }

    async fn queue_url(&self, queue: &str) -> Outcome<String> {
        let get = ["sqs", "get-queue-url", "--queue-name", queue];
        let url = self.aws(&get).await?;
        let url = url["QueueUrl"].as_str().map(str::to_owned);
        url.ok_or_else(|| format!("{queue} has no URL").into())
    }

    /// A queue that this service may send to in the name of `source`.
    async fn create_queue(&self, name: &str, service: &str, source: &str) -> Outcome<()> {
        let statement = json!({
            "Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn(name),
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        });
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let attributes = json!({"VisibilityTimeout": HIDDEN_SECONDS, "Policy": policy}).to_string();
        let mut create = vec!["sqs", "create-queue", "--queue-name", name];
        create.extend(["--attributes", &attributes]);
        self.aws(&create).await.map(drop)
    }
}

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{queue}")
}
