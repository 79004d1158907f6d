//! Recommendations of AWS that no linter checks.

use serde_json::{Value, json};

use super::{Template, expanded, referred, resources};

#[tokio::test]
async fn the_template_follows_rules_that_no_linter_checks() {
    assert_eq!(
        broken_rules(&expanded(Template::Main).await),
        Vec::<String>::new()
    );
}

#[expect(
    clippy::too_many_lines,
    reason = "a list: each rule and how to break it"
)]
#[tokio::test]
async fn each_rule_detects_a_violation() {
    let good = expanded(Template::Main).await;
    let check = |pointer: &str, value: Value, expect: &str| {
        let mut template = good.clone();
        *template.pointer_mut(pointer).unwrap() = value;
        let broken = broken_rules(&template);
        assert!(
            broken.iter().any(|rule| rule.contains(expect)),
            "{pointer}: {broken:?} has no {expect:?}"
        );
    };
    let of = |name: &str, property: &str| format!("/Resources/{name}/Properties/{property}");
    check(
        &of("ContentQueue", "VisibilityTimeout"),
        json!(719),
        "ContentQueue: visibility",
    );
    check(
        &of("ContentQueue", "MessageRetentionPeriod"),
        json!(1_209_600),
        "ContentQueue: retention",
    );
    check(
        &of("ContentQueue", "SqsManagedSseEnabled"),
        json!(false),
        "ContentQueue: not encrypted",
    );
    check(
        &of("ForwarderFunction", "Timeout"),
        json!(301),
        "ForwardQueue: visibility",
    );
    check(
        &of("FetcherSource", "FunctionResponseTypes"),
        json!([]),
        "FetcherSource: batch",
    );
    check(
        &of("FetcherSource", "ScalingConfig"),
        json!({}),
        "FetcherSource: concurrency",
    );
    check(
        &of("ReceiverLog", "RetentionInDays"),
        Value::Null,
        "ReceiverLog: kept for ever",
    );
    check(
        &of("ReceiverFunction", "Timeout"),
        json!(31),
        "ReceiverFunction: outlives",
    );
    check(
        &of("ReceiverFunction", "Architectures"),
        json!(["x86_64"]),
        "ReceiverFunction: architecture",
    );
    check(
        &of("Lake", "VersioningConfiguration/Status"),
        json!("Suspended"),
        "Lake: not versioned",
    );
    check(
        &of("LakePolicy", "PolicyDocument/Statement"),
        json!([]),
        "Lake: plain http",
    );
    check(
        &of("Table", "TimeToLiveSpecification/AttributeName"),
        json!("ttl"),
        "Table: time to live",
    );
    check(
        &of(
            "Table",
            "PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled",
        ),
        json!(false),
        "Table: no recovery",
    );
    check(
        "/Parameters/ClientId/AllowedPattern",
        Value::Null,
        "ClientId: takes anything",
    );
}

fn broken_rules(template: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    broken.extend(queue_rules(template));
    broken.extend(function_rules(template));
    broken.extend(store_rules(template));
    for (name, parameter) in template["Parameters"].as_object().unwrap() {
        let is_bounded = ["AllowedPattern", "AllowedValues", "MaxValue"]
            .iter()
            .any(|of| !parameter[of].is_null());
        rule(&mut broken, is_bounded, name, "takes anything");
    }
    for (name, log) in resources(template, "AWS::Logs::LogGroup") {
        rule(
            &mut broken,
            !log["Properties"]["RetentionInDays"].is_null(),
            name,
            "kept for ever",
        );
    }
    broken
}

