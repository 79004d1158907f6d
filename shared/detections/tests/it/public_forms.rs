//! The forms of fields that public rules for Microsoft 365 use, each on a record of its kind and on one that is close to it.

use serde_json::{Value, json};

use super::{detector, take};

fn fires(detection: &str, record: &Value) -> bool {
    let rule = format!(
        "title: Form\nid: 5d0f8b0e-7a0a-4a52-8f4b-0a7b9f6a1c06\nlogsource: {{service: audit, product: m365}}\ndetection:\n{detection}"
    );
    !take(&mut detector(&rule), record).is_empty()
}

fn with(record: &Value, member: &str, value: Value) -> Value {
    let mut record = record.clone();
    record[member] = value;
    record
}

const ALERT: &str = "
    selection:
        eventSource: SecurityComplianceCenter
        eventName: 'Many files deleted'
        status: success
    condition: selection
";

#[test]
fn alerts_by_source_name_and_status() {
    let alert = json!({
        "Id": "a", "CreationTime": "2026-03-01T10:00:00", "RecordType": 40, "Operation": "AlertTriggered",
        "Workload": "SecurityComplianceCenter", "ResultStatus": "Succeeded", "Name": "Many files deleted",
    });
    assert!(fires(ALERT, &alert));
    assert!(fires(
        ALERT,
        &with(&alert, "Operation", json!("AlertEntityGenerated"))
    ));
    let named_by_operation = json!({
        "Workload": "SecurityComplianceCenter", "ResultStatus": "True", "Operation": "many files deleted",
    });
    assert!(fires(ALERT, &named_by_operation));
    assert!(!fires(
        ALERT,
        &with(&alert, "Name", json!("Few files deleted"))
    ));
    assert!(!fires(ALERT, &with(&alert, "Workload", json!("Exchange"))));
    assert!(!fires(
        ALERT,
        &with(&alert, "ResultStatus", json!("Failed"))
    ));
}

#[test]
fn cmdlets_by_source_name_and_status() {
    let rule = "
    selection:
        eventSource: Exchange
        eventName: 'Add-Federation'
        status: success
    condition: selection
";
    let cmdlet =
        json!({ "Workload": "Exchange", "Operation": "Add-Federation", "ResultStatus": "True" });
    assert!(fires(rule, &cmdlet));
    assert!(!fires(rule, &with(&cmdlet, "ResultStatus", json!("False"))));
}

#[test]
fn a_payload_is_the_whole_record() {
    let rule = "
    selection:
        eventSource: SecurityComplianceCenter
        Payload|contains|all:
            - 'New-Search'
            - 'Export'
            - 'zip'
    condition: selection
";
    let search = json!({
        "Workload": "SecurityComplianceCenter", "Operation": "New-Search",
        "Parameters": "-SearchName \"all\" -Export -Format zip",
    });
    assert!(fires(rule, &search));
    assert!(!fires(
        rule,
        &with(&search, "Parameters", json!("-SearchName all -Export"))
    ));
}

#[test]
fn lists_of_names_and_values_by_their_text() {
    let rule = "
    selection_update:
        Operation|contains: 'UpdateRules'
        OperationProperties|contains:
            - 'Forward'
            - 'Recipients'
    selection_set:
        Operation|contains:
            - 'New-Rule'
            - 'Set-Rule'
        Parameters|contains:
            - 'ForwardTo'
            - 'RedirectTo'
    condition: 1 of selection_*
";
    let update = json!({
        "Operation": "UpdateRules", "OperationProperties": [{ "Name": "RuleActions", "Value": "[{\"ActionType\":\"Forward\"}]" }],
    });
    let set =
        json!({ "Operation": "Set-Rule", "Parameters": [{ "Name": "RedirectTo", "Value": "x" }] });
    assert!(fires(rule, &update) && fires(rule, &set));
    assert!(!fires(
        rule,
        &with(
            &update,
            "OperationProperties",
            json!([{ "Name": "RuleActions", "Value": "Delete" }])
        )
    ));
    assert!(!fires(
        rule,
        &with(
            &set,
            "Parameters",
            json!([{ "Name": "Name", "Value": "x" }])
        )
    ));
    assert!(!fires(rule, &with(&set, "Operation", json!("Get-Rule"))));
}

#[test]
fn names_within_lists_and_filters() {
    let rule = "
    selection:
        Operation: 'UserLoggedIn'
        ApplicationId: '11111111-2222-4333-8444-555555555555'
        ResultStatus: 'Success'
        RequestType: 'Kind:Kind'
    filter_main_object:
        ObjectId: '66666666-2222-4333-8444-555555555555'
    condition: selection and not 1 of filter_main_*
";
    let sign_in = json!({
        "Operation": "UserLoggedIn", "ApplicationId": "11111111-2222-4333-8444-555555555555", "ResultStatus": "Success",
        "ObjectId": "other", "ExtendedProperties": [{ "Name": "RequestType", "Value": "Kind:Kind" }],
    });
    assert!(fires(rule, &sign_in));
    assert!(!fires(
        rule,
        &with(
            &sign_in,
            "ObjectId",
            json!("66666666-2222-4333-8444-555555555555")
        )
    ));
    assert!(!fires(
        rule,
        &with(&sign_in, "ExtendedProperties", json!([]))
    ));
}

#[test]
fn parts_of_operations() {
    let rule = "
    selection_what:
        Operation|contains: 'domain'
    selection_how:
        Operation|contains:
            - 'add'
            - 'new'
    condition: all of selection_*
";
    assert!(fires(
        rule,
        &json!({ "Operation": "Add unverified domain." })
    ));
    assert!(!fires(
        rule,
        &json!({ "Operation": "Remove unverified domain." })
    ));
    let mfa = "
    selection:
        Operation|contains: 'Disable Strong Authentication.'
    condition: selection
";
    assert!(fires(
        mfa,
        &json!({ "Operation": "Disable Strong Authentication." })
    ));
    assert!(!fires(
        mfa,
        &json!({ "Operation": "Enable Strong Authentication." })
    ));
}

#[test]
fn mail_that_was_delivered() {
    let rule = "
    selection:
        Workload: 'ThreatIntelligence'
        Operation: 'TIMailData'
        Directionality: 'Inbound'
    filter_main_blocked:
        DeliveryAction: 'Blocked'
    condition: selection and not 1 of filter_main_*
";
    let mail = json!({
        "Workload": "ThreatIntelligence", "Operation": "TIMailData", "Directionality": "Inbound", "DeliveryAction": "Delivered",
    });
    assert!(fires(rule, &mail));
    assert!(!fires(
        rule,
        &with(&mail, "DeliveryAction", json!("Blocked"))
    ));
}
