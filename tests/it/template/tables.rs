//! The Glue tables for the Parquet files: glue-tables.yaml has the same columns as the files, and template.yaml deploys
//! it.

use std::collections::{BTreeMap, BTreeSet};

use columnar::{CLASSES, Class};
use serde_json::{Value, json};
use tests::{glue_tables, repo};

use super::{Template, expanded, referred, resources};

/// Longest column type that Glue accepts, in characters.
const GLUE_TYPE_CHARS_MAX: usize = 131_072;

/// Largest template that CloudFormation accepts from a bucket, in bytes.
const TEMPLATE_BYTES_MAX: usize = 1_000_000;

#[test]
fn glue_tables_yaml_is_up_to_date() {
    let file = repo::read(glue_tables::FILE).unwrap();
    assert!(
        file == glue_tables::template().unwrap(),
        "{} is out of date: run `cargo glue-tables` and look at the difference",
        glue_tables::FILE
    );
}

#[tokio::test]
async fn each_class_has_a_table_where_the_compactor_writes() {
    let template = expanded(Template::GlueTables).await;
    let compactor = expanded(Template::Main).await["Resources"]["CompactorFunction"].take();
    let settings = &compactor["Properties"]["Environment"]["Variables"];
    let tables: BTreeMap<&str, &Value> = resources(&template, "AWS::Glue::Table")
        .into_iter()
        .map(|(_, table)| (name(table), &table["Properties"]))
        .collect();
    assert_eq!(tables.len(), CLASSES.len());
    for class in CLASSES.iter() {
        let table = tables[class.source];
        assert_eq!(table["DatabaseName"], json!({"Ref": "Database"}));
        let input = &table["TableInput"];
        let columns = &input["StorageDescriptor"]["Columns"];
        assert_eq!(*columns, columns_of(class), "{}", class.source);
        let projection = &input["Parameters"];
        assert_eq!(
            projection["projection.region.values"],
            settings["LAKE_REGION"]
        );
        assert_eq!(
            projection["projection.accountid.values"],
            settings["LAKE_ACCOUNT_ID"]
        );
        let folder = format!(
            "s3://${{Bucket}}/ext/{}/region=${{!region}}/accountId=${{!accountid}}/eventDay=${{!eventday}}/",
            class.source
        );
        let location = &projection["storage.location.template"];
        assert_eq!(*location, json!({"Fn::Sub": folder}));
    }
}

#[tokio::test]
async fn the_tables_are_only_deployed_with_parquet() {
    let template = expanded(Template::Main).await;
    let nested = &template["Resources"]["GlueTables"];
    assert_eq!(nested["Type"], "AWS::CloudFormation::Stack");
    assert_eq!(nested["Condition"], "ParquetHourly");
    let url = nested["Properties"]["TemplateURL"].as_str().unwrap();
    assert_eq!(url.rsplit('/').next(), Some(glue_tables::FILE));
    let given = nested["Properties"]["Parameters"].as_object().unwrap();
    assert_eq!(referred(&given["Database"]), Some("LakeDatabase"));
    assert_eq!(referred(&given["Bucket"]), Some("Lake"));
    let declared = expanded(Template::GlueTables).await["Parameters"].take();
    for (name, parameter) in declared.as_object().unwrap() {
        assert!(
            parameter["AllowedPattern"].is_string(),
            "{name}: takes anything"
        );
    }
    let names = |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(given), names(declared.as_object().unwrap()));
}

#[tokio::test]
async fn the_expanded_tables_fit_into_one_template() {
    let bytes = expanded(Template::GlueTables).await.to_string().len();
    // sam deploy uploads YAML, which is at most twice as long here as JSON without white space.
    assert!(2 * bytes < TEMPLATE_BYTES_MAX, "{bytes} bytes");
}

#[test]
fn every_table_has_its_own_resource_name() {
    let names: BTreeSet<_> = CLASSES
        .iter()
        .map(|class| glue_tables::resource_name(class.source))
        .collect();
    assert_eq!(names.len(), CLASSES.len());
    assert!(names.contains("UalFileHostingTable"));
}

fn name(table: &Value) -> &str {
    table["Properties"]["TableInput"]["Name"].as_str().unwrap()
}

fn columns_of(class: &Class) -> Value {
    let columns = class.glue_columns().into_iter().map(|column| {
        assert!(
            column.glue_type.len() <= GLUE_TYPE_CHARS_MAX,
            "{}",
            column.name
        );
        json!({"Name": column.name, "Type": column.glue_type})
    });
    columns.collect()
}
