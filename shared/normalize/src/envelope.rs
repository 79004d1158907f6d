//! What every event has, whatever its class: when, where from, by whom, in which tenant, and all that no rule took.

use crate::address::{self, Host};
use crate::class::Class;
use crate::event::{Event, Kind};
use crate::identity::{self, Actor};
use crate::json::{Value, Writer};
use crate::record::{Record, entry_name, is_noise, meaningful};
use crate::{Context, record_types, status, time};
use std::borrow::Cow;

/// The version of OCSF that events are written in.
pub(crate) const OCSF_VERSION: &str = "1.8.0";

/// Lists of names and values that become objects in `unmapped`.
const NAME_VALUE_LISTS: [&str; 4] = [
    "DeviceProperties",
    "ExtendedProperties",
    "ExtraProperties",
    "OperationProperties",
];

/// Where the client's address stands, most specific first.
const ADDRESS_KEYS: [&str; 6] = [
    "ClientIP",
    "ClientIPAddress",
    "ActorIpAddress",
    "ActorIP",
    "ClientIp",
    "UserIp",
];

/// Writes who acted and where from, as far as the class has a place for it.
pub(crate) fn write_origin<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    // Findings name the actor in their evidence.
    if event.class == Class::Base || event.class.is_finding() {
        return;
    }
    actor.write(record, event, identity::requires_actor(event.class));
    if event.class != Class::ApplicationLifecycle {
        write_endpoint(record, event, Some(actor));
    }
    if !matches!(
        event.class,
        Class::EmailActivity | Class::ApplicationLifecycle
    ) && let Some(user_agent) = user_agent(record)
    {
        event
            .body
            .object("http_request", |w| w.text("user_agent", &user_agent));
        event.observe("http_request.user_agent", Kind::UserAgent, user_agent);
    }
}

/// Writes `src_endpoint`. Classes that demand one get the service's name when no address is known.
pub(crate) fn write_endpoint<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    actor: Option<&Actor<'a>>,
) {
    let source = take_address(record);
    let required = matches!(event.class, Class::ApiActivity | Class::FileHosting);
    event.body.object("src_endpoint", |w| {
        write_source(record, source.as_ref(), w);
        if source.is_none() && required {
            let name = actor.and_then(Actor::app_name).or(record.workload.as_ref());
            w.text("svc_name", name.map_or("Microsoft 365", |name| name));
        }
    });
    if let Some((Source::Ip(ip), _)) = source {
        event.observe("src_endpoint.ip", Kind::IpAddress, ip);
    }
}

/// Writes the attributes of an endpoint: the address, and the device that the record describes. Nothing when there is
/// neither, which the schema demands.
pub(crate) fn write_source<'a>(
    record: &Record<'a>,
    source: Option<&(Source<'a>, Option<u16>)>,
    w: &mut Writer,
) {
    match source {
        Some((Source::Ip(ip), _)) => w.text("ip", ip),
        Some((Source::Name(name), _)) => w.text("hostname", name),
        None => {}
    }
    if let Some((_, Some(port))) = source {
        w.int("port", i64::from(*port));
    }
    let device = |key: &str| record.property("DeviceProperties", key);
    let uid = record
        .text("DeviceId")
        .or_else(|| record.text("MachineId"))
        .or_else(|| device("Id"));
    let name = device("DisplayName")
        .or_else(|| record.text("ClientMachineName"))
        .or_else(|| common_device(record));
    let named = source.is_some() || uid.is_some() || name.is_some();
    w.text_opt("uid", uid);
    w.text_opt("name", name);
    if let Some(os) = device("OS")
        .or_else(|| record.text("Platform"))
        .filter(|_| named)
    {
        write_os(w, &os);
    }
}

/// The computer on which a labelling client saw a file.
fn common_device<'a>(record: &Record<'a>) -> Option<Cow<'a, str>> {
    let labelled = record
        .record_type
        .is_some_and(|number| (93..=96).contains(&number));
    if labelled {
        meaningful(record.get("Common")?.get("DeviceName")?)
    } else {
        None
    }
}

