//! Where an event came from: the actor, the address and device, the client program.

use super::class::Class;
use super::event::{Event, ObservableType};
use crate::json::{Value, Writer};
use crate::record::address::{self, Host};
use crate::record::{Actor, Record, RecordType, is_noise, meaningful, slice};
use std::borrow::Cow;

/// Members that hold the client's address, the most specific first.
const ADDRESS_KEYS: [&str; 8] = [
    "ClientIP",
    "ClientIPAddress",
    "ActorIpAddress",
    "ActorIP",
    "ClientIp",
    "UserIp",
    "ClientIpAddress",
    "IpAddress",
];

/// Addresses of one text that become observables. A chain of proxies has a handful.
const ADDRESSES_MAX: usize = 16;

/// Writes the actor and the source of an action, as far as the class has attributes for them.
pub(crate) fn write_origin<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    // Findings name the actor in their evidence.
    if event.class == Class::Base || event.class.is_finding() {
        return;
    }
    actor.write(record, event, event.class.requires_actor());
    if !matches!(event.class, Class::ApplicationLifecycle(_)) {
        write_endpoint(record, event, Some(actor));
    }
    if !matches!(
        event.class,
        Class::EmailActivity(_) | Class::ApplicationLifecycle(_)
    ) && let Some(user_agent) = user_agent(record)
    {
        event
            .body
            .object("http_request", |w| w.text("user_agent", &user_agent));
        event.observe(
            "http_request.user_agent",
            ObservableType::UserAgent,
            user_agent,
        );
    }
}

/// Writes `src_endpoint`. Classes that require it get the service's name when no address is known.
pub(crate) fn write_endpoint<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    actor: Option<&Actor<'a>>,
) {
    let source = take_address(record);
    let required = matches!(event.class, Class::ApiActivity(_) | Class::FileHosting(_));
    event.body.object("src_endpoint", |w| {
        write_source(record, source.as_ref(), w);
        if source.is_none() && required {
            let name = actor.and_then(Actor::app_name).or(record.workload.as_ref());
            w.text("svc_name", name.map_or("Microsoft 365", |name| name));
        }
    });
    if let Some((Source::Ip(ip), _)) = source {
        event.observe("src_endpoint.ip", ObservableType::IpAddress, ip);
    }
}

/// Writes the attributes of an endpoint: the address, and the device that the record describes. Writes nothing without
/// address and device: the schema requires one of them.
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
    let computer = |key: &str| of_computer(record, key);
    let uid = record
        .text("DeviceId")
        .or_else(|| record.text("MachineId"))
        .or_else(|| device("Id"))
        .or_else(|| computer("MDATPDeviceId"));
    let name = device("DisplayName")
        .or_else(|| record.text("ClientMachineName"))
        .or_else(|| common_device(record))
        .or_else(|| computer("DeviceName"));
    let named = source.is_some() || uid.is_some() || name.is_some();
    w.text_opt("uid", uid);
    w.text_opt("name", name);
    if let Some(os) = device("OS")
        .or_else(|| record.text("Platform"))
        .or_else(|| computer("Platform"))
        .filter(|_| named)
    {
        write_os(w, &os);
    }
}

/// What a record from a computer says about it.
fn of_computer<'a>(record: &Record<'a>, key: &str) -> Option<Cow<'a, str>> {
    let is_endpoint = record.record_type.is_some_and(RecordType::is_endpoint);
    is_endpoint
        .then(|| meaningful(record.of_endpoint(key)?))
        .flatten()
}

/// Writes `device`: the computer of a finding. Nothing without its name and id.
pub(crate) fn write_device(record: &Record<'_>, event: &mut Event<'_>) {
    let (name, uid) = (
        of_computer(record, "DeviceName"),
        of_computer(record, "MDATPDeviceId"),
    );
    if name.is_none() && uid.is_none() {
        return;
    }
    event.body.object("device", |w| {
        w.text_opt("name", name);
        w.text_opt("uid", uid);
        w.int("type_id", 0);
        w.text("type", "Unknown");
        if let Some(os) = of_computer(record, "Platform") {
            write_os(w, &os);
        }
    });
}

