//! A finding as an alert of the Elastic Common Schema, for lakes that hold ECS.
//!
//! <https://www.elastic.co/guide/en/ecs/8.11/ecs-rule.html>, and `ecs-threat.html`, `ecs-event.html` beside it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Finding, attack};
use crate::places::Place;

/// The version that the fields are of: that of the events' documents.
const ECS_VERSION: &str = "8.11.0";

impl Finding {
    /// The finding as a document of the Elastic Common Schema (ECS 8.11.0), without secrets and without the records themselves.
    /// What ECS has no field for is below `ualstream.finding`.
    #[must_use]
    pub fn to_ecs(&self) -> Value {
        let mut rule = json!({
            "id": self.rule.id,
            "uuid": self.rule.id,
            "name": self.rule.title,
        });
        if !self.rule.description.is_empty() {
            rule["description"] = json!(self.rule.description);
        }
        if let Some(reference) = self.rule.references.first() {
            rule["reference"] = json!(reference);
        }
        let mut document = json!({
            "@timestamp": moment(self.last),
            "ecs": { "version": ECS_VERSION },
            "message": self.message(),
            "event": {
                "kind": "alert",
                "category": ["intrusion_detection"],
                "type": ["info"],
                "id": self.uid,
                "module": "ualstream",
                "dataset": "ualstream.findings",
                "severity": self.severity_id(),
                "start": moment(self.first),
                "end": moment(self.last),
            },
            "rule": rule,
            "ualstream": { "finding": {
                "records": self.records,
                "count": self.count,
                "level": self.rule.level,
                "respond": self.rule.respond,
                "group": self.group.iter().map(|(field, value)| json!({ "field": field, "value": value })).collect::<Vec<_>>(),
            } },
        });
        if !self.tenant.is_empty() {
            document["organization"] = json!({ "id": self.tenant });
        }
        if let Some(action) = &self.operation {
            document["event"]["action"] = json!(action);
        }
        let mut related = json!({});
        if let Some(user) = &self.user {
            document["user"] = json!({ "id": user });
            related["user"] = json!([user]);
        }
        let ips = self.ips();
        // Of travels the first address: ECS has one source.
        let endpoint = self.endpoints.first();
        let ip = endpoint.and_then(|of| of.address.parse().ok());
        if let Some(ip) = ip.or_else(|| ips.first().copied()) {
            document["source"] = json!({ "ip": ip.to_string() });
            let place = endpoint.map(|of| source_place(&of.place));
            for (name, value) in place.into_iter().flatten() {
                document["source"][name] = value;
            }
            related["ip"] = ips.iter().map(ToString::to_string).collect();
        }
        if related.as_object().is_some_and(|of| !of.is_empty()) {
            document["related"] = related;
        }
        if let Some(threat) = threat(&attack::attacks(&self.rule.tags)) {
            document["threat"] = threat;
        }
        document
    }
}

/// What a source has of a place: `geo` and `as`, each when it is known.
fn source_place(place: &Place) -> Vec<(&'static str, Value)> {
    let geo = place.location.as_ref().map(|location| {
        let mut geo = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            geo.extend(value.map(|value| (name.to_owned(), value)));
        };
        let spot = location.lat.zip(location.long);
        add(
            "country_iso_code",
            location.country.as_ref().map(|of| json!(of)),
        );
        add("city_name", location.city.as_ref().map(|of| json!(of)));
        add(
            "location",
            spot.map(|(lat, lon)| json!({ "lat": lat, "lon": lon })),
        );
        ("geo", Value::from(geo))
    });
    let system = place.autonomous_system.as_ref().map(|system| {
        let mut network = Map::new();
        network.extend(system.number.map(|of| ("number".to_owned(), json!(of))));
        let name = system.name.as_ref();
        network.extend(name.map(|of| ("organization".to_owned(), json!({ "name": of }))));
        ("as", Value::from(network))
    });
    geo.into_iter().chain(system).collect()
}

/// ECS has one threat in a document: lists of its tactics and techniques.
fn threat(attacks: &[Value]) -> Option<Value> {
    let each = |kind: &str, of: &str| -> Vec<Value> {
        let values = attacks.iter().map(|attack| &attack[kind][of]);
        let mut values: Vec<Value> = values.filter(|value| !value.is_null()).cloned().collect();
        values.dedup();
        values
    };
    let mut threat = json!({ "framework": "MITRE ATT&CK" });
    let tactics = [("uid", "id"), ("name", "name")];
    for (ours, theirs) in tactics {
        let values = each("tactic", ours);
        if !values.is_empty() {
            threat["tactic"][theirs] = values.into();
        }
    }
    let techniques = each("technique", "uid");
    if !techniques.is_empty() {
        threat["technique"]["id"] = techniques.into();
    }
    let further = each("sub_technique", "uid");
    if !further.is_empty() {
        threat["technique"]["subtechnique"]["id"] = further.into();
    }
    (!attacks.is_empty()).then_some(threat)
}

/// Seconds since 1970 as a time; empty beyond what times can be.
fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}
