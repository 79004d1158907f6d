//! Messages in a queue: hidden, deleted, counted, dead.

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, QueueAttributeName};
use tests::Outcome;

use super::{LONG, Queue, at_each, bodies};
use crate::proof::readings::{compare, servers};

/// What template.yaml says of its queues.
const RECEIVED_MAX: usize = 5;

#[tokio::test]
async fn a_received_message_is_hidden_and_comes_again() {
    let aws = "a, hidden nothing, again a";
    at_each(
        "a_received_message_is_hidden_and_comes_again",
        aws,
        async |queue| {
            queue.send("a").await?;
            let first = bodies(&queue.receive_all(1).await?);
            let hidden = bodies(&queue.receive(0).await?);
            queue.pass(LONG);
            let again = bodies(&queue.receive_all(1).await?);
            Ok(format!("{first}, hidden {hidden}, again {again}"))
        },
    )
    .await;
}

/// Whether a message that was deleted comes again: the queue is empty but for one that was sent before it and not deleted.
#[tokio::test]
async fn a_deleted_message_does_not_come_again() {
    let aws = "a b; accepted, again a; once more accepted";
    at_each(
        "a_deleted_message_does_not_come_again",
        aws,
        async |queue| {
            queue.send("a").await?;
            queue.send("b").await?;
            let received = queue.receive_all(2).await?;
            let first = bodies(&received);
            let b = received.iter().find(|of| of.body == "b");
            let b = b.ok_or("b did not come")?;
            let deleted = queue.delete(b).await;
            let twice = queue.delete(b).await;
            queue.pass(LONG);
            // Both were hidden at the same time: when the one is there, the other would be.
            let mut again = queue.receive_all(1).await?;
            again.extend(queue.receive(0).await?);
            let again = bodies(&again);
            Ok(format!(
                "{first}; {deleted}, again {again}; once more {twice}"
            ))
        },
    )
    .await;
}

/// The poller of local mode deletes by batches; Lambda does it by itself.
#[tokio::test]
async fn messages_are_deleted_in_a_batch() {
    let aws = "2 deleted 0 failed, left 0";
    for (reading, client) in servers::sqs().await.unwrap() {
        let create = client.create_queue().queue_name("deleted_in_a_batch");
        let url = create.send().await.unwrap().queue_url.unwrap();
        let queue = Queue {
            client,
            url,
            simulation: None,
        };
        let seen = async {
            queue.send("a").await?;
            queue.send("b").await?;
            let received = queue.receive_all(2).await?;
            let entries = received.iter().enumerate().map(|(at, of)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(at.to_string());
                entry.receipt_handle(&of.handle).build()
            });
            let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
            let delete = queue.client.delete_message_batch().queue_url(&queue.url);
            let deleted = delete.set_entries(Some(entries)).send().await?;
            let (good, failed) = (deleted.successful().len(), deleted.failed().len());
            let left = counts(&queue).await?.iter().sum::<u64>();
            Outcome::Ok(format!("{good} deleted {failed} failed, left {left}"))
        };
        let seen = seen.await;
        compare(
            "messages_are_deleted_in_a_batch",
            aws,
            vec![(reading, seen)],
        );
    }
}

/// Messages that can be seen, are hidden and are delayed.
async fn counts(queue: &Queue) -> Outcome<[u64; 3]> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let get = queue.client.get_queue_attributes().queue_url(&queue.url);
    let output = get.set_attribute_names(Some(names.to_vec())).send().await?;
    let known = output.attributes.unwrap_or_default();
    let mut counts = [0; 3];
    for (count, name) in counts.iter_mut().zip(names) {
        let value = known.get(&name).ok_or_else(|| format!("no {name}"))?;
        *count = value.parse()?;
    }
    Ok(counts)
}

#[tokio::test]
async fn a_queue_counts_its_messages() {
    let aws = "1 visible 1 hidden 1 delayed";
    at_each("a_queue_counts_its_messages", aws, async |queue| {
        let url = &queue.url;
        if queue.simulation.is_none() {
            let set = queue.client.set_queue_attributes().queue_url(url);
            let set = set.attributes(QueueAttributeName::VisibilityTimeout, "60");
            set.send().await?;
        }
        queue.send("hidden").await?;
        queue.receive_all(1).await?;
        queue.send("visible").await?;
        let send = queue.client.send_message().queue_url(url);
        send.message_body("late").delay_seconds(60).send().await?;
        let [visible, hidden, delayed] = counts(queue).await?;
        Ok(format!(
            "{visible} visible {hidden} hidden {delayed} delayed"
        ))
    })
    .await;
}

/// As the template's queues: a message that is received five times goes to the dead letters.
#[tokio::test]
async fn a_message_goes_to_the_dead_letters() {
    let aws = "received 5 times, then nothing, dead a";
    at_each("a_message_goes_to_the_dead_letters", aws, async |queue| {
        let dead = match queue.simulation {
            None => Some(redrive(queue).await?),
            Some(_) => None,
        };
        queue.send("a").await?;
        let mut times = 0;
        for _ in 0..RECEIVED_MAX {
            times += queue.receive_all(1).await?.len();
            queue.pass(LONG);
        }
        let then = bodies(&queue.receive(0).await?);
        let dead = match (&dead, &queue.simulation) {
            (Some(dead), _) => bodies(&dead.receive_all(1).await?),
            (None, Some((sqs, _))) => sqs.dead().join(" "),
            (None, None) => "nowhere".to_owned(),
        };
        Ok(format!("received {times} times, then {then}, dead {dead}"))
    })
    .await;
}

/// Gives a server's queue dead letters, and lets its messages be seen again at once.
async fn redrive(queue: &Queue) -> Outcome<Queue> {
    let client = queue.client.clone();
    let create = client.create_queue().queue_name("dead_letters");
    let url = create.send().await?.queue_url.ok_or("no queue")?;
    let get = client.get_queue_attributes().queue_url(&url);
    let get = get.attribute_names(QueueAttributeName::QueueArn);
    let arn = get.send().await?.attributes.unwrap_or_default();
    let arn = arn.get(&QueueAttributeName::QueueArn).ok_or("no name")?;
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{RECEIVED_MAX}}}"#);
    let set = client.set_queue_attributes().queue_url(&queue.url);
    set.attributes(QueueAttributeName::RedrivePolicy, policy)
        .attributes(QueueAttributeName::VisibilityTimeout, "0")
        .send()
        .await?;
    Ok(Queue {
        client,
        url,
        simulation: None,
    })
}
