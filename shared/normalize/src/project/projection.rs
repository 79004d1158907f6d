//! Walks an event and decides what stays, what moves to `unmapped`, and what is renamed.

use super::attribute::{Attribute, AttributeKind, Object, at};
use super::{reclass, table, texts};
use crate::json::{self, Kind as Json, Value, Writer};
use crate::version::OcsfVersion::{self, V1_2};

use std::fmt::Write as _;

/// Prefix of attributes that move to `unmapped`, when the record has a member of the same name.
const OWN_PREFIX: &str = "ocsf.";

/// The enum value for anything without a value of its own.
const OTHER: i64 = 99;

/// Class Group Management. Older versions required a user or privileges.
const GROUP_MANAGEMENT: i64 = 3006;

/// Converts the event that begins at `from` and ends at the end of `out`.
pub(crate) fn down(version: OcsfVersion, from: usize, out: &mut Vec<u8>) {
    let event = out.split_off(from);
    let Ok(doc) = json::parse_event(event.trim_ascii_end()) else {
        // Unreachable: the limits for an event are wider than those for its record.
        return out.extend_from_slice(&event);
    };
    if let Some(other) = reclass::of(doc.root(), version)
        && let Ok(doc) = json::parse_event(&other.event)
    {
        return write(doc.root(), version, other.foreign, out);
    }
    write(doc.root(), version, &[], out);
}

fn write(
    event: Value<'_>,
    version: OcsfVersion,
    foreign: &'static [&'static str],
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    let mut writer = Writer::new(std::mem::take(out));
    let mut projection = Projection {
        version,
        foreign,
        profiles: Vec::new(),
        operation: event
            .get("metadata")
            .and_then(|metadata| metadata.get("event_code")),
        path: String::new(),
        lost: Vec::new(),
    };
    projection.event(event, &mut writer);
    *out = writer.into_bytes();
    out.extend_from_slice(b"}\n");
}

/// An event being converted.
pub(super) struct Projection<'a> {
    version: OcsfVersion,
    /// Attributes of the event that its class lacks, because the event was of another class before.
    pub(super) foreign: &'static [&'static str],
    profiles: Vec<String>,
    /// `metadata.event_code`
    operation: Option<Value<'a>>,
    /// Where in the event the walk is.
    path: String,
    /// Values that the version has no place for, by path.
    pub(super) lost: Vec<(String, Value<'a>)>,
}

/// Which of an object's listed attributes were written: one bit for each.
type Written = u64;

impl<'a> Projection<'a> {
    fn event(&mut self, event: Value<'a>, w: &mut Writer) {
        let uid = event.get("class_uid").and_then(Value::int).unwrap_or(0);
        let class = table::CLASSES.iter().find(|(known, _)| *known == uid);
        let class = class.map_or(&table::BASE_EVENT, |(_, class)| *class);
        self.profiles = profiles(event, class, self.version);
        let activity = event.get("activity_id").and_then(Value::int);
        let renamed = activity.zip(class.attribute("activity_id"));
        let renamed = renamed.is_some_and(|(id, attribute)| !attribute.knows(id, self.version));
        let mut written = 0;
        for member in event.children() {
            match member.key().raw {
                "unmapped" => {}
                "metadata" => self.metadata(class, member, &mut written, w),
                "observables" => self.observables(class, member, w),
                "type_uid" if renamed => w.int("type_uid", uid * 100 + OTHER),
                "type_name" if renamed => {
                    let name = event.get("class_name").and_then(Value::str);
                    w.text_of("type_name", &[&name.unwrap_or_default(), ": Other"]);
                }
                name if self.foreign.contains(&name) => {
                    self.lost.push((name.to_owned(), member));
                }
                _ => self.member(class, event, member, &mut written, w),
            }
        }
        self.stand_in(class, event, written, w);
        self.unmapped(event.get("unmapped"), w);
    }

    pub(super) fn knows(&self, attribute: &Attribute) -> bool {
        attribute.since <= self.version && self.has_profile(attribute)
    }

