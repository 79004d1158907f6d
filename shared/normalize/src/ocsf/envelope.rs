//! The attributes of every class: time, tenant, metadata, and everything that no rule has mapped.

use super::class::OTHER;
use super::event::Event;
use super::status::{self, Status};
use crate::json::Writer;
use crate::record::{Record, meaningful, name_values, time};

/// What is known about a record from its blob.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provenance<'a> {
    /// The subscription, such as `Audit.Exchange`.
    pub(crate) content_type: Option<&'a str>,
    /// The blob's contentCreated, in milliseconds since 1970.
    pub(crate) content_created_ms: Option<i64>,
}

impl Provenance<'_> {
    /// The time when the blob was created, or else 1970.
    pub(crate) fn moment(&self) -> time::Moment {
        time::Moment {
            epoch_ms: self.content_created_ms.unwrap_or(0),
        }
    }
}

/// The version of OCSF that events are written in before they are converted.
pub(crate) const OCSF_VERSION: &str = "1.8.0";

/// Lists of names and values that become objects in `unmapped`.
const NAME_VALUE_LISTS: [&str; 4] = [
    "DeviceProperties",
    "ExtendedProperties",
    "ExtraProperties",
    "OperationProperties",
];

pub(crate) fn write_metadata(
    record: &Record<'_>,
    event: &mut Event<'_>,
    provenance: &Provenance<'_>,
) {
    let original_time = record.take("CreationTime");
    let correlation = record
        .take("CorrelationId")
        .or_else(|| record.take("InterSystemsId"))
        .or_else(|| {
            record
                .get("AppAccessContext")?
                .get("CorrelationId")
                .and_then(meaningful)
        });
    let profiles = event.profiles;
    event.body.object("metadata", |w| {
        w.word("version", OCSF_VERSION);
        w.object("product", |w| {
            w.members(r#""name":"Microsoft 365","vendor_name":"Microsoft""#);
            w.object("feature", |w| w.text_opt("name", record.workload.as_ref()));
        });
        w.array("profiles", |w| {
            let named = [
                (profiles.ai_operation, "ai_operation"),
                (true, "cloud"),
                (true, "datetime"),
            ];
            let more = [
                (profiles.host, "host"),
                (profiles.security_control, "security_control"),
            ];
            named
                .iter()
                .chain(&more)
                .filter(|(on, _)| *on)
                .for_each(|(_, name)| w.element_word(name));
        });
        w.text_opt("log_name", provenance.content_type);
        w.members(concat!(
            r#""log_provider":"Office 365 Management Activity API","#,
            r#""source":"Microsoft 365 Unified Audit Log""#,
        ));
        w.text_opt("log_source", record.workload.as_ref());
        w.text_opt("uid", record.id.as_ref());
        w.text_opt("original_event_uid", record.id.as_ref());
        w.text_opt("event_code", record.operation.as_ref());
        write_type(record, w);
        w.text_opt("correlation_uid", correlation);
        w.text_opt("original_time", original_time);
        w.text_opt("tenant_uid", record.tenant.as_ref());
    });
}

fn write_type(record: &Record<'_>, w: &mut Writer) {
    let Some(number) = record.record_type_id else {
        return;
    };
    w.text("type", &record.type_name());
    w.array("tags", |w| {
        w.element_object(|w| {
            w.members(r#""name":"RecordType""#);
            w.int_text("value", number);
        });
    });
}

pub(crate) fn write_cloud(record: &Record<'_>, event: &mut Event<'_>) {
    let (uid, name) = (record.tenant.as_ref(), record.take("OrganizationName"));
    event.body.object("cloud", |w| {
        w.word("provider", "Microsoft 365");
        if uid.is_some() || name.is_some() {
            w.object("account", |w| {
                w.text_opt("uid", uid.as_ref());
                w.members(r#""type_id":17,"type":"M365 Tenant""#);
                w.text_opt("name", name.as_ref());
            });
        }
        w.object("org", |w| {
            w.text_opt("uid", uid.as_ref());
            w.text_opt("name", name.as_ref());
        });
        w.text_opt("region", record.take("GeoLocation"));
    });
}

/// Writes `time` and `time_dt`, the severity, the status, `message`, and the names of the class.
pub(crate) fn write_head<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    provenance: &Provenance<'_>,
    who: &str,
    w: &mut Writer,
) {
    let moment = moment(record, provenance);
    let class = event.class;
    let (category, category_name) = class.category();
    let (activity, caption) = (class.activity_id(), class.activity_caption());
    w.int("class_uid", i64::from(class.uid()));
    w.word("class_name", class.name());
    w.int("category_uid", i64::from(category));
    w.word("category_name", category_name);
    w.int("activity_id", i64::from(activity));
    match &record.operation {
        Some(operation) if activity == OTHER && !record.op.is_empty() => {
            w.text("activity_name", operation);
        }
        _ => w.word("activity_name", caption),
    }
    w.int(
        "type_uid",
        i64::from(class.uid()) * 100 + i64::from(activity),
    );
    w.text_of("type_name", &[class.name(), ": ", caption]);
    w.int("time", moment.epoch_ms);
    w.text("time_dt", &moment.rfc3339());
    w.int("severity_id", event.severity as i64);
    w.word("severity", event.severity.caption());
    let status = event.status.get_or_insert_with(|| status::general(record));
    w.int("status_id", i64::from(status.id.id()));
    match &status.word {
        Some(word) => w.text("status", word),
        None => w.word("status", status.id.caption()),
    }
    w.text_opt("status_code", status.code.as_ref());
    w.text_opt("status_detail", status.detail.as_ref());
    write_message(record, status, who, w);
}

/// The time of the event: the record's or else its blob's, or else 1970.
pub(crate) fn moment(record: &Record<'_>, provenance: &Provenance<'_>) -> time::Moment {
    record
        .text("CreationTime")
        .and_then(|text| time::parse(&text))
        .unwrap_or_else(|| provenance.moment())
}

/// Writes `message`: what was done, by whom, and why it failed.
pub(crate) fn write_message(record: &Record<'_>, status: &Status<'_>, who: &str, w: &mut Writer) {
    let operation = record
        .operation
        .as_deref()
        .filter(|_| !record.op.is_empty())
        .unwrap_or("record");
    match &status.detail {
        Some(detail) => w.text_of("message", &[operation, " by ", who, " (", detail, ")"]),
        None => w.text_of("message", &[operation, " by ", who]),
    }
}

/// Writes `unmapped`: every member that is not blank and that no rule has put into the event.
pub(crate) fn write_unmapped(record: &Record<'_>, event: &mut Event<'_>) {
    event.body.object("unmapped", |w| {
        for member in record.root().children() {
            if member.is_used() || member.is_blank() {
                continue;
            }
            let listed = NAME_VALUE_LISTS.iter().any(|list| member.key().is(list));
            if !(listed && name_values::write(w, &member.key().cow(), member)) {
                w.member(member);
            }
        }
    });
}
