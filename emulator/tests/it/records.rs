//! Generated records: they must look like real ones, quirks included.

use emulator::{Config, ContentType};
use serde_json::Value;

use crate::world::{World, eventually};

/// What must be seen, and how it is recognised.
type Quirk = (&'static str, fn(&Value) -> bool);

async fn check(content_type: ContentType, quirks: &[Quirk]) {
    let content_types = vec![content_type];
    let config = Config {
        blobs_per_tenant: 1,
        records_per_blob: 400..=400,
        content_types,
        ..World::config()
    };
    let world = World::new(config).await;
    world.start(content_type).await;
    eventually("everything is published", || {
        world.microsoft.published().finished
    })
    .await;
    let id = world.content_ids(content_type).await.pop().expect("a blob");
    let records = world.blob(&id).await.json();
    for (what, fits) in quirks {
        assert!(
            records.as_array().expect("records").iter().any(fits),
            "{what} is never seen in {content_type}"
        );
    }
}

fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap_or_default()
}

#[tokio::test]
async fn entra_records_show_their_quirks() {
    check(
        ContentType::AzureActiveDirectory,
        &[
            ("a failed sign-in that says Success", |r| {
                r["Operation"] == "UserLoginFailed"
                    && r["ResultStatus"] == "Success"
                    && r["ErrorNumber"] != "0"
            }),
            ("an operation that ends in a dot", |r| {
                text(r, "Operation").ends_with('.')
            }),
            ("an operation with a dash and a trailing space", |r| {
                text(r, "Operation").contains('–') && text(r, "Operation").ends_with(' ')
            }),
            ("a user that is no name", |r| r["UserId"] == "Not Available"),
            ("a user that is a GUID", |r| {
                text(r, "UserId").parse::<uuid::Uuid>().is_ok()
            }),
            ("an address with brackets and port", |r| {
                text(r, "ClientIP").starts_with('[')
            }),
            ("JSON in a string", |r| {
                text(&r["ExtendedProperties"][0], "Value").starts_with('{')
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn exchange_records_show_their_quirks() {
    check(
        ContentType::Exchange,
        &[
            (
                "a record without ClientIP, its other address with a space",
                |r| {
                    r["RecordType"] == 50
                        && r.get("ClientIP").is_none()
                        && text(r, "ClientIPAddress").ends_with(' ')
                },
            ),
            ("a server name that ends the line", |r| {
                text(r, "OriginatingServer").ends_with("\r\n")
            }),
            ("a property without value", |r| {
                r["OperationProperties"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|of| of["Value"].is_null()))
            }),
            ("modified properties as strings", |r| {
                r["ModifiedProperties"][0].is_string()
            }),
            ("modified properties as objects", |r| {
                r["ModifiedProperties"][0].is_object()
            }),
            ("an empty address", |r| r["ClientIP"] == ""),
            ("a user that is a system", |r| {
                text(r, "UserId").starts_with("NT AUTHORITY\\SYSTEM")
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn sharepoint_records_show_their_quirks() {
    check(
        ContentType::SharePoint,
        &[
            ("an item type as text, and no result", |r| {
                r["ItemType"] == "File" && r.get("ResultStatus").is_none()
            }),
            ("a boolean as text", |r| r["DoNotDistributeEvent"] == "true"),
            ("a key with pipes", |r| {
                text(r, "UserKey").starts_with("i:0h.f|membership|")
            }),
            ("another workload in the same feed", |r| {
                r["Workload"] == "OneDrive"
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn general_records_show_their_quirks() {
    check(
        ContentType::General,
        &[
            ("parameters as one string", |r| {
                r["RecordType"] == 18 && r["Parameters"].is_string()
            }),
            ("a null address", |r| {
                r.get("ClientIP").is_some_and(Value::is_null)
            }),
            ("a malformed address", |r| {
                text(r, "ClientIP").starts_with("ffff:")
            }),
            ("a host name with a port", |r| {
                text(r, "ClientIP").starts_with("host-")
            }),
            ("an unknown record type", |r| r["RecordType"] == 474),
            ("a team that is a thread", |r| {
                text(r, "TeamGuid").contains("@thread.tacv2")
            }),
            ("a result in capitals", |r| r["ResultStatus"] == "TRUE"),
            ("a result that is a number", |r| r["ResultStatus"] == "1"),
            ("an endpoint's DLP match", |r| r["RecordType"] == 63),
        ],
    )
    .await;
}

#[tokio::test]
async fn dlp_records_show_their_quirks() {
    check(
        ContentType::Dlp,
        &[
            ("an exception as a string", |r| {
                r["ExceptionInfo"].is_string()
            }),
            ("an exception as an object", |r| {
                r["ExceptionInfo"].is_object()
            }),
            ("an upper-case user", |r| {
                text(r, "UserId").contains('@')
                    && text(r, "UserId").to_uppercase() == text(r, "UserId")
            }),
            ("one spelling of the operation", |r| {
                r["Operation"] == "DlpRuleMatch"
            }),
            ("the other spelling of the operation", |r| {
                r["Operation"] == "DLPRuleMatch"
            }),
        ],
    )
    .await;
}
