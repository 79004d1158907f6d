//! The tables over the Parquet files: template.yaml declares the columns that the files have.
//!
//! Their part of the template is written from `columnar::CLASSES`. When it differs, a test here writes it anew and fails; the
//! next run passes.

use std::collections::{BTreeMap, BTreeSet};

use columnar::{CLASSES, Class};
use serde_json::{Value, json};
use tests::repo;

use super::{expanded, resources};

/// Where the part begins. It ends where the next part's line begins as this one does.
const HEAD: &str = "\n  # --- tables over ext/, written by tests/it/template/tables.rs ";

const NEXT: &str = "\n  # --- ";

/// Width of a line, as in the rest of the template.
const LINE_CHARS_MAX: usize = 125;

/// Longest type of a column that Glue takes.
const GLUE_TYPE_CHARS_MAX: usize = 131_072;

const INTRODUCTION: &str = "
  # One for each class (docs/PARQUET.md). Each column stands once, as &name, in the first table's Metadata, and as *name where a
  # class has it; SAM writes them out. Glue's names are in lower case, so the location spells the folders.
";

const METADATA: &str = "
    Metadata:
      Columns:
DECLARATIONS";

const TABLE: &str = r#"  RESOURCE:
    Type: AWS::Glue::Table
    Condition: ParquetHourlyMETADATA
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref LakeDatabase
      TableInput:
        Name: SOURCE
        Description: One row for each event of OCSF class UID
        TableType: EXTERNAL_TABLE
        Parameters:
          EXTERNAL: "TRUE"
          classification: parquet
          projection.enabled: "true"
          projection.region.type: enum
          projection.region.values: !Ref AWS::Region
          projection.accountid.type: enum
          projection.accountid.values: !Ref AWS::AccountId
          projection.eventday.type: date
          projection.eventday.format: yyyyMMdd
          projection.eventday.range: 20250101,NOW+1DAYS
          storage.location.template: !Sub "s3://${Lake}/ext/SOURCE/region=${!region}/accountId=${!accountid}/eventDay=${!eventday}/"
        PartitionKeys: [{Name: region, Type: string}, {Name: accountid, Type: string}, {Name: eventday, Type: string}]
        StorageDescriptor:
          Location: !Sub s3://${Lake}/ext/SOURCE/
          InputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat
          SerdeInfo: {SerializationLibrary: org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe}
          Columns: [
COLUMNS
          ]
"#;

#[test]
fn the_template_has_the_columns_that_the_files_have() {
    let template = repo::read("template.yaml").unwrap();
    let (before, rest) = template.split_once(HEAD).unwrap();
    let (_, after) = rest.split_once(NEXT).unwrap();
    let wanted = format!("{before}{}{NEXT}{after}", part());
    if wanted != template {
        std::fs::write(repo::root().join("template.yaml"), wanted).unwrap();
        panic!(
            "the tables over ext/ in template.yaml differed and were written anew: look at the difference, run again"
        );
    }
}

#[tokio::test]
async fn each_class_has_a_table_of_its_columns() {
    let template = expanded().await;
    let tables: BTreeMap<&str, &Value> = resources(&template, "AWS::Glue::Table")
        .into_iter()
        .map(|(_, table)| (name(table), table))
        .collect();
    assert_eq!(tables.len(), CLASSES.len() + 1, "these and events");
    let compactor = &template["Resources"]["CompactorFunction"]["Properties"];
    let told = &compactor["Environment"]["Variables"];
    for class in CLASSES.iter() {
        let table = tables[class.source];
        assert_eq!(table["Condition"], "ParquetHourly", "{}", class.source);
        let input = &table["Properties"]["TableInput"];
        let columns = &input["StorageDescriptor"]["Columns"];
        assert_eq!(*columns, columns_of(class), "{}", class.source);
        let projected = &input["Parameters"];
        assert_eq!(projected["projection.region.values"], told["LAKE_REGION"]);
        let accounts = &projected["projection.accountid.values"];
        assert_eq!(*accounts, told["LAKE_ACCOUNT_ID"]);
        let folder = format!(
            "s3://${{Lake}}/ext/{}/region=${{!region}}/accountId=${{!accountid}}/eventDay=${{!eventday}}/",
            class.source
        );
        let location = &projected["storage.location.template"];
        assert_eq!(*location, json!({"Fn::Sub": folder}));
    }
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

/// The part of the template up to the line of the next.
fn part() -> String {
    let head = format!("{HEAD}{:-<1$}", "", LINE_CHARS_MAX + 1 - HEAD.len());
    let tables = CLASSES.iter().enumerate().map(|(number, class)| {
        let metadata = if number == 0 {
            METADATA.replace("DECLARATIONS", &declarations())
        } else {
            String::new()
        };
        TABLE
            .replace("METADATA", &metadata)
            .replace("RESOURCE", &resource(class.source))
            .replace("SOURCE", class.source)
            .replace("UID", &format!("{} {}", class.uid, class.name))
            .replace("COLUMNS", &references(class))
    });
    format!(
        "{head}{INTRODUCTION}{}",
        tables.collect::<Vec<_>>().join("\n")
    )
}

/// `UalFileHostingTable` of `ual_file_hosting`.
fn resource(source: &str) -> String {
    let words = source.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    format!("{}Table", words.collect::<String>())
}

/// Every column of any class.
fn declarations() -> String {
    let mut declared = BTreeMap::new();
    let mut lines = Vec::new();
    for column in CLASSES.iter().flat_map(Class::glue_columns) {
        let (name, of) = (column.name, column.glue_type);
        let line = format!("        - &{name} {{Name: {name}, Type: \"{of}\"}}");
        match declared.insert(name, of.clone()) {
            Some(before) => assert_eq!(before, of, "{name} has two types"),
            None => lines.push(line),
        }
    }
    lines.join("\n")
}

/// The class's columns by name, in lines.
fn references(class: &Class) -> String {
    let mut lines = vec![String::new()];
    for column in class.glue_columns() {
        let reference = format!(" *{},", column.name);
        let last = lines.last_mut().unwrap();
        let line = 11 + last.len() + reference.len();
        if line > LINE_CHARS_MAX {
            lines.push(reference);
        } else {
            last.push_str(&reference);
        }
    }
    let indented: Vec<_> = lines
        .iter()
        .map(|line| format!("           {line}"))
        .collect();
    indented.join("\n")
}

#[test]
fn every_table_has_a_resource_name_of_its_own() {
    let names: BTreeSet<_> = CLASSES.iter().map(|class| resource(class.source)).collect();
    assert_eq!(names.len(), CLASSES.len());
    assert!(names.contains("UalFileHostingTable"));
}
