//! Quarantine (record type 65): messages looked at, released, deleted.

use crate::api;
use crate::class::Class;
use crate::event::{Event, Kind, Severity};
use crate::identity::email_domain;
use crate::record::Record;
use crate::resource::Resource;

/// Maps an operation on a quarantined message. Operations have several names; RequestType decides for the others.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let op = record.op.strip_prefix("quarantine").unwrap_or(&record.op);
    let starts = |words: &[&str]| words.iter().any(|word| op.starts_with(word));
    let activity = if starts(&["preview", "viewheader", "export"]) {
        2
    } else if starts(&["release"]) {
        3
    } else if starts(&["delete"]) {
        4
    } else {
        match record.int("RequestType") {
            Some(0 | 3 | 4) => 2,
            Some(1) => 4,
            Some(2 | 5) => 3,
            _ => 99,
        }
    };
    event.is(Class::ApiActivity, activity);
    if matches!(activity, 3 | 4) {
        event.raise(Severity::Low);
    }
    api::write_api(record, event);
    let message = Resource::target("Quarantined Email", None, record.take("NetworkMessageId"));
    event.body.array("resources", |w| {
        w.element_object(|w| message.write(w, |_| ()));
    });
    if let Some(address) = record
        .text("ReleaseTo")
        .filter(|address| email_domain(address).is_some())
    {
        event.observe("unmapped", Kind::EmailAddress, address);
    }
}