    fn has_profile(&self, attribute: &Attribute) -> bool {
        attribute
            .profile(self.version)
            .is_none_or(|needed| self.profiles.iter().any(|profile| profile == needed))
    }

    /// Moves a value to `unmapped`. Always returns false: nothing was written in its place.
    fn lose(&mut self, value: Value<'a>) -> bool {
        self.lost.push((self.path.clone(), value));
        false
    }

    /// Writes one member of an object, if the version has it.
    fn member(
        &mut self,
        of: &'static Object,
        object: Value<'a>,
        member: Value<'a>,
        written: &mut Written,
        w: &mut Writer,
    ) {
        let name = member.key().raw;
        let back = self.path.len();
        if back > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        let place = of.position(name);
        let attribute = place.map_or(at("same since 1.1.0"), |place| of.attributes[place]);
        let stays = if !self.knows(&attribute) {
            self.lose(member)
        } else if let Some(named) = self.host_as_name(of, object, &attribute, member) {
            w.value("name", member);
            *written |= 1 << named;
            false
        } else if member.is_array() && !matches!(attribute.kind, AttributeKind::Free) {
            self.list(name, &attribute, member, w)
        } else {
            self.value(Some(name), &attribute, member, w)
        };
        if let (true, Some(place)) = (stays, place) {
            *written |= 1 << place;
        }
        self.path.truncate(back);
    }

    /// The index of the object's `name`, if a host name that the version rejects can be written there.
    fn host_as_name(
        &self,
        of: &Object,
        object: Value<'a>,
        attribute: &Attribute,
        host: Value<'a>,
    ) -> Option<usize> {
        let text = host.str()?;
        if !matches!(attribute.kind, AttributeKind::Host)
            || texts::fits(&attribute.kind, &text, self.version)
        {
            return None;
        }
        of.position("name").filter(|_| object.get("name").is_none())
    }

    fn list(&mut self, name: &str, of: &Attribute, list: Value<'a>, w: &mut Writer) -> bool {
        let back = self.path.len();
        let mut stays = false;
        w.array(name, |w| {
            for (index, element) in list.children().enumerate() {
                // Writing to a String cannot fail.
                let _ = write!(self.path, "[{index}]");
                stays |= self.value(None, of, element, w);
                self.path.truncate(back);
            }
        });
        stays
    }

    /// Writes one value, as a member or as an element. Returns false when the version has no place for it.
    fn value(
        &mut self,
        name: Option<&str>,
        of: &Attribute,
        value: Value<'a>,
        w: &mut Writer,
    ) -> bool {
        match (of.kind, value.kind()) {
            (AttributeKind::Object(kind), _) => {
                let before = self.lost.len();
                let stays = match name {
                    Some(name) => w.object_if(name, |w| self.object(kind, value, w)),
                    None => w.element_object_if(|w| self.object(kind, value, w)),
                };
                if !stays {
                    self.lost.truncate(before);
                    self.lose(value);
                }
                return stays;
            }
            (
                AttributeKind::Email | AttributeKind::Host | AttributeKind::Hash,
                Json::Text(text),
            ) if !texts::fits(&of.kind, &text.cow(), self.version) => {
                return self.lose(value);
            }
            (AttributeKind::Scalar, Json::Text(text)) if texts::is_long(text.raw, self.version) => {
                let text = text.cow();
                let part = texts::cut(&text);
                if part.len() < text.len() {
                    self.lose(value);
                }
                match name {
                    Some(name) => w.text(name, part),
                    None => w.element_text(part),
                }
            }
            (AttributeKind::Scalar, Json::Number(_)) if !of.values.is_empty() => {
                let known = value.int().is_none_or(|id| of.knows(id, self.version));
                match (name, known) {
                    (Some(name), true) => w.value(name, value),
                    (Some(name), false) => w.int(name, OTHER),
                    (None, true) => w.element_value(value),
                    (None, false) => w.element_int(OTHER),
                }
            }
            _ => match name {
                Some(name) => w.value(name, value),
                None => w.element_value(value),
            },
        }
        true
    }

