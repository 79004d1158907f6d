//! Steps 3 and 4: which records the blob owns, and their events.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use jiff::Timestamp;
use normalize::{Action, Batch, Context, Filter};
use uuid::Uuid;

use super::Fetcher;
use super::body::Body;
use super::error::FetchError;
use super::lines::Lines;
use super::unknown::Unknowns;
use crate::content::ContentRef;
use crate::settings::RecordDedupe;
use crate::store::lake::Codec;
use crate::store::ledger::blob::Counts;
use crate::store::ledger::claims::{ClaimBucket, RecordId, first_occurrences};

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
}

impl Events {
    /// None of `records` yet.
    fn none(records: usize, filter: &Filter, codec: Codec) -> Self {
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
        }
    }
}

/// Most records that are read together: few enough that what is read of them stays small beside the blob, and that other blobs
/// have their turn between them.
pub const READ_AT_ONCE_MAX: usize = 500;

/// Most bytes of such records, unless one is longer by itself: read, they take twice as much memory, or more where values
/// are short.
pub const READ_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What an element of the blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ElementClass {
    /// A record that this blob may own, if nobody else does.
    Candidate(ClaimBucket, RecordId),
    /// It belongs to another organization.
    Foreign,
    /// It is not a JSON object.
    Malformed,
}

/// Claims the records that can be claimed, and makes the events of those that the blob owns.
///
/// With the same settings, the result depends on nothing but the bytes and who owns which record: a second attempt, or a
/// worker whose lease has ended, makes the same events.
pub(super) async fn events(
    fetcher: &Fetcher,
    blob: &ContentRef,
    body: &Body<'_>,
    now: Timestamp,
) -> Result<Events, FetchError> {
    let Body {
        elements, codec, ..
    } = body;
    let mut events = Events::none(elements.len(), &fetcher.events.options.filter, *codec);
    let (mut batch, mut event) = (Batch::default(), Vec::new());
    let context = Context {
        content_type: Some(blob.content_type.as_str()),
        content_created_ms: Some(blob.content_created.as_millisecond()),
        options: &fetcher.events.options,
    };
    // All records are claimed at once, so they are told apart first. A blob of one portion is still read after that.
    let is_one_portion = portions(elements).count() == 1;
    let mut classes = Vec::with_capacity(elements.len());
    for portion in portions(elements) {
        classify(blob, portion, &mut batch, &mut classes);
        tokio::task::yield_now().await;
    }
    let mut owned = claim(fetcher, blob, &classes, now).await?.into_iter();
    let mut classes = classes.into_iter();
    for portion in portions(elements) {
        if !is_one_portion {
            read(portion, &mut batch);
        }
        let mut number = 0;
        for class in classes.by_ref().take(portion.len()) {
            match class {
                ElementClass::Candidate(..) => match owned.next() {
                    Some(true) => write(&mut events, &batch, number, &context, &mut event),
                    _ => events.counts.duplicate += 1,
                },
                ElementClass::Foreign => events.counts.foreign += 1,
                ElementClass::Malformed => events.counts.malformed += 1,
            }
            // Records that cannot be read have no number in the batch.
            number += usize::from(class != ElementClass::Malformed);
        }
        tokio::task::yield_now().await;
    }
    conserved(events)
}

/// The elements, as many of them as are read at once.
fn portions(elements: &[Bytes]) -> impl Iterator<Item = &[Bytes]> {
    let mut left = elements;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |element: &&Bytes| {
            bytes += element.len();
            bytes <= READ_BYTES_MAX
        };
        let fit = left.iter().take(READ_AT_ONCE_MAX).take_while(fits).count();
        let (portion, rest) = left.split_at(fit.max(1).min(left.len()));
        left = rest;
        (!portion.is_empty()).then_some(portion)
    })
}

/// Reads the elements of a portion into `batch`, as far as they are records.
fn read<'a>(portion: &'a [Bytes], batch: &mut Batch<'a>) {
    batch.begin(portion.iter().map(Bytes::len).sum());
    for element in portion {
        // What cannot be read was counted before.
        _ = batch.read(element);
    }
}

/// Reads the elements of a portion into `batch`, as far as they are records, and appends what each is.
fn classify<'a>(
    blob: &ContentRef,
    portion: &'a [Bytes],
    batch: &mut Batch<'a>,
    classes: &mut Vec<ElementClass>,
) {
    let tenant = blob.tenant_id.as_uuid();
    batch.begin(portion.iter().map(Bytes::len).sum());
    classes.extend(portion.iter().map(|element| {
        let Ok(identity) = batch.read(element) else {
            return ElementClass::Malformed;
        };
        // A record that names no organization is this tenant's: it came with this tenant's token.
        if let Some(organization) = &identity.organization_id
            && guid(organization) != Some(tenant)
        {
            return ElementClass::Foreign;
        }
        let id = RecordId::new(identity.id.as_deref(), element);
        let bucket = ClaimBucket::new(identity.creation_time.as_deref(), &id);
        ElementClass::Candidate(bucket, id)
    }));
}

/// A GUID in any of its spellings: with or without hyphens and braces, in any case.
fn guid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text.trim()).ok()
}

