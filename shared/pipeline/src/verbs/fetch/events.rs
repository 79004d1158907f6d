//! Steps 3 and 4: which records the blob owns, and their events.

use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use jiff::Timestamp;
use normalize::{Action, Batch, Context, Filter};
use records::RecordSplitter;

use super::Fetcher;
use super::body::Body;
use super::classes::{Class, Classes, is_portion};
use super::error::FetchError;
use super::lines::{Lines, PART_RECORDS_BYTES};
use super::unknown::Unknowns;
use crate::content::event::Indexer;
use crate::content::{BLOB_LIMITS, ContentRef};
use crate::settings::RecordDedupe;
use crate::store::lake::{Codec, LakeError};
use crate::store::ledger::blob::Counts;
use crate::store::ledger::claims::first_occurrences;
use crate::teeth::{Tooth, bites};

/// The events of the records that a blob owns.
pub(super) struct Events {
    /// One event a line, in raw order.
    pub(super) lines: Lines,
    /// The same for each of the filter's routes.
    pub(super) routed: Vec<Lines>,
    /// What became of each record.
    pub(super) counts: Counts,
    /// How many records each of the filter's rules decided.
    pub(super) by_rule: Vec<u64>,
    /// Records of no known kind.
    pub(super) unknowns: Unknowns,
    /// What the events in [`Self::lines`] are about.
    indexer: Indexer,
    /// In how many objects they were written.
    pub(super) objects: usize,
}

impl Events {
    /// None of `records` yet.
    fn none(records: usize, filter: &Filter, codec: Codec, indexer: Indexer) -> Self {
        let routes = filter.routes().iter();
        Self {
            lines: Lines::none(codec),
            routed: routes.map(|_| Lines::none(codec)).collect(),
            counts: Counts {
                records: records as u64,
                ..Counts::default()
            },
            by_rule: vec![0; filter.names().count()],
            unknowns: Unknowns::default(),
            indexer,
            objects: 0,
        }
    }

    /// The index of the events once they were written: see [`Indexer::finish`].
    pub(super) fn index(&self, room: usize) -> Option<Vec<u8>> {
        self.indexer.finish(self.objects, room)
    }
}

/// Bytes of a long blob that are decompressed at once.
const PIECE_BYTES: usize = 256 * 1024;

/// Claims the records that can be claimed, and makes the events of those that the blob owns.
///
/// With the same settings, the result depends on nothing but the bytes and who owns which record: a second attempt, or a
/// worker whose lease has ended, makes the same events.
pub(super) async fn events(
    fetcher: &Fetcher,
    blob: &ContentRef,
    body: &mut Body,
    now: Timestamp,
) -> Result<Events, FetchError> {
    let Body { taken, codec } = body;
    let options = &fetcher.events.options;
    let mut batch = Batch::default();
    // A short blob is read once: what is read of it is there when its events are made.
    if let Some(elements) = &taken.elements {
        taken.classes.read(blob.tenant_id, elements, &mut batch);
    }
    let owned = claim(fetcher, blob, &taken.classes, now).await?;
    let indexer = Indexer::new(options.schema, blob.content_created);
    let mut maker = Maker {
        events: Events::none(taken.classes.len(), &options.filter, *codec, indexer),
        context: Context {
            content_type: Some(blob.content_type.as_str()),
            content_created_ms: Some(blob.content_created.as_millisecond()),
            options,
        },
        event: Vec::new(),
        records_bytes: 0,
        classes: taken.classes.classes().iter(),
        owned: owned.iter(),
    };
    match &taken.elements {
        Some(elements) => maker.make(elements, &batch)?,
        None => {
            let damaged = |source| LakeError::Spool(source);
            let stored = BufReader::new(taken.spool.reader().map_err(damaged)?);
            let mut text = Codec::Gzip.reader(stored).map_err(damaged)?;
            let mut splitter = RecordSplitter::new(BLOB_LIMITS);
            let mut portion = Vec::new();
            let mut portion_bytes = 0;
            loop {
                let piece = read_piece(&mut text).map_err(damaged)?;
                let is_last = piece.is_empty();
                // It is an array: it was split before.
                _ = splitter.push(&piece, |element| {
                    portion_bytes += element.len();
                    portion.push(element);
                });
                if is_last || is_portion(portion.len(), portion_bytes) {
                    maker.make(&portion, &read(&portion))?;
                    portion.clear();
                    portion_bytes = 0;
                    tokio::task::yield_now().await;
                }
                if is_last {
                    break;
                }
            }
        }
    }
    conserved(maker.events)
}