    /// Writes an object's attributes. Returns false when the result is not valid in the version.
    pub(super) fn object(
        &mut self,
        of: &'static Object,
        object: Value<'a>,
        w: &mut Writer,
    ) -> bool {
        let mut written = 0;
        for member in object.children() {
            self.member(of, object, member, &mut written, w);
        }
        if std::ptr::eq(of, &raw const table::ACTOR) && self.version < V1_2 {
            invoked_by(object, &mut written, w);
        }
        if std::ptr::eq(of, &raw const table::FINDING_INFO) && !self.holds(of, written) {
            self.title(object, &mut written, w);
        }
        self.holds(of, written)
    }

    /// Writes the title of a finding that has none: it was required before 1.4.0. The operation serves as the title.
    fn title(&self, finding: Value<'a>, written: &mut Written, w: &mut Writer) {
        let title = self.operation.or_else(|| finding.get("uid"));
        let place = table::FINDING_INFO.position("title");
        if let (None, Some(title), Some(place)) = (finding.get("title"), title, place) {
            w.value("title", title);
            *written |= 1 << place;
        }
    }

    /// Whether everything that the version requires has been written.
    fn holds(&self, of: &Object, written: Written) -> bool {
        let has = |place: usize| written & (1 << place) != 0;
        let mut demanded = of.attributes.iter().enumerate();
        let complete = demanded.all(|(place, attribute)| has(place) || !self.demands(attribute));
        let mut constraints = of.constraints.iter();
        complete
            && constraints
                .all(|constraint| !constraint.applies(self.version) || constraint.takes(of, has))
    }

    fn demands(&self, attribute: &Attribute) -> bool {
        attribute.is_required(self.version)
            && attribute.since <= self.version
            && self.has_profile(attribute)
    }

    fn metadata(
        &mut self,
        class: &Object,
        metadata: Value<'a>,
        written: &mut Written,
        w: &mut Writer,
    ) {
        self.path.push_str("metadata");
        w.object("metadata", |w| {
            let mut inside = 0;
            for member in metadata.children() {
                match member.key().raw {
                    "version" => w.text("version", self.version.as_str()),
                    "profiles" => w.texts("profiles", &self.profiles),
                    _ => self.member(&table::METADATA, metadata, member, &mut inside, w),
                }
            }
        });
        self.path.clear();
        if let Some(place) = class.position("metadata") {
            *written |= 1 << place;
        }
    }

    /// Writes defaults for attributes that the version requires and the event lacks.
    fn stand_in(
        &self,
        class: &'static Object,
        event: Value<'a>,
        mut written: Written,
        w: &mut Writer,
    ) {
        for (place, attribute) in class.attributes.iter().enumerate() {
            let missing = written & (1 << place) == 0 && self.demands(attribute);
            if missing && let Some(caption) = attribute.name.strip_suffix("_id") {
                w.int(attribute.name, 0);
                w.text(caption, "Unknown");
                written |= 1 << place;
            }
        }
        let uid = event.get("class_uid").and_then(Value::int);
        if uid == Some(GROUP_MANAGEMENT) && !self.holds(class, written) {
            let activity = event.get("activity_name").and_then(Value::str);
            w.texts("privileges", &[activity.unwrap_or_default()]);
        }
    }

    /// Writes `unmapped`: the record's own members, and everything that could not be written elsewhere.
    fn unmapped(&self, own: Option<Value<'a>>, w: &mut Writer) {
        let prefix = self.prefix(own);
        w.object("unmapped", |w| {
            for member in own.iter().flat_map(|own| own.children()) {
                w.member(member);
            }
            for (path, value) in &self.lost {
                w.named(&format!("{prefix}{path}"));
                w.bare_value(*value);
            }
        });
    }

