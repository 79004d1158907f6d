//! Data loss prevention: class Data Security Finding (record types 11, 13, 33, 63, 99, 100, 107, 108, 153). Records of
//! computers (63, 108, 153) without a match are activity on files instead.

mod computer;

pub(crate) use computer::file as computer_file;

use crate::json::{Value, Writer};
use crate::ocsf::class::DataSecurityFinding;
use crate::ocsf::file::File;
use crate::ocsf::finding::{self, ControlAction, Disposition};
use crate::ocsf::resource::{Resource, Role};
use crate::ocsf::{Event, ObservableType, Severity, StatusId, endpoint};
use crate::record::{Actor, Record, RecordType, User, email_domain, meaningful, text_of};
use crate::severity;
use computer::Mode;
use std::borrow::Cow;

/// Rules and matches listed in one event. A message matches a few dozen types at most; all of them stay in `unmapped`.
const LISTED_MAX: usize = 128;

/// The members of a record that say where the data was.
struct Place<'a> {
    sharepoint: Option<Value<'a>>,
    exchange: Option<Value<'a>>,
    endpoint: Option<Value<'a>>,
    on_computer: bool,
}

/// Maps a rule match, the undoing of one, or a user's comment on one.
pub(crate) fn map<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    actor: &Actor<'a>,
) -> Option<Cow<'a, str>> {
    let on_computer = record.record_type.is_some_and(RecordType::is_endpoint);
    if on_computer && !computer::is_match(record) {
        computer::activity(record, event);
        return None;
    }
    let object = |key: &str| record.get(key).filter(|value| value.is_object());
    let place = Place {
        sharepoint: object("SharePointMetaData"),
        exchange: object("ExchangeMetaData"),
        endpoint: object("EndpointMetaData"),
        on_computer: on_computer || object("EndpointMetaData").is_some(),
    };
    let policies = policies(record);
    let rules = || policies.iter().flat_map(|policy| rules_of(*policy));
    let (activity, status) = match &*record.op {
        "dlpruleundo" => (DataSecurityFinding::Close, StatusId::Resolved),
        "dlpinfo" => (DataSecurityFinding::Update, StatusId::New),
        _ => (DataSecurityFinding::Create, StatusId::New),
    };
    event.classify(activity);
    finding::open(event, status);
    finding::take_result(record);
    let (action, disposition) = if activity != DataSecurityFinding::Create {
        (ControlAction::Allowed, Disposition::Exonerated)
    } else if let Some(enforced) = enforced(record) {
        enforced
    } else if rules().any(blocks) {
        (ControlAction::Denied, Disposition::Blocked)
    } else {
        (ControlAction::Observed, Disposition::Detected)
    };
    action.write(event);
    disposition.write(event);
    let severity = rules()
        .filter_map(|rule| text_of(rule, "Severity"))
        .filter_map(|word| finding::severity(&word))
        .max();
    event.raise(severity.unwrap_or_else(|| match on_computer {
        true => rate_match(record),
        false => Severity::Informational,
    }));
    let policy = policies.first().copied();
    write_info(record, event, policy, rules());
    event.body.object("policy", |w| write_policy(w, policy));
    write_data_security(record, event, &place, policy, rules());
    write_subject(record, event, &place);
    if place.on_computer {
        let comment = record.of_endpoint("Justification").and_then(meaningful);
        event.body.text_opt("comment", comment);
        endpoint::write_device(record, event);
        computer::observe_url(record, event);
    }
    write_origin(record, event, &place, actor)
}

/// The policies that matched: with their rules in `PolicyDetails`, or flat, each with one rule. The first is the one
/// that decided.
fn policies<'a>(record: &Record<'a>) -> Vec<Value<'a>> {
    let list = |key: &str| {
        let list = record.of_endpoint(key);
        list.into_iter().flat_map(Value::elements)
    };
    let detailed: Vec<_> = list("PolicyDetails").collect();
    if !detailed.is_empty() {
        return detailed;
    }
    let mut flat: Vec<_> = list("PolicyMatchInfo")
        .filter(|info| info.is_object())
        .collect();
    let rule =
        |policy: &Value<'a>| text_of(*policy, "RuleId").or_else(|| text_of(*policy, "RuleName"));
    let first = flat.first().and_then(rule);
    let others = list("MatchedPolicies").chain(list("PolicyMatchDetails"));
    let others =
        others.filter(|policy| policy.is_object() && (first.is_none() || rule(policy) != first));
    flat.extend(others.take(LISTED_MAX));
    flat
}