fn queue_rules(template: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let property = |name: &str, of: &str| {
        template["Resources"][name]["Properties"][of]
            .as_u64()
            .unwrap_or_default()
    };
    for (name, queue) in resources(template, "AWS::SQS::Queue") {
        rule(
            &mut broken,
            queue["Properties"]["SqsManagedSseEnabled"] == true,
            name,
            "not encrypted",
        );
        if let Some(dead_letters) =
            referred(&queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"])
        {
            let longer = property(dead_letters, "MessageRetentionPeriod")
                > property(name, "MessageRetentionPeriod");
            rule(
                &mut broken,
                longer,
                name,
                "retention is not shorter than its dead letters'",
            );
        }
    }
    for (name, mapping) in resources(template, "AWS::Lambda::EventSourceMapping") {
        let mapping = &mapping["Properties"];
        let queue = referred(&mapping["EventSourceArn"]).unwrap();
        let function = referred(&mapping["FunctionName"]).unwrap();
        let enough = property(queue, "VisibilityTimeout") >= 6 * property(function, "Timeout");
        rule(
            &mut broken,
            enough,
            queue,
            "visibility is below six times the function's timeout",
        );
        rule(
            &mut broken,
            mapping["FunctionResponseTypes"] == json!(["ReportBatchItemFailures"]),
            name,
            "batch fails as one",
        );
        rule(
            &mut broken,
            !mapping["ScalingConfig"]["MaximumConcurrency"].is_null(),
            name,
            "concurrency is not bounded",
        );
        // What is sent again before it expires needs no dead letters.
        let redrives = !template["Resources"][queue]["Properties"]["RedrivePolicy"].is_null()
            || property(queue, "MessageRetentionPeriod") <= 600;
        rule(&mut broken, redrives, queue, "has no dead-letter queue");
    }
    broken
}

fn function_rules(template: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    assert_eq!(template["Parameters"]["Architecture"]["Default"], "arm64");
    for (name, function) in resources(template, "AWS::Lambda::Function") {
        let chosen = function["Properties"]["Architectures"] == json!([{"Ref": "Architecture"}]);
        rule(
            &mut broken,
            chosen,
            name,
            "architecture is not the parameter",
        );
        rule(
            &mut broken,
            function["Properties"]["Runtime"] == "provided.al2023",
            name,
            "runtime is not provided.al2023",
        );
    }
    for (_, integration) in resources(template, "AWS::ApiGatewayV2::Integration") {
        let name = referred(&integration["Properties"]["IntegrationUri"]).unwrap();
        let timeout_seconds = template["Resources"][name]["Properties"]["Timeout"]
            .as_u64()
            .unwrap();
        rule(
            &mut broken,
            timeout_seconds < 30,
            name,
            "outlives the API in front, which gives up after 30 s",
        );
    }
    broken
}

fn store_rules(template: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, table) in resources(template, "AWS::DynamoDB::Table") {
        let table = &table["Properties"];
        rule(
            &mut broken,
            table["BillingMode"] == "PAY_PER_REQUEST",
            name,
            "not on demand",
        );
        let expires = &table["TimeToLiveSpecification"];
        rule(
            &mut broken,
            expires["AttributeName"] == "expires_at" && expires["Enabled"] == true,
            name,
            "time to live is off",
        );
        rule(
            &mut broken,
            table["SSESpecification"]["SSEEnabled"] == true,
            name,
            "not encrypted",
        );
        let recovers =
            table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] == true;
        rule(
            &mut broken,
            recovers,
            name,
            "no recovery to a point in time",
        );
    }
    let policies = resources(template, "AWS::S3::BucketPolicy");
    for (name, bucket) in resources(template, "AWS::S3::Bucket") {
        let tls_only = policies.iter().any(|(_, policy)| {
            let refuses = &policy["Properties"]["PolicyDocument"]["Statement"][0];
            let plain = refuses["Condition"]["Bool"]["aws:SecureTransport"] == "false";
            referred(&policy["Properties"]["Bucket"]) == Some(name)
                && refuses["Effect"] == "Deny"
                && plain
        });
        rule(&mut broken, tls_only, name, "plain http is not refused");
        let bucket = &bucket["Properties"];
        rule(
            &mut broken,
            bucket["VersioningConfiguration"]["Status"] == "Enabled",
            name,
            "not versioned",
        );
        rule(
            &mut broken,
            !bucket["BucketEncryption"].is_null(),
            name,
            "not encrypted",
        );
        let shut = bucket["PublicAccessBlockConfiguration"]
            .as_object()
            .is_some_and(|of| of.len() == 4 && of.values().all(|on| on == true));
        rule(&mut broken, shut, name, "may become public");
    }
    broken
}

fn rule(broken: &mut Vec<String>, holds: bool, name: &str, says: &str) {
    if !holds {
        broken.push(format!("{name}: {says}"));
    }
}