    /// The shortest prefix that keeps the names of moved attributes apart from the record's own members.
    fn prefix(&self, own: Option<Value<'a>>) -> String {
        let mut paths: Vec<&str> = self.lost.iter().map(|(path, _)| &**path).collect();
        paths.sort_unstable();
        let mut prefix = String::new();
        let clashes = |prefix: &str| {
            let mut own = own.iter().flat_map(|own| own.children());
            own.any(|member| {
                let name = member.key().cow();
                let path = name.strip_prefix(prefix);
                path.is_some_and(|path| paths.binary_search(&path).is_ok())
            })
        };
        while clashes(&prefix) {
            prefix.push_str(OWN_PREFIX);
        }
        prefix
    }
}

/// The event's profiles that the version has, and `host` if only that profile allows some of the event's attributes.
fn profiles(event: Value<'_>, class: &Object, version: OcsfVersion) -> Vec<String> {
    let named = event
        .get("metadata")
        .and_then(|metadata| metadata.get("profiles"))
        .into_iter()
        .flat_map(|list| list.children())
        .filter_map(Value::str);
    let later = |name: &str| {
        let mut all = table::PROFILES.iter();
        all.any(|(profile, since)| *profile == name && version < *since)
    };
    let mut profiles: Vec<String> = named
        .filter(|name| !later(name))
        .map(|name| name.into_owned())
        .collect();
    let needs_host = event.children().any(|member| {
        let attribute = class.attribute(member.key().raw);
        attribute.is_some_and(|attribute| {
            attribute.since <= version && attribute.profile(version) == Some("host")
        })
    });
    if needs_host && !profiles.iter().any(|name| name == "host") {
        profiles.push("host".to_owned());
        profiles.sort_unstable();
    }
    profiles
}

/// An actor that is only an application. Before 1.2.0, an actor had no `app_name` but could not be empty.
fn invoked_by(actor: Value<'_>, written: &mut Written, w: &mut Writer) {
    let is_somebody = ["user", "session", "process", "invoked_by"];
    let app = actor.get("app_name").or_else(|| actor.get("app_uid"));
    let place = table::ACTOR.position("invoked_by");
    if let (false, Some(app), Some(place)) = (
        is_somebody.iter().any(|name| actor.get(name).is_some()),
        app,
        place,
    ) {
        w.value("invoked_by", app);
        *written |= 1 << place;
    }
}

#[cfg(test)]
mod tests {
    use crate::version::OcsfVersion::{self, V1_1, V1_2, V1_3, V1_4, V1_6, V1_8};
    use crate::{Context, Options, RawData};
    use serde_json::{Value, json};

    fn event(record: &Value, version: OcsfVersion) -> Value {
        event_of(record.to_string().as_bytes(), version)
    }

    fn event_of(record: &[u8], version: OcsfVersion) -> Value {
        let options = Options {
            version,
            raw_data: RawData::Unmapped,
            ..Options::default()
        };
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        let mut out = b"before".to_vec();
        crate::event(record, &context, &mut out);
        let line = out.strip_prefix(b"before").unwrap();
        serde_json::from_slice(line.strip_suffix(b"\n").unwrap()).unwrap()
    }

    #[track_caller]
    fn check(record: &Value, version: OcsfVersion, expect: &[(&str, Value)]) {
        let event = event(record, version);
        for (path, value) in expect {
            let found = event.pointer(path).unwrap_or(&Value::Null);
            assert_eq!(found, value, "{path} in {event}");
        }
    }

    fn sign_in() -> Value {
        json!({"Id": "a", "Operation": "UserLoggedIn", "RecordType": 15, "Workload": "AzureActiveDirectory",
            "OrganizationId": "t", "UserId": "o'neil@contoso.example", "ClientIP": "198.51.100.7", "UserType": 5})
    }

    #[test]
    fn attributes_the_version_lacks_move_to_unmapped() {
        let record = sign_in();
        let newest = event(&record, V1_8);
        let moved = [
            (
                "/unmapped/metadata.type",
                newest["metadata"]["type"].clone(),
            ),
            (
                "/unmapped/metadata.tags/0",
                newest["metadata"]["tags"][0].clone(),
            ),
            ("/metadata/version", json!("1.1.0")),
            ("/metadata/type", Value::Null),
            ("/metadata/tags", Value::Null),
            ("/class_uid", json!(3002)),
        ];
        check(&record, V1_1, &moved);
        assert_eq!(event(&record, V1_8)["metadata"]["version"], "1.8.0");
    }

