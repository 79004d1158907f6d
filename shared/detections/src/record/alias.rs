//! Names that rules for Microsoft 365 use and that no record has.
//!
//! The public collection's rules were written for the fields that log collectors make of these records: the workload as the
//! source, the operation (for an alert also its name) as the event's name, the result as success or failure.

use std::borrow::Cow;

use rsigma_eval::EventValue;

use super::member::{Member, Members};
use super::path;

/// The value of an alias; `None` when the name is none, or the record does not have what it stands for.
pub(super) fn field<'r>(
    record: &'r Members<'_>,
    whole: &'r str,
    name: &str,
) -> Option<EventValue<'r>> {
    match name {
        "eventSource" => record.get("Workload").map(Member::value),
        "eventName" => names(record),
        "status" => outcome(record).map(text),
        "userAgent" | "user_agent" | "c-useragent" => user_agent(record),
        "c-ip" | "src_ip" | "sourceIPAddress" => address(record).map(text),
        "AppId" | "appId" => application(record).map(text),
        // Alerts were exported with a payload that holds everything.
        "Payload" => Some(text(whole)),
        _ => None,
    }
}

fn text(of: &str) -> EventValue<'_> {
    EventValue::Str(Cow::Borrowed(of))
}

/// The operation; of an alert also its name.
fn names<'r>(record: &'r Members<'_>) -> Option<EventValue<'r>> {
    let names = ["Operation", "Name"].map(|name| record.text_of(name).map(text));
    match names {
        [Some(operation), Some(name)] => Some(EventValue::Array(vec![operation, name])),
        [operation, name] => operation.or(name),
    }
}

/// `success` or `failure`, by the words that the workloads use in `ResultStatus`. A record without one tells of what was done.
fn outcome(record: &Members<'_>) -> Option<&'static str> {
    let Some(status) = record.text_of("ResultStatus") else {
        return Some("success");
    };
    let is = |words: &[&str]| words.iter().any(|word| status.eq_ignore_ascii_case(word));
    if is(&["Success", "Succeeded", "True", "PartiallySucceeded"]) {
        Some("success")
    } else if is(&["Failed", "Failure", "False", "Fail"]) {
        Some("failure")
    } else {
        None
    }
}

fn user_agent<'r>(record: &'r Members<'_>) -> Option<EventValue<'r>> {
    ["UserAgent", "ClientInfoString"]
        .iter()
        .find_map(|name| record.text_of(name).map(text))
        .or_else(|| path::named(record, "UserAgent"))
}

/// The address that the record came from, without a port and the brackets around an address of version 6.
pub(super) fn address<'r>(record: &'r Members<'_>) -> Option<&'r str> {
    let names = ["ClientIP", "ClientIPAddress", "ActorIpAddress", "SenderIp"];
    let written = names.iter().find_map(|name| record.text_of(name))?;
    if let Some(rest) = written.strip_prefix('[') {
        return rest.split_once(']').map(|(address, _)| address);
    }
    match written.split_once(':') {
        Some((address, port)) if !port.contains(':') => Some(address),
        _ => Some(written),
    }
}

/// The application that acted.
pub(super) fn application<'r>(record: &'r Members<'_>) -> Option<&'r str> {
    let names = [
        "ApplicationId",
        "AppId",
        "ClientAppId",
        "ApplicationDisplayName",
    ];
    names.iter().find_map(|name| record.text_of(name))
}
