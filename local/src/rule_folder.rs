//! Folders of Sigma rules: files `*.yml` and `*.yaml`, each with its fixtures beside it, in folders within folders.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use detections::{RULE_BYTES_MAX, Source, builtin_sources};

/// Files of rules that are read: more than there may be rules.
const FILES_MAX: usize = 5_000;

/// Folders within each other that are read. The public collection has 4.
const DEPTH_MAX: usize = 16;

/// Bytes of a file of fixtures: some records, the longest of which have 4 MiB.
const FIXTURES_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A folder of rules was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuleFolderError {
    /// The system cannot read it.
    #[error("{path} cannot be read: {cause}")]
    Read {
        /// The file or folder.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// More than [`FILES_MAX`] files.
    #[error("{0} has more than {FILES_MAX} files of rules")]
    TooMany(String),
    /// Folders within folders beyond [`DEPTH_MAX`].
    #[error("{0} nests folders deeper than {DEPTH_MAX}")]
    TooDeep(String),
    /// No file of rules.
    #[error("{0} has no rules: files that end in .yml")]
    Empty(String),
}

/// The files of rules of a folder, or of one file, by path; without a folder the built-in ones. A file that is too long comes cut
/// off, so that it is refused with its reason.
///
/// # Errors
/// See [`RuleFolderError`].
pub(crate) fn sources(folder: Option<&Path>) -> Result<Vec<Source>, RuleFolderError> {
    let Some(folder) = folder else {
        return Ok(builtin_sources());
    };
    let mut files = Vec::new();
    if folder.is_file() {
        files.push(folder.to_owned());
    } else {
        collect(folder, DEPTH_MAX, &mut files)?;
    }
    if files.is_empty() {
        return Err(RuleFolderError::Empty(folder.display().to_string()));
    }
    files.sort_unstable();
    files.iter().map(|file| source(folder, file)).collect()
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), RuleFolderError> {
    if depth == 0 {
        return Err(RuleFolderError::TooDeep(folder.display().to_string()));
    }
    let entries = fs::read_dir(folder).map_err(|cause| failed(folder, cause))?;
    for entry in entries {
        let entry = entry.map_err(|cause| failed(folder, cause))?;
        let path = entry.path();
        // A link to a folder is none: it could lead back here.
        let kind = entry.file_type().map_err(|cause| failed(&path, cause))?;
        if kind.is_dir() {
            collect(&path, depth - 1, files)?;
        } else if path
            .extension()
            .is_some_and(|end| end == "yml" || end == "yaml")
        {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(RuleFolderError::TooMany(folder.display().to_string()));
        }
    }
    Ok(())
}

fn source(folder: &Path, file: &Path) -> Result<Source, RuleFolderError> {
    let name = file.strip_prefix(folder).ok();
    let name = name.filter(|name| !name.as_os_str().is_empty());
    let fixtures = file.with_extension("fixtures.json");
    let fixtures = match fixtures.exists() {
        true => Some(text(&fixtures, FIXTURES_BYTES_MAX)?),
        false => None,
    };
    Ok(Source {
        name: name.unwrap_or(file).display().to_string(),
        rules: text(file, RULE_BYTES_MAX as u64 + 1)?,
        fixtures,
    })
}

/// The text of a file up to a length. What is not UTF-8 is replaced: a rule with it does not compile, or means it.
fn text(file: &Path, bytes_max: u64) -> Result<String, RuleFolderError> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(bytes_max).read_to_end(&mut bytes))
        .map_err(|cause| failed(file, cause))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn failed(path: &Path, cause: io::Error) -> RuleFolderError {
    RuleFolderError::Read {
        path: path.display().to_string(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_in_folders_within_folders() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("mail/more")).unwrap();
        for file in ["mail/b.yml", "mail/more/a.yaml", "read.me"] {
            fs::write(folder.path().join(file), "title: a").unwrap();
        }
        fs::write(folder.path().join("mail/b.fixtures.json"), "{}").unwrap();
        let found = sources(Some(folder.path())).unwrap();
        let names: Vec<&str> = found.iter().map(|of| &*of.name).collect();
        assert_eq!(names, ["mail/b.yml", "mail/more/a.yaml"]);
        assert_eq!(found[0].fixtures.as_deref(), Some("{}"));
        assert_eq!(found[1].fixtures, None);
    }

    #[test]
    fn a_folder_without_rules_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = sources(Some(folder.path())).unwrap_err();
        assert!(matches!(error, RuleFolderError::Empty(_)));
        let missing = sources(Some(&folder.path().join("none"))).unwrap_err();
        assert!(matches!(missing, RuleFolderError::Read { .. }));
    }

    #[test]
    fn a_file_that_is_too_long_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yml");
        fs::write(&file, "#".repeat(RULE_BYTES_MAX * 3)).unwrap();
        let found = sources(Some(&file)).unwrap();
        assert_eq!(found[0].rules.len(), RULE_BYTES_MAX + 1);
    }
}