/// The next decompressed bytes; none at the end.
fn read_piece(text: &mut impl Read) -> io::Result<Bytes> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    text.take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
    Ok(piece.into())
}

/// Reads the elements of a portion, as far as they are records.
fn read(portion: &[Bytes]) -> Batch<'_> {
    let mut batch = Batch::default();
    batch.begin(portion.iter().map(Bytes::len).sum());
    for element in portion {
        // What cannot be read was counted before.
        _ = batch.read(element);
    }
    batch
}

/// For each candidate, in order, whether the blob owns it.
async fn claim(
    fetcher: &Fetcher,
    blob: &ContentRef,
    classes: &Classes,
    now: Timestamp,
) -> Result<Vec<bool>, FetchError> {
    let records = classes.candidates();
    match fetcher.events.dedupe {
        _ if bites(Tooth::ClaimsInMemory) => {
            Ok(first_occurrences(records.iter().map(|(_, id)| *id)))
        }
        RecordDedupe::Blob => Ok(first_occurrences(records.iter().map(|(_, id)| *id))),
        RecordDedupe::Record => Ok(fetcher.ledger.claims().claim(blob, records, now).await?),
    }
}

/// Makes the events of a blob, portion by portion.
struct Maker<'a> {
    events: Events,
    context: Context<'a>,
    /// The event that is made, again and again.
    event: Vec<u8>,
    /// How long the elements before the next one are.
    records_bytes: usize,
    classes: std::slice::Iter<'a, Class>,
    owned: std::slice::Iter<'a, bool>,
}

impl Maker<'_> {
    /// Takes the next elements; those that are records are in `batch`.
    fn make(&mut self, elements: &[Bytes], batch: &Batch<'_>) -> Result<(), LakeError> {
        let mut number = 0;
        for (element, class) in elements.iter().zip(self.classes.by_ref()) {
            let part = self.records_bytes / PART_RECORDS_BYTES;
            self.records_bytes += element.len();
            let poisoned = bites(Tooth::PoisonDropsBlob) && self.events.counts.malformed > 0;
            match class {
                _ if poisoned => self.events.counts.malformed += 1,
                Class::Candidate => match self.owned.next() {
                    Some(true) => {
                        write(
                            &mut self.events,
                            part,
                            batch,
                            number,
                            &self.context,
                            &mut self.event,
                        )
                        .map_err(LakeError::Spool)?;
                    }
                    _ if bites(Tooth::DuplicatesCounted) => self.events.counts.written += 1,
                    _ => self.events.counts.duplicate += 1,
                },
                Class::Foreign => self.events.counts.foreign += 1,
                Class::Malformed => self.events.counts.malformed += 1,
            }
            // Records that cannot be read have no number in the batch.
            number += usize::from(*class != Class::Malformed);
        }
        Ok(())
    }
}

/// Appends one event, made in `event`. The normalizer is total; should it panic all the same, that record counts as malformed
/// and its neighbours go on.
fn write(
    events: &mut Events,
    part: usize,
    batch: &Batch<'_>,
    number: usize,
    context: &Context<'_>,
    event: &mut Vec<u8>,
) -> io::Result<()> {
    event.clear();
    let made = catch_unwind(AssertUnwindSafe(|| batch.event(number, context, event)));
    let Ok(Some(outcome)) = made else {
        events.counts.malformed += 1;
        tracing::error!(
            portion.number = number,
            "the normalizer panicked: this is a bug, the record is in the raw copy"
        );
        return Ok(());
    };
    match outcome.decision.action {
        Action::Keep => {
            events.counts.written += 1;
            events.indexer.add(event);
            events.lines.append(part, event)?;
        }
        Action::Drop => events.counts.dropped += 1,
        Action::Route(route) => {
            events.counts.routed += 1;
            events.routed[route].append(part, event)?;
        }
    }
    if let Some(rule) = outcome.decision.rule {
        events.by_rule[rule] += 1;
    }
    if let Some(unknown) = &outcome.unknown {
        events.unknowns.note(unknown);
    }
    Ok(())
}

/// Checks the conservation law against the lines that are about to be written.
fn conserved(events: Events) -> Result<Events, FetchError> {
    let lines = events.lines.count();
    let routed = events.routed.iter().map(Lines::count).sum::<u64>();
    let Counts {
        written,
        routed: expected,
        ..
    } = events.counts;
    if bites(Tooth::DuplicatesCounted) {
        return Ok(events);
    }
    if events.counts.are_conserved() && (lines, routed) == (written, expected) {
        Ok(events)
    } else {
        Err(FetchError::NotConserved {
            counts: events.counts,
            lines,
        })
    }
}