    #[test]
    fn a_later_enum_value_becomes_other_with_its_caption() {
        let other = [
            ("/cloud/account/type_id", json!(99)),
            ("/cloud/account/type", json!("M365 Tenant")),
        ];
        check(&sign_in(), V1_3, &other);
        check(&sign_in(), V1_4, &[("/cloud/account/type_id", json!(17))]);
    }

    #[test]
    fn a_later_activity_becomes_other_with_its_name() {
        let record = json!({"Id": "a", "Operation": "AppUpgraded", "RecordType": 25, "AddOnName": "Polls", "UserId": "a"});
        let other = [
            ("/activity_id", json!(99)),
            ("/activity_name", json!("Update")),
            ("/type_uid", json!(600_299)),
            ("/type_name", json!("Application Lifecycle: Other")),
        ];
        check(&record, V1_2, &other);
        check(&record, V1_3, &[("/type_uid", json!(600_208))]);
    }

    #[test]
    fn an_address_the_version_rejects_moves_to_unmapped() {
        let refused = [
            ("/user/email_addr", Value::Null),
            ("/user/name", json!("o'neil@contoso.example")),
            ("/unmapped/user.email_addr", json!("o'neil@contoso.example")),
        ];
        check(&sign_in(), V1_1, &refused);
        let indexed = |version| event(&sign_in(), version)["observables"].to_string();
        assert!(!indexed(V1_1).contains("email_addr"));
        assert!(indexed(V1_2).contains("email_addr"));
        check(
            &sign_in(),
            V1_2,
            &[("/user/email_addr", json!("o'neil@contoso.example"))],
        );
    }

    #[test]
    fn a_host_name_the_version_rejects_becomes_a_name() {
        let mut record = sign_in();
        record["ClientIP"] = json!("client_7");
        check(
            &record,
            V1_3,
            &[("/src_endpoint", json!({"name": "client_7"}))],
        );
        check(
            &record,
            V1_4,
            &[("/src_endpoint", json!({"hostname": "client_7"}))],
        );
    }

    #[test]
    fn a_data_security_finding_becomes_a_detection_finding() {
        let record = json!({"Id": "a", "Operation": "DlpRuleMatch", "RecordType": 13, "UserId": "a@b.example",
            "SharePointMetaData": {"FileName": "a.xlsx", "From": "alex@contoso.example"},
            "PolicyDetails": [{"PolicyName": "p", "Rules": [{"RuleName": "r"}]}]});
        let expect = [
            ("/class_uid", json!(2004)),
            ("/type_uid", json!(200_401)),
            ("/type_name", json!("Detection Finding: Create")),
            ("/evidences/0/file/name", json!("a.xlsx")),
            (
                "/evidences/0/actor/user/name",
                json!("alex@contoso.example"),
            ),
            ("/unmapped/data_security/policy/name", json!("p")),
            ("/data_security", Value::Null),
            ("/action_id", json!(99)),
            ("/action", json!("Observed")),
        ];
        check(&record, V1_1, &expect);
        check(&record, V1_2, &[("/class_uid", json!(2006))]);
        let indexed = event(&record, V1_1)["observables"].to_string();
        assert!(indexed.contains("evidences.file.name"), "{indexed}");
    }

