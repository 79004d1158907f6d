//! Where rules send mail, who gets which rights, and what weakens a directory.

use serde_json::{Value, json};

use crate::mapping::check;

#[test]
fn what_an_inbox_rule_does_is_read_in_any_form() {
    let check = |name: &str, value: Value, expect: i64| {
        let properties = json!([{"Name": "RuleOperation", "Value": "AddMailboxRule"}, {"Name": name, "Value": value}]);
        let more = json!({"OperationProperties": properties});
        check(
            2,
            "UpdateInboxRules",
            more,
            &[("/severity_id", json!(expect))],
        );
    };
    check(
        "RuleActions",
        json!(r#"[{"ActionType":"Forward","Recipients":["a@fabrikam.example"]}]"#),
        4,
    );
    check("RuleActions", json!([{"ActionType": "Redirect"}]), 4);
    check(
        "ServerRule",
        json!(r#"{"Actions":[{"ActionType":"OP_FORWARD"}]}"#),
        4,
    );
    check(
        "ServerRule",
        json!(r#"{"Actions":[{"ActionType":"OP_DELEGATE"}]}"#),
        4,
    );
    check(
        "ServerRule",
        json!(r#"{"Conditions":["forward"],"Actions":[]}"#),
        2,
    );
    for action in [
        "ForwardToRecipientsAction",
        "ForwardAsAttachmentToRecipientsAction",
        "RedirectToRecipientsAction",
    ] {
        check("Actions", json!(action), 4);
        check("Actions:", json!(action), 4);
    }
    check("Actions", json!("SendSmsAlertToRecipientsAction"), 4);
    check("Actions", json!("PermanentDeleteAction"), 3);
    check("Actions", json!("MoveToFolderAction"), 3);
    check("Actions", json!("MarkAsReadAction"), 2);
    check("RuleName", json!("forward"), 2);
}

#[test]
fn a_rule_that_is_removed_forwards_nothing() {
    let check = |operation: &str, state: &str| {
        let properties = json!([{"Name": "RuleOperation", "Value": operation}, {"Name": "RuleState", "Value": state},
            {"Name": "Actions", "Value": "ForwardToRecipientsAction"}]);
        let more = json!({"OperationProperties": properties});
        check(2, "UpdateInboxRules", more, &[("/severity_id", json!(2))]);
    };
    check("RemoveMailboxRule", "Enabled");
    check("ModifyMailboxRule", "Disabled");
}

fn directory(target: &str, changes: &[(&str, &str, &str)]) -> Value {
    let list = changes
        .iter()
        .map(|(name, old, new)| json!({"Name": name, "OldValue": old, "NewValue": new}));
    json!({"Target": [{"ID": target, "Type": 5}], "ModifiedProperties": list.collect::<Vec<_>>()})
}

#[test]
fn a_role_that_is_no_property_is_still_only_asked_for() {
    let check = |operation: &str, type_uid: i64| {
        let more = directory("bob@contoso.example", &[]);
        check(
            8,
            operation,
            more,
            &[
                ("/type_uid", json!(type_uid)),
                ("/user/name", json!("bob@contoso.example")),
                ("/privileges/0", json!("(unspecified role)")),
            ],
        );
    };
    check(
        "Add member to role request denied (PIM activation)",
        300_599,
    );
    check("Add member to role completed (PIM activation)", 300_501);
}

#[test]
fn a_request_for_a_role_is_no_assignment() {
    let check = |operation: &str, type_uid: i64, severity: i64| {
        let more = directory(
            "bob@contoso.example",
            &[("Role.DisplayName", "", "Global Administrator")],
        );
        let expect = [
            ("/type_uid", json!(type_uid)),
            ("/severity_id", json!(severity)),
            ("/privileges", json!(["Global Administrator"])),
        ];
        check(8, operation, more, &expect);
    };
    check("Add member to role completed (PIM activation).", 300_501, 4);
    check("Add member to role requested (PIM activation).", 300_599, 2);
    check(
        "Add member to role request denied (PIM activation).",
        300_599,
        2,
    );
    check("Add member to role canceled (PIM activation).", 300_599, 2);
    check(
        "Add eligible member to role in PIM completed (permanent).",
        300_599,
        3,
    );
    check(
        "Remove member from role (PIM activation expired).",
        300_502,
        1,
    );
    check(
        "Remove member from role requested (PIM deactivate).",
        300_599,
        1,
    );
}

#[test]
fn what_weakens_the_directory_is_rated() {
    let check = |operation: &str, changes: &[(&str, &str, &str)], expect: i64| {
        check(
            8,
            operation,
            directory("x@contoso.example", changes),
            &[("/severity_id", json!(expect))],
        );
    };
    let (on, off) = (r#"{"state":"enabled"}"#, r#"{"state":"disabled"}"#);
    check(
        "Update conditional access policy.",
        &[("ConditionalAccessPolicy", on, off)],
        4,
    );
    check(
        "Update conditional access policy.",
        &[("ConditionalAccessPolicy", off, on)],
        3,
    );
    check(
        "Update security defaults.",
        &[("IsEnabled", "true", "false")],
        4,
    );
    check(
        "Update security defaults.",
        &[("IsEnabled", "false", "true")],
        1,
    );
    check(
        "Update application.",
        &[("FederatedIdentityCredentials", "[]", "[{}]")],
        3,
    );
    check("Update application.", &[("DisplayName", "a", "b")], 1);
    check(
        "Update user.",
        &[("UserType", r#"["Guest"]"#, r#"["Member"]"#)],
        3,
    );
    check(
        "Update user.",
        &[("UserType", r#"["Member"]"#, r#"["Guest"]"#)],
        1,
    );
    for operation in [
        "Add named location.",
        "Add unverified domain.",
        "Add a partner to cross-tenant access setting.",
        "Authentication Methods Policy Update.",
        "Create Temporary Access Pass method for user.",
        "Disable PIM alert.",
        "Read BitLocker key.",
        "Recover device local administrator password.",
        "Update role setting in PIM.",
    ] {
        check(operation, &[], 3);
    }
}
