//! Rules for administrators' cmdlets that a review against the reference found wrong once.

use crate::mapping::check;
use serde_json::{Value, json};

fn parameters(pairs: &[(&str, &str)]) -> Value {
    let list = pairs
        .iter()
        .map(|(name, value)| json!({"Name": name, "Value": value}));
    json!({"Parameters": list.collect::<Vec<_>>()})
}

#[test]
fn cmdlets_run_by_the_service_are_informational() {
    let mut more = parameters(&[
        ("Identity", "bob"),
        ("User", "alex"),
        ("AccessRights", "FullAccess"),
    ]);
    check(
        1,
        "Add-MailboxPermission",
        more.clone(),
        &[("/severity_id", json!(3))],
    );
    more["UserId"] = json!("NT AUTHORITY\\SYSTEM (w3wp)");
    check(
        1,
        "Add-MailboxPermission",
        more,
        &[("/severity_id", json!(1))],
    );
}

#[test]
fn empty_rights_are_not_privileges() {
    let listed = |rights| {
        parameters(&[
            ("Identity", "bob"),
            ("User", "alex"),
            ("AccessRights", rights),
        ])
    };
    check(
        1,
        "Add-MailboxPermission",
        listed("FullAccess,, ,"),
        &[("/privileges", json!(["FullAccess"]))],
    );
    check(
        1,
        "Add-MailboxPermission",
        listed(","),
        &[("/class_uid", json!(6003))],
    );
}

#[test]
fn removing_a_folder_permission_revokes_any_right() {
    let more = parameters(&[("Identity", "bob:\\Inbox"), ("User", "alex")]);
    check(
        1,
        "Remove-MailboxFolderPermission",
        more.clone(),
        &[
            ("/type_uid", json!(300_502)),
            ("/user/name", json!("alex")),
            ("/privileges", json!(["(unspecified permission)"])),
        ],
    );
    check(
        1,
        "Add-MailboxFolderPermission",
        more,
        &[("/class_uid", json!(6003))],
    );
}

#[test]
fn a_role_for_an_application_is_given_to_a_service() {
    let more = parameters(&[("Role", "ApplicationImpersonation"), ("App", "robot")]);
    check(
        1,
        "New-ManagementRoleAssignment",
        more,
        &[("/user/type_id", json!(4)), ("/user/name", json!("robot"))],
    );
    let more = parameters(&[("Role", "Mail Recipients"), ("SecurityGroup", "Helpdesk")]);
    check(
        1,
        "New-ManagementRoleAssignment",
        more,
        &[("/user/type_id", json!(99)), ("/user/type", json!("Group"))],
    );
}

#[test]
fn the_first_of_several_members_is_the_user() {
    let more = parameters(&[
        ("Identity", "finance"),
        ("Links", "bob@contoso.example;carol@contoso.example"),
    ]);
    check(
        1,
        "Add-UnifiedGroupLinks",
        more,
        &[
            ("/user/email_addr", json!("bob@contoso.example")),
            (
                "/api/request/data/Links",
                json!("bob@contoso.example;carol@contoso.example"),
            ),
        ],
    );
}

