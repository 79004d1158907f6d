//! The template gives each function exactly the settings that it reads, and defines the table that the ledger expects.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;

use pipeline::compact;
use pipeline::detections::schema::{
    self as detections, AT, BY_TENANT, LISTED, LISTED_OF_TENANT, OPEN_FINDINGS,
};
use pipeline::ledger::{DUE_AT, OPEN, OPEN_BLOBS, OPEN_BLOBS_INCLUDED, key};
use pipeline::reconcile::Event;
use pipeline::settings;
use serde_json::{Value, json};

use super::{Template, expanded, referred, resources};

/// Read by every main before the other settings.
const BY_EACH_MAIN: [&str; 1] = ["LOG_LEVEL"];

/// The same for those that measure something.
const BY_MAINS_THAT_MEASURE: [&str; 2] = ["LOG_LEVEL", "DEPLOYMENT"];

/// Prefix of variables that glibc's allocator reads.
const ALLOCATOR: &str = "MALLOC_";

#[tokio::test]
async fn each_function_gets_the_settings_that_it_reads() {
    let template = expanded(Template::Main).await;
    let (plain, measuring) = (&BY_EACH_MAIN[..], &BY_MAINS_THAT_MEASURE[..]);
    check(&template, "ReceiverFunction", plain, |get| {
        settings::receiver(get)
    });
    check(&template, "FetcherFunction", measuring, |get| {
        settings::fetcher(get)
    });
    check(&template, "ApiFunction", plain, |get| settings::api(get));
    check(&template, "ReconcilerFunction", measuring, |get| {
        settings::reconciler(get)
    });
    check(&template, "CompactorFunction", measuring, |get| {
        settings::compactor(get)
    });
    check(&template, "ForwarderFunction", measuring, |get| {
        settings::forwarder(get)
    });
    check(&template, "DetectorFunction", measuring, |get| {
        settings::detector(get)
    });
    check(&template, "NotifierFunction", measuring, |get| {
        settings::notifier(get)
    });
}

fn check<T: Debug, E: Debug>(
    template: &Value,
    function: &str,
    by_main: &[&str],
    read: impl Fn(&dyn Fn(&str) -> Option<String>) -> Result<T, E>,
) {
    let given = template["Resources"][function]["Properties"]["Environment"]["Variables"]
        .as_object()
        .unwrap();
    let asked = RefCell::new(BTreeSet::from_iter(
        by_main.iter().map(|name| (*name).to_owned()),
    ));
    let result = read(&|name| {
        asked.borrow_mut().insert(name.to_owned());
        given.get(name).map(|value| deployed(template, name, value))
    });
    let ours = given.keys().filter(|name| !name.starts_with(ALLOCATOR));
    let given: BTreeSet<String> = ours.cloned().collect();
    assert_eq!(
        given,
        asked.into_inner(),
        "{function}: what template.yaml gives is not what settings.rs reads"
    );
    result.unwrap();
}

/// A value that the variable may have when deployed: the parameter's default if it has one, or a value of the right
/// form.
fn deployed(template: &Value, name: &str, value: &Value) -> String {
    let parameter = value["Ref"].as_str().map(|of| &template["Parameters"][of]);
    let default = parameter.and_then(|of| of["Default"].as_str());
    if let Some(number) = parameter.and_then(|of| of["Default"].as_u64()) {
        return number.to_string();
    }
    match name {
        // With the default, no function that reads it is deployed.
        "FIREHOSE_STREAM" if default == Some("") => "to-the-siem",
        "FINDINGS_WEBHOOK_URL" if default == Some("") => "https://soc.example/findings",
        _ if default.is_some() => default.unwrap_or_default(),
        "CLIENT_ID" | "PUBLISHER_ID" => "6f7c5e2a-93a9-4a40-9d6a-6f9c7d3f0b11",
        "LAKE_URL" => "s3://lake-1a2b3c",
        "LAKE_REGION" => "eu-central-1",
        "LAKE_ACCOUNT_ID" => "111122223333",
        "WEBHOOK_BASE_URL" => "https://abcdef.execute-api.eu-central-1.amazonaws.com",
        "QUEUE_URL" => "https://sqs.eu-central-1.amazonaws.com/111122223333/content",
        _ => "arn:aws:secretsmanager:eu-central-1:111122223333:secret:some-1a2b3c",
    }
    .to_owned()
}

