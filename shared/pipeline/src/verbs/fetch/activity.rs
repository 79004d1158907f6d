//! The status page's "last content" and "last notification", written at most once a minute. A delivered blob does not fail
//! because they cannot be written.

use std::collections::HashMap;

use jiff::Timestamp;
use office365::{ContentType, TenantId};
use tokio::sync::Mutex;

use crate::clock::later;
use crate::content::{ContentRef, DiscoveredBy};
use crate::store::ledger::Ledger;
use crate::store::ledger::registry::ACTIVITY_RESOLUTION;

/// Entries remembered, of some dozen bytes: two for each of the five content types of 5,000 tenants.
const REMEMBERED_MAX: usize = 50_000;

/// When activity was written down last, by this process.
#[derive(Debug, Default)]
pub(super) struct Activity {
    noted: Mutex<HashMap<(TenantId, ContentType, bool), Timestamp>>,
}

impl Activity {
    /// Writes down that the blob arrived, unless that was done within the minute. A refused conditional write costs as much
    /// as one that happens, and all of them go to one partition.
    pub(super) async fn note(
        &self,
        ledger: &Ledger,
        blob: &ContentRef,
        via: DiscoveredBy,
        now: Timestamp,
    ) {
        let what = (
            blob.tenant_id,
            blob.content_type,
            via == DiscoveredBy::Notification,
        );
        {
            let mut noted = self.noted.lock().await;
            let lately = |at: &Timestamp| now < later(*at, ACTIVITY_RESOLUTION);
            if noted.get(&what).is_some_and(lately) {
                return;
            }
            if noted.len() >= REMEMBERED_MAX {
                noted.clear();
            }
            noted.insert(what, now);
        }
        let noted = ledger
            .note_content(blob.tenant_id, blob.content_type, via, now)
            .await;
        if let Err(error) = noted {
            tracing::warn!(%error, "blob delivered, but not noted on the status page");
        }
    }
}