/// For each candidate, in order, whether the blob owns it.
async fn claim(
    fetcher: &Fetcher,
    blob: &ContentRef,
    classes: &[ElementClass],
    now: Timestamp,
) -> Result<Vec<bool>, FetchError> {
    let candidates = classes.iter().filter_map(|class| match class {
        ElementClass::Candidate(bucket, id) => Some((*bucket, *id)),
        _ => None,
    });
    let records: Vec<_> = candidates.collect();
    match fetcher.events.dedupe {
        RecordDedupe::Blob => Ok(first_occurrences(records.iter().map(|(_, id)| *id))),
        RecordDedupe::Record => Ok(fetcher.ledger.claims().claim(blob, &records, now).await?),
    }
}

/// Appends one event, made in `event`. The normalizer is total; should it panic all the same, that record counts as malformed
/// and its neighbours go on.
fn write(
    events: &mut Events,
    batch: &Batch<'_>,
    number: usize,
    context: &Context<'_>,
    event: &mut Vec<u8>,
) {
    event.clear();
    let made = catch_unwind(AssertUnwindSafe(|| batch.event(number, context, event)));
    let Ok(Some(outcome)) = made else {
        events.counts.malformed += 1;
        tracing::error!(
            portion.number = number,
            "the normalizer panicked: this is a bug, the record is in the raw copy"
        );
        return;
    };
    match outcome.decision.action {
        Action::Keep => {
            events.counts.written += 1;
            events.lines.append(event);
        }
        Action::Drop => events.counts.dropped += 1,
        Action::Route(route) => {
            events.counts.routed += 1;
            events.routed[route].append(event);
        }
    }
    if let Some(rule) = outcome.decision.rule {
        events.by_rule[rule] += 1;
    }
    if let Some(unknown) = &outcome.unknown {
        events.unknowns.note(unknown);
    }
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
    use super::*;

    fn blob() -> ContentRef {
        ContentRef {
            tenant_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            content_type: office365::ContentType::AuditExchange,
            content_id: "a$b".parse().unwrap(),
            content_created: "2026-03-01T00:00:00Z".parse().unwrap(),
            content_expiration: "2026-03-08T00:00:00Z".parse().unwrap(),
        }
    }

    fn check(records: &[&str], expect: &str) {
        let portion: Vec<Bytes> = records
            .iter()
            .map(|record| Bytes::copy_from_slice(record.as_bytes()))
            .collect();
        let (mut batch, mut classes) = (Batch::default(), Vec::new());
        classify(&blob(), &portion, &mut batch, &mut classes);
        let ids: Vec<_> = classes
            .iter()
            .filter_map(|class| match class {
                ElementClass::Candidate(_, id) => Some(*id),
                _ => None,
            })
            .collect();
        let mut first = first_occurrences(ids.into_iter()).into_iter();
        let found: String = classes
            .iter()
            .map(|class| match class {
                ElementClass::Candidate(..) if first.next() == Some(false) => 'r',
                ElementClass::Candidate(..) => 'c',
                ElementClass::Foreign => 'f',
                ElementClass::Malformed => 'm',
            })
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn a_record_twice_in_one_blob_counts_once() {
        check(&[r#"{"Id":"a"}"#, r#"{"Id":"b"}"#, r#"{"Id":"A"}"#], "ccr");
    }

    #[test]
    fn portions_are_all_records_in_order_within_bounds() {
        let record = Bytes::from_static(b"{}");
        let small = vec![record.clone(); READ_AT_ONCE_MAX + 1];
        let counts = |elements: &[Bytes]| portions(elements).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(counts(&[]), [0; 0]);
        assert_eq!(counts(&small), [READ_AT_ONCE_MAX, 1]);
        let long = Bytes::from(vec![b' '; READ_BYTES_MAX + 1]);
        let mixed = [&record, &long, &long, &record, &record].map(Bytes::clone);
        assert_eq!(counts(&mixed), [1, 1, 1, 2]);
    }

    #[test]
    fn records_without_an_id_are_told_apart_by_their_bytes() {
        check(&[r#"{"x":1}"#, r#"{"x":2}"#, r#"{"x":1}"#], "ccr");
    }

    #[test]
    fn only_a_record_of_another_organization_is_foreign() {
        check(
            &[
                r#"{"Id":"a","OrganizationId":"99999999-2222-4333-8444-555555555555"}"#,
                r#"{"Id":"b","OrganizationId":"11111111-2222-4333-8444-555555555555"}"#,
                r#"{"Id":"c"}"#,
                r#"{"Id":"d","OrganizationId":"{11111111-2222-4333-8444-555555555555}"}"#,
                r#"{"Id":"e","OrganizationId":"11111111222243338444555555555555"}"#,
                r#"{"Id":"f","OrganizationId":"contoso"}"#,
            ],
            "fccccf",
        );
    }

    #[test]
    fn an_element_that_is_no_object_spoils_no_other() {
        check(&["1", r#"{"Id":}"#, r#"{"Id":"a"}"#], "mmc");
    }

    #[test]
    fn counts_that_do_not_add_up_are_refused() {
        let with = |routed: &[u8], counts: Counts| {
            let mut events = Events::none(0, &Filter::default(), Codec::Gzip);
            events.lines.append(b"one\n");
            events.routed.push(Lines::none(Codec::Gzip));
            events.routed[0].append(routed);
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
        let mut events = Events::none(5, &options.filter, Codec::Gzip);
        for operation in ["A", "B", "D", "B", "C"] {
            let record = format!(r#"{{"Id":"{operation}","Operation":"{operation}"}}"#);
            let mut batch = Batch::default();
            batch.read(record.as_bytes()).unwrap();
            write(&mut events, &batch, 0, &context, &mut Vec::new());
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
}