#[cfg(test)]
mod tests {
    use normalize::Schema;

    use super::*;

    fn none(records: usize, filter: &Filter) -> Events {
        let indexer = Indexer::new(Schema::Ocsf, Timestamp::UNIX_EPOCH);
        Events::none(records, filter, Codec::Gzip, indexer)
    }

    #[test]
    fn counts_that_do_not_add_up_are_refused() {
        let with = |routed: &[u8], counts: Counts| {
            let mut events = none(0, &Filter::default());
            events.lines.append(0, b"one\n").unwrap();
            events.routed.push(Lines::none(Codec::Gzip));
            events.routed[0].append(0, routed).unwrap();
            Events { counts, ..events }
        };
        let counts = |records, written, routed| Counts {
            records,
            written,
            routed,
            ..Counts::default()
        };
        assert!(conserved(with(b"", counts(2, 2, 0))).is_err());
        assert!(conserved(with(b"", counts(2, 1, 1))).is_err());
        assert!(conserved(with(b"two\n", counts(2, 1, 0))).is_err());
        assert!(conserved(with(b"two\n", counts(2, 1, 1))).is_ok());
    }

    #[test]
    fn each_record_goes_where_the_filter_sends_it() {
        let options = normalize::Options {
            filter: Filter::parse(
                r#"[{"name":"a","action":"drop","operation":"A"},{"name":"b","action":"route(x)","operation":"B"},
                    {"name":"c","action":"route(y)","operation":"C"}]"#,
            )
            .unwrap(),
            ..normalize::Options::default()
        };
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        let mut events = none(5, &options.filter);
        for operation in ["A", "B", "D", "B", "C"] {
            let record = format!(r#"{{"Id":"{operation}","Operation":"{operation}"}}"#);
            let mut batch = Batch::default();
            batch.read(record.as_bytes()).unwrap();
            write(&mut events, 0, &batch, 0, &context, &mut Vec::new()).unwrap();
        }
        let events = conserved(events).unwrap();
        let Counts {
            written,
            routed,
            dropped,
            ..
        } = events.counts;
        assert_eq!((written, routed, dropped), (1, 3, 1));
        assert_eq!(events.by_rule, [1, 2, 1]);
        assert_eq!((events.routed[0].count(), events.routed[1].count()), (2, 1));
    }

    #[test]
    fn an_event_is_in_the_same_part_whatever_becomes_of_others() {
        let record = |id: &str| {
            let padding = "x".repeat(3 * 1024 * 1024);
            Bytes::from(format!(
                r#"{{"Id":"{id}","Operation":"{id}","Padding":"{padding}"}}"#
            ))
        };
        let ids = ["id-A", "id-B", "id-C", "id-D", "id-E"];
        let elements = ids.map(record);
        let mut classes = Classes::default();
        let tenant = "11111111-2222-4333-8444-555555555555".parse().unwrap();
        classes.add(tenant, &elements);
        let drop = r#"[{"name":"b","action":"drop","operation":"id-B"}]"#;
        let all = [
            ("id-A", 0),
            ("id-B", 0),
            ("id-C", 0),
            ("id-D", 1),
            ("id-E", 1),
        ];
        let others = [("id-A", 0), ("id-C", 0), ("id-D", 1), ("id-E", 1)];
        for (rules, expect) in [("[]", all.as_slice()), (drop, others.as_slice())] {
            let options = normalize::Options {
                filter: Filter::parse(rules).unwrap(),
                ..normalize::Options::default()
            };
            let mut maker = Maker {
                events: none(elements.len(), &options.filter),
                context: Context {
                    content_type: None,
                    content_created_ms: None,
                    options: &options,
                },
                event: Vec::new(),
                records_bytes: 0,
                classes: classes.classes().iter(),
                owned: [true; 5].iter(),
            };
            maker.make(&elements, &read(&elements)).unwrap();
            let mut found = Vec::new();
            let objects = maker.events.lines.take_objects().unwrap();
            for (part, mut object) in objects.into_iter().enumerate() {
                let mut text = String::new();
                let stored = BufReader::new(object.reader().unwrap());
                let mut plain = Codec::Gzip.reader(stored).unwrap();
                plain.read_to_string(&mut text).unwrap();
                let inside = ids.into_iter().filter(|id| text.contains(id));
                found.extend(inside.map(|id| (id, part)));
            }
            assert_eq!(found, expect);
        }
    }
}
