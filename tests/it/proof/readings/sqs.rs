//! What ualstream asks of SQS.

mod receiving;
mod sending;

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Credentials;
use aws_sdk_sqs::types::QueueAttributeName;
use emulator::Clock;
use tests::Outcome;
use tests::sim::crash::Crash;
use tests::sim::dice::Dice;
use tests::sim::secrets::Secrets;
use tests::sim::sqs::Sqs;
use tests::sim::weather::Weather;

use super::servers::{KEY, REGION, Reading};
use super::{compare, servers, told};

/// Times that a queue is asked for messages that must come, for a second each.
const POLLS_MAX: usize = 10;

/// Longer than any message of the simulation is hidden. Its clock is moved by so much.
const LONG: Duration = Duration::from_secs(721);

/// A queue whose messages are hidden for a second, of one test at one server. Those of the simulation are hidden for longer, on a
/// clock of its own, and it is asked for messages without the protocol.
struct Queue {
    client: Client,
    url: String,
    simulation: Option<(Sqs, Clock)>,
}

struct Received {
    body: String,
    /// By which it is deleted.
    handle: String,
}

/// Tries a promise at each server and at the simulation's queues.
async fn at_each(promise: &str, aws: &str, body: impl AsyncFn(&Queue) -> Outcome<String>) {
    let mut seen = Vec::new();
    for (reading, client) in servers::sqs().await.unwrap() {
        let create = client.create_queue().queue_name(promise);
        let create = create.attributes(QueueAttributeName::VisibilityTimeout, "1");
        let created = create.send().await.unwrap();
        let queue = Queue {
            client,
            url: created.queue_url.unwrap(),
            simulation: None,
        };
        seen.push((reading, body(&queue).await));
    }
    seen.push((Reading::Simulation, body(&simulated(promise)).await));
    compare(promise, aws, seen);
}

fn simulated(name: &str) -> Queue {
    let clock = Clock::stopped_at("2026-03-01T12:00:00Z".parse().unwrap());
    let sqs = Sqs::new(clock.clone(), Dice::of(1, "readings"), 0.0);
    let calm = Weather::new(0, Vec::new(), Secrets::default());
    let http = calm.client("sqs", sqs.clone(), Crash::never());
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(KEY, KEY, None, None, "readings"))
        .endpoint_url("http://sqs.simulation")
        .http_client(http);
    Queue {
        client: Client::from_conf(config.build()),
        url: format!("http://sqs.simulation/{name}"),
        simulation: Some((sqs, clock)),
    }
}

impl Queue {
    async fn send(&self, body: &str) -> Outcome<()> {
        let send = self.client.send_message().queue_url(&self.url);
        send.message_body(body).send().await?;
        Ok(())
    }

    /// The messages that can be seen, ten at most, after `wait_seconds` at the latest.
    async fn receive(&self, wait_seconds: i32) -> Outcome<Vec<Received>> {
        if let Some((sqs, _)) = &self.simulation {
            let taken = sqs.receive(self.name()).into_iter();
            let taken = taken.map(|delivery| Received {
                body: delivery.body,
                handle: delivery.message_id,
            });
            return Ok(taken.collect());
        }
        let receive = self.client.receive_message().queue_url(&self.url);
        let receive = receive.max_number_of_messages(10);
        let output = receive.wait_time_seconds(wait_seconds).send().await?;
        let messages = output.messages.unwrap_or_default().into_iter();
        let messages = messages.map(|message| Received {
            body: message.body.unwrap_or_default(),
            handle: message.receipt_handle.unwrap_or_default(),
        });
        Ok(messages.collect())
    }

    /// Waits for so many messages.
    async fn receive_all(&self, count: usize) -> Outcome<Vec<Received>> {
        let mut all = Vec::new();
        for _ in 0..POLLS_MAX {
            all.extend(self.receive(1).await?);
            if all.len() >= count {
                return Ok(all);
            }
        }
        Err(format!("{} of {count} messages came", all.len()).into())
    }

    async fn delete(&self, received: &Received) -> String {
        if let Some((sqs, _)) = &self.simulation {
            sqs.delete(self.name(), &received.handle);
            return "accepted".to_owned();
        }
        let delete = self.client.delete_message().queue_url(&self.url);
        told(&delete.receipt_handle(&received.handle).send().await)
    }

    /// Moves the simulation's clock. At a server time passes by itself, and whoever waits asks until it has.
    fn pass(&self, time: Duration) {
        if let Some((_, clock)) = &self.simulation {
            clock.advance(time);
        }
    }

    fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }
}

fn bodies(received: &[Received]) -> String {
    let mut bodies: Vec<&str> = received.iter().map(|of| of.body.as_str()).collect();
    bodies.sort_unstable();
    match bodies.is_empty() {
        true => "nothing".to_owned(),
        false => bodies.join(" "),
    }
}
