//! The template's alarms are on metrics that exist: the pipeline's own, or AWS's.

use std::collections::BTreeSet;
use std::path::Path;

use pipeline::metrics::{DIMENSION, NAMESPACE, name};
use serde_json::{Value, json};
use tests::repo;

use super::{Template, expanded, referred, resources};

/// Alarms on numbers of AWS's own services have such a namespace.
const AWS: &str = "AWS/";

/// The pipeline's metrics without an alarm: they are looked at, or are part of others that have one.
const WITHOUT_ALARM: [&str; 12] = [
    name::BLOBS_GIVEN_UP,
    name::LOSSES_RECORDED,
    name::RECORDS_WRITTEN,
    name::RECORDS_DUPLICATE,
    name::RECORDS_DROPPED,
    name::UNKNOWN_TYPES,
    name::UNKNOWN_OPERATIONS,
    name::TENANTS_FAILING,
    name::RECORDS_LOOKED_AT,
    name::FINDINGS_MADE,
    name::FINDINGS_EXCEPTED,
    name::DETECTION_SETS_FULL,
];

#[tokio::test]
async fn each_alarm_is_on_a_metric_of_the_code_or_of_aws() {
    let template = expanded(Template::Main).await;
    let mut watched = BTreeSet::new();
    for (alarm, resource) in resources(&template, "AWS::CloudWatch::Alarm") {
        let properties = &resource["Properties"];
        let namespace = properties["Namespace"].as_str().unwrap_or_default();
        if namespace.starts_with(AWS) {
            continue;
        }
        assert_eq!(namespace, NAMESPACE, "{alarm}");
        let dimensions = json!([{"Name": DIMENSION, "Value": {"Ref": "AWS::StackName"}}]);
        assert_eq!(properties["Dimensions"], dimensions, "{alarm}");
        let metric = properties["MetricName"].as_str().unwrap();
        let statistic = if name::COUNTS.contains(&metric) {
            "Sum"
        } else {
            "Maximum"
        };
        assert_eq!(properties["Statistic"], statistic, "{alarm}");
        watched.insert(metric.to_owned());
    }
    let measures = name::MEASURES.map(|(name, _)| name);
    let with_alarm = name::COUNTS.iter().chain(&measures);
    let with_alarm = with_alarm.filter(|name| !WITHOUT_ALARM.contains(name));
    let expect: BTreeSet<String> = with_alarm.map(|name| (*name).to_owned()).collect();
    assert_eq!(watched, expect);
}

#[test]
fn what_has_a_name_is_counted_or_measured() {
    const NAMES: &str = "shared/pipeline/src/metrics.rs";
    let sources = repo::files().unwrap().into_iter().filter(|path| {
        path.starts_with("shared/pipeline/src")
            && !path.ends_with("tests.rs")
            && *path != Path::new(NAMES)
    });
    let sources: String = sources.map(|path| repo::read(path).unwrap()).collect();
    let text = repo::read(NAMES).unwrap();
    let constants = text.lines().filter_map(|line| {
        let (constant, value) = line
            .trim()
            .strip_prefix("pub const ")?
            .split_once(": &str = \"")?;
        Some((constant, value.strip_suffix("\";")?))
    });
    let unused = constants.filter(|(constant, value)| {
        let is_metric =
            name::COUNTS.contains(value) || name::MEASURES.iter().any(|(name, _)| name == value);
        is_metric && !sources.contains(&format!("name::{constant}"))
    });
    let unused: Vec<&str> = unused.map(|(_, value)| value).collect();
    assert_eq!(unused, Vec::<&str>::new());
}

#[tokio::test]
async fn no_alarm_depends_on_the_words_of_the_log() {
    let template = expanded(Template::Main).await;
    let all = template["Resources"].as_object().unwrap().values();
    let filters = all.filter(|resource| resource["Type"] == "AWS::Logs::MetricFilter");
    assert_eq!(filters.count(), 0);
}

#[tokio::test]
async fn each_dead_letter_queue_has_an_alarm() {
    let template = expanded(Template::Main).await;
    let queues = resources(&template, "AWS::SQS::Queue");
    let dead_letters: BTreeSet<&str> = queues
        .iter()
        .filter_map(|(_, queue)| {
            referred(&queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"])
        })
        .collect();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let watched: BTreeSet<&str> = alarms
        .iter()
        .map(|(_, alarm)| &alarm["Properties"])
        .filter(|of| of["MetricName"] == "ApproximateNumberOfMessagesVisible")
        .filter_map(|of| referred(&of["Dimensions"][0]["Value"]))
        .collect();
    assert_eq!(watched, dead_letters);
}

#[tokio::test]
async fn each_alarm_notifies_and_says_what_to_do() {
    let template = expanded(Template::Main).await;
    let text = repo::read("docs/TROUBLESHOOTING.md").unwrap();
    let notify =
        json!({"Fn::If": ["AlarmsNotify", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]});
    for (alarm, resource) in resources(&template, "AWS::CloudWatch::Alarm") {
        let properties = &resource["Properties"];
        assert_eq!(properties["AlarmActions"], notify, "{alarm}");
        let description: &Value = &properties["AlarmDescription"];
        assert!(description.is_string(), "{alarm}");
        let row = format!("| {alarm} |");
        assert!(
            text.contains(&row),
            "docs/TROUBLESHOOTING.md has no {alarm}"
        );
    }
}

#[tokio::test]
async fn metrics_and_the_documents_have_the_same_names() {
    let text = repo::read("docs/TROUBLESHOOTING.md").unwrap();
    let measures = name::MEASURES.map(|(name, _)| name);
    for name in name::COUNTS.iter().chain(&measures) {
        let row = format!("| `{name}` |");
        assert!(text.contains(&row), "docs/TROUBLESHOOTING.md has no {name}");
    }
}