/// A usable client address: an IP address or a host name.
#[derive(Debug, Clone)]
pub(crate) enum Source<'a> {
    Ip(Cow<'a, str>),
    Name(Cow<'a, str>),
}

/// The first usable client address. Members that say the same, or nothing, are marked with it.
pub(crate) fn take_address<'a>(record: &Record<'a>) -> Option<(Source<'a>, Option<u16>)> {
    let mut found: Option<(Source<'a>, Option<u16>)> = None;
    for key in ADDRESS_KEYS {
        let Some(value) = record.get(key) else {
            continue;
        };
        let Some(text) = value.str() else { continue };
        if is_noise(&text) {
            value.mark_used();
            continue;
        }
        let Some((source, port)) = source(text) else {
            continue;
        };
        match &found {
            None => {
                value.mark_used();
                found = Some((source, port));
            }
            Some((Source::Ip(ip), known))
                if matches!(&source, Source::Ip(other) if other == ip)
                    && (port.is_none() || port == *known) =>
            {
                value.mark_used();
            }
            Some(_) => {}
        }
    }
    found
}

/// Reads an address, borrowed where the text is.
pub(crate) fn source(text: Cow<'_, str>) -> Option<(Source<'_>, Option<u16>)> {
    match text {
        Cow::Borrowed(text) => {
            let address = address::parse(text)?;
            let source = match address.host {
                Host::Ip(ip) => Source::Ip(ip),
                Host::Name(name) => Source::Name(Cow::Borrowed(name)),
            };
            Some((source, address.port))
        }
        Cow::Owned(text) => {
            let address = address::parse(&text)?;
            let source = match address.host {
                Host::Ip(ip) => Source::Ip(Cow::Owned(ip.into_owned())),
                Host::Name(name) => Source::Name(Cow::Owned(name.to_owned())),
            };
            Some((source, address.port))
        }
    }
}

/// OCSF's os.type_id by a word in the platform's name.
fn write_os(w: &mut Writer, name: &str) {
    const FAMILIES: [(&str, i64); 8] = [
        ("windows phone", 101),
        ("win", 100),
        ("android", 201),
        ("iphone", 301),
        ("ipad", 302),
        ("ios", 301),
        ("mac", 300),
        ("linux", 200),
    ];
    let lower = name.to_ascii_lowercase();
    let type_id = FAMILIES
        .iter()
        .find(|(word, _)| lower.contains(word))
        .map_or(0, |(_, id)| *id);
    w.object("os", |w| {
        w.text("name", name);
        w.int("type_id", type_id);
    });
}

/// The client's user agent, wherever the service keeps it.
fn user_agent<'a>(record: &Record<'a>) -> Option<Cow<'a, str>> {
    record
        .take("UserAgent")
        .or_else(|| record.property("ExtendedProperties", "UserAgent"))
        .or_else(|| {
            let details = record.property("ExtendedProperties", "additionalDetails")?;
            let doc = crate::json::parse(details.as_bytes()).ok()?;
            let agent = meaningful(doc.root().get("User-Agent")?)?;
            Some(Cow::Owned(agent.into_owned()))
        })
        .or_else(|| {
            let info = record.text("ClientInfoString")?;
            let at = info.find("Mozilla/")?;
            Some(identity::slice(&info, at, info.len()))
        })
}

/// Writes `metadata`.
pub(crate) fn write_metadata(record: &Record<'_>, event: &mut Event<'_>, context: &Context<'_>) {
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
        w.text("version", OCSF_VERSION);
        w.object("product", |w| {
            w.text("name", "Microsoft 365");
            w.text("vendor_name", "Microsoft");
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
                .for_each(|(_, name)| w.element_text(name));
        });
        w.text_opt("log_name", context.content_type);
        w.text("log_provider", "Office 365 Management Activity API");
        w.text("source", "Microsoft 365 Unified Audit Log");
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
    let Some(number) = record.record_type else {
        return;
    };
    match record_types::name(number) {
        Some(name) => w.text("type", name),
        None => w.text("type", &format!("RecordType {number}")),
    }
    w.array("tags", |w| {
        w.element_object(|w| {
            w.text("name", "RecordType");
            w.text("value", &number.to_string());
        });
    });
}

