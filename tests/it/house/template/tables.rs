//! The Glue tables: glue-tables.yaml has the same columns as the Parquet files, template.yaml deploys it, and its table of
//! certificates has their members.

use std::collections::{BTreeMap, BTreeSet};

use columnar::{CLASSES, Class};
use office365::ContentType;
use pipeline::certificate::{Gaps, certify};
use pipeline::ledger::blob::HourOfBlobs;
use pipeline::ledger::key::BlobHour;
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
async fn the_table_of_certificates_has_their_members() {
    let tenant = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    let of = BlobHour {
        tenant,
        content_type: ContentType::DlpAll,
        hour: "2026-03-01T10".parse().unwrap(),
    };
    let now = of.hour.end();
    let row = certify(of, &HourOfBlobs::default(), None, &Gaps::of(vec![]), now);
    let row = serde_json::to_value(row).unwrap();
    let members = row.as_object().unwrap().iter().map(|(name, value)| {
        let of = match value {
            Value::Bool(_) => "boolean",
            Value::Number(_) => "bigint",
            _ => "string",
        };
        (name.clone(), of.to_owned())
    });
    let template = expanded(Template::Main).await;
    let input = &template["Resources"]["CertificatesTable"]["Properties"]["TableInput"];
    let columns = input["StorageDescriptor"]["Columns"].as_array().unwrap();
    let columns = columns.iter().map(|column| {
        let text = |name: &str| column[name].as_str().unwrap().to_owned();
        (text("Name"), text("Type"))
    });
    assert_eq!(
        columns.collect::<Vec<_>>(),
        members.collect::<Vec<(String, String)>>()
    );
    let day = "2026-03-01".parse().unwrap();
    let key = pipeline::lake::key::certificates(tenant, day).to_string();
    let location = input["Parameters"]["storage.location.template"]["Fn::Sub"]
        .as_str()
        .unwrap();
    let folder = location.replace("${!day}", "2026-03-01");
    let folder = folder.strip_prefix("s3://${Lake}/").unwrap();
    assert!(key.starts_with(folder), "{key} is not in {folder}");
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
