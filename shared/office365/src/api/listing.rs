//! One page of the blobs that became available, and how its elements are read.
//!
//! An element counts when its contentId, its type and its time can be used: a blob is fetched by its id, at an address of
//! the client's own making. So an odd address or expiration costs nothing and is only reported.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::names::{
    AllowedHosts, Content, ContentId, ContentType, HostileUri, TenantId, check_address_of,
    documented_expiration, timestamp,
};
use crate::transport::json;
use crate::transport::sanitize::json_error;

/// Most elements of one page that are kept for a report; the others are only counted.
const REPORTED_MAX: usize = 100;

/// A page of the blobs that became available in a time window.
#[derive(Debug, Clone, Default)]
pub struct ContentListing {
    /// The blobs, in Microsoft's order, each once in all pages.
    pub contents: Vec<Content>,
    /// The first hundred elements that were refused.
    pub rejected: Vec<Rejected>,
    /// How many elements were refused.
    pub rejected_count: usize,
    /// The first hundred of [`ContentListing::contents`] whose contentUri is not the address that they are fetched from.
    pub readdressed: Vec<Readdressed>,
    /// How many there are of those.
    pub readdressed_count: usize,
}

/// A listed element that is no blob of this subscription: its contentId or contentCreated cannot be used, or it is of another
/// type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a listed element was refused: {why}")]
pub struct Rejected {
    /// Its id, if it has a valid one.
    pub content_id: Option<ContentId>,
    /// What is wrong with it. Quotes nothing of it.
    pub why: String,
}

/// A listed blob with an unexpected contentUri, which is not used. The blob is fetched by its id like any other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the contentUri of a listed blob was left aside: {why}")]
pub struct Readdressed {
    /// The blob.
    pub content_id: ContentId,
    /// What is unexpected.
    pub why: HostileUri,
}

/// Whose listing it is, and what its addresses are compared with.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) tenant: TenantId,
    pub(super) content_type: ContentType,
    pub(super) hosts: AllowedHosts,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Element {
    content_type: ContentType,
    content_id: ContentId,
    #[serde(default, deserialize_with = "json::text_or_empty")]
    content_uri: String,
    #[serde(deserialize_with = "timestamp::deserialize")]
    content_created: Timestamp,
    #[serde(default, deserialize_with = "timestamp::deserialize_lossy")]
    content_expiration: Option<Timestamp>,
}

impl ContentListing {
    /// Takes in an element. A blob in `seen` was listed before and is left out.
    pub(super) fn take(
        &mut self,
        raw: &RawValue,
        expected: &Expected,
        seen: &mut HashSet<ContentId>,
    ) {
        let (content, address) = match read(raw, expected) {
            Ok(read) => read,
            Err(rejected) => {
                self.rejected_count += 1;
                if self.rejected.len() < REPORTED_MAX {
                    self.rejected.push(rejected);
                }
                return;
            }
        };
        if !seen.insert(content.content_id.clone()) {
            return;
        }
        if let Err(why) = address {
            self.readdressed_count += 1;
            if self.readdressed.len() < REPORTED_MAX {
                let content_id = content.content_id.clone();
                self.readdressed.push(Readdressed { content_id, why });
            }
        }
        self.contents.push(content);
    }
}

