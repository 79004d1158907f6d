//! A finding as OCSF's Detection Finding. Only attributes that every supported version has.

use std::collections::BTreeSet;
use std::net::IpAddr;

use normalize::OcsfVersion;
use rsigma_parser::Level;
use serde_json::{Map, Value, json};

use super::{Endpoint, Finding, attack};
use crate::places::Place;
use crate::rules::Kind;

/// Detection Finding.
const CLASS_UID: u32 = 2004;

/// Findings.
const CATEGORY_UID: u32 = 2;

/// A new finding.
const ACTIVITY_CREATE: u32 = 1;

/// The status of a finding that nobody has looked at.
const STATUS_NEW: u32 = 1;

/// Analytics that are rules.
const ANALYTIC_RULE: u32 = 1;

const OBSERVABLE_USER_NAME: u32 = 4;

const OBSERVABLE_IP_ADDRESS: u32 = 2;

impl Finding {
    /// The finding as OCSF's Detection Finding (class 2004), without secrets and without the records themselves.
    #[must_use]
    pub fn to_ocsf(&self, version: OcsfVersion) -> Value {
        let (severity_id, severity) = severity(self.rule.level);
        let mut event = json!({
            "class_uid": CLASS_UID,
            "class_name": "Detection Finding",
            "category_uid": CATEGORY_UID,
            "category_name": "Findings",
            "activity_id": ACTIVITY_CREATE,
            "activity_name": "Create",
            "type_uid": CLASS_UID * 100 + ACTIVITY_CREATE,
            "type_name": "Detection Finding: Create",
            "time": self.last * 1_000,
            "start_time": self.first * 1_000,
            "end_time": self.last * 1_000,
            "count": self.count,
            "severity_id": severity_id,
            "severity": severity,
            "status_id": STATUS_NEW,
            "status": "New",
            "message": self.message(),
            "metadata": self.metadata(version),
            "finding_info": self.info(),
            "evidences": self.evidences(version),
        });
        let observables = self.observables();
        if !observables.is_empty() {
            event["observables"] = observables.into();
        }
        if !self.rule.respond.is_empty() {
            let mut remediation = json!({ "desc": self.rule.respond });
            if !self.rule.references.is_empty() {
                remediation["references"] = json!(self.rule.references);
            }
            event["remediation"] = remediation;
        }
        event
    }

