//! The endless row of records of one tenant and content type.
//!
//! A record is made from its number alone, so a blob of a million records is made while it is sent and is never held in memory, and the same number always gives the same record.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::template::Template;
use super::users::People;
use crate::clock::earlier;
use crate::content_type::ContentType;
use crate::dice::{Dice, hash, hash_text};

/// Bytes of a blob that are made before they are handed to the connection: large enough for full writes, small beside the memory of a test machine.
const CHUNK_BYTES: usize = 128 * 1024;

/// Events lie at most this long before their blob. Microsoft: typically within 60 to 90 minutes, the rest later.
const EVENT_LAG_SECONDS_MAX: u64 = 6 * 3600;

/// The templates of the generator, one list per content type: what a tenant's feed shows, the odd forms included.
const BUILT_IN: [(ContentType, &str); 5] = [
    (
        ContentType::AzureActiveDirectory,
        include_str!("templates/azureactivedirectory.ndjson"),
    ),
    (
        ContentType::Exchange,
        include_str!("templates/exchange.ndjson"),
    ),
    (
        ContentType::SharePoint,
        include_str!("templates/sharepoint.ndjson"),
    ),
    (
        ContentType::General,
        include_str!("templates/general.ndjson"),
    ),
    (ContentType::Dlp, include_str!("templates/dlp.ndjson")),
];

/// The endless row of records of one tenant and content type.
#[derive(Debug)]
pub(crate) struct Stream {
    key: u64,
    templates: Arc<[Template]>,
    people: Arc<People>,
    /// Take the templates in order (a file of records: each once before any twice) instead of by chance.
    in_order: bool,
}

/// `count` records of a stream from number `first` on, published at `published`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) published: Timestamp,
}

impl Stream {
    /// The records of the tenant of `people` in `content_type`: from `file` when there are any, else from the built-in templates.
    pub(crate) fn new(
        seed: u64,
        people: Arc<People>,
        content_type: ContentType,
        file: Option<Arc<[Template]>>,
    ) -> Self {
        Self {
            key: hash(&[
                seed,
                hash_text(&people.tenant),
                hash_text(content_type.name()),
            ]),
            in_order: file.is_some(),
            templates: file.unwrap_or_else(|| built_in(content_type)),
            people,
        }
    }

    /// The Id of record number `number`.
    pub(crate) fn record_id(&self, number: u64) -> Uuid {
        Dice::of(&[self.key, number, 1]).uuid()
    }

    /// Appends record number `number`.
    pub(super) fn write_record(&self, number: u64, published: Timestamp, out: &mut Vec<u8>) {
        let mut dice = Dice::of(&[self.key, number, 2]);
        let choice = if self.in_order { number } else { dice.next() };
        let Some(template) = self
            .templates
            .get((choice % self.templates.len().max(1) as u64) as usize)
        else {
            out.extend_from_slice(b"{}");
            return;
        };
        // Most events are minutes old, some hours: the square pulls the lag towards zero.
        let lag = dice.below(1000) * dice.below(1000) * EVENT_LAG_SECONDS_MAX / 1_000_000;
        let time = earlier(published, Duration::from_secs(60 + lag));
        template.write(self.record_id(number), time, &self.people, &mut dice, out);
    }

    /// The body of a blob of `segments`, in chunks.
    pub(crate) fn body(
        self: Arc<Self>,
        segments: Vec<Segment>,
    ) -> impl Iterator<Item = Bytes> + Send {
        let mut records = segments.into_iter().flat_map(|segment| {
            (segment.first..segment.first + segment.count)
                .map(move |number| (number, segment.published))
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

fn built_in(content_type: ContentType) -> Arc<[Template]> {
    static COMPILED: OnceLock<Vec<(ContentType, Arc<[Template]>)>> = OnceLock::new();
    COMPILED
        .get_or_init(|| {
            BUILT_IN
                .iter()
                .map(|(content_type, lines)| {
                    (
                        *content_type,
                        lines.lines().map(Template::with_placeholders).collect(),
                    )
                })
                .collect()
        })
        .iter()
        .find(|(of, _)| *of == content_type)
        .map(|(_, templates)| Arc::clone(templates))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn body(stream: &Arc<Stream>, segments: &[Segment]) -> Vec<u8> {
        Arc::clone(stream)
            .body(segments.to_vec())
            .flatten()
            .collect()
    }

    fn segment(first: u64, count: u64) -> Segment {
        Segment {
            first,
            count,
            published: Timestamp::UNIX_EPOCH,
        }
    }

    fn stream(content_type: ContentType) -> Arc<Stream> {
        let people = Arc::new(People::of(1, Uuid::from_u128(7)));
        Arc::new(Stream::new(1, people, content_type, None))
    }

    #[test]
    fn every_built_in_record_is_a_record_of_its_tenant() {
        for content_type in ContentType::ALL {
            let stream = stream(content_type);
            let records: Vec<Value> =
                serde_json::from_slice(&body(&stream, &[segment(0, 500)])).expect("a JSON array");
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
            serde_json::from_slice(&body(&stream, &[segment(10, 5)])).expect("JSON");
        let short: Vec<Value> =
            serde_json::from_slice(&body(&stream, &[segment(13, 1), segment(20, 1)]))
                .expect("JSON");
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
        let chunks: Vec<Bytes> = stream.body(vec![segment(0, 2_000)]).collect();
        assert!(chunks.len() > 5);
        assert!(chunks.iter().all(|chunk| chunk.len() < 2 * CHUNK_BYTES));
    }
}