/// A listed element as a blob of this subscription, and whether its address is the expected one.
fn read(
    raw: &RawValue,
    expected: &Expected,
) -> Result<(Content, Result<(), HostileUri>), Rejected> {
    let element: Element = serde_json::from_str(raw.get()).map_err(|error| Rejected {
        content_id: None,
        why: json_error(&error),
    })?;
    let content_id = element.content_id;
    if element.content_type != expected.content_type {
        return Err(Rejected {
            content_id: Some(content_id),
            why: "it is of another content type".to_owned(),
        });
    }
    let uri = &element.content_uri;
    let address = check_address_of(&content_id, uri, expected.tenant, &expected.hosts);
    let content_created = element.content_created;
    let content = Content {
        content_type: expected.content_type,
        content_id,
        content_created,
        content_expiration: element
            .content_expiration
            .unwrap_or_else(|| documented_expiration(content_created)),
    };
    Ok((content, address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::names::{Cloud, Endpoints};

    const DOCUMENTED: &str = r#"{"contentType":"Audit.SharePoint","contentId":"4926$f28a","contentUri":"https://manage.office.com/api/v1.0/41463f53-8812-40f4-890f-865bf6e35190/activity/feed/audit/4926$f28a","contentCreated":"2015-05-23T17:35:00.000Z","contentExpiration":"2015-05-30T17:35:00.000Z"}"#;

    fn listed(json: &str) -> ContentListing {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let expected = Expected {
            tenant: "41463f53-8812-40f4-890f-865bf6e35190".parse().unwrap(),
            content_type: ContentType::AuditSharePoint,
            hosts: AllowedHosts::of_cloud(&Endpoints::default(), Cloud::Enterprise),
        };
        let mut listing = ContentListing::default();
        let mut seen = HashSet::new();
        listing.take(raw, &expected, &mut seen);
        listing.take(raw, &expected, &mut seen);
        listing
    }

    /// The documented element with one change: why is it refused?
    #[track_caller]
    fn check(from: &str, to: &str, expect: Option<&str>) {
        assert!(DOCUMENTED.contains(from));
        let found = listed(&DOCUMENTED.replacen(from, to, 1));
        let why = found.rejected.first().map(|rejected| rejected.why.as_str());
        assert_eq!(why, expect);
        assert_eq!(found.contents.len(), usize::from(expect.is_none()));
    }

    /// The documented element with one change is taken: what is said of its address?
    #[track_caller]
    fn check_address(from: &str, to: &str, expect: Option<HostileUri>) {
        check(from, to, None);
        let found = listed(&DOCUMENTED.replacen(from, to, 1));
        let why = found.readdressed.first().map(|blob| blob.why);
        assert_eq!(
            (found.readdressed_count, why),
            (usize::from(expect.is_some()), expect)
        );
    }

    #[test]
    fn an_element_without_id_type_or_time_is_refused() {
        check("SharePoint", "Sharepoint", None);
        check(
            "SharePoint",
            "General",
            Some("it is of another content type"),
        );
        check(
            "\"contentCreated\"",
            "\"created\"",
            Some("missing field `contentCreated` at line 1 column 259"),
        );
        check(
            "\"contentId\":\"4926$f28a\"",
            "\"contentId\":\"a/b\"",
            Some(
                "not a content id: it has a character that a path segment cannot carry at line 1 column 51",
            ),
        );
    }

    #[test]
    fn a_blob_with_an_odd_address_is_taken_and_counted() {
        check_address("SharePoint", "Sharepoint", None);
        check_address("4926$f28a\"", "4926$f28b\"", Some(HostileUri::OtherBlob));
        check_address("office.com", "office.com.evil", Some(HostileUri::Host));
        check_address("contentUri", "uri", Some(HostileUri::Host));
        let at = DOCUMENTED.find("https").unwrap();
        let end = at + DOCUMENTED[at..].find('"').unwrap();
        check_address(&DOCUMENTED[at - 1..=end], "null", Some(HostileUri::Host));
        check_address(&DOCUMENTED[at - 1..=end], "7", Some(HostileUri::Host));
    }

    #[test]
    fn a_blob_without_expiration_lives_the_documented_week() {
        for expiration in ["null", "\"\"", "\"soon\"", "7"] {
            let json = DOCUMENTED.replace("\"2015-05-30T17:35:00.000Z\"", expiration);
            let found = listed(&json).contents.remove(0);
            let expect = "2015-05-30T17:35:00Z".parse().unwrap();
            assert_eq!(found.content_expiration, expect, "{expiration}");
        }
        check("contentExpiration", "expires", None);
    }

    proptest! {
        #[test]
        fn no_changed_element_panics(at in 0..DOCUMENTED.len(), insert in "[ -~]{0,4}") {
            let json = format!("{}{insert}{}", &DOCUMENTED[..at], &DOCUMENTED[at..]);
            if serde_json::from_str::<&RawValue>(&json).is_ok() {
                let found = listed(&json);
                prop_assert_eq!(found.contents.len() + found.rejected_count.min(1), 1);
            }
        }
    }
}
