//! The forwarding to Firehose: all of its resources exist when a stream is configured, and none otherwise.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Template, expanded};

#[tokio::test]
async fn without_a_stream_none_of_its_resources_exist() {
    let template = expanded(Template::Main).await;
    let all = template["Resources"].as_object().unwrap();
    let ours = |name: &&String| name.starts_with("Forward") || name.starts_with("Unforwarded");
    let names: Vec<&String> = all.keys().filter(ours).collect();
    assert!(names.len() >= 11, "{names:?}");
    for name in names {
        assert_eq!(all[name]["Condition"], "Forwards", "{name}");
    }
    assert_eq!(template["Parameters"]["FirehoseStream"]["Default"], "");
}

#[tokio::test]
async fn the_forwarder_may_read_every_folder_it_is_told_about() {
    let template = expanded(Template::Main).await;
    let of = |name: &str| &template["Resources"][name]["Properties"];
    let keys = &of("ForwardRule")["EventPattern"]["detail"]["object"]["key"];
    let told: BTreeSet<String> = keys
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["prefix"].as_str().unwrap().to_owned())
        .collect();

    let schemas = template["Parameters"]["Schema"]["AllowedValues"].as_array();
    let schemas = schemas.unwrap().iter();
    let folders = schemas.map(|schema| format!("{}/", schema.as_str().unwrap()));
    assert_eq!(told, folders.collect());

    let statements = &of("ForwarderRole")["Policies"][0]["PolicyDocument"]["Statement"];
    let statements = statements.as_array().unwrap();
    let reads = statements.iter().find(|of| of["Action"] == "s3:GetObject");
    let read = reads.unwrap()["Resource"].as_array().unwrap().iter();
    let read = read.map(|of| {
        let folder = of["Fn::Sub"].as_str().unwrap().trim_end_matches('*');
        folder.trim_start_matches("${Lake.Arn}/").to_owned()
    });
    assert_eq!(told, read.collect());
}

#[tokio::test]
async fn only_the_rule_may_send_to_the_queue() {
    let template = expanded(Template::Main).await;
    let policy = &template["Resources"]["ForwardQueuePolicy"]["Properties"]["PolicyDocument"];
    let statements = policy["Statement"].as_array().unwrap();
    let allows: Vec<&Value> = statements
        .iter()
        .filter(|of| of["Effect"] == "Allow")
        .collect();
    assert_eq!(allows.len(), 1);
    assert_eq!(
        (&allows[0]["Principal"], &allows[0]["Condition"]),
        (
            &json!({"Service": "events.amazonaws.com"}),
            &json!({"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["ForwardRule", "Arn"]}}})
        )
    );
}
