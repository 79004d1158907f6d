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
