//! Steps 3 and 4: which records the blob owns, and their events.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use jiff::Timestamp;
use normalize::Context;

use super::failure::unreadable;
use super::{FetchError, Fetcher};
use crate::ledger::blob::Counts;
use crate::ledger::key::RecordKey;
use crate::queue::Blob;
use crate::settings::RecordDedupe;

/// Events take about this many times the bytes of their records (measured: 2.05).
const EVENTS_PER_RECORD_BYTES: usize = 2;

/// The events of the records that a blob owns.
pub(super) struct Events {
    /// One event a line, in raw order.
    pub(super) lines: Vec<u8>,
    /// What became of each record.
    pub(super) counts: Counts,
}

/// What an element of the blob is.
enum Element<'a> {
    /// A record that this blob may own, if nobody else does.
    Candidate(&'a [u8], RecordKey),
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
    now: Timestamp,
) -> Result<Events, FetchError> {
    let records = normalize::split(body).map_err(|why| unreadable(why, body))?;
    let elements = sort_out(blob, &records);
    let owned = claim(fetcher, blob, &elements, now).await?;
    let mut events = Events {
        lines: Vec::with_capacity(body.len() * EVENTS_PER_RECORD_BYTES),
        counts: Counts {
            records: records.len() as u64,
            ..Counts::default()
        },
    };
    let context = Context {
        content_type: Some(blob.content_type.as_str()),
        content_created_ms: Some(blob.content_created.as_millisecond()),
        options: &fetcher.events.options,
    };
    let mut owned = owned.into_iter();
    for element in elements {
        match element {
            Element::Candidate(record, _) => match owned.next() {
                Some(true) => write(&mut events, record, &context),
                _ => events.counts.duplicate += 1,
            },
            Element::Repeated => events.counts.duplicate += 1,
            Element::Foreign => events.counts.foreign += 1,
            Element::Malformed => events.counts.malformed += 1,
        }
    }
    conserved(events)
}

fn sort_out<'a>(blob: &Blob, records: &[&'a [u8]]) -> Vec<Element<'a>> {
    let tenant = blob.tenant_id.to_string();
    let mut seen = HashSet::with_capacity(records.len());
    records
        .iter()
        .map(|record| {
            let Ok(identity) = normalize::identify(record) else {
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
                Element::Candidate(record, key)
            } else {
                Element::Repeated
            }
        })
        .collect()
}

/// For each candidate, in order, whether the blob owns it.
async fn claim(
    fetcher: &Fetcher,
    blob: &Blob,
    elements: &[Element<'_>],
    now: Timestamp,
) -> Result<Vec<bool>, FetchError> {
    let keys: Vec<RecordKey> = elements
        .iter()
        .filter_map(|element| match element {
            Element::Candidate(_, key) => Some(key.clone()),
            _ => None,
        })
        .collect();
    match fetcher.events.dedupe {
        RecordDedupe::Blob => Ok(vec![true; keys.len()]),
        RecordDedupe::Record => Ok(fetcher
            .ledger
            .claim_all(blob.tenant_id, &blob.content_id, keys, now)
            .await?),
    }
}

/// Appends one event. The normalizer is total; should it panic all the same, that record counts as malformed and its
/// neighbours go on.
fn write(events: &mut Events, record: &[u8], context: &Context<'_>) {
    let before = events.lines.len();
    let lines = &mut events.lines;
    if catch_unwind(AssertUnwindSafe(|| {
        normalize::event(record, context, lines)
    }))
    .is_ok()
    {
        events.counts.written += 1;
    } else {
        events.lines.truncate(before);
        events.counts.malformed += 1;
        tracing::error!(
            record.bytes = record.len(),
            "the normalizer panicked: this is a bug, the record is in the raw copy"
        );
    }
}

/// The law, checked against the bytes that are about to be written.
fn conserved(events: Events) -> Result<Events, FetchError> {
    let lines = events.lines.iter().filter(|byte| **byte == b'\n').count();
    if events.counts.are_conserved() && lines as u64 == events.counts.written {
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
        let bytes: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
        let found: String = sort_out(&blob(), &bytes)
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
        let events = Events {
            lines: b"one\n".to_vec(),
            counts: Counts {
                records: 2,
                written: 2,
                ..Counts::default()
            },
        };
        assert!(conserved(events).is_err());
    }
}