    /// The rule's level as Sigma writes it; empty for none.
    #[must_use]
    pub fn level(&self) -> &'static str {
        self.rule.level.map_or("", |level| level.as_str())
    }

    /// The severity by OCSF, from the rule's level: 0 for none, 1 (Informational) to 5 (Critical).
    #[must_use]
    pub fn severity_id(&self) -> u32 {
        severity(self.rule.level).0
    }

    pub(super) fn message(&self) -> String {
        match (&self.user, &self.address) {
            (Some(user), _) => format!("{}: {user}", self.rule.title),
            (None, Some(address)) => format!("{}: {address}", self.rule.title),
            (None, None) => self.rule.title.clone(),
        }
    }

    fn metadata(&self, version: OcsfVersion) -> Value {
        let mut metadata = json!({
            "version": version.as_str(),
            "uid": self.uid,
            "product": { "name": "ualstream", "vendor_name": "ualstream" },
        });
        if !self.tenant.is_empty() {
            metadata["tenant_uid"] = json!(self.tenant);
        }
        metadata
    }

    fn info(&self) -> Value {
        let related: Vec<Value> = self
            .records
            .iter()
            .map(|record| json!({ "uid": record }))
            .collect();
        let mut info = json!({
            "uid": self.uid,
            "title": self.rule.title,
            "types": [kind(self.rule.kind)],
            "created_time": self.last * 1_000,
            "first_seen_time": self.first * 1_000,
            "last_seen_time": self.last * 1_000,
            "analytic": {
                "uid": self.rule.id, "name": self.rule.title, "type_id": ANALYTIC_RULE, "type": "Rule", "category": "Sigma",
            },
            "related_events": related,
        });
        if !self.rule.description.is_empty() {
            info["desc"] = json!(self.rule.description);
        }
        let attacks = attack::attacks(&self.rule.tags);
        if !attacks.is_empty() {
            info["attacks"] = attacks.into();
        }
        info
    }

    /// One for each address with a place; the first has all else.
    fn evidences(&self, version: OcsfVersion) -> Vec<Value> {
        let endpoints = self.endpoints.iter();
        let mut endpoints = endpoints.filter_map(|of| endpoint(of, version));
        let mut first = self.evidence();
        if let Some(of) = endpoints.next() {
            first["src_endpoint"] = of;
        }
        let others = endpoints.map(|of| json!({ "src_endpoint": of }));
        std::iter::once(first).chain(others).collect()
    }

    fn evidence(&self) -> Value {
        let mut evidence = Map::new();
        if let Some(user) = &self.user {
            evidence.insert("actor".to_owned(), json!({ "user": { "name": user } }));
        }
        if let Some(ip) = self.ip() {
            evidence.insert("src_endpoint".to_owned(), json!({ "ip": ip.to_string() }));
        }
        if let Some(operation) = &self.operation {
            evidence.insert("api".to_owned(), json!({ "operation": operation }));
        }
        let mut data = Map::new();
        for (field, value) in &self.group {
            data.insert(field.clone(), json!(value));
        }
        if let Some(application) = &self.application {
            data.insert("application".to_owned(), json!(application));
        }
        data.insert("records".to_owned(), json!(self.count));
        evidence.insert("data".to_owned(), data.into());
        evidence.into()
    }

    fn observables(&self) -> Vec<Value> {
        let user = self.user.as_ref().map(|user| {
            json!({
                "name": "evidences.actor.user.name", "type_id": OBSERVABLE_USER_NAME, "type": "User Name", "value": user,
            })
        });
        let addresses = self.ips().into_iter().map(|ip| {
            json!({
                "name": "evidences.src_endpoint.ip", "type_id": OBSERVABLE_IP_ADDRESS, "type": "IP Address", "value": ip.to_string(),
            })
        });
        user.into_iter().chain(addresses).collect()
    }

    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.address.as_deref()?.parse().ok()
    }

    /// All addresses that it came from, each once.
    pub(super) fn ips(&self) -> BTreeSet<IpAddr> {
        let endpoints = self.endpoints.iter();
        let endpoints = endpoints.filter_map(|of| of.address.parse().ok());
        self.ip().into_iter().chain(endpoints).collect()
    }
}

/// An endpoint with its place as the version has it. 1.1.0 knows no autonomous systems, and a spot only as a list of longitude and
/// latitude, which 1.8.0 will not have for long.
fn endpoint(of: &Endpoint, version: OcsfVersion) -> Option<Value> {
    let ip: IpAddr = of.address.parse().ok()?;
    let mut endpoint = json!({ "ip": ip.to_string() });
    let Place {
        location,
        autonomous_system,
    } = &of.place;
    // Each of the two must say where it is by name too.
    let named = location
        .as_ref()
        .filter(|of| of.country.is_some() || of.city.is_some());
    if let Some(location) = named {
        let mut written = json!(location);
        if version == OcsfVersion::V1_1
            && let Some(written) = written.as_object_mut()
            && let Some(lat) = written.remove("lat")
            && let Some(long) = written.remove("long")
        {
            written.insert("coordinates".to_owned(), json!([long, lat]));
        }
        endpoint["location"] = written;
    }
    if let Some(system) = autonomous_system
        && version > OcsfVersion::V1_1
    {
        endpoint["autonomous_system"] = json!(system);
    }
    Some(endpoint)
}

fn kind(of: Kind) -> &'static str {
    match of {
        Kind::Record => "Rule",
        Kind::FirstSeen => "New value",
        Kind::EventCount
        | Kind::ValueCount
        | Kind::Temporal
        | Kind::TemporalOrdered
        | Kind::Travel => "Correlation",
    }
}

pub(super) fn severity(level: Option<Level>) -> (u32, &'static str) {
    match level {
        None => (0, "Unknown"),
        Some(Level::Informational) => (1, "Informational"),
        Some(Level::Low) => (2, "Low"),
        Some(Level::Medium) => (3, "Medium"),
        Some(Level::High) => (4, "High"),
        Some(Level::Critical) => (5, "Critical"),
    }
}
