//! Values: rights of none, spellings of numbers and names, lists in other places, verbs.

use super::{record, says};
use serde_json::{Value, json};

#[test]
fn the_right_none_takes_access_away() {
    let check = |operation: &str, parameters: Value, activity: i64, privileges: Value| {
        let more = json!({"Workload": "Exchange", "Parameters": parameters});
        says(
            &record(1, operation, more),
            &[
                ("/class_uid", json!(3005)),
                ("/activity_id", json!(activity)),
                ("/privileges", privileges),
                ("/user/name", json!("Default")),
            ],
        );
    };
    let rights = |rights: Value| json!([{"Name": "Identity", "Value": "alex:\\Calendar"}, {"Name": "User", "Value": "Default"}, {"Name": "AccessRights", "Value": rights}]);
    for operation in [
        "Set-MailboxFolderPermission",
        "Add-MailboxFolderPermission",
        "Set-PublicFolderClientPermission",
    ] {
        check(operation, rights(json!("None")), 2, json!(["None"]));
        check(operation, rights(json!(["None"])), 2, json!(["None"]));
        check(operation, rights(json!("Reviewer")), 1, json!(["Reviewer"]));
        check(
            operation,
            rights(json!(["Reviewer", "None"])),
            1,
            json!(["Reviewer", "None"]),
        );
    }
    check(
        "Set-MailboxFolderPermission",
        json!("-Identity \"alex:\\Calendar\" -User \"Default\" -AccessRights \"None\""),
        2,
        json!(["None"]),
    );
}

#[test]
fn numbers_are_whole_in_any_spelling() {
    for size in [
        json!(1_000_000_000),
        json!("1000000000"),
        json!("1000000000.00"),
        json!("1e9"),
        json!(1e9),
    ] {
        let more = json!({"Workload": "SharePoint", "FileSizeBytes": size, "ObjectId": "https://contoso.example/a"});
        says(
            &record(6, "FileUploaded", more),
            &[("/file/size", json!(1_000_000_000))],
        );
    }
    let more = json!({"Workload": "SharePoint", "FileSizeBytes": 12.5, "ObjectId": "https://contoso.example/a"});
    says(
        &record(6, "FileUploaded", more),
        &[("/file/size", Value::Null)],
    );
    let more = json!({"Workload": "Exchange", "OperationCount": "2.0"});
    says(
        &record(50, "MailItemsAccessed", more),
        &[("/count", json!(2))],
    );
}

#[test]
fn items_are_read_from_lists_in_any_place() {
    let item = json!({"Id": "i1", "SizeInBytes": 1});
    for lists in [
        json!({"Messages": [{"Path": "Messages", "Id": "f", "MessageItems": [item]}]}),
        json!({"Messages": {"MessageItems": item}}),
        json!({"Folders": [{"Path": "\\Inbox", "FolderItems": [item]}]}),
        json!({"Folders": {"Path": "\\Inbox", "FolderItems": item}}),
        json!({"AffectedItems": [item]}),
        json!({"Item": item}),
    ] {
        let mut more = json!({"Workload": "Exchange", "MailboxOwnerUPN": "bob@contoso.example"});
        let lists = lists.as_object().expect("members").clone();
        more.as_object_mut().expect("members").extend(lists);
        says(
            &record(50, "AttachmentAccess", more),
            &[("/resources/1/uid", json!("i1"))],
        );
    }
}

#[test]
fn names_of_members_count_with_and_without_blanks() {
    for level in [
        "PhishConfidenceLevel",
        "Phish Confidence Level",
        "phishConfidenceLevel",
    ] {
        let more = json!({"P2Sender": "a@evil.example", "Verdict": "Phish", level: "High"});
        says(
            &record(28, "TIMailData", more),
            &[("/severity_id", json!(4))],
        );
    }
    for action in ["DeliveryAction", "Delivery Action"] {
        let more = json!({"P2Sender": "a@evil.example", "Verdict": "Spam", action: "Blocked"});
        says(
            &record(28, "TIMailData", more),
            &[
                ("/disposition", json!("Blocked")),
                ("/severity_id", json!(2)),
            ],
        );
    }
}

#[test]
fn properties_may_be_an_object() {
    let more = json!({"Workload": "AzureActiveDirectory", "ExtendedProperties": {"RequestType": "OAuth2:Logout"}});
    says(
        &record(15, "UserLoggedIn", more),
        &[("/type_uid", json!(300_202))],
    );
}

#[test]
fn verbs_of_documented_operations_are_activities() {
    let check = |record_type: i64, operation: &str, activity: i64| {
        says(
            &record(record_type, operation, json!({"UserType": 2})),
            &[("/activity_id", json!(activity))],
        );
    };
    check(57, "WriteTenantSettings", 3);
    check(20, "RefreshDataset", 3);
    check(20, "UpdateFolderAccess", 3);
    check(20, "ExtensibilityDeletePackage", 4);
    check(20, "GoalsCreateRole", 1);
    check(20, "AdminGetArtifactsByuserId", 2);
    check(4, "HubSiteRegistered", 1);
    check(4, "HubSiteUnregistered", 4);
    check(32, "StreamInvokeVideoDownload", 7);
    check(22, "DataExport", 7);
    check(1, "Write-AdminAuditLog", 3);
    check(65, "QuarantineSubmit", 1);
    check(9999, "PortalSettingsWritten", 3);
}
