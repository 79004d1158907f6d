//! What EventBridge says of an object, as it lies in the queue.

use object_store::path::Path;
use serde::Deserialize;

use super::Lake;

/// An object was written. Fields that nobody reads are left out.
#[derive(Debug, Deserialize)]
pub struct Announcement {
    /// Read so that no other event is taken for one.
    #[serde(rename = "detail-type")]
    _detail_type: DetailType,
    detail: Detail,
}

#[derive(Debug, Deserialize)]
enum DetailType {
    #[serde(rename = "Object Created")]
    ObjectCreated,
}

#[derive(Debug, Deserialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Object {
    key: String,
}

/// What is announced is not an object of this lake.
#[derive(Debug, thiserror::Error)]
#[error("the object {key} of {bucket} is not in this lake")]
pub struct Elsewhere {
    /// Where it is.
    pub bucket: String,
    /// Its key there.
    pub key: String,
}

impl Announcement {
    /// The object's path in a lake.
    ///
    /// # Errors
    /// [`Elsewhere`]
    pub fn path_in(&self, lake: &Lake) -> Result<Path, Elsewhere> {
        let (bucket, key) = (self.bucket(), self.key());
        lake.locate(bucket, key).ok_or_else(|| Elsewhere {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.detail.bucket.name
    }

    /// The object's key in the bucket. It is not decoded: S3 escapes keys in the notifications that it sends itself, but not in
    /// those that it sends through EventBridge.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.detail.object.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As AWS documents it, with a key of ours.
    const EVENT: &str = r#"{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":"Object Created","source":"aws.s3",
        "account":"111122223333","time":"2021-11-12T00:00:00Z","region":"ca-central-1","resources":["arn:aws:s3:::lake"],
        "detail":{"version":"0","bucket":{"name":"lake"},"object":{"key":"ocsf/content_type=DLP.All/day=2026-03-01/hour=23/tenant_id=t/a.b!2B.ndjson.gz",
        "size":5,"etag":"b1946ac92492d2347c6235b4d2611184","version-id":"IYV3p45BT0ac8hjHg1houSdS1a.Mro8e","sequencer":"617f08299329d189"},
        "request-id":"N4N7GDK58NMKJ12R","requester":"123456789012","source-ip-address":"1.2.3.4","reason":"PutObject"}}"#;

    #[test]
    fn the_key_is_not_decoded() {
        let event: Announcement = serde_json::from_str(EVENT).unwrap();
        assert_eq!(event.bucket(), "lake");
        assert_eq!(
            event.key(),
            "ocsf/content_type=DLP.All/day=2026-03-01/hour=23/tenant_id=t/a.b!2B.ndjson.gz"
        );
    }

    #[test]
    fn other_events_are_refused() {
        for other in [
            "{}",
            r#"{"Records":[]}"#,
            &EVENT.replace("Object Created", "Object Deleted"),
        ] {
            assert!(
                serde_json::from_str::<Announcement>(other).is_err(),
                "{other}"
            );
        }
    }
}
