//! Reading a lake that was copied to a folder.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::Outcome;

/// The files below a folder, sorted; none when the folder does not exist.
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

/// The content of a gzip file.
///
/// # Errors
/// It cannot be read or unpacked.
pub fn unpacked(path: &Path) -> Outcome<Vec<u8>> {
    let mut content = Vec::new();
    GzDecoder::new(fs::File::open(path)?).read_to_end(&mut content)?;
    Ok(content)
}

/// The events in the `*.ndjson.gz` files below `ocsf/`.
///
/// # Errors
/// A file cannot be read, unpacked or parsed.
pub fn events(lake: &Path) -> Outcome<Vec<Value>> {
    let mut events = Vec::new();
    for path in files(&lake.join("ocsf"))? {
        let mut text = String::new();
        GzDecoder::new(fs::File::open(&path)?).read_to_string(&mut text)?;
        for line in text.lines() {
            let event = serde_json::from_str(line)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            events.push(event);
        }
    }
    Ok(events)
}
