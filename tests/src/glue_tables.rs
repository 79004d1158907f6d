//! glue-tables.yaml: the template of the Glue tables for the Parquet files, generated from the columns of the files.
//!
//! `cargo glue-tables` writes the file; a test compares it.

use std::collections::BTreeMap;

use columnar::{CLASSES, Class};

use crate::Outcome;

/// The file, relative to the repository's root.
pub const FILE: &str = "glue-tables.yaml";

/// Longest line in characters, as in template.yaml.
const LINE_CHARS_MAX: usize = 125;

/// Spaces before the columns of a table.
const COLUMNS_INDENT: usize = 12;

const HEAD: &str = r#"# Written by `cargo glue-tables` from the columns in shared/columnar. Do not edit: run that command instead.
AWSTemplateFormatVersion: "2010-09-09"
Description: "ualstream: Glue tables over the Parquet files in ext/, one for each OCSF class"

# Every column once, as &name; a table lists its columns as *name. CloudFormation knows no aliases: sam deploy replaces each by its
# column before it uploads this file.
Metadata:
  Columns:
DECLARATIONS

Parameters:
  Database:
    Type: String
    Description: Glue database that the tables belong to.
    AllowedPattern: "^[A-Za-z0-9_]{1,255}$"
    ConstraintDescription: must be the name of a Glue database
  Bucket:
    Type: String
    Description: Bucket of the lake, with the Parquet files in its folder ext/.
    AllowedPattern: "^[a-z0-9.-]{3,63}$"
    ConstraintDescription: must be the name of a bucket

Resources:
"#;

/// Glue converts names to lower case, but the folders have capitals: so each table has a location with the exact name.
const TABLE: &str = r#"  RESOURCE:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
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
          storage.location.template: !Sub "s3://${Bucket}/ext/SOURCE/region=${!region}/accountId=${!accountid}/eventDay=${!eventday}/"
        PartitionKeys: [{Name: region, Type: string}, {Name: accountid, Type: string}, {Name: eventday, Type: string}]
        StorageDescriptor:
          Location: !Sub s3://${Bucket}/ext/SOURCE/
          InputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat
          SerdeInfo: {SerializationLibrary: org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe}
          Columns: [
COLUMNS
          ]
"#;

/// The whole template.
///
/// # Errors
/// Two classes have different types for the same column.
pub fn template() -> Outcome<String> {
    let tables = CLASSES.iter().map(|class| {
        TABLE
            .replace("RESOURCE", &resource_name(class.source))
            .replace("SOURCE", class.source)
            .replace("UID", &format!("{} {}", class.uid, class.name))
            .replace("COLUMNS", &references(class))
    });
    let tables: Vec<String> = tables.collect();
    let head = HEAD.replace("DECLARATIONS", &declarations()?);
    Ok(head + &tables.join("\n"))
}

/// `UalFileHostingTable` for `ual_file_hosting`.
#[must_use]
pub fn resource_name(source: &str) -> String {
    let words = source.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    format!("{}Table", words.collect::<String>())
}

/// The columns of all classes, one per line.
fn declarations() -> Outcome<String> {
    let mut declared = BTreeMap::new();
    let mut lines = Vec::new();
    for column in CLASSES.iter().flat_map(Class::glue_columns) {
        let (name, of) = (column.name, column.glue_type);
        let line = format!("    - &{name} {{Name: {name}, Type: \"{of}\"}}");
        match declared.insert(name, of.clone()) {
            Some(before) if before != of => {
                return Err(format!("column {name} has two types: {before} and {of}").into());
            }
            Some(_) => {}
            None => lines.push(line),
        }
    }
    Ok(lines.join("\n"))
}

/// The columns of a class, by name.
fn references(class: &Class) -> String {
    let indent = " ".repeat(COLUMNS_INDENT);
    let mut lines = vec![String::new()];
    for column in class.glue_columns() {
        let reference = format!("*{},", column.name);
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = format!("{indent}{reference}"),
            Some(line) if line.len() + 1 + reference.len() <= LINE_CHARS_MAX => {
                line.push(' ');
                line.push_str(&reference);
            }
            _ => lines.push(format!("{indent}{reference}")),
        }
    }
    lines.join("\n")
}
