//! Steps 3 and 4: which records the blob owns, and their events.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use jiff::Timestamp;
use normalize::{Action, Batch, Context, Filter};

use super::failure::unreadable;
use super::lines::Lines;
use super::unknown::Unknowns;
use super::{FetchError, Fetcher};
use crate::lake::Codec;
use crate::ledger::blob::Counts;
use crate::ledger::key::RecordKey;
use crate::queue::Blob;
use crate::settings::RecordDedupe;

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
    /// What of them is of no known kind.
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

/// Records claimed at once, and their bytes, but for one that is longer: read records take twice those, or more where values are
/// short.
const CLAIMED_AT_ONCE_MAX: usize = 500;
const CLAIMED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What an element of the blob is.
enum Element {
    /// A record that this blob may own, if nobody else does: its number in the batch.
    Candidate(usize, RecordKey),
    /// Its Id was in this blob before.
    Repeated,
    /// It belongs to another organization.
    Foreign,
    /// It is not a JSON object.
    Malformed,
}

/// Claims what can be claimed and makes the events. A function of the bytes and of who owns what: a second attempt, or a
/// worker that should be dead, makes the same.
pub(super) async fn events(
    fetcher: &Fetcher,
    blob: &Blob,
    body: &Bytes,
    codec: Codec,
    now: Timestamp,
) -> Result<Events, FetchError> {
    let records = records::split(body).map_err(|why| unreadable(why, body))?;
    let mut events = Events::none(records.len(), &fetcher.events.options.filter, codec);
    let (mut batch, mut event) = (Batch::default(), Vec::new());
    let context = Context {
        content_type: Some(blob.content_type.as_str()),
        content_created_ms: Some(blob.content_created.as_millisecond()),
        options: &fetcher.events.options,
    };
    let mut seen = HashSet::with_capacity(records.len());
    for portion in portions(&records) {
        batch.begin(portion.iter().map(|record| record.len()).sum());
        let elements = sort_out(blob, portion, &mut seen, &mut batch);
        let owned = claim(fetcher, blob, keys(&elements), now).await?;
        let mut owned = owned.into_iter();
        for element in elements {
            match element {
                Element::Candidate(number, _) => match owned.next() {
                    Some(true) => write(&mut events, &batch, number, &context, &mut event),
                    _ => events.counts.duplicate += 1,
                },
                Element::Repeated => events.counts.duplicate += 1,
                Element::Foreign => events.counts.foreign += 1,
                Element::Malformed => events.counts.malformed += 1,
            }
        }
    }
    conserved(events)
}

/// The records, as many of them as are claimed at once.
fn portions(records: &[Bytes]) -> impl Iterator<Item = &[Bytes]> {
    let mut left = records;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |record: &&Bytes| {
            bytes += record.len();
            bytes <= CLAIMED_BYTES_MAX
        };
        let fit = left
            .iter()
            .take(CLAIMED_AT_ONCE_MAX)
            .take_while(fits)
            .count();
        let (portion, rest) = left.split_at(fit.max(1).min(left.len()));
        left = rest;
        (!portion.is_empty()).then_some(portion)
    })
}

/// `seen` are the records of the blob that came before. What can be read is in `batch` then.
fn sort_out<'a>(
    blob: &Blob,
    records: &'a [Bytes],
    seen: &mut HashSet<RecordKey>,
    batch: &mut Batch<'a>,
) -> Vec<Element> {
    let tenant = blob.tenant_id.to_string();
    records
        .iter()
        .map(|record| {
            let number = batch.len();
            let Ok(identity) = batch.read(record) else {
                return Element::Malformed;
            };
            // A record that names no organization is this tenant's: it came with this tenant's token.
            if let Some(organization) = &identity.organization_id
                && !organization.eq_ignore_ascii_case(&tenant)
            {
                return Element::Foreign;
            }
            let key = RecordKey::new(identity.id.as_deref(), record);
            if seen.insert(key.clone()) {
                Element::Candidate(number, key)
            } else {
                Element::Repeated
            }
        })
        .collect()
}

/// Of each candidate, in order.
fn keys(elements: &[Element]) -> Vec<RecordKey> {
    let keys = elements.iter().filter_map(|element| match element {
        Element::Candidate(_, key) => Some(key.clone()),
        _ => None,
    });
    keys.collect()
}

/// For each candidate, in order, whether the blob owns it.
async fn claim(
    fetcher: &Fetcher,
    blob: &Blob,
    keys: Vec<RecordKey>,
    now: Timestamp,
) -> Result<Vec<bool>, FetchError> {
    match fetcher.events.dedupe {
        RecordDedupe::Blob => {
            // Between portions, others have their turn.
            tokio::task::yield_now().await;
            Ok(vec![true; keys.len()])
        }
        RecordDedupe::Record => Ok(fetcher
            .ledger
            .claim_all(blob.tenant_id, &blob.content_id, keys, now)
            .await?),
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

/// The law, checked against the lines that are about to be written.
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

    fn blob() -> Blob {
        Blob {
            tenant_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            content_type: office365::ContentType::AuditExchange,
            content_id: "a$b".parse().unwrap(),
            content_created: "2026-03-01T00:00:00Z".parse().unwrap(),
            content_expiration: "2026-03-08T00:00:00Z".parse().unwrap(),
        }
    }

    fn check(records: &[&str], expect: &str) {
        let bytes = records.iter().map(|record| record.as_bytes());
        let bytes: Vec<_> = bytes.map(Bytes::copy_from_slice).collect();
        let found: String = sort_out(&blob(), &bytes, &mut HashSet::new(), &mut Batch::default())
            .iter()
            .map(|element| match element {
                Element::Candidate(..) => 'c',
                Element::Repeated => 'r',
                Element::Foreign => 'f',
                Element::Malformed => 'm',
            })
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn a_record_twice_in_one_blob_is_one() {
        check(&[r#"{"Id":"a"}"#, r#"{"Id":"b"}"#, r#"{"Id":"A"}"#], "ccr");
    }

    #[test]
    fn portions_are_all_records_in_order_within_bounds() {
        let short = Bytes::from_static(b"{}");
        let small = vec![short.clone(); CLAIMED_AT_ONCE_MAX + 1];
        let counts = |records: &[Bytes]| portions(records).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(counts(&[]), [0; 0]);
        assert_eq!(counts(&small), [CLAIMED_AT_ONCE_MAX, 1]);
        let long = Bytes::from(vec![b' '; CLAIMED_BYTES_MAX + 1]);
        let mixed = [short.clone(), long.clone(), long, short.clone(), short];
        assert_eq!(counts(&mixed), [1, 1, 1, 2]);
    }

    #[test]
    fn records_without_an_id_are_told_apart_by_their_bytes() {
        check(&[r#"{"x":1}"#, r#"{"x":2}"#, r#"{"x":1}"#], "ccr");
    }

    #[test]
    fn another_organizations_record_is_foreign_and_none_is_ours() {
        check(
            &[
                r#"{"Id":"a","OrganizationId":"99999999-2222-4333-8444-555555555555"}"#,
                r#"{"Id":"b","OrganizationId":"11111111-2222-4333-8444-555555555555"}"#,
                r#"{"Id":"c"}"#,
            ],
            "fcc",
        );
    }

    #[test]
    fn what_is_no_object_is_malformed_and_spoils_nothing() {
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