/// The rules of a policy, or a flat policy as its own rule.
fn rules_of<'a>(policy: Value<'a>) -> impl Iterator<Item = Value<'a>> {
    let own = policy.get("Rules").is_none().then_some(policy);
    let listed = policy.get("Rules").into_iter().flat_map(Value::elements);
    listed.chain(own)
}

fn blocks(rule: Value<'_>) -> bool {
    ["Actions", "RuleActions"]
        .iter()
        .any(|key| lists(rule.get(key), "BlockAccess"))
}

/// What the agent on a computer did. It counts for more than the rule's actions, which say what was meant to happen.
fn enforced(record: &Record<'_>) -> Option<(ControlAction, Disposition)> {
    Some(match computer::mode(record)? {
        Mode::Audit => (ControlAction::Observed, Disposition::Detected),
        Mode::Warn if computer::is_bypassed(record) => {
            (ControlAction::Allowed, Disposition::Allowed)
        }
        Mode::Warn | Mode::Block => (ControlAction::Denied, Disposition::Blocked),
        Mode::Bypass | Mode::Allow => (ControlAction::Allowed, Disposition::Allowed),
    })
}

/// The severity of a match on a computer whose rule states none.
fn rate_match(record: &Record<'_>) -> Severity {
    severity::FINDINGS.rate("match on a computer", |field, test| {
        field == "enforcement" && computer::is_bypassed(record) && test("bypass")
    })
}

fn lists(list: Option<Value<'_>>, word: &str) -> bool {
    list.is_some_and(|list| {
        list.elements()
            .any(|entry| entry.str().is_some_and(|text| text == word))
    })
}

fn write_policy(w: &mut Writer, policy: Option<Value<'_>>) {
    let Some(policy) = policy else { return };
    w.text_opt("name", text_of(policy, "PolicyName"));
    w.text_opt("uid", text_of(policy, "PolicyId"));
}

fn write_info<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    policy: Option<Value<'a>>,
    rules: impl Iterator<Item = Value<'a>>,
) {
    let on_computer = record.record_type.is_some_and(RecordType::is_endpoint);
    let mut rules = rules.take(LISTED_MAX);
    let rule = |w: &mut Writer, rule: Value<'_>| {
        let (name, uid) = (text_of(rule, "RuleName"), text_of(rule, "RuleId"));
        finding::write_rule(w, name.as_deref(), uid.as_deref(), None);
    };
    event.body.object("finding_info", |w| {
        w.text_opt(
            "uid",
            record.take("IncidentId").or_else(|| record.id.clone()),
        );
        w.text_opt(
            "title",
            policy
                .and_then(|policy| {
                    text_of(policy, "PolicyName").or_else(|| text_of(policy, "RuleName"))
                })
                .or_else(|| record.operation.clone().filter(|_| on_computer)),
        );
        w.array("types", |w| w.element_text("Data Loss Prevention"));
        w.object("analytic", |w| {
            rules.by_ref().take(1).for_each(|first| rule(w, first));
        });
        w.array("related_analytics", |w| {
            rules.for_each(|next| w.element_object(|w| rule(w, next)));
        });
    });
}