#[test]
fn parameters_in_a_command_line_are_found() {
    let check = |line: &str, severity: i64| {
        let more = json!({"Parameters": line, "ObjectId": "s"});
        check(
            18,
            "New-ComplianceSearchAction",
            more,
            &[("/severity_id", json!(severity))],
        );
    };
    check(
        r#"-SearchName "s" -PurgeType "HardDelete" -Purge "True""#,
        4,
    );
    check(r#"-SearchName "No -Purge here" -Preview "True""#, 3);
    check(r#"-SearchName "Pre-Purge x" -Preview "True""#, 3);
}

#[track_caller]
fn severity(operation: &str, pairs: &[(&str, &str)], expect: i64) {
    let expect = [("/severity_id", json!(expect))];
    check(1, operation, parameters(pairs), &expect);
}

#[test]
fn whatever_turns_off_auditing_is_high() {
    for (operation, pairs) in [
        ("Remove-AuditConfigurationPolicy", ("Identity", "x")),
        ("Disable-AuditConfigurationRule", ("Identity", "x")),
        ("Set-AuditConfigurationRule", ("AuditOperation", "Delete")),
        ("Set-AuditConfig", ("Workload", "Exchange")),
        ("Remove-UnifiedAuditLogRetentionPolicy", ("Identity", "x")),
        (
            "New-UnifiedAuditLogRetentionPolicy",
            ("RetentionDuration", "ThreeMonths"),
        ),
        (
            "Set-MailboxAuditBypassAssociation",
            ("AuditBypassEnabled", "True"),
        ),
        ("Set-Mailbox", ("AuditEnabled", "$false")),
        ("Set-Mailbox", ("AuditAdmin", "None")),
        ("Set-Mailbox", ("AuditLogAgeLimit", "00:00:00")),
        (
            "Set-AdminAuditLogConfig",
            ("AdminAuditLogExcludedCmdlets", "*"),
        ),
        ("Set-AdminAuditLogConfig", ("AdminAuditLogAgeLimit", "0")),
    ] {
        severity(operation, &[pairs], 4);
    }
    for (operation, pairs) in [
        (
            "Set-AdminAuditLogConfig",
            ("UnifiedAuditLogIngestionEnabled", "False"),
        ),
        ("Set-AdminAuditLogConfig", ("AdminAuditLogEnabled", "False")),
        ("Set-OrganizationConfig", ("AuditDisabled", "True")),
    ] {
        severity(operation, &[pairs], 5);
    }
}

#[test]
fn switching_auditing_on_is_no_alarm() {
    for (operation, pairs) in [
        ("New-AuditConfigurationPolicy", ("Workload", "Exchange")),
        ("Set-AuditConfigurationPolicy", ("Enabled", "True")),
        (
            "Set-UnifiedAuditLogRetentionPolicy",
            ("RetentionDuration", "TenYears"),
        ),
        (
            "Set-MailboxAuditBypassAssociation",
            ("AuditBypassEnabled", "False"),
        ),
        ("Set-Mailbox", ("AuditEnabled", "True")),
        ("Set-Mailbox", ("AuditLogAgeLimit", "365.00:00:00")),
        (
            "Set-AdminAuditLogConfig",
            ("UnifiedAuditLogIngestionEnabled", "True"),
        ),
        ("Set-AdminAuditLogConfig", ("AdminAuditLogCmdlets", "*")),
        ("Set-OrganizationConfig", ("AuditDisabled", "False")),
    ] {
        severity(operation, &[pairs], 1);
    }
}

#[test]
fn all_ways_to_lose_protection_are_rated_alike() {
    let file = include_str!("../../src/severity/nouns.csv");
    let protections = file.lines().filter_map(|line| {
        let (noun, rest) = line.split_once(',')?;
        rest.starts_with("protection,").then_some(noun)
    });
    for noun in protections {
        for (verb, pair, expect) in [
            ("Remove", ("Identity", "x"), 3),
            ("Disable", ("Identity", "x"), 3),
            ("Set", ("Enabled", "False"), 3),
            ("Set", ("Enable", "$false"), 3),
            ("Set", ("Disabled", "True"), 3),
            ("Set", ("State", "Disabled"), 3),
            ("Set", ("Mode", "TestWithoutNotifications"), 3),
            ("Enable", ("Identity", "x"), 1),
            ("Set", ("Enabled", "True"), 1),
            ("Set", ("Disabled", "False"), 1),
            ("Set", ("State", "Enabled"), 1),
        ] {
            severity(&format!("{verb}-{noun}"), &[pair], expect);
        }
    }
}

#[test]
fn opening_a_door_is_rated_and_closing_it_is_not() {
    for (operation, name, open, closed) in [
        (
            "Set-TransportConfig",
            "SmtpClientAuthenticationDisabled",
            "False",
            "True",
        ),
        ("Set-CASMailbox", "PopEnabled", "True", "False"),
        (
            "New-AuthenticationPolicy",
            "AllowBasicAuthSmtp",
            "True",
            "False",
        ),
        (
            "Set-OrganizationConfig",
            "OAuth2ClientProfileEnabled",
            "False",
            "True",
        ),
        (
            "New-TenantAllowBlockListSpoofItems",
            "Action",
            "Allow",
            "Block",
        ),
        (
            "Set-HostedConnectionFilterPolicy",
            "EnableSafeList",
            "True",
            "False",
        ),
        ("Set-SafeAttachmentPolicy", "Action", "Allow", "Block"),
        ("Set-Mailbox", "LitigationHoldEnabled", "False", "True"),
    ] {
        severity(operation, &[(name, open)], 3);
        severity(operation, &[(name, closed)], 1);
    }
    severity(
        "Set-HostedOutboundSpamFilterPolicy",
        &[("AutoForwardingMode", "On")],
        4,
    );
    severity(
        "Set-HostedOutboundSpamFilterPolicy",
        &[("AutoForwardingMode", "Automatic")],
        1,
    );
    severity("New-RemoteDomain", &[("AutoForwardEnabled", "True")], 4);
    severity("Set-RemoteDomain", &[("AutoForwardEnabled", "False")], 1);
}

/// The email addresses among the observables of a cmdlet, and its severity.
fn forwards(operation: &str, name: &str, value: &Value) -> (Vec<String>, Value) {
    let record = json!({
        "Id": "a", "RecordType": 1, "Operation": operation, "UserId": "x", "UserType": 2, "ResultStatus": "True",
        "Parameters": [{"Name": "Identity", "Value": "x"}, {"Name": name, "Value": value}],
    });
    let event = crate::event(record.to_string().as_bytes());
    let observables = event["observables"].as_array().into_iter().flatten();
    let addresses = observables.filter(|observable| observable["type_id"] == 5);
    let values = addresses.filter_map(|address| Some(address["value"].as_str()?.to_owned()));
    (values.collect(), event["severity_id"].clone())
}

#[test]
fn targets_of_forwarding_are_found_in_any_form() {
    let one = ["out@fabrikam.example"];
    let check = |operation: &str, name: &str, value: Value, expect: &[&str]| {
        let (addresses, severity) = forwards(operation, name, &value);
        assert_eq!(addresses, expect, "{operation} {value}");
        assert_eq!(severity, json!(4), "{operation} {value}");
    };
    for name in ["ForwardTo", "RedirectTo", "ForwardAsAttachmentTo"] {
        let value = json!("\"Pat\" [SMTP:out@fabrikam.example]");
        check("New-InboxRule", name, value, &one);
    }
    check(
        "Set-InboxRule",
        "ForwardTo",
        json!("SMTP:out@fabrikam.example"),
        &one,
    );
    check(
        "Set-InboxRule",
        "ForwardTo",
        json!(["smtp:a@fabrikam.example", "\"B\" <b@fabrikam.example>"]),
        &["a@fabrikam.example", "b@fabrikam.example"],
    );
    for name in ["ForwardingSmtpAddress", "ForwardingAddress"] {
        check("Set-Mailbox", name, json!("out@fabrikam.example"), &one);
        check(
            "Set-MailPublicFolder",
            name,
            json!("out@fabrikam.example"),
            &one,
        );
    }
    for name in [
        "BlindCopyTo",
        "CopyTo",
        "RedirectMessageTo",
        "AddToRecipients",
    ] {
        check(
            "Set-TransportRule",
            name,
            json!("out@fabrikam.example"),
            &one,
        );
    }
    check(
        "New-JournalRule",
        "JournalEmailAddress",
        json!("out@fabrikam.example"),
        &one,
    );
}

#[test]
fn clearing_a_target_is_no_forwarding() {
    for value in ["", "$null", "null"] {
        for (operation, name, expect) in [
            ("Set-Mailbox", "ForwardingSmtpAddress", 1),
            ("Set-InboxRule", "ForwardTo", 2),
            ("Set-TransportRule", "BlindCopyTo", 3),
        ] {
            let (addresses, severity) = forwards(operation, name, &json!(value));
            assert_eq!(addresses, Vec::<String>::new());
            assert_eq!(severity, json!(expect), "{operation} {value}");
        }
    }
}
