//! Quarantine (record type 65): messages previewed, released, deleted.

use super::verbs::{self, Verb};
use crate::ocsf::class::ApiActivity;
use crate::ocsf::resource::Resource;
use crate::ocsf::{Event, ObservableType, api};
use crate::record::{Record, email_domain};
use crate::severity;

/// Maps an operation on a quarantined message. Known operations have several names; for others, RequestType decides.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let op = record.op.strip_prefix("quarantine").unwrap_or(&record.op);
    let starts = |words: &[&str]| words.iter().any(|word| op.starts_with(word));
    let known = if starts(&["preview", "viewheader", "export"]) {
        Some(ApiActivity::Read)
    } else if starts(&["release"]) {
        Some(ApiActivity::Update)
    } else if starts(&["delete"]) {
        Some(ApiActivity::Delete)
    } else {
        match record.int("RequestType") {
            Some(0 | 3 | 4) => Some(ApiActivity::Read),
            Some(1) => Some(ApiActivity::Delete),
            Some(2 | 5) => Some(ApiActivity::Update),
            _ => None,
        }
    };
    let activity = known.or_else(|| verbs::of(op).map(Verb::api));
    event.classify(activity.unwrap_or(ApiActivity::Other));
    // The table speaks of a release and a deletion, not of any other change.
    event.raise(severity::FINDINGS.rate("quarantine", |field, test| {
        field == "activity" && known.is_some() && test(event.class.activity_caption())
    }));
    api::write_api(record, event);
    let message = Resource::target("Quarantined Email", None, record.take("NetworkMessageId"));
    event.body.array("resources", |w| {
        w.element_object(|w| message.write(w, |_| ()));
    });
    if let Some(address) = record
        .text("ReleaseTo")
        .filter(|address| email_domain(address).is_some())
    {
        event.observe("unmapped", ObservableType::EmailAddress, address);
    }
}
