//! The endless stream of records of one tenant and content type.
//!
//! A record is made from its number alone, so a blob of a million records is made while it is sent and is never held in memory, and the same number always gives the same record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::ordinary::Ordinary;
use super::placeholder::Values;
use super::template::Template;
use super::users::Users;
use crate::clock::earlier;
use crate::content_type::ContentType;
use crate::rng::{SeededRng, hash, hash_text};

/// Bytes of a blob that are made at a time: enough for full writes, little beside the memory of a test machine.
const CHUNK_BYTES: usize = 128 * 1024;

/// Events lie at most this long before their blob. Microsoft: typically within 60 to 90 minutes, the rest later.
const EVENT_LAG_SECONDS_MAX: u64 = 6 * 3600;

/// The endless stream of records of one tenant and content type.
#[derive(Debug)]
pub(crate) struct RecordStream {
    key: u64,
    source: Source,
    users: Arc<Users>,
}

/// Where the records come from.
#[derive(Debug)]
enum Source {
    /// A file's, in their order.
    File(Arc<[Template]>),
    /// The built-in ones, at random.
    Ordinary(&'static Ordinary),
}

/// `count` records of a stream from number `first` on, published at `published`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordRange {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) published: Timestamp,
}

impl RecordStream {
    /// The records of the tenant of `users` in `content_type`: from `file` when there are any, else from the built-in templates.
    pub(crate) fn new(
        seed: u64,
        users: Arc<Users>,
        content_type: ContentType,
        file: Option<Arc<[Template]>>,
    ) -> Self {
        Self {
            key: hash(&[
                seed,
                hash_text(&users.tenant),
                hash_text(content_type.name()),
            ]),
            source: file.map_or_else(
                || Source::Ordinary(Ordinary::of(content_type)),
                Source::File,
            ),
            users,
        }
    }

    /// The Id of record number `number`.
    pub(crate) fn record_id(&self, number: u64) -> Uuid {
        SeededRng::of(&[self.key, number, 1]).uuid()
    }

    /// Appends record number `number`.
    pub(super) fn write_record(&self, number: u64, published: Timestamp, out: &mut Vec<u8>) {
        let mut rng = SeededRng::of(&[self.key, number, 2]);
        let template = match &self.source {
            Source::File(all) => all.get((number % all.len().max(1) as u64) as usize),
            Source::Ordinary(ordinary) => ordinary.choose(&mut rng),
        };
        let Some(template) = template else {
            out.extend_from_slice(b"{}");
            return;
        };
        // Most events are minutes old, some hours: the product of two random numbers is small more often than not.
        let lag = rng.below(1000) * rng.below(1000) * EVENT_LAG_SECONDS_MAX / 1_000_000;
        let time = earlier(published, Duration::from_secs(60 + lag));
        let user = (&*self.users, rng.next());
        let values = Values::new(self.record_id(number), time, user, rng.next());
        template.write(&values, &mut rng, out);
    }

    /// The body of a blob of `ranges`, in chunks.
    pub(crate) fn body(
        self: Arc<Self>,
        ranges: Vec<RecordRange>,
    ) -> impl Iterator<Item = Bytes> + Send {
        let mut records = ranges.into_iter().flat_map(|range| {
            (range.first..range.first + range.count).map(move |number| (number, range.published))
        });
        let mut opened = false;
        let mut closed = false;
        std::iter::from_fn(move || {
            if closed {
                return None;
            }
            let mut chunk = Vec::with_capacity(CHUNK_BYTES + 8192);
            while chunk.len() < CHUNK_BYTES {
                let Some((number, published)) = records.next() else {
                    chunk.extend_from_slice(if opened { b"]" } else { b"[]" });
                    closed = true;
                    break;
                };
                chunk.push(if opened { b',' } else { b'[' });
                opened = true;
                self.write_record(number, published, &mut chunk);
            }
            Some(Bytes::from(chunk))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn body(stream: &Arc<RecordStream>, ranges: &[RecordRange]) -> Vec<u8> {
        Arc::clone(stream).body(ranges.to_vec()).flatten().collect()
    }

    fn range(first: u64, count: u64) -> RecordRange {
        RecordRange {
            first,
            count,
            published: Timestamp::UNIX_EPOCH,
        }
    }

    fn stream(content_type: ContentType) -> Arc<RecordStream> {
        let users = Arc::new(Users::of(1, Uuid::from_u128(7)));
        Arc::new(RecordStream::new(1, users, content_type, None))
    }

    #[test]
    fn every_built_in_record_is_a_record_of_its_tenant() {
        for content_type in ContentType::ALL {
            let stream = stream(content_type);
            let records: Vec<Value> =
                serde_json::from_slice(&body(&stream, &[range(0, 500)])).expect("a JSON array");
            assert_eq!(records.len(), 500);
            for (number, record) in records.iter().enumerate() {
                assert_eq!(record["Id"], stream.record_id(number as u64).to_string());
                assert_eq!(
                    record["OrganizationId"],
                    Uuid::from_u128(7).to_string(),
                    "{record}"
                );
                for field in [
                    "RecordType",
                    "CreationTime",
                    "Operation",
                    "UserType",
                    "UserKey",
                    "Workload",
                    "UserId",
                ] {
                    assert!(
                        record.get(field).is_some(),
                        "{field} is missing in {record}"
                    );
                }
                let text = record.to_string();
                assert!(!text.contains("{{"), "a placeholder was left: {text}");
            }
        }
    }

    #[test]
    fn a_number_gives_the_same_record_in_every_blob() {
        let stream = stream(ContentType::Exchange);
        let long: Vec<Value> =
            serde_json::from_slice(&body(&stream, &[range(10, 5)])).expect("JSON");
        let short: Vec<Value> =
            serde_json::from_slice(&body(&stream, &[range(13, 1), range(20, 1)])).expect("JSON");
        assert_eq!(long[3], short[0]);
        assert_ne!(short[0], short[1]);
    }

    #[test]
    fn a_blob_without_records_is_an_empty_array() {
        assert_eq!(body(&stream(ContentType::Dlp), &[]), b"[]");
    }

    #[test]
    fn a_large_blob_comes_in_chunks() {
        let stream = stream(ContentType::General);
        let chunks: Vec<Bytes> = stream.body(vec![range(0, 2_000)]).collect();
        assert!(chunks.len() > 5);
        assert!(chunks.iter().all(|chunk| chunk.len() < 2 * CHUNK_BYTES));
    }
}
