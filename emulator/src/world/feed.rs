//! The blobs of one tenant in one content type.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::content_type::ContentType;
use crate::generator::{Segment, Stream};

/// Order of availability: creation time, then order of publication.
pub(crate) type BlobKey = (Timestamp, u64);

/// What a blob is made of.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Records of the feed's stream, made when they are sent.
    Records(Vec<Segment>),
    /// Bytes given by hand, whatever they are.
    Bytes(Bytes),
}

#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) content_id: String,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) source: Source,
    /// The applications whose subscription was enabled when the blob appeared: to all others it never exists.
    pub(crate) subscribers: Vec<Uuid>,
    /// The host that `contentUri` names instead of ours.
    pub(crate) foreign_host: Option<String>,
    /// Sent cut in half, since a listing began exactly at its creation.
    pub(crate) partial: bool,
}

#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) stream: Arc<Stream>,
    pub(crate) blobs: BTreeMap<BlobKey, Blob>,
    by_id: HashMap<String, BlobKey>,
    /// Number of the stream's first record that is in no blob yet.
    pub(crate) next_record: u64,
    /// Number of the first record that no enabled subscription has been given yet.
    counted_to: u64,
    next_sequence: u64,
    /// Whether the generator of this feed was set going, and has published its share.
    pub(crate) started: bool,
    pub(crate) finished: bool,
    /// Blobs that a fault holds back for now.
    pub(crate) held_back: u64,
    /// Generated records that were published to an enabled subscription.
    pub(crate) generated: Vec<Segment>,
    /// Ids of records published by hand to an enabled subscription.
    pub(crate) by_hand: HashSet<String>,
    /// Blobs published to an enabled subscription.
    pub(crate) blobs_published: u64,
}

impl Feed {
    pub(crate) fn new(stream: Arc<Stream>) -> Self {
        Self {
            stream,
            blobs: BTreeMap::new(),
            by_id: HashMap::new(),
            next_record: 0,
            counted_to: 0,
            next_sequence: 0,
            started: false,
            finished: false,
            held_back: 0,
            generated: Vec::new(),
            by_hand: HashSet::new(),
            blobs_published: 0,
        }
    }

    pub(crate) fn blob(&self, content_id: &str) -> Option<&Blob> {
        self.blobs.get(self.by_id.get(content_id)?)
    }

    /// Adds a blob under a fresh content id, and answers the key.
    pub(crate) fn add(
        &mut self,
        content_type: ContentType,
        created: Timestamp,
        expires: Timestamp,
        source: Source,
    ) -> BlobKey {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let content_id = content_id(content_type, created, sequence);
        let key = (created, sequence);
        self.by_id.insert(content_id.clone(), key);
        let blob = Blob {
            content_id,
            created,
            expires,
            source,
            subscribers: Vec::new(),
            foreign_host: None,
            partial: false,
        };
        self.blobs.insert(key, blob);
        key
    }

    /// Counts what an enabled subscriber must have in the end.
    pub(crate) fn count(&mut self, key: BlobKey) {
        let Some(blob) = self.blobs.get(&key) else {
            return;
        };
        self.blobs_published += 1;
        match &blob.source {
            // Records before `counted_to` were counted with the blob that carried them first.
            Source::Records(segments) => {
                for segment in segments {
                    let first = segment.first.max(self.counted_to);
                    let end = segment.first + segment.count;
                    if first < end {
                        self.generated.push(Segment {
                            first,
                            count: end - first,
                            ..*segment
                        });
                        self.counted_to = end;
                    }
                }
            }
            Source::Bytes(bytes) => self.by_hand.extend(record_ids(bytes)),
        }
    }

    pub(crate) fn records_published(&self) -> u64 {
        self.generated
            .iter()
            .map(|segment| segment.count)
            .sum::<u64>()
            + self.by_hand.len() as u64
    }

    /// The Ids of all records that an enabled subscriber must have in the end.
    pub(crate) fn published_ids(&self) -> impl Iterator<Item = String> {
        self.generated
            .iter()
            .flat_map(|segment| segment.first..segment.first + segment.count)
            .map(|number| self.stream.record_id(number).to_string())
            .chain(self.by_hand.iter().cloned())
    }
}

/// The shape of 2020, the newest one recorded: creation time, a second time, the type twice, the region twice.
fn content_id(content_type: ContentType, created: Timestamp, sequence: u64) -> String {
    let name = content_type.name().replace('.', "_");
    let time = created.strftime("%Y%m%d%H%M%S%3f");
    let (lower, rest, region) = (name.to_lowercase(), sequence / 1_000_000, "na0030");
    format!(
        "{time}{:06}${time}{rest:06}${lower}${name}${region}${region}",
        sequence % 1_000_000
    )
}

/// The Ids in a body that is an array of records; none when it is anything else.
fn record_ids(body: &[u8]) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Identified {
        #[serde(rename = "Id")]
        id: String,
    }
    serde_json::from_slice::<Vec<serde_json::Value>>(body)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|record| serde_json::from_value::<Identified>(record).ok())
        .map(|record| record.id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::People;

    #[test]
    fn a_content_id_begins_with_the_creation_time() {
        let created: Timestamp = "2020-11-21T06:30:48.785Z".parse().expect("a time");
        assert_eq!(
            content_id(ContentType::AzureActiveDirectory, created, 77_405),
            "20201121063048785077405$20201121063048785000000$audit_azureactivedirectory$Audit_AzureActiveDirectory$na0030$na0030"
        );
    }

    #[test]
    fn a_record_in_two_blobs_counts_once() {
        let people = Arc::new(People::of(1, Uuid::nil()));
        let stream = Arc::new(Stream::new(1, people, ContentType::Dlp, None));
        let mut feed = Feed::new(stream);
        let now = Timestamp::UNIX_EPOCH;
        let segment = |first, count| {
            Source::Records(vec![Segment {
                first,
                count,
                published: now,
            }])
        };
        for (first, count) in [(0, 10), (8, 4), (0, 12)] {
            let key = feed.add(ContentType::Dlp, now, now, segment(first, count));
            feed.count(key);
        }
        let by_hand = Bytes::from_static(br#"[{"Id":"a"},{"Id":"a"},{"no":1},{"Id":"b"}]"#);
        let key = feed.add(ContentType::Dlp, now, now, Source::Bytes(by_hand));
        feed.count(key);
        let ids: HashSet<String> = feed.published_ids().collect();
        assert_eq!(
            (feed.records_published(), ids.len(), feed.blobs_published),
            (14, 14, 4)
        );
    }
}
