//! The rule for whatever has no rule of its own, future record types among it: class API Activity.

use crate::class::Class;
use crate::event::Event;
use crate::record::Record;
use crate::signin::service_name;

/// Maps an operation by the verb in its name. Nothing is interpreted beyond that; all members stay in `unmapped`.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    event.is(Class::ApiActivity, 99);
    write_api(record, event);
    if let Some(object) = record.take("ObjectId") {
        event.body.array("resources", |w| {
            w.element_object(|w| {
                w.text("uid", &object);
                w.int("role_id", 1);
                w.text("role", "Target");
            });
        });
    }
}

/// Writes `api`, which the class demands.
pub(crate) fn write_api<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let uid = ["ClientRequestId", "RequestId", "CorrelationId", "Id"]
        .iter()
        .find_map(|key| record.text(key));
    event.body.object("api", |w| {
        w.text(
            "operation",
            record.operation.as_deref().unwrap_or("unknown"),
        );
        w.object("service", |w| {
            w.text(
                "name",
                service_name(record.workload.as_deref().unwrap_or_default()),
            )
        });
        w.object("request", |w| w.text_opt("uid", uid));
    });
}
