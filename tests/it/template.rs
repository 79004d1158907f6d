//! template.yaml, linted as SAM source and, where the linters see something, expanded to plain CloudFormation.

mod forward;
mod metrics;
mod rights;
mod rules;
mod settings;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tests::{repo, tools};
use tokio::process::Command;

/// A linter's run: seconds, but for a first import of its rules on a busy machine.
const LINT_TIMEOUT: Duration = Duration::from_secs(300);

#[tokio::test]
async fn sam_validate_finds_nothing() {
    tools::install().await.unwrap();
    lint(tools::sam_tool("sam").args(["validate", "--lint", "--template-file", "template.yaml"]))
        .await;
}

#[tokio::test]
async fn cfn_lint_finds_nothing_in_the_expanded_template() {
    let (_dir, path) = expanded_file().await;
    let regions = ["eu-central-1", "us-east-1", "us-gov-west-1"];
    lint(
        tools::sam_tool("cfn-lint")
            .arg("--template")
            .arg(path)
            .arg("--regions")
            .args(regions),
    )
    .await;
}

#[tokio::test]
async fn checkov_finds_only_what_is_explained_in_its_configuration() {
    let (_dir, path) = expanded_file().await;
    lint(
        tools::sam_tool("checkov")
            .args(["--config-file", "tests/tools/checkov.yaml", "--file"])
            .arg(path),
    )
    .await;
}

async fn lint(command: &mut Command) {
    if let Err(findings) = tools::run(command, LINT_TIMEOUT).await {
        panic!("{findings}");
    }
}

/// The template as CloudFormation sees it.
async fn expanded() -> Value {
    let (_dir, path) = expanded_file().await;
    serde_json::from_str(&repo::read(path).unwrap()).unwrap()
}

async fn expanded_file() -> (tempfile::TempDir, PathBuf) {
    tools::install().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("expanded.json");
    let script = Path::new("tests/tools/transform.py");
    lint(
        tools::sam_tool("python")
            .arg(script)
            .arg("template.yaml")
            .arg(&path),
    )
    .await;
    (dir, path)
}

/// The resources of a type, with their names.
fn resources<'a>(template: &'a Value, of: &str) -> Vec<(&'a str, &'a Value)> {
    let all = template["Resources"].as_object().unwrap().iter();
    let found: Vec<_> = all
        .filter(|(_, resource)| resource["Type"] == of)
        .map(|(name, resource)| (name.as_str(), resource))
        .collect();
    assert!(!found.is_empty(), "the template has no {of}");
    found
}

/// The name of the resource that `{"Ref": name}` or `{"Fn::GetAtt": [name, ..]}` means.
fn referred(value: &Value) -> Option<&str> {
    value["Ref"]
        .as_str()
        .or_else(|| value["Fn::GetAtt"][0].as_str())
}
