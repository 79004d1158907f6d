//! The compactor on a folder, and what its files' columns are.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::time::Duration;

use columnar::CLASSES;
use pipeline::compact::{self, Compactor, Report, Run};
use pipeline::lake::Destination;
use pipeline::lake::Lake;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use crate::cli::CompactArgs;
use crate::wall_clock;

/// A run here may take its time: nobody ends it, and it must end some day.
const WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Merges the events of the closed hours of the lake in a folder into Parquet files.
///
/// # Errors
/// The folder cannot be used, or [`compact::CompactError`].
pub async fn compact(args: &CompactArgs) -> Result<Report, Box<dyn Error + Send + Sync>> {
    let folder = fs::canonicalize(&args.lake)
        .map_err(|error| format!("{}: {error}", args.lake.display()))?;
    let url = Url::from_directory_path(folder).map_err(|()| "the lake's folder has no address")?;
    let compactor = Compactor {
        lake: Lake::open(&url)?,
        destination: Destination {
            region: args.region.clone(),
            account_id: args.account_id.clone(),
        },
    };
    let run = Run {
        now: args.now.unwrap_or_else(wall_clock::now),
        look_back_days: args.look_back_days,
        deadline: Instant::now() + WITHIN,
    };
    Ok(compact::run(&compactor, run).await?)
}

/// Writes each class's source and columns as JSON, one class a line: what a Glue table of its files declares.
///
/// # Errors
/// `out` does not take it.
pub fn write_columns(out: &mut dyn Write) -> Result<(), Box<dyn Error + Send + Sync>> {
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
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_a_line_of_its_columns() {
        let mut out = Vec::new();
        write_columns(&mut out).unwrap();
        let lines: Vec<Value> = String::from_utf8(out)
            .unwrap()
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
