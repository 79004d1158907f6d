//! Lints template.yaml and glue-tables.yaml after their SAM transform: the linters check little in a SAM source.

mod detect;
mod forward;
mod metrics;
mod rights;
mod rules;
mod settings;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tests::{glue_tables, repo, tools};
use tokio::process::Command;

/// Time for a linter. It takes seconds, or longer for the first import of its rules on a busy machine.
const LINT_TIMEOUT: Duration = Duration::from_secs(300);

/// The templates that we deploy.
#[derive(Clone, Copy, Debug)]
enum Template {
    Main,
    GlueTables,
}

impl Template {
    fn file(self) -> &'static str {
        match self {
            Self::Main => "template.yaml",
            Self::GlueTables => glue_tables::FILE,
        }
    }
}

#[tokio::test]
async fn sam_validate_finds_no_fault() {
    tools::install().await.unwrap();
    let file = Template::Main.file();
    lint(tools::sam_tool("sam").args(["validate", "--lint", "--template-file", file])).await;
}

#[tokio::test]
async fn cfn_lint_finds_no_fault() {
    let regions = ["eu-central-1", "us-east-1", "us-gov-west-1"];
    for template in [Template::Main, Template::GlueTables] {
        let (_dir, path) = expanded_file(template).await;
        lint(
            tools::sam_tool("cfn-lint")
                .arg("--template")
                .arg(path)
                .arg("--regions")
                .args(regions),
        )
        .await;
    }
}

#[tokio::test]
async fn checkov_finds_nothing_without_an_explanation() {
    for template in [Template::Main, Template::GlueTables] {
        let (_dir, path) = expanded_file(template).await;
        lint(
            tools::sam_tool("checkov")
                .args(["--config-file", "tests/tools/checkov.yaml", "--file"])
                .arg(path),
        )
        .await;
    }
}

async fn lint(command: &mut Command) {
    if let Err(findings) = tools::run(command, LINT_TIMEOUT).await {
        panic!("{findings}");
    }
}

/// A template after its SAM transform, as CloudFormation gets it.
async fn expanded(template: Template) -> Value {
    let (_dir, path) = expanded_file(template).await;
    serde_json::from_str(&repo::read(path).unwrap()).unwrap()
}

async fn expanded_file(template: Template) -> (tempfile::TempDir, PathBuf) {
    tools::install().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("expanded.json");
    let script = Path::new("tests/tools/transform.py");
    lint(
        tools::sam_tool("python")
            .arg(script)
            .arg(template.file())
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

/// The name of the resource in `{"Ref": name}` or `{"Fn::GetAtt": [name, ..]}`.
fn referred(value: &Value) -> Option<&str> {
    value["Ref"]
        .as_str()
        .or_else(|| value["Fn::GetAtt"][0].as_str())
}
