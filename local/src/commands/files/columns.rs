//! `columns`: the columns of the Parquet files, as JSON.

use std::process::ExitCode;

use columnar::CLASSES;
use serde_json::{Value, json};

use crate::commands::{CommandError, print};

pub(crate) fn main() -> Result<ExitCode, CommandError> {
    print(&as_json_lines())?;
    Ok(ExitCode::SUCCESS)
}

/// Each class of events as a line of JSON: the name of its folder (`source`), the class, and its columns with the types that a
/// Glue table declares.
#[must_use]
pub fn as_json_lines() -> String {
    let mut lines = String::new();
    for class in CLASSES.iter() {
        let columns: Vec<Value> = class
            .glue_columns()
            .into_iter()
            .map(|column| json!({"Name": column.name, "Type": column.glue_type}))
            .collect();
        let line = json!({
            "source": class.source,
            "class_uid": class.uid,
            "class": class.name,
            "columns": columns,
        });
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_a_line_with_its_columns() {
        let lines = as_json_lines();
        let lines: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let sign_ins = lines.iter().find(|line| line["class_uid"] == 3002).unwrap();
        assert_eq!(sign_ins["source"], "ual_authentication");
        assert_eq!(
            sign_ins["columns"][8],
            json!({"Name": "time", "Type": "timestamp"})
        );
    }
}
