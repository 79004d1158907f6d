//! Reads a lake that was copied to a folder.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Row, RowAccessor as _};
use serde_json::Value;

use crate::Outcome;

/// The files in a folder and its subfolders, sorted; none if the folder does not exist.
///
/// # Errors
/// A folder cannot be read.
pub fn files(dir: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The content of a compressed file, decompressed.
///
/// # Errors
/// It cannot be read or decompressed.
pub fn unpacked(path: &Path) -> Outcome<Vec<u8>> {
    let file = fs::File::open(path)?;
    let content = match path.extension().is_some_and(|of| of == "zst") {
        true => zstd::decode_all(file),
        false => {
            let mut content = Vec::new();
            let read = GzDecoder::new(file).read_to_end(&mut content);
            read.map(|_| content)
        }
    };
    content.map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The folders that hold events, one for each schema.
const EVENTS: [&str; 2] = ["ocsf", "ecs"];

/// The events in all files below `ocsf/` and `ecs/`.
///
/// # Errors
/// A file cannot be read, decompressed or parsed.
pub fn events(lake: &Path) -> Outcome<Vec<Value>> {
    let mut events = Vec::new();
    for folder in EVENTS {
        for path in files(&lake.join(folder))? {
            events.extend(events_of(&path)?);
        }
    }
    Ok(events)
}

/// The events in one file.
///
/// # Errors
/// It cannot be read, decompressed or parsed.
pub fn events_of(path: &Path) -> Outcome<Vec<Value>> {
    let text = String::from_utf8(unpacked(path)?)?;
    let events = text.lines().map(|line| {
        serde_json::from_str(line).map_err(|error| format!("{}: {error}", path.display()).into())
    });
    events.collect()
}

/// The uid of each row of a Parquet file.
///
/// # Errors
/// It cannot be read, or a row has no `metadata.uid`.
pub fn rows_of(path: &Path) -> Outcome<Vec<String>> {
    let reader = SerializedFileReader::new(fs::File::open(path)?)?;
    let uid = |row: Result<Row, ParquetError>| -> Outcome<String> {
        let row = row?;
        let place = |row: &Row, name: &str| row.get_column_iter().position(|(of, _)| of == name);
        let metadata = place(&row, "metadata").ok_or("no metadata")?;
        let metadata = row.get_group(metadata)?;
        let uid = place(metadata, "uid").ok_or("no metadata.uid")?;
        Ok(metadata.get_string(uid)?.clone())
    };
    reader.get_row_iter(None)?.map(uid).collect()
}