/// The computer where a labelling client found a file.
fn common_device<'a>(record: &Record<'a>) -> Option<Cow<'a, str>> {
    let labelled = record.record_type.is_some_and(|known| {
        matches!(
            known,
            RecordType::AipDiscover
                | RecordType::AipSensitivityLabelAction
                | RecordType::AipProtectionAction
                | RecordType::AipFileDeleted
        )
    });
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

/// The first client address, with its port; a host name only when there is no address. Marks the members that hold
/// nothing else, or no value.
pub(crate) fn take_address<'a>(record: &Record<'a>) -> Option<(Source<'a>, Option<u16>)> {
    let mut found: Option<(Source<'a>, Option<u16>)> = None;
    // The member that `found` is all of.
    let mut whole = None;
    for key in ADDRESS_KEYS {
        let Some(value) = record.get(key) else {
            continue;
        };
        for text in value.elements().filter_map(Value::str) {
            if is_noise(&text) {
                value.mark_used();
                continue;
            }
            let Some((source, port, is_whole)) = read(text) else {
                continue;
            };
            let all_of = Some(value).filter(|value| is_whole && value.is_string());
            let is_better = match (&found, &source) {
                (None, _) => true,
                (Some((Source::Name(_), _)), Source::Ip(_)) => true,
                (Some((Source::Ip(ip), known)), Source::Ip(other))
                    if other == ip && (port.is_none() || port == *known) =>
                {
                    all_of.iter().for_each(|value| value.mark_used());
                    false
                }
                _ => false,
            };
            if is_better {
                found = Some((source, port));
                whole = all_of;
            }
        }
    }
    whole.iter().for_each(|value| value.mark_used());
    found
}

/// Adds observables for the addresses that the event has in `unmapped` only: proxies, a second address, an address of a
/// class without an endpoint.
pub(crate) fn observe_others<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    for key in ADDRESS_KEYS {
        let Some(value) = record.get(key).filter(|value| !value.is_used()) else {
            continue;
        };
        for text in value.elements().filter_map(Value::str) {
            match text {
                Cow::Borrowed(text) => address::all(text)
                    .take(ADDRESSES_MAX)
                    .for_each(|ip| observe_other(event, ip)),
                Cow::Owned(text) => address::all(&text)
                    .take(ADDRESSES_MAX)
                    .for_each(|ip| observe_other(event, Cow::Owned(ip.into_owned()))),
            }
        }
    }
}

fn observe_other<'a>(event: &mut Event<'a>, ip: Cow<'a, str>) {
    if !event.has_observable(ObservableType::IpAddress, &ip) {
        event.observe("unmapped", ObservableType::IpAddress, ip);
    }
}

/// Parses an address. Borrows where `text` does.
pub(crate) fn source(text: Cow<'_, str>) -> Option<(Source<'_>, Option<u16>)> {
    let (source, port, _) = read(text)?;
    Some((source, port))
}

/// [`source`], and whether the text holds nothing else.
fn read(text: Cow<'_, str>) -> Option<(Source<'_>, Option<u16>, bool)> {
    match text {
        Cow::Borrowed(text) => {
            let address = address::parse(text)?;
            let source = match address.host {
                Host::Ip(ip) => Source::Ip(ip),
                Host::Name(name) => Source::Name(Cow::Borrowed(name)),
            };
            Some((source, address.port, address.whole))
        }
        Cow::Owned(text) => {
            let address = address::parse(&text)?;
            let source = match address.host {
                Host::Ip(ip) => Source::Ip(Cow::Owned(ip.into_owned())),
                Host::Name(name) => Source::Name(Cow::Owned(name.to_owned())),
            };
            Some((source, address.port, address.whole))
        }
    }
}

/// Writes OCSF's os.type_id, by a word in the platform's name.
fn write_os(w: &mut Writer, name: &str) {
    // Labelling clients and the agent on a computer write a number.
    let name = match name {
        "1" => "Windows",
        "2" => "macOS",
        "3" => "iOS",
        "4" => "Android",
        "5" => "Web",
        name => name,
    };
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

/// The client's user agent, from the member where the service keeps it.
pub(crate) fn user_agent<'a>(record: &Record<'a>) -> Option<Cow<'a, str>> {
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
            Some(slice(&info, at, info.len()))
        })
}
