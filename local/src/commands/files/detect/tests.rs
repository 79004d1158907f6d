//! Rules tried on files and on a lake.

use detections::{Rules, Source};
use url::Url;

use super::*;

const RULE: &str = "title: Inbox rule\nid: 5d0f8b0e-7a0a-4a52-8f4b-0a7b9f6a1c08\nlogsource: {product: m365}\ndetection: {a: {Operation: New-InboxRule}, condition: a}\nlevel: high\n";

fn record(id: &str, operation: &str, day: u32) -> String {
    format!(
        r#"{{"Id":"{id}","RecordType":1,"Operation":"{operation}","UserId":"alex","CreationTime":"2026-03-{day:02}T10:00:00"}}"#
    )
}

fn run() -> Run {
    run_with(RULE, &[])
}

fn run_with(rule: &str, places: &[PathBuf]) -> Run {
    let source = Source {
        name: "a.yml".to_owned(),
        rules: rule.to_owned(),
        fixtures: None,
    };
    let rules: Rules = rules::load(&[source]).unwrap();
    let places = place_files::read(places).unwrap();
    Run {
        report: Report::new(&rules, &places),
        detector: Detector::new(Arc::new(rules), Exceptions::default())
            .with_places(Arc::new(places)),
        progress: ProgressBar::hidden(),
    }
}

#[test]
fn findings_are_counted_by_rule_and_day() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.json");
    let records = [
        record("a", "New-InboxRule", 1),
        record("b", "Get-Mailbox", 1),
        record("a", "New-InboxRule", 1),
        record("c", "New-InboxRule", 4),
        "nonsense".to_owned(),
    ];
    std::fs::write(&file, records.join("\n")).unwrap();
    let mut run = run();
    run.file(&file).unwrap();
    run.report.end(&run.detector);
    let report = serde_json::to_value(&run.report).unwrap();
    assert_eq!(
        (report["records"].as_u64(), report["days"].as_i64()),
        (Some(5), Some(4))
    );
    let rule = &report["rules"][0];
    assert_eq!(
        (rule["findings"].as_u64(), rule["per_day"].as_f64()),
        (Some(2), Some(0.5))
    );
    assert_eq!(rule["by_day"]["2026-03-01"], 1);
    assert_eq!(rule["examples"][1]["records"][0], "c");
    let text = run.report.to_string();
    assert!(
        text.contains("5 records of 4 days, 2 findings by 1 of 1 rules"),
        "{text}"
    );
    assert!(text.contains("1 of them are no records"), "{text}");
}

#[tokio::test]
async fn a_lake_is_read_from_a_day_to_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path()).unwrap();
    let lake = Lake::open(&url).unwrap();
    for day in 1..=4 {
        let path =
            format!("raw/tenant_id=t/content_type=Audit.Exchange/day=2026-03-{day:02}/a.b.json.gz");
        let body = format!("[{}]", record(&day.to_string(), "New-InboxRule", day));
        lake.compress_and_write(&path.as_str().into(), body.into())
            .await
            .unwrap();
    }
    let mut run = run();
    let day = |day: i8| Some(jiff::civil::date(2026, 3, day));
    let folder = folder.path().to_str().unwrap();
    run.lake(folder, day(2), day(3)).await.unwrap();
    assert_eq!((run.report.records, run.report.findings), (2, 2));
    assert!(run.lake("none", None, None).await.is_err());
}

#[test]
fn a_rule_about_places_works_with_their_file_alone() {
    let rule = RULE.replace(
        "Operation: New-InboxRule",
        "ocsf.src_endpoint.location.country: DE",
    );
    let record = br#"{"Id":"a","Operation":"x","ClientIP":"198.51.100.7","CreationTime":"2026-03-01T10:00:00"}"#;
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/detections/tests/places/country.mmdb"
    );
    for (places, findings, off) in [(vec![], 0, 1), (vec![PathBuf::from(file)], 1, 0)] {
        let mut run = run_with(&rule, &places);
        run.record(record);
        run.report.end(&run.detector);
        let report = serde_json::to_value(&run.report).unwrap();
        assert_eq!(report["findings"], findings);
        assert_eq!(report["off"].as_array().unwrap().len(), off);
        let text = run.report.to_string();
        assert_eq!(text.contains("1 rules are off"), off == 1, "{text}");
    }
}
