//! Converts events of classes that an older version lacks, or for which it requires more, to another class.

use super::attribute::AttributeKind;
use super::{table, texts};
use crate::json::{Value, Writer};
use crate::ocsf::Class;
use crate::ocsf::api::service_name;
use crate::ocsf::class::{ApiActivity, OTHER};
use crate::version::OcsfVersion::{self, V1_2, V1_4};

/// An event of 1.8.0 in its new class.
pub(super) struct Reclassed {
    pub(super) event: Vec<u8>,
    /// Attributes that the event still has but its new class does not.
    pub(super) foreign: &'static [&'static str],
}

/// Attributes of a Data Security Finding that a Detection Finding has in its evidence.
const EVIDENCE: [&str; 3] = ["actor", "file", "src_endpoint"];

/// Attributes that name the class.
const NAMES: [&str; 8] = [
    "class_uid",
    "class_name",
    "category_uid",
    "category_name",
    "activity_id",
    "activity_name",
    "type_uid",
    "type_name",
];

/// The event in another class, if the version does not allow it as it is.
pub(super) fn of(event: Value<'_>, version: OcsfVersion) -> Option<Reclassed> {
    match event.get("class_uid")?.int()? {
        2006 if version < V1_2 => Some(Reclassed {
            event: finding(event)?,
            foreign: table::NOT_IN_DETECTION_FINDING,
        }),
        4009 if version < V1_4 && !is_addressed(event, version) => Some(Reclassed {
            event: request(event),
            foreign: table::NOT_IN_API_ACTIVITY,
        }),
        _ => None,
    }
}

/// `class_uid` of Detection Finding.
const DETECTION_FINDING: i64 = 2004;

/// Whether the message has the sender and the recipient that the version requires: before 1.4.0 it required both.
fn is_addressed(event: Value<'_>, version: OcsfVersion) -> bool {
    let usable = |name: &str| {
        let addresses = event.get("email").and_then(|email| email.get(name));
        let mut addresses = addresses.into_iter().flat_map(|list| list.elements());
        addresses.any(|address| {
            let text = address.str();
            text.is_some_and(|text| texts::fits(&AttributeKind::Email, &text, version))
        })
    };
    usable("from") && usable("to")
}

/// Converts a Data Security Finding to a Detection Finding.
fn finding(event: Value<'_>) -> Option<Vec<u8>> {
    let class = Class::from_ids(
        DETECTION_FINDING,
        event.get("activity_id").and_then(Value::int)?,
    )?;
    Some(whole(|w| {
        write_names(event, class, w);
        for member in event.children() {
            match member.key().raw {
                "observables" => {
                    write_observables(member, w, |name| {
                        let first = name.split('.').next().unwrap_or_default();
                        let moved = EVIDENCE.contains(&first);
                        if moved {
                            format!("evidences.{name}")
                        } else {
                            name.to_owned()
                        }
                    });
                }
                name if NAMES.contains(&name) || EVIDENCE.contains(&name) => {}
                _ => w.member(member),
            }
        }
        w.array("evidences", |w| {
            w.element_object(|w| {
                let moved = EVIDENCE.iter().filter_map(|name| event.get(name));
                moved.for_each(|member| w.member(member));
            });
        });
    }))
}

/// Converts Email Activity to a call of the mail service, with the message as its resource.
fn request(event: Value<'_>) -> Vec<u8> {
    let text = |object: &str, name: &str| event.get(object)?.get(name)?.str();
    let workload = text("metadata", "log_source").unwrap_or_default();
    let service = service_name(&workload);
    // Sending a message counts as creating it. Other activities on mail have no counterpart among those of an API.
    let activity = match event.get("activity_id").and_then(Value::int) {
        Some(1) => ApiActivity::Create,
        _ => ApiActivity::Other,
    };
    whole(|w| {
        write_names(event, activity.into(), w);
        for member in event.children() {
            match member.key().raw {
                "observables" => write_observables(member, w, |name| {
                    name.replace("email.message_uid", "resources.uid")
                }),
                // The message object holds both.
                "from" | "to" | "email" => {}
                name if NAMES.contains(&name) => {}
                _ => w.member(member),
            }
        }
        w.object("api", |w| {
            let operation = text("metadata", "event_code");
            w.text("operation", operation.as_deref().unwrap_or("unknown"));
            w.object("service", |w| w.text("name", service));
        });
        w.array("resources", |w| {
            w.element_object(|w| {
                let (name, uid) = (text("email", "subject"), text("email", "message_uid"));
                let nameless = name.is_none() && uid.is_none();
                w.text_opt("name", name.as_deref().or(nameless.then_some("Email")));
                w.text_opt("uid", uid);
                w.text("type", "Email");
                event
                    .get("email")
                    .iter()
                    .for_each(|email| w.value("data", *email));
            });
        });
        if event.get("actor").is_none() {
            w.object("actor", |w| w.text("app_name", service));
        }
        if event.get("src_endpoint").is_none() {
            w.object("src_endpoint", |w| w.text("svc_name", service));
        }
    })
}

fn whole(fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new(b"{".to_vec());
    fill(&mut writer);
    let mut event = writer.into_bytes();
    event.push(b'}');
    event
}

fn write_names(event: Value<'_>, class: Class, w: &mut Writer) {
    let (category, category_name) = class.category();
    let (activity, caption) = (i64::from(class.activity_id()), class.activity_caption());
    let own = event.get("activity_name").and_then(Value::str);
    w.int("class_uid", i64::from(class.uid()));
    w.text("class_name", class.name());
    w.int("category_uid", i64::from(category));
    w.text("category_name", category_name);
    w.int("activity_id", activity);
    w.text(
        "activity_name",
        own.as_deref()
            .filter(|_| activity == i64::from(OTHER))
            .unwrap_or(caption),
    );
    w.int("type_uid", i64::from(class.uid()) * 100 + activity);
    w.text_of("type_name", &[class.name(), ": ", caption]);
}

/// Writes the observables, with attribute names changed by `rename`.
fn write_observables(list: Value<'_>, w: &mut Writer, rename: impl Fn(&str) -> String) {
    w.array("observables", |w| {
        for observable in list.children() {
            w.element_object(|w| {
                for member in observable.children() {
                    match member.str() {
                        Some(name) if member.key().is("name") => w.text("name", &rename(&name)),
                        _ => w.member(member),
                    }
                }
            });
        }
    });
}
