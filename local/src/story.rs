//! What happens, told to a person at a terminal while it happens.
//!
//! The pipeline knows nothing of it: its own log events are read here, by message and fields, and retold.

mod throttle;

use std::fmt;
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pipeline::logging::{field, message};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use self::throttle::Throttle;

/// Steps waiting to be told. More are dropped and not told, rather than holding up the pipeline.
const WAITING_MAX: usize = 10_000;

/// How often held back steps are told in sum.
const SUM_EVERY: Duration = Duration::from_secs(1);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A tenant was registered.
    Registered {
        /// Which.
        tenant: String,
    },
    /// A subscription is being started.
    Starting {
        /// Whose.
        tenant: String,
        /// For what.
        content_type: String,
    },
    /// Microsoft called the webhook during a start, and was answered.
    Validated {
        /// Whose subscription.
        tenant: String,
        /// For what.
        content_type: String,
    },
    /// Microsoft announced blobs.
    Notified {
        /// Whose.
        tenant: String,
        /// Of what.
        content_type: String,
        /// Blobs put into the queue.
        blobs: u64,
    },
    /// A blob is in the lake.
    Delivered {
        /// Whose.
        tenant: String,
        /// Of what.
        content_type: String,
        /// Records in it.
        records: u64,
        /// Of which other blobs had brought.
        duplicate: u64,
    },
    /// A sweep compared Microsoft's listing with the ledger.
    Swept {
        /// Blobs listed.
        listed: u64,
        /// Of which the ledger did not know.
        unknown: u64,
        /// Blobs nobody had finished in time.
        overdue: u64,
    },
}

enum Told {
    Step(Step),
    Line(String),
    End,
}

/// The teller: takes steps and lines from everywhere and writes them in order, from one thread.
pub struct Story {
    sender: SyncSender<Told>,
    thread: JoinHandle<()>,
}

/// The log layer that finds steps; see [`Story::layer`].
#[derive(Clone)]
pub struct StoryLayer {
    sender: SyncSender<Told>,
}

/// Begins to tell on `out`; times are since `begin`.
///
/// # Errors
/// No thread can be had.
pub fn begin(out: Box<dyn Write + Send>, begin: Instant) -> std::io::Result<Story> {
    let (sender, receiver) = sync_channel(WAITING_MAX);
    let thread = std::thread::Builder::new()
        .name("story".to_owned())
        .spawn(move || tell(&receiver, out, begin))?;
    Ok(Story { sender, thread })
}

impl Story {
    /// A log layer that finds the steps in the pipeline's events.
    #[must_use]
    pub fn layer(&self) -> StoryLayer {
        StoryLayer {
            sender: self.sender.clone(),
        }
    }

    /// Writes a line as it is.
    pub fn line(&self, text: impl Into<String>) {
        let _ = self.sender.send(Told::Line(text.into()));
    }

    /// Writes what is left and ends.
    pub fn end(self) {
        let _ = self.sender.send(Told::End);
        let _ = self.thread.join();
    }
}

/// A closed terminal ends the telling and not the work.
fn tell(receiver: &Receiver<Told>, mut out: Box<dyn Write + Send>, begin: Instant) {
    let mut throttle = Throttle::default();
    let mut sum_at = Instant::now() + SUM_EVERY;
    loop {
        let told = receiver.recv_timeout(sum_at.saturating_duration_since(Instant::now()));
        let lines = match told {
            Ok(Told::Step(step)) => throttle.take(&step).into_iter().collect(),
            Ok(Told::Line(line)) => {
                for held in throttle.sum() {
                    write_step(&mut out, begin, &held);
                }
                let _ = writeln!(out, "{line}");
                Vec::new()
            }
            Ok(Told::End) | Err(RecvTimeoutError::Disconnected) => {
                for held in throttle.sum() {
                    write_step(&mut out, begin, &held);
                }
                let _ = out.flush();
                return;
            }
            Err(RecvTimeoutError::Timeout) => throttle.sum(),
        };
        for line in lines {
            write_step(&mut out, begin, &line);
        }
        if Instant::now() >= sum_at {
            for line in throttle.sum() {
                write_step(&mut out, begin, &line);
            }
            sum_at = Instant::now() + SUM_EVERY;
        }
        let _ = out.flush();
    }
}

fn write_step(out: &mut Box<dyn Write + Send>, begin: Instant, line: &str) {
    let seconds = begin.elapsed().as_secs_f64();
    let _ = writeln!(out, "{seconds:>7.1} s  {line}");
}

impl<S> Layer<S> for StoryLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.values.extend(of_span.values.iter().cloned());
            }
        }
        if let Some(step) = fields.step() {
            let _ = self.sender.try_send(Told::Step(step));
        }
    }
}

/// Fields of an event and of the spans around it, innermost first.
#[derive(Default)]
struct Fields {
    message: String,
    values: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.values.push((field.name(), text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.values.push((field.name(), value.to_owned()));
    }
}

impl Fields {
    /// The innermost field of this name.
    fn text(&self, name: &str) -> String {
        self.values
            .iter()
            .find(|(of, _)| *of == name)
            .map_or_else(|| "?".to_owned(), |(_, value)| value.clone())
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or_default()
    }

    fn step(&self) -> Option<Step> {
        let tenant = self.text(field::TENANT_ID);
        let content_type = self.text(field::CONTENT_TYPE);
        Some(match self.message.as_str() {
            message::TENANT_REGISTERED => Step::Registered { tenant },
            message::STARTING_SUBSCRIPTION => Step::Starting {
                tenant,
                content_type,
            },
            message::WEBHOOK_VALIDATED => Step::Validated {
                tenant,
                content_type,
            },
            message::NOTIFICATION_ENQUEUED => Step::Notified {
                tenant,
                content_type,
                blobs: self.number(field::ENQUEUED),
            },
            message::BLOB_DELIVERED => Step::Delivered {
                tenant,
                content_type,
                records: self.number(field::RECORDS),
                duplicate: self.number(field::DUPLICATE),
            },
            message::RECONCILED => Step::Swept {
                listed: self.number(field::LISTED),
                unknown: self.number(field::UNKNOWN),
                overdue: self.number(field::OVERDUE),
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn events_of_the_pipeline_are_retold_with_the_fields_of_their_spans() {
        let page = Page::default();
        let story = begin(Box::new(page.clone()), Instant::now()).unwrap();
        let subscriber = tracing_subscriber::registry().with(story.layer());
        tracing::subscriber::with_default(subscriber, || {
            let span =
                tracing::info_span!("blob", tenant.id = %"abcdef-1", content.type = %"DLP.All");
            let _inside = span.enter();
            tracing::info!(
                records = 50_u64,
                written = 49_u64,
                duplicate = 1_u64,
                "{}",
                message::BLOB_DELIVERED
            );
            tracing::info!("something else");
        });
        story.line("the end");
        story.end();
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].contains("DLP.All") && lines[0].contains("50 records"),
            "{text}"
        );
        assert_eq!(lines[1], "the end");
    }
}
