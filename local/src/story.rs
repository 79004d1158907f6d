//! The story of a run: what the pipeline does, in lines for a person at a terminal.
//!
//! The steps are read from the pipeline's log events, by message and fields. The pipeline does not know of it.

mod digest;
mod step;

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

use self::digest::Digest;
use self::step::Step;

/// Steps waiting to be written. Further ones are left out: the pipeline must not wait for a terminal.
const WAITING_MAX: usize = 10_000;

/// Time between two summaries.
const SUMMARY_EVERY: Duration = Duration::from_secs(1);

/// What the story's thread receives.
enum Message {
    Step(Step),
    Line(String),
    End,
}

/// The running story: takes steps and lines from all threads and writes them from one.
pub struct Story {
    sender: SyncSender<Message>,
    thread: JoinHandle<()>,
}

/// A log layer that finds steps in the pipeline's events.
#[derive(Clone)]
pub struct StoryLayer {
    sender: SyncSender<Message>,
}

/// Starts a story that is written to `out`, with the time since `began` in each line.
///
/// # Errors
/// The system has no thread for it.
pub fn begin(out: Box<dyn Write + Send>, began: Instant) -> std::io::Result<Story> {
    let (sender, receiver) = sync_channel(WAITING_MAX);
    let thread = std::thread::Builder::new()
        .name("story".to_owned())
        .spawn(move || write_all(&receiver, out, began))?;
    Ok(Story { sender, thread })
}

impl Story {
    /// The log layer that feeds this story.
    #[must_use]
    pub fn layer(&self) -> StoryLayer {
        StoryLayer {
            sender: self.sender.clone(),
        }
    }

    /// Writes a line without a time.
    pub fn line(&self, text: impl Into<String>) {
        let _ = self.sender.send(Message::Line(text.into()));
    }

    /// Writes what is left and ends the story.
    pub fn end(self) {
        let _ = self.sender.send(Message::End);
        let _ = self.thread.join();
    }
}

/// Errors are ignored: a closed terminal must not end the work.
fn write_all(receiver: &Receiver<Message>, mut out: Box<dyn Write + Send>, began: Instant) {
    let mut digest = Digest::default();
    let mut summary_at = Instant::now() + SUMMARY_EVERY;
    loop {
        let message = receiver.recv_timeout(summary_at.saturating_duration_since(Instant::now()));
        let lines = match message {
            Ok(Message::Step(step)) => digest.line(&step).into_iter().collect(),
            Ok(Message::Line(line)) => {
                for line in digest.summary() {
                    write_step(&mut out, began, &line);
                }
                let _ = writeln!(out, "{line}");
                Vec::new()
            }
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => {
                for line in digest.summary() {
                    write_step(&mut out, began, &line);
                }
                let _ = out.flush();
                return;
            }
            Err(RecvTimeoutError::Timeout) => digest.summary(),
        };
        for line in lines {
            write_step(&mut out, began, &line);
        }
        if Instant::now() >= summary_at {
            for line in digest.summary() {
                write_step(&mut out, began, &line);
            }
            summary_at = Instant::now() + SUMMARY_EVERY;
        }
        let _ = out.flush();
    }
}

fn write_step(out: &mut Box<dyn Write + Send>, began: Instant, line: &str) {
    let seconds = began.elapsed().as_secs_f64();
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
            let _ = self.sender.try_send(Message::Step(step));
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
            message::FINDING_MADE => Step::Found {
                tenant,
                finding: self.text(field::FINDING),
                level: self.text(field::LEVEL),
                title: self.text(field::TITLE),
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
    fn a_step_takes_fields_from_its_event_and_its_spans() {
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
