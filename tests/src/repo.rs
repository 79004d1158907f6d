//! The repository under test.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Outcome;

/// The repository's root folder.
#[must_use]
pub fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

/// The files of the repository: tracked, or new and not ignored. Paths are relative to [`root`].
///
/// # Errors
/// Git is missing, or this is not a checkout.
pub fn files() -> Outcome<Vec<PathBuf>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "--deduplicate",
        ])
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let listing = String::from_utf8(output.stdout)?;
    // A file that is deleted but not committed is still listed.
    Ok(listing
        .lines()
        .map(PathBuf::from)
        .filter(|path| root().join(path).is_file())
        .collect())
}

/// The text of a file. The path is relative to [`root`].
///
/// # Errors
/// It cannot be read or is not UTF-8.
pub fn read(path: impl AsRef<Path>) -> Outcome<String> {
    let path = root().join(path);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// `cargo metadata` without dependencies.
///
/// # Errors
/// Cargo fails, or its output is not JSON.
pub fn metadata() -> Outcome<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        return Err(format!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
