//! Who acted: the type, the name and the address, whatever the service calls the user.

use super::{indexes, record, says};
use serde_json::{Value, json};

fn file_by(user: &str) -> Value {
    let more = json!({"Workload": "SharePoint", "UserId": user, "UserKey": "10032001AAAA0001", "ObjectId": "https://contoso.example/a.zip"});
    record(6, "FileDownloaded", more)
}

#[test]
fn a_guest_of_sharepoint_is_found_by_the_address() {
    for user in [
        "urn:spo:guest#pat@fabrikam.example",
        "i:0#.f|membership|urn:spo:guest#pat@fabrikam.example",
    ] {
        says(
            &file_by(user),
            &[
                ("/actor/user/name", json!("pat@fabrikam.example")),
                ("/actor/user/email_addr", json!("pat@fabrikam.example")),
                ("/actor/user/type", json!("Guest")),
                ("/unmapped/UserId", json!(user)),
            ],
        );
        assert!(indexes(&file_by(user), 5, "pat@fabrikam.example"));
    }
    let upn = file_by("pat_fabrikam.example#EXT#@contoso.onmicrosoft.com");
    says(
        &upn,
        &[
            (
                "/actor/user/name",
                json!("pat_fabrikam.example#EXT#@contoso.onmicrosoft.com"),
            ),
            ("/actor/user/email_addr", json!("pat@fabrikam.example")),
        ],
    );
    assert!(indexes(&upn, 5, "pat@fabrikam.example"));
}

#[test]
fn the_anonymous_are_not_persons() {
    for user in [
        "urn:spo:anon#0a1b2c",
        "urn:spo:tenantanon#0a1b2c",
        "urn:forms:anonymous#0a1b@forms.office.com",
    ] {
        says(
            &file_by(user),
            &[
                ("/actor/user/name", json!(user)),
                ("/actor/user/type", json!("Anonymous")),
                ("/actor/user/email_addr", Value::Null),
            ],
        );
    }
}

#[test]
fn maintenance_by_a_service_is_not_rated() {
    for user in [
        r"NT SERVICE\MSExchangeAdminApiNetCore (Microsoft.Exchange.AdminApi.NetCore)",
        r"NT AUTHORITY\SYSTEM (Microsoft.Exchange.ServiceHost)",
        "S-1-5-18",
        "S-1-5-80-3139157870-2983391045-3678747466-658725712-1809340420",
        "Administrator@apcprd03.prod.outlook.com",
    ] {
        let parameters = json!([{"Name": "Identity", "Value": "x"}, {"Name": "User", "Value": "y"}, {"Name": "AccessRights", "Value": "FullAccess"}]);
        let more = json!({"Workload": "Exchange", "UserType": 2, "UserId": user, "Parameters": parameters});
        says(
            &record(1, "Add-MailboxPermission", more),
            &[
                ("/severity_id", json!(1)),
                ("/actor/user/type_id", json!(3)),
                ("/actor/user/name", json!(user)),
            ],
        );
    }
}

#[test]
fn what_a_service_does_for_a_person_is_rated() {
    let check = |user: &str, severity: i64| {
        let parameters = json!([{"Name": "UnifiedAuditLogIngestionEnabled", "Value": "False"}]);
        let more = json!({"Workload": "Exchange", "UserId": user, "Parameters": parameters});
        says(
            &record(1, "Set-AdminAuditLogConfig", more),
            &[
                ("/severity_id", json!(severity)),
                ("/actor/user/type_id", json!(3)),
            ],
        );
    };
    check(r"NT SERVICE\MSExchangeAdminApiNetCore", 1);
    check(
        r"NT SERVICE\MSExchangeAdminApiNetCore on behalf of admin@contoso.example",
        5,
    );
}

#[test]
fn one_user_for_another_is_the_first_and_finds_both() {
    let user = "admin@contoso.example on behalf of bob@contoso.example";
    says(
        &file_by(user),
        &[
            ("/actor/user/name", json!("admin@contoso.example")),
            ("/actor/user/email_addr", json!("admin@contoso.example")),
            ("/unmapped/UserId", json!(user)),
        ],
    );
    assert!(indexes(&file_by(user), 5, "admin@contoso.example"));
    assert!(indexes(&file_by(user), 5, "bob@contoso.example"));
}

#[test]
fn a_program_behind_an_address_is_the_application() {
    says(
        &file_by("alex@contoso.example (Microsoft.Exchange.ServiceHost)"),
        &[
            ("/actor/user/email_addr", json!("alex@contoso.example")),
            ("/actor/user/type_id", json!(1)),
            ("/actor/app_name", json!("Microsoft.Exchange.ServiceHost")),
        ],
    );
}

#[test]
fn an_application_has_its_name_and_its_id() {
    let id = "755e500a-6c03-46b0-b53b-282f23374e3b";
    let principal = format!("ServicePrincipal_{id}");
    says(
        &file_by(&principal),
        &[
            ("/actor/user/type_id", json!(4)),
            ("/actor/user/uid", json!(id)),
        ],
    );
    let actor = json!([{"ID": "Backup", "Type": 1}, {"ID": principal, "Type": 2}, {"ID": id, "Type": 2}, {"ID": "ServicePrincipal", "Type": 2}]);
    let target = json!([{"ID": "bob@contoso.example", "Type": 5}]);
    says(
        &record(
            8,
            "Delete user.",
            json!({"UserId": principal, "Actor": actor, "Target": target}),
        ),
        &[
            ("/actor/user/name", json!("Backup")),
            ("/actor/user/uid", json!(id)),
            ("/actor/user/type_id", json!(4)),
        ],
    );
    says(
        &file_by("app@sharepoint"),
        &[("/actor/user/type_id", json!(4))],
    );
}

#[test]
fn technicians_of_partners_have_a_type_of_their_own() {
    let user = "user_0a1b2c3d4e5f60718293a4b5c6d7e8f9@contoso.onmicrosoft.com";
    says(
        &file_by(user),
        &[
            ("/actor/user/type", json!("PartnerTechnician")),
            ("/actor/user/email_addr", json!(user)),
        ],
    );
}

#[test]
fn a_guest_that_a_file_is_shared_with_is_indexed() {
    let more = json!({"ItemType": "File", "TargetUserOrGroupName": "urn:spo:guest#pat@fabrikam.example", "TargetUserOrGroupType": "Guest"});
    assert!(indexes(
        &record(14, "SharingSet", more),
        5,
        "pat@fabrikam.example"
    ));
}
