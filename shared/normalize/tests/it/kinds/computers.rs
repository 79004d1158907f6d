//! Records from computers: activity on files is no alert; a match says what was done about it.

use super::{indexes, record, says};
use serde_json::{Value, json};

fn on_computer(operation: &str, more: &Value) -> Value {
    let mut members = json!({
        "Workload": "Endpoint", "ClientIP": "198.51.100.7", "Platform": 1, "DeviceName": "lt-0042.contoso.example",
        "MDATPDeviceId": "9c1185", "Application": "EXCEL.EXE", "FileExtension": "xlsx", "FileSize": 12,
        "ObjectId": "C:\\Users\\alex\\pay.xlsx",
    });
    let more = more.as_object().expect("members").clone();
    members.as_object_mut().expect("members").extend(more);
    record(63, operation, members)
}

fn matched(mode: Value, more: &Value) -> Value {
    let mut members = json!({
        "Sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "PolicyMatchInfo": {"PolicyId": "p", "PolicyName": "Cards", "RuleId": "r", "RuleName": "Cards to USB"},
        "SensitiveInfoTypeData": [{"SensitiveInfoTypeName": "Credit Card Number", "Count": 12, "Confidence": 85}],
    });
    members["EnforcementMode"] = mode;
    let more = more.as_object().expect("members").clone();
    members.as_object_mut().expect("members").extend(more);
    on_computer("FileCopiedToRemovableMedia", &members)
}

#[test]
fn activity_on_a_computer_is_no_alert() {
    let check = |operation: &str, type_uid: i64| {
        says(
            &on_computer(operation, &json!({})),
            &[
                ("/type_uid", json!(type_uid)),
                ("/severity_id", json!(1)),
                ("/status", json!("Success")),
                ("/is_alert", Value::Null),
                ("/file/name", json!("pay.xlsx")),
                ("/file/path", json!("C:\\Users\\alex\\pay.xlsx")),
                ("/file/ext", json!("xlsx")),
                ("/file/size", json!(12)),
                ("/src_endpoint/ip", json!("198.51.100.7")),
                ("/src_endpoint/name", json!("lt-0042.contoso.example")),
                ("/src_endpoint/uid", json!("9c1185")),
                ("/src_endpoint/os/name", json!("Windows")),
                ("/actor/user/name", json!("alex@contoso.example")),
                ("/actor/app_name", json!("EXCEL.EXE")),
            ],
        );
    };
    check("FileCreated", 600_601);
    check("FileRead", 600_614);
    check("FileModified", 600_603);
    check("FileDeleted", 600_604);
    check("FileRenamed", 600_605);
    check("FileMoved", 600_607);
    check("FileCopiedToClipboard", 600_606);
    check("FileCopiedToNetworkShare", 600_606);
    check("FileCopiedToRemovableMedia", 600_606);
    check("FileUploadedToCloud", 600_601);
    check("FileDownloadedFromBrowser", 600_602);
    check("FileAccessedByUnallowedApp", 600_614);
}

#[test]
fn audit_alone_and_empty_members_are_no_match() {
    for more in [
        json!({"EnforcementMode": 1}),
        json!({"EnforcementMode": 0, "SensitiveInfoTypeData": [], "PolicyMatchInfo": {}}),
        json!({"PolicyMatchInfo": {"PolicyName": "", "RuleName": null}}),
        json!({"EndpointMetaData": {"EnforcementMode": 5, "DeviceName": "lt-1"}}),
    ] {
        says(
            &on_computer("FileUploadedToCloud", &more),
            &[("/class_uid", json!(6006)), ("/is_alert", Value::Null)],
        );
    }
}

#[test]
fn a_renamed_file_has_both_names() {
    let renamed = on_computer("FileRenamed", &json!({"PreviousFileName": "draft.xlsx"}));
    says(
        &renamed,
        &[
            ("/file/name", json!("draft.xlsx")),
            ("/file/path", json!("C:\\Users\\alex\\draft.xlsx")),
            ("/file_result/name", json!("pay.xlsx")),
        ],
    );
    assert!(indexes(&renamed, 7, "draft.xlsx") && indexes(&renamed, 7, "pay.xlsx"));
}

