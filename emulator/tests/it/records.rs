//! Generated records: they must look like real ones, quirks included.

use emulator::{Config, ContentType};
use serde_json::Value;

use crate::world::{World, eventually};

/// Whether any record of a content type has a field that fits.
async fn shows(world: &World, content_type: ContentType, what: &str, fits: fn(&Value) -> bool) {
    let id = world.content_ids(content_type).await.pop().expect("a blob");
    let records = world.blob(&id).await.json();
    assert!(
        records.as_array().expect("records").iter().any(fits),
        "{what} is never seen in {content_type}"
    );
}

#[tokio::test]
async fn generated_records_show_the_quirks_of_real_ones() {
    use ContentType::{AzureActiveDirectory, Dlp, Exchange, General, SharePoint};
    let world = World::new(Config {
        blobs_per_tenant: 5,
        records_per_blob: 400..=400,
        ..World::config()
    })
    .await;
    for content_type in ContentType::ALL {
        world.start(content_type).await;
    }
    eventually("everything is published", || {
        world.microsoft.published().finished
    })
    .await;
    let w = &world;
    shows(
        w,
        AzureActiveDirectory,
        "a failed sign-in that says Success",
        |r| {
            r["Operation"] == "UserLoginFailed"
                && r["ResultStatus"] == "Success"
                && r["ErrorNumber"] != "0"
        },
    )
    .await;
    shows(
        w,
        AzureActiveDirectory,
        "an operation that ends in a dot",
        |r| r["Operation"].as_str().is_some_and(|o| o.ends_with('.')),
    )
    .await;
    shows(
        w,
        AzureActiveDirectory,
        "an operation with a dash and a trailing space",
        |r| {
            r["Operation"]
                .as_str()
                .is_some_and(|o| o.contains('–') && o.ends_with(' '))
        },
    )
    .await;
    shows(w, AzureActiveDirectory, "a user that is no name", |r| {
        r["UserId"] == "Not Available"
    })
    .await;
    shows(
        w,
        AzureActiveDirectory,
        "an address with brackets and port",
        |r| r["ClientIP"].as_str().is_some_and(|ip| ip.starts_with('[')),
    )
    .await;
    shows(w, AzureActiveDirectory, "JSON in a string", |r| {
        r["ExtendedProperties"][0]["Value"]
            .as_str()
            .is_some_and(|v| v.starts_with('{'))
    })
    .await;
    shows(
        w,
        Exchange,
        "a record without ClientIP but ClientIPAddress",
        |r| {
            r["RecordType"] == 50
                && r.get("ClientIP").is_none()
                && r["ClientIPAddress"]
                    .as_str()
                    .is_some_and(|ip| ip.ends_with(' '))
        },
    )
    .await;
    shows(w, Exchange, "a server name that ends the line", |r| {
        r["OriginatingServer"]
            .as_str()
            .is_some_and(|s| s.ends_with("\r\n"))
    })
    .await;
    shows(w, Exchange, "a property without value", |r| {
        r["OperationProperties"]
            .as_array()
            .is_some_and(|all| all.iter().any(|p| p["Value"].is_null()))
    })
    .await;
    shows(w, Exchange, "modified properties as strings", |r| {
        r["ModifiedProperties"][0].is_string()
    })
    .await;
    shows(w, Exchange, "modified properties as objects", |r| {
        r["ModifiedProperties"][0].is_object()
    })
    .await;
    shows(w, Exchange, "an empty address", |r| r["ClientIP"] == "").await;
    shows(w, SharePoint, "an item type as text", |r| {
        r["ItemType"] == "File" && r.get("ResultStatus").is_none()
    })
    .await;
    shows(w, SharePoint, "a boolean as text", |r| {
        r["DoNotDistributeEvent"] == "true"
    })
    .await;
    shows(w, General, "parameters as one string", |r| {
        r["RecordType"] == 18 && r["Parameters"].is_string()
    })
    .await;
    shows(w, General, "a null address", |r| {
        r.get("ClientIP").is_some_and(Value::is_null)
    })
    .await;
    shows(w, General, "a malformed address", |r| {
        r["ClientIP"]
            .as_str()
            .is_some_and(|ip| ip.starts_with("ffff:"))
    })
    .await;
    shows(w, General, "an unknown record type", |r| {
        r["RecordType"] == 474
    })
    .await;
    shows(w, General, "a team that is a thread", |r| {
        r["TeamGuid"]
            .as_str()
            .is_some_and(|t| t.contains("@thread.tacv2"))
    })
    .await;
    shows(w, Dlp, "an exception as a string", |r| {
        r["ExceptionInfo"].is_string()
    })
    .await;
    shows(w, Dlp, "an exception as an object", |r| {
        r["ExceptionInfo"].is_object()
    })
    .await;
    shows(w, Dlp, "an upper-case user", |r| {
        r["UserId"]
            .as_str()
            .is_some_and(|u| u.contains('@') && u.to_uppercase() == u)
    })
    .await;
}