fn write_data_security<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    place: &Place<'a>,
    policy: Option<Value<'a>>,
    rules: impl Iterator<Item = Value<'a>>,
) {
    // A record about mail may lack the mail's metadata.
    let is_mail = place.exchange.is_some()
        || matches!(
            record.record_type,
            Some(
                RecordType::ComplianceDLPExchange | RecordType::ComplianceDLPExchangeClassification
            )
        );
    let (system, state) = if place.on_computer {
        ((1, "Endpoint"), (3, "Data in-Use"))
    } else if is_mail {
        ((10, "Application-Level DLP"), (2, "Data in-Transit"))
    } else {
        ((10, "Application-Level DLP"), (1, "Data at-Rest"))
    };
    let matched =
        rules.filter_map(|rule| rule.get("ConditionsMatched")?.get("SensitiveInformation"));
    let of_computer = ["SensitiveInformation", "SensitiveInfoTypeData"]
        .into_iter()
        .filter(|_| place.on_computer)
        .filter_map(|key| record.of_endpoint(key));
    let found = matched.chain(of_computer);
    event.body.object("data_security", |w| {
        w.int("detection_system_id", system.0);
        w.text("detection_system", system.1);
        w.int("data_lifecycle_state_id", state.0);
        w.text("data_lifecycle_state", state.1);
        w.object("policy", |w| write_policy(w, policy));
        w.array("discovery_details", |w| {
            for match_ in found.flat_map(|list| list.elements()).take(LISTED_MAX) {
                w.element_object(|w| {
                    let names = [
                        "SensitiveInformationTypeName",
                        "SensitiveInfoTypeName",
                        "SensitiveType",
                        "SensitiveInfoTypeId",
                    ];
                    w.text_opt("type", names.iter().find_map(|key| text_of(match_, key)));
                    let count = match_
                        .get("Count")
                        .and_then(Value::int)
                        .filter(|count| i32::try_from(*count).is_ok());
                    count.iter().for_each(|count| w.int("count", *count));
                });
            }
        });
    });
}

/// Writes the file or the message in which the data was found.
fn write_subject<'a>(record: &Record<'a>, event: &mut Event<'a>, place: &Place<'a>) {
    let file = match (place.sharepoint, place.endpoint) {
        (Some(meta), _) => text_of(meta, "FileName").map(|name| File {
            name,
            url: text_of(meta, "FilePathUrl"),
            uid: text_of(meta, "UniqueID").or_else(|| text_of(meta, "UniqueId")),
            owner: text_of(meta, "FileOwner").map(User::named),
            ..File::default()
        }),
        (None, _) if place.on_computer => computer::file(record),
        // Records of scanners for file shares and on-premises SharePoint have neither.
        (None, _)
            if matches!(
                record.record_type,
                Some(
                    RecordType::OnPremisesFileShareScannerDlp
                        | RecordType::OnPremisesSharePointScannerDlp
                )
            ) =>
        {
            record.text("ObjectId").map(|object| File {
                parent_folder: None,
                ..computer::at_path(object)
            })
        }
        (None, _) => None,
    };
    if let Some(file) = file.filter(|file| !file.name.is_empty()) {
        event.body.object("file", |w| file.write(w));
        file.observe(event, false);
    }
    let Some(mail) = place.exchange else { return };
    let email = Resource {
        owner: text_of(mail, "From").map(User::named),
        role: Role::Affected,
        ..Resource::target(
            "Email",
            text_of(mail, "Subject"),
            text_of(mail, "MessageID").or_else(|| text_of(mail, "UniqueID")),
        )
    };
    let recipients = [("To", "to"), ("CC", "cc"), ("BCC", "bcc")];
    event.body.array("resources", |w| {
        w.element_object(|w| {
            email.write(w, |w| {
                for (key, attribute) in recipients {
                    mail.get(key)
                        .iter()
                        .for_each(|list| w.value(attribute, *list));
                }
            });
        });
    });
    if email.is_named() {
        let lists = recipients.iter().filter_map(|(key, _)| mail.get(key));
        for address in lists
            .flat_map(|list| list.elements())
            .filter_map(|address| address.str())
        {
            if email_domain(&address).is_some() {
                event.observe("resources.data", ObservableType::EmailAddress, address);
            }
        }
    }
}

/// Writes who handled the data: the sender or the file's user, never the agent that wrote the record.
fn write_origin<'a>(
    record: &Record<'a>,
    event: &mut Event<'a>,
    place: &Place<'a>,
    actor: &Actor<'a>,
) -> Option<Cow<'a, str>> {
    let from = |meta: Option<Value<'a>>| meta.and_then(|meta| text_of(meta, "From"));
    let name = from(place.sharepoint)
        .or_else(|| from(place.exchange))
        .or_else(|| record.text("UserId"));
    if let Some(name) = &name {
        let user = User {
            uid_alt: None,
            ..User::person(name.clone())
        };
        let program = actor.app_name().filter(|_| place.on_computer);
        event.body.object("actor", |w| {
            w.object("user", |w| user.write(w));
            w.text_opt("app_name", program);
        });
        user.observe(event, "actor.user.name", "actor.user.email_addr");
    }
    endpoint::write_endpoint(record, event, None);
    name
}