#[test]
fn a_copy_and_an_upload_say_where_to() {
    let copied = json!({"TargetFilePath": "E:\\pay.xlsx"});
    says(
        &on_computer("FileCopiedToRemovableMedia", &copied),
        &[("/file_result/path", json!("E:\\pay.xlsx"))],
    );
    let target =
        json!({"TargetDomain": "fabrikam.example", "TargetUrl": "https://fabrikam.example/up"});
    let uploaded = on_computer("FileUploadedToCloud", &target);
    says(
        &uploaded,
        &[("/dst_endpoint/hostname", json!("fabrikam.example"))],
    );
    assert!(indexes(&uploaded, 6, "https://fabrikam.example/up"));
}

#[test]
fn a_match_is_a_finding_with_what_is_known() {
    says(
        &matched(
            json!(4),
            &json!({"Sha1": "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"}),
        ),
        &[
            ("/class_uid", json!(2006)),
            ("/is_alert", json!(true)),
            ("/finding_info/title", json!("Cards")),
            ("/finding_info/analytic/name", json!("Cards to USB")),
            ("/policy/name", json!("Cards")),
            ("/file/name", json!("pay.xlsx")),
            ("/file/hashes/0/algorithm", json!("SHA-256")),
            ("/file/hashes/1/algorithm", json!("SHA-1")),
            ("/device/name", json!("lt-0042.contoso.example")),
            ("/device/uid", json!("9c1185")),
            ("/src_endpoint/name", json!("lt-0042.contoso.example")),
            ("/actor/app_name", json!("EXCEL.EXE")),
            ("/data_security/detection_system_id", json!(1)),
            ("/data_security/data_lifecycle_state_id", json!(3)),
            (
                "/data_security/discovery_details",
                json!([{"type": "Credit Card Number", "count": 12}]),
            ),
        ],
    );
}

#[test]
fn the_enforcement_says_whether_the_data_left() {
    let check = |mode: Value, more: Value, action: &str, disposition: &str, severity: i64| {
        says(
            &matched(mode, &more),
            &[
                ("/action", json!(action)),
                ("/disposition", json!(disposition)),
                ("/severity_id", json!(severity)),
            ],
        );
    };
    let none = || json!({});
    check(json!(1), none(), "Observed", "Detected", 3);
    check(json!(2), none(), "Denied", "Blocked", 3);
    let reason = json!({"Justification": "for the auditor"});
    check(json!(2), reason, "Allowed", "Allowed", 4);
    check(json!(3), none(), "Allowed", "Allowed", 4);
    check(json!(4), none(), "Denied", "Blocked", 3);
    check(json!(5), none(), "Allowed", "Allowed", 3);
    check(json!("4"), none(), "Denied", "Blocked", 3);
    check(json!("WarnAndBypass"), none(), "Allowed", "Allowed", 4);
    check(json!(0), none(), "Observed", "Detected", 3);
    // What was done counts for more than what the rule lists.
    let rules = json!([{"PolicyName": "p", "Rules": [{"RuleName": "r", "Actions": ["BlockAccess"], "Severity": "Low"}]}]);
    let rules = json!({"PolicyDetails": rules});
    check(json!(3), rules.clone(), "Allowed", "Allowed", 2);
    check(Value::Null, rules, "Denied", "Blocked", 2);
}

#[test]
fn a_block_without_a_policy_is_a_finding() {
    says(
        &on_computer(
            "FilePrinted",
            &json!({"EnforcementMode": 4, "JitTriggered": true}),
        ),
        &[
            ("/class_uid", json!(2006)),
            ("/disposition", json!("Blocked")),
            ("/finding_info/title", json!("FilePrinted")),
        ],
    );
}

#[test]
fn a_page_is_a_web_resource_and_a_disk_a_call() {
    let page = json!({"ObjectId": "https://fabrikam.example/a"});
    says(
        &on_computer("BrowseToUrl", &page),
        &[
            ("/type_uid", json!(600_102)),
            ("/web_resources/0/url_string", page["ObjectId"].clone()),
        ],
    );
    says(
        &on_computer("RemovableMediaMount", &json!({"ObjectId": null})),
        &[("/type_uid", json!(600_303)), ("/is_alert", Value::Null)],
    );
}
