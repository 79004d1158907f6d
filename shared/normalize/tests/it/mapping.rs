//! Rules of the mapping that a review against the reference found wrong once.

use normalize::OcsfVersion;
use serde_json::{Value, json};

/// Checks the value at a path in the event of a record with this type, operation and further members.
#[track_caller]
pub(crate) fn check(record_type: i64, operation: &str, more: Value, expect: &[(&str, Value)]) {
    let mut record = json!({
        "Id": "a", "RecordType": record_type, "Operation": operation, "Workload": "Exchange",
        "UserId": "alex@contoso.example", "UserType": 0, "ResultStatus": "Success",
    });
    let Value::Object(more) = more else {
        panic!("{more} is not an object")
    };
    let members = record.as_object_mut().expect("members");
    members.extend(more);
    let event = crate::event(record.to_string().as_bytes());
    assert_eq!(
        crate::schema::of(OcsfVersion::default()).findings(&event),
        Vec::<String>::new()
    );
    for (pointer, expect) in expect {
        let got = event.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(got, expect, "{pointer} of {event:#}");
    }
}

#[test]
fn the_id_of_missing_accounts_joins_nobody() {
    let zero = "00000000-0000-0000-0000-000000000000";
    let nobody = json!({"Actor": [{"ID": zero, "Type": 0}, {"ID": "x@contoso.example", "Type": 5}], "UserKey": zero});
    check(
        15,
        "UserLoginFailed",
        nobody,
        &[
            ("/user/uid", Value::Null),
            ("/user/name", json!("x@contoso.example")),
            ("/unmapped/UserKey", json!(zero)),
        ],
    );
}

#[test]
fn a_session_begins_when_its_token_was_issued() {
    let context = json!({"AADSessionId": "s", "TokenIssuedAtTime": "2026-03-01T09:30:00"});
    let issued = [("/actor/session/created_time", json!(1_772_357_400_000_i64))];
    check(
        6,
        "FileDownloaded",
        json!({"AppAccessContext": context}),
        &issued,
    );
    let context = json!({"AADSessionId": "s", "IssuedAtTime": "2026-03-01T09:30:00"});
    check(
        50,
        "MailItemsAccessed",
        json!({"AppAccessContext": context}),
        &issued,
    );
    let context = json!({"AADSessionId": "s", "IssuedAtTime": "0001-01-01T00:00:00"});
    check(
        50,
        "MailItemsAccessed",
        json!({"AppAccessContext": context}),
        &[("/actor/session/created_time", Value::Null)],
    );
}

#[test]
fn members_that_are_not_users_are_not_written_as_users() {
    let target = |kind: &str| json!([{"ID": format!("{kind}_52345678-1234-4234-8234-000000000001"), "Type": 2}, {"ID": "LT-0042", "Type": 1}]);
    let changes = json!([{"Name": "Group.DisplayName", "NewValue": "\"Laptops\"", "OldValue": ""}]);
    check(
        8,
        "Add member to group.",
        json!({"Target": target("Device"), "ModifiedProperties": changes}),
        &[
            ("/user/name", json!("LT-0042")),
            ("/user/type_id", json!(99)),
            ("/user/type", json!("Device")),
        ],
    );
    let changes =
        json!([{"Name": "Role.DisplayName", "NewValue": "\"Directory Readers\"", "OldValue": ""}]);
    check(
        8,
        "Add member to role.",
        json!({"Target": target("Group"), "ModifiedProperties": changes}),
        &[("/user/type", json!("Group"))],
    );
}

