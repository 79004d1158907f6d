//! Any input: generated values, and worked examples with members mutated, swapped, removed and broken.

use crate::lossless::lost;
use crate::schema;
use normalize::{Context, OcsfVersion, Options, RawData, identify};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

pub(crate) static RECORDS: LazyLock<Vec<Map<String, Value>>> = LazyLock::new(|| {
    let pairs = include_str!("../fixtures/golden.ndjson").lines();
    let pairs = pairs.map(|line| serde_json::from_str::<Value>(line).expect("a pair is JSON"));
    pairs
        .filter_map(|pair| pair["raw"].as_object().cloned())
        .collect()
});

/// Cases per property without `PROPTEST_CASES`: more than 10,000 records in total, in a few seconds.
const CASES: u32 = 2_048;

/// proptest's own default.
const CASES_OF_PROPTEST: u32 = 256;

pub(crate) fn cases() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig {
        failure_persistence: None,
        cases: if config.cases == CASES_OF_PROPTEST {
            CASES
        } else {
            config.cases
        },
        ..config
    }
}

/// Any version. Half of the cases use the oldest, which differs most.
fn version() -> impl Strategy<Value = OcsfVersion> {
    prop_oneof![
        Just(OcsfVersion::V1_1),
        prop::sample::select(OcsfVersion::ALL.to_vec()),
    ]
}