/// Writes `cloud`.
pub(crate) fn write_cloud(record: &Record<'_>, event: &mut Event<'_>) {
    let (uid, name) = (record.tenant.as_ref(), record.take("OrganizationName"));
    event.body.object("cloud", |w| {
        w.text("provider", "Microsoft 365");
        if uid.is_some() || name.is_some() {
            w.object("account", |w| {
                w.text_opt("uid", uid.as_ref());
                w.int("type_id", 17);
                w.text("type", "M365 Tenant");
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

/// Writes `time`, `time_dt`, severity, status and message, and the names of the class.
pub(crate) fn write_head<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    context: &Context<'_>,
    who: &str,
    w: &mut Writer,
) {
    let moment = record
        .text("CreationTime")
        .and_then(|text| time::parse(&text))
        .or(context
            .content_created_ms
            .map(|epoch_ms| time::Moment { epoch_ms }))
        .unwrap_or(time::Moment { epoch_ms: 0 });
    let class = event.class;
    let (category, category_name) = class.category();
    let caption = class.activity(event.activity);
    w.int("class_uid", i64::from(class.uid()));
    w.text("class_name", class.name());
    w.int("category_uid", i64::from(category));
    w.text("category_name", category_name);
    w.int("activity_id", i64::from(event.activity));
    match &record.operation {
        Some(operation) if event.activity == 99 && !record.op.is_empty() => {
            w.text("activity_name", operation)
        }
        _ => w.text("activity_name", caption),
    }
    w.int(
        "type_uid",
        i64::from(class.uid()) * 100 + i64::from(event.activity),
    );
    w.text("type_name", &format!("{}: {caption}", class.name()));
    w.int("time", moment.epoch_ms);
    w.text("time_dt", &moment.rfc3339());
    w.int("severity_id", event.severity as i64);
    w.text("severity", event.severity.caption());
    let status = event.status.get_or_insert_with(|| status::general(record));
    w.int("status_id", i64::from(status.id));
    let status_caption = if class.is_finding() {
        status::finding_caption(status.id)
    } else {
        status::caption(status.id)
    };
    w.text("status", status.word.as_deref().unwrap_or(status_caption));
    w.text_opt("status_code", status.code.as_ref());
    w.text_opt("status_detail", status.detail.as_ref());
    let operation = record
        .operation
        .as_deref()
        .filter(|_| !record.op.is_empty())
        .unwrap_or("record");
    match &status.detail {
        Some(detail) => w.text("message", &format!("{operation} by {who} ({detail})")),
        None => w.text("message", &format!("{operation} by {who}")),
    }
}

/// Writes `unmapped`: every member that no rule has put into the event and that says anything.
pub(crate) fn write_unmapped(record: &Record<'_>, event: &mut Event<'_>) {
    event.body.object("unmapped", |w| {
        for member in record.root().children() {
            if member.is_used() || member.is_blank() {
                continue;
            }
            let listed = NAME_VALUE_LISTS.iter().any(|list| member.key().is(list));
            if !(listed && write_name_values(w, &member.key().cow(), member)) {
                w.member(member);
            }
        }
    });
}

/// A list of names and values as an object, values of a repeated name as an array. Says whether the list could be
/// written so without losing anything.
pub(crate) fn write_name_values(w: &mut Writer, key: &str, list: Value<'_>) -> bool {
    let known = |member: Value<'_>| {
        ["Name", "Key", "Value"]
            .iter()
            .any(|key| member.key().is(key))
    };
    let regular = |entry: Value<'_>| {
        entry.children().count() <= 2
            && entry.children().all(known)
            && entry_name(entry).is_some()
            && !(entry.get("Name").is_some() && entry.get("Key").is_some())
    };
    if !list.is_array() || !list.children().all(regular) {
        return false;
    }
    let entries: Vec<_> = list
        .children()
        .filter_map(|entry| Some((entry_name(entry)?, entry.get("Value"))))
        .collect();
    let write = |w: &mut Writer, value: Option<Value<'_>>| match value {
        Some(value) => w.bare_value(value),
        None => w.bare_null(),
    };
    w.object(key, |w| {
        for (at, (name, value)) in entries.iter().enumerate() {
            if entries[..at].iter().any(|(earlier, _)| earlier == name) {
                continue;
            }
            w.named(name);
            if entries[at + 1..].iter().any(|(later, _)| later == name) {
                let same = entries.iter().filter(|(other, _)| other == name);
                w.bare_array(|w| {
                    for (_, value) in same {
                        w.element_separator();
                        write(w, *value);
                    }
                });
            } else {
                write(w, *value);
            }
        }
    });
    true
}