    #[test]
    fn mail_without_sender_or_recipient_becomes_a_call() {
        let record = json!({"Id": "a", "Operation": "TIMailData", "RecordType": 28, "UserId": "a", "Workload": "ThreatIntelligence",
            "Recipients": ["alex@contoso.example"], "Subject": "hello", "InternetMessageId": "<1@b>", "Directionality": "Inbound"});
        let expect = [
            ("/class_uid", json!(6003)),
            ("/category_uid", json!(6)),
            ("/type_uid", json!(600_399)),
            ("/activity_name", json!("Scan")),
            ("/api/operation", json!("TIMailData")),
            ("/resources/0/name", json!("hello")),
            ("/resources/0/uid", json!("<1@b>")),
            ("/resources/0/data/to/0", json!("alex@contoso.example")),
            ("/unmapped/direction", json!("Inbound")),
            ("/email", Value::Null),
        ];
        check(&record, V1_3, &expect);
        check(&record, V1_4, &[("/class_uid", json!(4009))]);
        let mut whole = record;
        whole["P2Sender"] = json!("o'neil@contoso.example");
        check(&whole, V1_2, &[("/class_uid", json!(4009))]);
        check(&whole, V1_1, &[("/class_uid", json!(6003))]);
    }

    #[test]
    fn profiles_follow_the_version() {
        let copilot = json!({"Id": "a", "Operation": "CopilotInteraction", "RecordType": 261, "UserId": "a",
            "CopilotEventData": {"AppHost": "Word", "ThreadId": "t"}});
        let profiles = |record, version| event(record, version)["metadata"]["profiles"].clone();
        assert_eq!(
            profiles(&copilot, V1_8),
            json!(["ai_operation", "cloud", "datetime"])
        );
        assert_eq!(profiles(&copilot, V1_6), json!(["cloud", "datetime"]));
        let change = json!({"Id": "a", "Operation": "Add policy.", "RecordType": 8, "UserId": "a@b.example", "ObjectId": "p"});
        assert_eq!(profiles(&change, V1_4), json!(["cloud", "datetime"]));
        assert_eq!(
            profiles(&change, V1_3),
            json!(["cloud", "datetime", "host"])
        );
    }

    #[test]
    fn observables_refer_to_attributes_of_the_version() {
        let names = |version| event(&sign_in(), version)["observables"].to_string();
        assert!(names(V1_1).contains("src_endpoint.ip"));
        let share = json!({"Id": "a", "Operation": "FileDownloaded", "RecordType": 6, "UserId": "a@b.example",
            "ObjectId": "https://contoso.example/a.docx", "UserAgent": "x/1"});
        let names = |version| event(&share, version)["observables"].to_string();
        assert!(names(V1_4).contains("file.url.url_string"));
        assert!(!names(V1_3).contains("file.url.url_string"));
        assert!(names(V1_3).contains("file.name"));
    }

    #[test]
    fn a_records_own_member_name_is_never_overwritten() {
        let mut record = sign_in();
        record["metadata.type"] = json!("mine");
        record["ocsf.metadata.source"] = json!("mine too");
        let expect = [
            ("/unmapped/metadata.type", json!("mine")),
            ("/unmapped/ocsf.metadata.source", json!("mine too")),
            (
                "/unmapped/ocsf.ocsf.metadata.source",
                json!("Microsoft 365 Unified Audit Log"),
            ),
        ];
        check(&record, V1_1, &expect);
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_and_kept() {
        let long = "é".repeat(70_000);
        let mut record = sign_in();
        record["UserId"] = json!(long);
        let event = event(&record, V1_3);
        let name = event["user"]["name"].as_str().unwrap();
        assert_eq!(name.chars().count(), 65_535);
        assert_eq!(event["unmapped"]["user.name"], json!(long));
    }

    #[test]
    fn the_deepest_records_are_converted_too() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let data = format!("{{\"a\":{}}}", deep(62));
        let alert = format!(
            "{{\"Id\":\"a\",\"Operation\":\"AlertTriggered\",\"RecordType\":40,\"Data\":{},\"x\":{}}}",
            json!(data),
            deep(63)
        );
        for version in OcsfVersion::ALL {
            let event = event_of(alert.as_bytes(), version);
            assert_eq!(event["metadata"]["version"], version.as_str());
            assert_eq!(event["class_uid"], 2004);
        }
    }

    #[test]
    fn bytes_that_are_not_a_record_are_converted_too() {
        for version in OcsfVersion::ALL {
            let event = event_of(b"no record", version);
            assert_eq!(event["metadata"]["version"], version.as_str());
            assert_eq!(event["raw_data"], "no record");
        }
    }
}
