//! Messages on their way into a queue: batches, limits, delays.

use std::time::Duration;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

use super::{at_each, bodies};
use crate::proof::readings::told;

/// A message's limit of today, and the one that it had until August 2025.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
const MESSAGE_BYTES_MAX_BEFORE: usize = 256 * 1024;

/// `accepted` or `refused`: SQS's documentation says no code for what is over a limit.
fn taken<T, E: ProvideErrorMetadata, R>(answer: &Result<T, SdkError<E, R>>) -> &'static str {
    match answer {
        Ok(_) => "accepted",
        Err(_) => "refused",
    }
}

fn entry(id: usize, group: Option<String>) -> SendMessageBatchRequestEntry {
    let entry = SendMessageBatchRequestEntry::builder().id(id.to_string());
    let entry = entry.message_body(format!("m{id}"));
    entry.set_message_group_id(group).build().unwrap()
}

#[tokio::test]
async fn ten_messages_go_in_one_batch() {
    let aws =
        "10 sent 0 failed, m0 m1 m2 m3 m4 m5 m6 m7 m8 m9; eleven TooManyEntriesInBatchRequest";
    at_each("ten_messages_go_in_one_batch", aws, async |queue| {
        let send = |count| {
            let batch = queue.client.send_message_batch().queue_url(&queue.url);
            let entries = (0..count).map(|id| entry(id, None)).collect();
            batch.set_entries(Some(entries)).send()
        };
        let sent = send(10).await?;
        let ids: Vec<&str> = sent.successful().iter().map(|of| of.id()).collect();
        let received = bodies(&queue.receive_all(10).await?);
        let eleven = told(&send(11).await);
        // Query-compatible servers write the namespace before it.
        let eleven = eleven.rsplit('.').next().unwrap_or_default();
        let failed = sent.failed().len();
        Ok(format!(
            "{} sent {failed} failed, {received}; eleven {eleven}",
            ids.len()
        ))
    })
    .await;
}

/// SQS fair queues: a standard queue takes a group with each message.
#[tokio::test]
async fn a_standard_queue_takes_groups() {
    let aws = "2 sent 0 failed, m0 m1";
    at_each("a_standard_queue_takes_groups", aws, async |queue| {
        let batch = queue.client.send_message_batch().queue_url(&queue.url);
        let entries = (0..2).map(|id| entry(id, Some("tenant".to_owned())));
        let answer = batch.set_entries(Some(entries.collect())).send().await;
        let Ok(sent) = &answer else {
            return Ok(told(&answer));
        };
        let (good, failed) = (sent.successful().len(), sent.failed().len());
        if failed > 0 {
            return Ok(format!("{good} sent {failed} failed"));
        }
        let received = bodies(&queue.receive_all(2).await?);
        Ok(format!("{good} sent {failed} failed, {received}"))
    })
    .await;
}

#[tokio::test]
async fn a_message_has_1_mib_at_most() {
    let aws = "256 KiB accepted, 1 MiB accepted and whole, more refused";
    at_each("a_message_has_1_mib_at_most", aws, async |queue| {
        let send = async |len| {
            let send = queue.client.send_message().queue_url(&queue.url);
            taken(&send.message_body("x".repeat(len)).send().await)
        };
        let before = send(MESSAGE_BYTES_MAX_BEFORE).await;
        for received in queue.receive_all(1).await? {
            queue.delete(&received).await;
        }
        let today = send(MESSAGE_BYTES_MAX).await;
        let whole = match today {
            "accepted" => {
                let received = queue.receive_all(1).await?;
                let is_whole = received[0].body.len() == MESSAGE_BYTES_MAX;
                if is_whole { " and whole" } else { " and cut" }
            }
            _ => "",
        };
        let more = send(MESSAGE_BYTES_MAX + 1).await;
        Ok(format!(
            "256 KiB {before}, 1 MiB {today}{whole}, more {more}"
        ))
    })
    .await;
}

#[tokio::test]
async fn a_message_arrives_as_it_was_sent() {
    let aws = "the same";
    at_each("a_message_arrives_as_it_was_sent", aws, async |queue| {
        let body = "{\"a\":\"<&>\\u0000 \\\" é 😀\",\n\t\"b\":[]}";
        queue.send(body).await?;
        let received = queue.receive_all(1).await?;
        Ok(match received[0].body == body {
            true => "the same".to_owned(),
            false => received[0].body.clone(),
        })
    })
    .await;
}

#[tokio::test]
async fn a_delayed_message_comes_later() {
    let aws = "nothing, then late; 900 s accepted, 901 s refused";
    at_each("a_delayed_message_comes_later", aws, async |queue| {
        let send = |body: &str, seconds| {
            let send = queue.client.send_message().queue_url(&queue.url);
            send.message_body(body).delay_seconds(seconds).send()
        };
        send("late", 1).await?;
        let at_once = bodies(&queue.receive(0).await?);
        queue.pass(Duration::from_secs(1));
        let later = bodies(&queue.receive_all(1).await?);
        let most = taken(&send("most", 900).await);
        let more = taken(&send("more", 901).await);
        Ok(format!(
            "{at_once}, then {later}; 900 s {most}, 901 s {more}"
        ))
    })
    .await;
}