#[test]
fn authentication_methods_are_counted() {
    let check = |old: &str, new: &str, activity: i64| {
        let changes =
            json!([{"Name": "StrongAuthenticationMethod", "OldValue": old, "NewValue": new}]);
        let target = json!([{"ID": "bob@contoso.example", "Type": 5}]);
        let more = json!({"Target": target, "ModifiedProperties": changes});
        check(
            8,
            "Update user.",
            more,
            &[("/activity_id", json!(activity))],
        );
    };
    check("[]", r#"[{"MethodType":6}]"#, 10);
    check(
        r#"[{"MethodType":6}]"#,
        r#"[{"MethodType":6},{"MethodType":7}]"#,
        10,
    );
    check(
        r#"[{"MethodType":6},{"MethodType":7}]"#,
        r#"[{"MethodType":6}]"#,
        11,
    );
    check(r#"[{"MethodType":6}]"#, "[]", 11);
    check(
        r#"[{"MethodType":6}]"#,
        r#"[{"MethodType":6,"Default":true}]"#,
        99,
    );
}

#[test]
fn taking_back_a_share_is_not_sharing() {
    for operation in [
        "SharingRevoked",
        "CompanyLinkRemoved",
        "SharingInvitationRevoked",
    ] {
        check(
            14,
            operation,
            json!({"ItemType": "Web", "WebId": "w"}),
            &[("/type_uid", json!(600_103))],
        );
    }
    check(
        14,
        "SharingSet",
        json!({"ItemType": "Web", "WebId": "w"}),
        &[("/type_uid", json!(600_108))],
    );
}

#[test]
fn a_synchronized_folder_is_a_folder_not_mail() {
    let item = json!({"Id": "f", "ParentFolder": {"Id": "f", "Path": "\\Inbox"}});
    check(
        2,
        "MailItemsAccessed",
        json!({"Item": item}),
        &[
            ("/resources/0/type", json!("Mailbox Folder")),
            ("/resources/0/name", json!("\\Inbox")),
            ("/resources/0/uid", json!("f")),
        ],
    );
}

#[test]
fn labels_are_about_files_and_mail() {
    let file = json!({"Workload": "Aip", "ObjectId": "C:\\a\\plan.xlsx"});
    check(
        95,
        "ProtectionRemoved",
        file.clone(),
        &[
            ("/type_uid", json!(600_603)),
            ("/file/name", json!("plan.xlsx")),
        ],
    );
    check(
        82,
        "SensitivityLabelPolicyMatched",
        file,
        &[("/type_uid", json!(600_699))],
    );
    let mail = json!({"Sender": "alex@contoso.example", "Receivers": ["bob@contoso.example"]});
    check(75, "MipLabel", mail, &[("/type_uid", json!(400_999))]);
}

#[test]
fn mail_detection_policies_can_be_numbers() {
    let check = |action: Value, disposition: &str, policy: Value, name: &str| {
        let more = json!({"P2Sender": "a@evil.example", "PolicyAction": action, "Policy": policy});
        check(
            28,
            "TIMailData",
            more,
            &[
                ("/disposition", json!(disposition)),
                ("/policy/name", json!(name)),
            ],
        );
    };
    check(json!(5), "Quarantined", json!(9), "Anti-malware, AMP");
    check(json!("4"), "Deleted", json!("15"), "Anti-spam, HPHISH");
    check(json!(6), "Allowed", json!(99), "99");
    check(
        json!("Quarantine"),
        "Quarantined",
        json!("SafeAttachments"),
        "SafeAttachments",
    );
}

#[test]
fn a_service_name_before_the_verb_is_skipped() {
    check(
        32,
        "StreamDeleteVideo",
        json!({}),
        &[("/type_uid", json!(600_104))],
    );
    check(
        253,
        "VfamDeletePolicy",
        json!({}),
        &[("/type_uid", json!(300_404))],
    );
    check(
        22,
        "DataExport",
        json!({}),
        &[("/type_uid", json!(600_107)), ("/severity_id", json!(2))],
    );
    check(
        25,
        "InviteeResponded",
        json!({}),
        &[("/type_uid", json!(600_103))],
    );
}

#[test]
fn enabling_and_disabling_have_their_own_activities() {
    check(
        313,
        "EnablePlugin",
        json!({}),
        &[("/type_uid", json!(300_408))],
    );
    check(
        314,
        "DisablePlugin",
        json!({}),
        &[("/type_uid", json!(300_409))],
    );
    check(
        288,
        "PolicyDisabled",
        json!({}),
        &[("/type_uid", json!(300_409))],
    );
}

#[test]
fn files_found_by_scanners_and_endpoints_are_named() {
    let policy = json!([{"PolicyName": "p", "Rules": []}]);
    let scanned = json!({"ObjectId": "\\\\fs01\\share\\cards.xlsx", "PolicyDetails": policy});
    check(
        99,
        "DlpRuleMatch",
        scanned,
        &[
            ("/file/name", json!("cards.xlsx")),
            ("/file/path", json!("\\\\fs01\\share\\cards.xlsx")),
        ],
    );
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let endpoint = json!({"ObjectId": "C:\\cards.xlsx", "PolicyDetails": policy, "EndpointMetaData": {"Sha256": hash}});
    check(
        63,
        "DLPRuleMatch",
        endpoint,
        &[("/file/hashes/0/value", json!(hash))],
    );
}

#[test]
fn defender_itself_is_not_a_person() {
    let user = |name: &str| json!({"UserId": name, "UserKey": name, "UserType": 4, "P2Sender": "a@evil.example"});
    check(
        28,
        "TIMailData",
        user("ThreatIntel"),
        &[("/actor/user/type", json!("System"))],
    );
    check(
        28,
        "TIMailData",
        user("alex@contoso.example"),
        &[("/actor/user/type", json!("User"))],
    );
}

#[test]
fn a_site_administrator_is_the_person_or_group_in_the_login() {
    let old = json!([{"Name": "SiteAdmin", "NewValue": "", "OldValue": "i:0#.f|membership|bob@contoso.example"}]);
    check(
        4,
        "SiteCollectionAdminRemoved",
        json!({"Workload": "SharePoint", "ModifiedProperties": old}),
        &[
            ("/user/name", json!("bob@contoso.example")),
            ("/user/email_addr", json!("bob@contoso.example")),
            ("/unmapped/ModifiedProperties", old),
        ],
    );
    let group = "c:0t.c|tenant|42345678-1234-4234-8234-000000000001";
    check(
        4,
        "SiteCollectionAdminAdded",
        json!({"Workload": "SharePoint", "TargetUserOrGroupName": group, "TargetUserOrGroupType": "SecurityGroup"}),
        &[
            ("/user/name", json!(group)),
            ("/user/type_id", json!(99)),
            ("/user/type", json!("SecurityGroup")),
        ],
    );
}

#[test]
fn a_match_in_mail_is_data_in_transit_without_the_mail() {
    let state = "/data_security/data_lifecycle_state";
    let none = || json!({"PolicyDetails": []});
    check(
        13,
        "DlpRuleMatch",
        none(),
        &[(state, json!("Data in-Transit"))],
    );
    check(
        11,
        "DlpRuleMatch",
        none(),
        &[(state, json!("Data at-Rest"))],
    );
}

#[test]
fn an_investigations_entities_become_observables() {
    let entities = json!({"Entities": [
        {"Type": "mailbox", "MailboxPrimaryAddress": "bob@contoso.example"},
        {"Type": "url", "Url": "https://evil.example/a"},
        {"Type": "ip", "Address": "::ffff:203.0.113.9"},
        {"Type": "ip", "Address": "no address"},
    ]});
    let observable = |name: &str, kind: i64, caption: &str, value: &str| json!({"name": name, "type_id": kind, "type": caption, "value": value});
    check(
        64,
        "AirInvestigationData",
        json!({"Data": entities.to_string(), "UserId": "AirInvestigation", "UserType": 4}),
        &[
            ("/evidences/0/user/email_addr", json!("bob@contoso.example")),
            (
                "/observables",
                json!([
                    observable("evidences.user.name", 4, "User Name", "bob@contoso.example"),
                    observable(
                        "evidences.url.url_string",
                        6,
                        "URL String",
                        "https://evil.example/a"
                    ),
                    observable("evidences.src_endpoint.ip", 2, "IP Address", "203.0.113.9"),
                ]),
            ),
        ],
    );
}
