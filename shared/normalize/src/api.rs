//! The rule for whatever has no rule of its own, future record types among it: class API Activity.

use crate::class::Class;
use crate::event::Event;
use crate::json::Writer;
use crate::record::Record;
use crate::record_types;
use crate::resource::Resource;
use crate::route::Told;
use crate::signin::service_name;
use crate::verbs::{self, Verb};

/// Documented operations of services without rules, in whose names there is no verb: nothing is missing where they come.
const WITHOUT_VERB: &[&str] = &[
    "adminsubmission",
    "heartbeat",
    "supervisionrulematch",
    "supervisoryreviewtag",
    "usersubmission",
];

/// Maps an operation by the verb in its name, and says whether that told what it is. Nothing is interpreted beyond that; all
/// members stay in `unmapped`.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) -> Told {
    let verb = verbs::of(&record.op);
    event.is(Class::ApiActivity, verb.map_or(99, Verb::crud));
    write_api(record, event);
    let object = Resource::target(record_type(record), None, record.take("ObjectId"));
    event.body.array("resources", |w| {
        w.element_object(|w| object.write(w, |_| ()));
    });
    if verb.is_some() || WITHOUT_VERB.contains(&&*record.op) {
        Told::ByName
    } else {
        Told::Nothing
    }
}

/// The record type's name as the kind of what the record is about.
fn record_type(record: &Record<'_>) -> String {
    let number = record.record_type.unwrap_or(-1);
    record_types::name(number).map_or_else(|| format!("RecordType {number}"), str::to_owned)
}

/// Writes `api`, which the class demands.
pub(crate) fn write_api<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    write_api_with(record, event, |_| ());
}

/// Writes `api`, with what `fill` makes of the request's data. The request's id is the client's where it sent one, the
/// record's own otherwise.
pub(crate) fn write_api_with<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    fill: impl FnOnce(&mut Writer),
) {
    let sent = ["ClientRequestId", "RequestId", "CorrelationId"];
    let uid = sent
        .iter()
        .find_map(|key| record.text(key))
        .or_else(|| record.id.clone());
    event.body.object("api", |w| {
        w.text(
            "operation",
            record.operation.as_deref().unwrap_or("unknown"),
        );
        w.object("service", |w| {
            w.text(
                "name",
                service_name(record.workload.as_deref().unwrap_or_default()),
            );
        });
        w.object("request", |w| {
            w.text_opt(
                "uid",
                uid.as_deref().map(|uid| uid.trim_matches(['{', '}'])),
            );
            fill(w);
        });
    });
}
