//! The blobs of one tenant in one content type.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::content_type::ContentType;
use crate::generator::{RecordRange, RecordStream};

/// Creation time, then order of publication.
pub(crate) type BlobKey = (Timestamp, u64);

/// What a blob is made of.
#[derive(Debug, Clone)]
pub(crate) enum BlobBody {
    /// Records of the feed's stream, made when they are sent.
    Records(Vec<RecordRange>),
    /// Bytes given by a test or a command; they need not be JSON.
    Bytes(Bytes),
}

#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) content_id: String,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) body: BlobBody,
    /// The applications whose subscription was enabled when the blob appeared. For all others it does not exist.
    pub(crate) subscribers: Vec<Uuid>,
    /// The host that `contentUri` names instead of ours.
    pub(crate) foreign_host: Option<String>,
    /// Only the first half of the records is sent, since a listing began exactly at its creation.
    pub(crate) partial: bool,
}

#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) stream: Arc<RecordStream>,
    pub(crate) blobs: BTreeMap<BlobKey, Blob>,
    by_id: HashMap<String, BlobKey>,
    /// Number of the stream's first record that is in no blob yet.
    pub(crate) next_record: u64,
    /// The records that an enabled subscription has been given: number of the first one to that after the last.
    counted: BTreeMap<u64, u64>,
    next_sequence: u64,
    /// Whether publishing has begun, and whether all blobs are published.
    pub(crate) started: bool,
    pub(crate) finished: bool,
    /// Blobs that a fault holds back for now.
    pub(crate) held_back: u64,
    /// Generated records that were published to an enabled subscription.
    pub(crate) generated: Vec<RecordRange>,
    /// Ids of records published by hand to an enabled subscription.
    pub(crate) by_hand: HashSet<String>,
    /// Blobs published to an enabled subscription.
    pub(crate) blobs_published: u64,
}

impl Feed {
    pub(crate) fn new(stream: Arc<RecordStream>) -> Self {
        Self {
            stream,
            blobs: BTreeMap::new(),
            by_id: HashMap::new(),
            next_record: 0,
            counted: BTreeMap::new(),
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
        body: BlobBody,
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
            body,
            subscribers: Vec::new(),
            foreign_host: None,
            partial: false,
        };
        self.blobs.insert(key, blob);
        key
    }

    /// Counts what an enabled subscriber must have in the end.
    pub(crate) fn count(&mut self, key: BlobKey) {
        let Some(body) = self.blobs.get(&key).map(|blob| blob.body.clone()) else {
            return;
        };
        self.blobs_published += 1;
        match body {
            // What was counted before was so with the blob that carried it first. A blob that is late is overtaken by others,
            // so that its records come when later ones were counted.
            BlobBody::Records(ranges) => {
                for range in ranges {
                    let mut first = range.first;
                    let end = range.first + range.count;
                    while first < end {
                        let before = self.counted.range(..=first).next_back();
                        if let Some((_, to)) = before.filter(|(_, to)| **to > first) {
                            first = *to;
                            continue;
                        }
                        let next = self.counted.range(first..end).next();
                        let to = next.map_or(end, |(from, _)| *from);
                        self.generated.push(RecordRange {
                            first,
                            count: to - first,
                            ..range
                        });
                        self.note_counted(first, to);
                        first = to;
                    }
                }
            }
            BlobBody::Bytes(bytes) => self.by_hand.extend(record_ids(&bytes)),
        }
    }

    /// Joins the range to those that it follows or precedes: there are as many as blobs are late.
    fn note_counted(&mut self, first: u64, to: u64) {
        let to = self.counted.remove(&to).unwrap_or(to);
        match self.counted.range_mut(..first).next_back() {
            Some((_, end)) if *end == first => *end = to,
            _ => {
                self.counted.insert(first, to);
            }
        }
    }

    pub(crate) fn records_published(&self) -> u64 {
        self.generated.iter().map(|range| range.count).sum::<u64>() + self.by_hand.len() as u64
    }

    /// The Ids of all records that an enabled subscriber must have in the end.
    pub(crate) fn published_ids(&self) -> impl Iterator<Item = String> {
        self.generated
            .iter()
            .flat_map(|range| range.first..range.first + range.count)
            .map(|number| self.stream.record_id(number).to_string())
            .chain(self.by_hand.iter().cloned())
    }
}

/// A content id in the form of 2020, the newest one recorded: creation time, a second time, the type twice, the region twice.
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
    use crate::generator::Users;

    #[test]
    fn a_content_id_begins_with_the_creation_time() {
        let created: Timestamp = "2020-11-21T06:30:48.785Z".parse().expect("a time");
        assert_eq!(
            content_id(ContentType::AzureActiveDirectory, created, 77_405),
            "20201121063048785077405$20201121063048785000000$audit_azureactivedirectory$Audit_AzureActiveDirectory$na0030$na0030"
        );
    }

    #[test]
    fn a_record_counts_once_in_whatever_order_blobs_come() {
        let users = Arc::new(Users::of(1, Uuid::nil()));
        let stream = Arc::new(RecordStream::new(1, users, ContentType::Dlp, None));
        let mut feed = Feed::new(stream);
        let now = Timestamp::UNIX_EPOCH;
        let range = |first, count| {
            BlobBody::Records(vec![RecordRange {
                first,
                count,
                published: now,
            }])
        };
        for (first, count) in [(0, 10), (8, 4), (0, 12), (20, 5), (12, 10), (11, 12)] {
            let key = feed.add(ContentType::Dlp, now, now, range(first, count));
            feed.count(key);
        }
        let by_hand = Bytes::from_static(br#"[{"Id":"a"},{"Id":"a"},{"no":1},{"Id":"b"}]"#);
        let key = feed.add(ContentType::Dlp, now, now, BlobBody::Bytes(by_hand));
        feed.count(key);
        let ids: HashSet<String> = feed.published_ids().collect();
        assert_eq!(
            (feed.records_published(), ids.len(), feed.blobs_published),
            (27, 27, 7)
        );
    }
}