/// Any JSON value. The strings include words that the rules look for.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "",
        " ",
        "True",
        "false",
        "<null>",
        "Success",
        "198.51.100.7",
        "[2001:db8::1]:443",
        "a@b.example",
        "10032001AAAA0001",
        "2026-03-01T10:00:00",
        "0001-01-01T00:00:00",
        "https://contoso.example/a/b.docx",
        "{\"ad\":1}",
        "[1",
        "-Purge \"True\"",
        "User_755e500a-6c03-46b0-b53b-282f23374e3b",
        "755e500a-6c03-46b0-b53b-282f23374e3b",
        "High",
        "AllPrincipals",
        "<Type>Edit</Type>",
        "a (1b); b",
        "{\"Entities\":[{\"Type\":\"ip\",\"Address\":\"1.2.3.4\"}]}",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-10i64..400).prop_map(Value::from),
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        words.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let names = prop_oneof![
            Just("Name".to_owned()),
            Just("Value".to_owned()),
            Just("ID".to_owned()),
            Just("Type".to_owned()),
            Just("NewValue".to_owned()),
            Just("OldValue".to_owned()),
            any::<String>(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(names, inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// An example with some members replaced, some removed, and perhaps another type and operation.
pub(crate) fn mutated() -> impl Strategy<Value = Value> {
    let at = any::<prop::sample::Index>;
    let changes = prop::collection::vec((at(), prop::option::of(value())), 0..6);
    (
        at(),
        changes,
        prop::option::of(-2i64..480),
        prop::option::of(at()),
    )
        .prop_map(|(at, changes, record_type, other)| {
            let mut record = at.get(&RECORDS).clone();
            for (at, change) in changes {
                let Some(key) = (!record.is_empty())
                    .then(|| at.index(record.len()))
                    .and_then(|at| record.keys().nth(at).cloned())
                else {
                    break;
                };
                match change {
                    Some(value) => drop(record.insert(key, value)),
                    None => drop(record.remove(&key)),
                }
            }
            if let Some(record_type) = record_type {
                record.insert("RecordType".to_owned(), json!(record_type));
            }
            if let Some(other) = other {
                record.insert(
                    "Operation".to_owned(),
                    other.get(&RECORDS)["Operation"].clone(),
                );
            }
            Value::Object(record)
        })
}

/// Members that the rules read.
#[rustfmt::skip]
const MEMBERS: &[&str] = &[
    "AADGroupId", "Actor", "AddOnGuid", "AddOnName", "AffectedItems", "AlertCategory",
    "AlertEntityId", "AlertId", "AlertLinks", "AlertSeverity", "AlertUri", "AppAccessContext",
    "AppName", "ApplicationDisplayName", "ApplicationId", "ArtifactId", "ArtifactKind",
    "AttachmentData", "AuthDetails", "CaseId", "CaseName", "ChannelGuid", "ChannelName",
    "ClientApplication", "ClientIP", "ClientIPs", "ClientInfoString", "Common", "CompletionStatus",
    "CopilotEventData", "CorrelationId", "CreationTime", "Data", "DestinationFileName",
    "DestinationRelativeUrl", "DeviceId", "DeviceProperties", "Directionality", "EndpointMetaData",
    "EntityType", "ErrorNumber", "Event", "EventData", "ExchangeMetaData", "ExtendedProperties",
    "ExtraProperties", "FileData", "FileId", "FileName", "FileSizeBytes", "FlowConnectorNames",
    "FlowDetailsUrl", "Folder", "Folders", "FormName", "GroupName", "Id", "IncidentId",
    "InterSystemsId", "InvestigationId", "IsSuccess", "Item", "ItemName", "ItemType", "ItemUrl",
    "ListId", "ListItemUniqueId", "ListTitle", "LoginStatus", "LogonError", "LogonType",
    "MailboxGuid", "MailboxOwnerUPN", "Members", "MessageId", "ModifiedProperties",
    "NetworkMessageId", "Object1Name", "Object1Type", "ObjectId", "Operation", "OperationCount",
    "OperationProperties", "OrganizationId", "OrganizationName", "P1Sender", "P2Sender",
    "Parameters", "PolicyAction", "PolicyDetails", "PolicyName", "Reason", "Recipient",
    "Recipients", "RecordType", "ReleaseTo", "RequestType", "ResultStatus", "RiskEventType",
    "RiskId", "RiskLevel", "Sender", "SenderIp", "SessionId", "SharePointMetaData", "Site",
    "SiteUrl", "SourceFileExtension", "SourceFileName", "SourceRelativeUrl", "StartTimeUtc",
    "Status", "Subject", "TabType", "Target", "TargetUserId", "TargetUserOrGroupName",
    "TargetUserOrGroupType", "TeamGuid", "TeamName", "TimeOfClick", "TokenObjectId",
    "URLClickAction", "Url", "UserAgent", "UserId", "UserIp", "UserKey", "UserType", "Verdict",
    "VirusInfo", "WebId", "Workload",
];

/// Operations, at least one for each rule.
#[rustfmt::skip]
const OPERATIONS: &[&str] = &[
    "UserLoggedIn", "Add member to role.", "Add app role assignment to group.",
    "Consent to application.", "Add owner to group.", "Update user.", "Add group.", "Add device.",
    "New-InboxRule", "Add-MailboxPermission", "New-ManagementRoleAssignment", "Add-RoleGroupMember",
    "New-Mailbox", "Send", "MailItemsAccessed", "ModifyFolderPermissions", "UpdateInboxRules",
    "FileDownloaded", "FileMalwareDetected", "AnonymousLinkCreated", "AddedToGroup",
    "SiteCollectionAdminAdded", "SharingPolicyChanged", "GroupAdded", "MemberAdded", "AppInstalled",
    "MessageSent", "DlpRuleMatch", "DlpRuleUndo", "AlertTriggered", "AirInvestigationData",
    "TIMailData", "CopilotInteraction", "GroupCreation", "UserSuspension", "QuarantineRelease",
    "MipLabel", "Whatever",
];

/// A record of any type, with any members in any shape.
pub(crate) fn invented() -> impl Strategy<Value = Value> {
    let members = prop::collection::hash_map(prop::sample::select(MEMBERS), value(), 0..20);
    let types = prop_oneof![
        1 => -2i64..480,
        // Types that have rules: among 480 numbers they would be drawn too rarely.
        4 => prop::sample::select(vec![
            1i64, 2, 4, 6, 8, 11, 14, 15, 20, 22, 25, 28, 40, 41, 43, 47, 64, 65, 98, 194, 261, 294,
        ]),
    ];
    (members, prop::sample::select(OPERATIONS), types).prop_map(
        |(members, operation, record_type)| {
            let mut record: Map<String, Value> = members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect();
            record.insert("Id".to_owned(), json!("a"));
            record.insert("Operation".to_owned(), json!(operation));
            record.insert("RecordType".to_owned(), json!(record_type));
            Value::Object(record)
        },
    )
}

#[test]
fn redacted_text_is_kept_without_redaction() {
    let record = json!({"Id": "a", "Operation": "CopilotInteraction", "CreationTime": {"pwD": 89}});
    let event = |redact| {
        let options = Options {
            redact,
            ..Options::default()
        };
        crate::event_with(record.to_string().as_bytes(), &options)
    };
    assert_eq!(lost(&record, &event(true)), ["CreationTime: \"89\""]);
    assert_eq!(lost(&record, &event(false)), Vec::<String>::new());
}

/// Found by [`an_invented_record_becomes_a_valid_event_that_loses_nothing`].
#[test]
fn a_word_of_success_in_the_place_of_an_error_is_kept() {
    let record =
        json!({"Id": "a", "RecordType": 15, "Operation": "UserLoggedIn", "LogonError": "True"});
    let event = crate::event(record.to_string().as_bytes());
    assert_eq!(lost(&record, &event), Vec::<String>::new());
    assert_eq!(event["status_id"], 1);
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_bytes_become_one_valid_event(version in version(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let event = crate::event_at(version, &bytes);
        prop_assert_eq!(schema::of(version).findings(&event), Vec::<String>::new());
    }

    #[test]
    fn any_value_becomes_a_valid_event(version in version(), value in value()) {
        let event = crate::event_at(version, value.to_string().as_bytes());
        prop_assert_eq!(schema::of(version).findings(&event), Vec::<String>::new());
    }

    #[test]
    fn a_torn_record_becomes_a_valid_event_that_loses_nothing(version in version(), record in mutated()) {
        for redact in [true, false] {
            let event = crate::event_with(record.to_string().as_bytes(), &Options { version, redact, ..Options::default() });
            prop_assert_eq!(schema::of(version).findings(&event), Vec::<String>::new());
            // With redaction, the event is meant to lose something.
            if !redact {
                prop_assert_eq!(lost(&record, &event), Vec::<String>::new());
            }
        }
    }

    #[test]
    fn an_invented_record_becomes_a_valid_event_that_loses_nothing(version in version(), record in invented()) {
        for redact in [true, false] {
            let event = crate::event_with(record.to_string().as_bytes(), &Options { version, redact, ..Options::default() });
            prop_assert_eq!(schema::of(version).findings(&event), Vec::<String>::new());
            // With redaction, the event is meant to lose something.
            if !redact {
                prop_assert_eq!(lost(&record, &event), Vec::<String>::new());
            }
        }
    }

    #[test]
    fn the_events_id_is_the_records_id(record in mutated()) {
        let text = record.to_string();
        let event = crate::event(text.as_bytes());
        let id = identify(text.as_bytes()).expect("an object").id;
        prop_assert_eq!(event["metadata"]["uid"].as_str(), id.as_deref());
    }

    #[test]
    fn the_event_is_a_function_of_record_and_context(record in mutated()) {
        let text = record.to_string();
        let options = Options { raw_data: RawData::Always, ..Options::default() };
        let context = Context { content_type: Some("Audit.General"), content_created_ms: Some(1), options: &options };
        let (mut once, mut twice) = (Vec::new(), b"before".to_vec());
        normalize::event(text.as_bytes(), &context, &mut once);
        normalize::event(text.as_bytes(), &context, &mut twice);
        prop_assert_eq!(&twice[6..], &once[..]);
    }
}