#[tokio::test]
async fn every_parameter_and_variable_is_documented() {
    let template = expanded(Template::Main).await;
    let text = tests::repo::read("docs/CONFIGURATION.md").unwrap();
    let mut names: BTreeSet<String> = template["Parameters"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for (_, function) in resources(&template, "AWS::Lambda::Function") {
        let variables = function["Properties"]["Environment"]["Variables"]
            .as_object()
            .unwrap();
        names.extend(variables.keys().cloned());
    }
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !text.contains(name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/CONFIGURATION.md does not name {missing:?}"
    );
}

#[tokio::test]
async fn the_table_is_the_one_that_the_ledger_expects() {
    let template = expanded(Template::Main).await;
    let (_, table) = resources(&template, "AWS::DynamoDB::Table")[0];
    let table = &table["Properties"];
    let keys = |hash: &str, range: &str| json!([{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
    assert_eq!(table["KeySchema"], keys(key::PK, key::SK));
    let index = &table["GlobalSecondaryIndexes"][0];
    assert_eq!(index["IndexName"], OPEN_BLOBS);
    assert_eq!(index["KeySchema"], keys(OPEN, DUE_AT));
    assert_eq!(
        index["Projection"],
        json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": OPEN_BLOBS_INCLUDED})
    );
    assert_eq!(
        table["GlobalSecondaryIndexes"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn the_table_of_findings_has_the_indexes_that_lists_read() {
    let template = expanded(Template::Main).await;
    let table = &template["Resources"]["DetectionsTable"]["Properties"];
    let index = |name: &str, hash: &str, attributes: Vec<&str>| {
        json!({
            "IndexName": name,
            "KeySchema": [{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": AT, "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": attributes},
        })
    };
    let of_tenant = LISTED.into_iter().chain(LISTED_OF_TENANT).collect();
    let expect = json!([
        index(BY_TENANT, key::PK, of_tenant),
        index(OPEN_FINDINGS, detections::OPEN, LISTED.to_vec()),
    ]);
    assert_eq!(table["GlobalSecondaryIndexes"], expect);
}

#[tokio::test]
async fn the_dispatcher_runs_every_minute() {
    let template = expanded(Template::Main).await;
    let schedules = resources(&template, "AWS::Scheduler::Schedule");
    let sweeps = schedules.into_iter().filter(|(_, schedule)| {
        referred(&schedule["Properties"]["Target"]["Arn"]) == Some("ReconcilerFunction")
    });
    let scheduled: Vec<_> = sweeps
        .map(|(_, schedule)| &schedule["Properties"])
        .collect();
    assert_eq!(scheduled.len(), 1);
    let input = scheduled[0]["Target"]["Input"].as_str().unwrap();
    let event: Event = serde_json::from_str(input).unwrap();
    assert!(matches!(event, Event::Dispatch { .. }), "{event:?}");
    assert_eq!(scheduled[0]["ScheduleExpression"], "rate(1 minute)");
}

#[tokio::test]
async fn hours_are_compacted_after_their_grace_period() {
    let template = expanded(Template::Main).await;
    let schedule = &template["Resources"]["CompactionSchedule"]["Properties"];
    let minute = schedule["ScheduleExpression"]
        .as_str()
        .and_then(|of| of.strip_prefix("cron(")?.strip_suffix(" * * * ? *)"));
    let minute: u64 = minute.unwrap().parse().unwrap();
    assert!(minute * 60 > compact::GRACE.as_secs(), "{minute}");
    let event: compact::Event =
        serde_json::from_str(schedule["Target"]["Input"].as_str().unwrap()).unwrap();
    assert_eq!(event.look_back_days, None);
}
