//! Parquet files written by the compactor can be read by DuckDB and PyArrow.

use std::path::Path;
use std::time::Duration;

use normalize::{Context, Options, RawData};
use pipeline::compact::{self, Compactor, LOOK_BACK_DAYS, Looks, Run};
use pipeline::content::ContentRef;
use pipeline::lake::Destination;
use pipeline::lake::{Codec, Lake, key};
use serde_json::{Value, json};
use tests::{repo, tools};
use tokio::time::Instant;
use url::Url;

const RECORDS_PER_OBJECT: usize = 60;

const READ_TIMEOUT: Duration = Duration::from_secs(120);

const FIXTURES: &str = "shared/normalize/tests/fixtures";

/// All raw records of the normalizer's fixtures. Some lines are not records.
fn records() -> Vec<Vec<u8>> {
    let golden = repo::read(format!("{FIXTURES}/golden.ndjson")).unwrap();
    let raw = |line: &str| serde_json::from_str::<Value>(line).unwrap()["raw"].to_string();
    let mut records: Vec<Vec<u8>> = golden.lines().map(|line| raw(line).into_bytes()).collect();
    let families = std::fs::read_dir(repo::root().join(FIXTURES).join("records")).unwrap();
    let mut families: Vec<_> = families.map(|file| file.unwrap().path()).collect();
    families.sort();
    for family in families {
        let text = std::fs::read(family).unwrap();
        let lines = text.split(|byte| *byte == b'\n');
        records.extend(
            lines
                .filter(|line| !line.trim_ascii().is_empty())
                .map(<[u8]>::to_vec),
        );
    }
    records
}

/// Writes the events of some records as the object of blob `number`.
async fn put_events(lake: &Lake, number: usize, records: &[Vec<u8>], raw_data: RawData) -> usize {
    let blob = ContentRef {
        tenant_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
        content_type: office365::ContentType::AuditGeneral,
        content_id: format!("blob${number}").parse().unwrap(),
        content_created: format!("2026-03-01T{:02}:30:00Z", number % 20)
            .parse()
            .unwrap(),
        content_expiration: "2026-03-08T10:30:00Z".parse().unwrap(),
    };
    let options = Options {
        raw_data,
        ..Options::default()
    };
    let context = Context {
        content_type: Some("Audit.General"),
        content_created_ms: Some(blob.content_created.as_millisecond()),
        options: &options,
    };
    let mut events = Vec::new();
    for record in records {
        normalize::event(record, &context, &mut events);
    }
    // A lake has objects in both compressions after the setting was changed.
    let codec = [Codec::Gzip, Codec::Zstd][number % 2];
    lake.compress_and_write(
        &key::events(&blob, normalize::Schema::Ocsf, codec, 0),
        events.into(),
    )
    .await
    .unwrap();
    records.len()
}

async fn read_back(lake: &Path) -> Value {
    tools::install_lake().await.unwrap();
    let columns = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        columns.path(),
        local::commands::files::columns::as_json_lines(),
    )
    .unwrap();
    let script = repo::root().join("tests/tools/read_lake.py");
    let mut python = tokio::process::Command::new(tools::bin("lake").join("python"));
    python.arg(script).arg(lake).arg(columns.path());
    let printed = tools::run(&mut python, READ_TIMEOUT).await;
    serde_json::from_str(&printed.unwrap()).unwrap()
}

#[tokio::test]
async fn duckdb_and_pyarrow_read_every_event_once_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let compactor = Compactor {
        lake: Lake::open(&Url::from_directory_path(folder.path()).unwrap()).unwrap(),
        destination: Destination {
            region: "eu-central-1".parse().unwrap(),
            account_id: "111122223333".parse().unwrap(),
        },
    };
    let run = Run {
        now: "2026-03-02T00:00:00Z".parse().unwrap(),
        look_back_days: LOOK_BACK_DAYS,
        looks: Looks::All,
        deadline: Instant::now() + Duration::from_secs(3_600),
    };
    let records = records();
    let mut events = 0;
    for (number, records) in records.chunks(RECORDS_PER_OBJECT).enumerate() {
        events += put_events(&compactor.lake, number, records, RawData::Unmapped).await;
    }
    let report = compact::run(&compactor, run).await.unwrap();
    assert_eq!(report.events, events);
    // Late events get files of their own.
    events += put_events(&compactor.lake, 100, &records[..50], RawData::Always).await;
    let late = compact::run(&compactor, run).await.unwrap();
    assert_eq!((late.plans, late.events), (1, 50));

    let expect = json!({"written": events, "duckdb": events, "pyarrow": events});
    assert_eq!(read_back(folder.path()).await, expect);
}
