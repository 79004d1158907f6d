//! `restore` tells a new table which blob each record of a lake belongs to.

use std::fs;
use std::path::Path;
use std::process::Output;

use local::backends::{self, Storage, TABLE};
use serde_json::{Value, json};

use crate::process::{WITHIN, run, text, ualstream};

/// A lake of 20 blobs with 5 records each.
fn lake(folder: &Path) {
    let arguments =
        "demo --once --json --tenants 2 --blobs 10 --records-per-blob 5 --story none --lake lake";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let output = run(folder, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

async fn restore(folder: &Path, dynamodb: String) -> Output {
    let lake = url::Url::from_directory_path(folder.join("lake")).unwrap();
    let arguments = ["restore", "--table", TABLE, "--lake", lake.as_str()];
    let mut command = ualstream(folder, &arguments);
    command
        .env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn printed(output: &Output) -> Value {
    let (out, told) = (text(&output.stdout), text(&output.stderr));
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{told}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_claims_what_the_lake_has() {
    let folder = tempfile::tempdir().unwrap();
    lake(folder.path());
    let backends = backends::start(Storage::Memory, WITHIN).await.unwrap();
    let whole =
        json!({"objects": 20, "records": 100, "without_id": 0, "elsewhere": 0, "passed_over": 0});
    for _ in 0..2 {
        let output = restore(folder.path(), backends.dynamodb_url()).await;
        assert_eq!(printed(&output), whole);
        assert!(output.status.success());
    }
    let entries = backends.dynamodb.scan().table_name(TABLE).send().await;
    let entries = entries.unwrap().items.unwrap_or_default().into_iter();
    let mut names = entries.map(|item| item["pk"].as_s().unwrap().clone());
    assert!(names.all(|pk| pk.starts_with("claims#")));

    let odd = folder
        .path()
        .join("lake/ocsf/content_type=Audit.General/day=2999-01-01/odd.ndjson.gz");
    fs::create_dir_all(odd.parent().unwrap()).unwrap();
    fs::write(odd, "odd").unwrap();
    let output = restore(folder.path(), backends.dynamodb_url()).await;
    assert_eq!(printed(&output)["passed_over"], 1);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("odd.ndjson.gz"));
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_from_another_folder_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let backends = backends::start(Storage::Memory, WITHIN).await.unwrap();
    let output = restore(folder.path(), backends.dynamodb_url()).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("has no events"));
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_without_a_table_says_so() {
    let folder = tempfile::tempdir().unwrap();
    lake(folder.path());
    let output = restore(folder.path(), "http://127.0.0.1:1/".to_owned()).await;
    let told = text(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains("dynamodb"), "{told}");
}
