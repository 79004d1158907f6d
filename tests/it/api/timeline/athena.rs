//! The query that the timeline shows for Athena finds what the timeline finds.
//!
//! It runs over the columns of template.yaml, read as Athena's dialect and written as DuckDB's: Athena itself cannot be had here.

use std::time::Duration;

use emulator::ContentType as Published;
use pipeline::settings::EventSettings;
use serde_json::{Value, json};
use tests::Outcome;

use super::{ask, deliver, installed, record};
use crate::events::lake;

const MALLORY: &str = "mallory@contoso.example";
const ADDRESS: &str = "203.0.113.66";

#[tokio::test]
async fn athena_finds_what_the_timeline_finds() -> Outcome<()> {
    let world = installed(EventSettings::default()).await?;
    let sign_in = json!({
        "Operation": "UserLoggedIn", "RecordType": 15, "Workload": "AzureActiveDirectory", "UserId": MALLORY, "ClientIP": ADDRESS,
    });
    let rule = json!({
        "Operation": "New-InboxRule", "UserId": MALLORY, "ClientIP": ADDRESS,
        "Parameters": [{"Name": "ForwardTo", "Value": "drop@elsewhere.example"}],
    });
    let download = |who, file| {
        json!({
            "Operation": "FileDownloaded", "RecordType": 6, "Workload": "SharePoint", "UserId": who, "ItemType": "File",
            "ObjectId": format!("https://contoso.sharepoint.example/{file}"), "SourceFileName": file,
        })
    };
    let mail = vec![
        record(&world, 1, 300, &sign_in),
        record(&world, 2, 290, &rule),
        record(
            &world,
            3,
            100,
            &json!({"Operation": "Consent to application.", "RecordType": 8}),
        ),
    ];
    let files = vec![
        record(&world, 4, 280, &download(MALLORY, "plan7.xlsx")),
        record(
            &world,
            5,
            90,
            &download("alex@contoso.example", "it's mine.docx"),
        ),
    ];
    deliver(&world, Published::Exchange, mail).await?;
    deliver(&world, Published::SharePoint, files).await?;

    let minutes_ago = |minutes: u64| (world.now() - Duration::from_secs(minutes * 60)).to_string();
    let (from, to) = (minutes_ago(295), minutes_ago(285));
    let (mut queries, mut expected) = (Vec::new(), Vec::new());
    for (search, is_there) in [
        (vec![], true),
        (vec![("user", MALLORY)], true),
        (vec![("user", "Alex@Contoso.example")], true),
        (vec![("address", ADDRESS)], true),
        (vec![("operation", "Consent to application")], true),
        (
            vec![("class", "File Hosting Activity"), ("user", MALLORY)],
            true,
        ),
        (
            vec![("class", "3002"), ("severity", "low,informational")],
            true,
        ),
        (vec![("severity", "high,critical")], true),
        (vec![("text", "UserLoggedIn")], true),
        (vec![("from", &from), ("to", &to)], true),
        (vec![("user", "it's nobody")], false),
    ] {
        let page = ask(&world, &search).await;
        let found = operations(&page["events"]);
        assert_eq!(!found.is_empty(), is_there, "{search:?}: {page}");
        queries.push(page["athena_sql"].as_str().unwrap_or_default().to_owned());
        expected.push((format!("{search:?}"), found));
    }
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    let answers = lake::ask(world.lake(), "--athena", &queries).await?;
    assert_eq!(answers.len(), expected.len());
    for ((search, expect), rows) in expected.iter().zip(&answers) {
        assert_eq!(&operations(rows), expect, "{search}");
    }
    Ok(())
}

/// The operations of all rows, in an order of their own: rows of one moment have none.
fn operations(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().into_iter().flatten();
    let named = rows.filter_map(|row| row["operation"].as_str());
    let mut all: Vec<String> = named.map(str::to_owned).collect();
    all.sort_unstable();
    all
}
