//! The detector and those who are told of findings: all of their resources exist when they are wanted, and none otherwise.

use pipeline::detect::{FINDING_DETAIL_TYPE, FINDING_SOURCE};
use pipeline::lake::key::RAW;
use serde_json::{Value, json};

use super::{Template, expanded};

#[tokio::test]
async fn without_detections_none_of_their_resources_exist() {
    let template = expanded(Template::Main).await;
    let all = template["Resources"].as_object().unwrap();
    let conditions = |prefix: &str| -> Vec<(String, Value)> {
        let ours = all.iter().filter(|(name, _)| {
            // The table outlives the stack, and holds what was decided about findings.
            name.starts_with(prefix) && *name != "DetectionsTable"
        });
        ours.map(|(name, of)| (name.clone(), of["Condition"].clone()))
            .collect()
    };
    let detector = conditions("Detect");
    assert!(detector.len() >= 10, "{detector:?}");
    for (name, condition) in detector {
        assert_eq!(condition, "Detects", "{name}");
    }
    let webhook = [conditions("Notifier"), conditions("FindingsWebhook")].concat();
    assert!(webhook.len() >= 5, "{webhook:?}");
    for (name, condition) in webhook {
        assert_eq!(condition, "FindingsToWebhook", "{name}");
    }
    for parameter in ["FindingsTopicArn", "FindingsWebhookUrl"] {
        assert_eq!(template["Parameters"][parameter]["Default"], "");
    }
}

#[tokio::test]
async fn the_detector_cannot_reach_what_delivery_needs() {
    let template = expanded(Template::Main).await;
    let role = &template["Resources"]["DetectorRole"]["Properties"]["Policies"][0];
    let statements = role["PolicyDocument"]["Statement"].as_array().unwrap();
    let text = Value::from(statements.clone()).to_string();
    for other in [
        "\"Table\"",
        "ContentQueue",
        "AppCredential",
        "/ocsf/",
        "/ecs/",
    ] {
        assert!(!text.contains(other), "{other}");
    }
    let writes = statements.iter().find(|of| of["Action"] == "s3:PutObject");
    let expect = json!({"Fn::Sub": "${Lake.Arn}/findings/*"});
    assert_eq!(writes.unwrap()["Resource"], expect);
}

#[tokio::test]
async fn the_bucket_tells_the_detector_of_raw_copies_alone() {
    let template = expanded(Template::Main).await;
    let of = |name: &str| &template["Resources"][name]["Properties"];
    let keys = &of("DetectRule")["EventPattern"]["detail"]["object"]["key"];
    assert_eq!(keys, &json!([{"prefix": format!("{RAW}/")}]));
    let statements = &of("DetectQueuePolicy")["PolicyDocument"]["Statement"];
    let statements = statements.as_array().unwrap().iter();
    let allows: Vec<&Value> = statements.filter(|of| of["Effect"] == "Allow").collect();
    assert_eq!(allows.len(), 1);
    let source = json!({"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["DetectRule", "Arn"]}}});
    assert_eq!(allows[0]["Condition"], source);
}

#[tokio::test]
async fn the_topic_is_told_of_findings_alone() {
    let template = expanded(Template::Main).await;
    let rule = &template["Resources"]["FindingsRule"];
    let pattern = json!({"source": [FINDING_SOURCE], "detail-type": [FINDING_DETAIL_TYPE]});
    assert_eq!(rule["Properties"]["EventPattern"], pattern);
    assert_eq!(rule["Condition"], "FindingsToTopic");
}
