//! The data folder: ledger, lake, keys, and a lock against a second process.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore as _;
use secrecy::SecretString;

/// Bytes of a generated key: as many as HMAC-SHA256 puts out.
const KEY_BYTES: usize = 32;

/// Only the owner may read the folder: it holds keys and audit records.
const FOLDER_MODE: u32 = 0o700;
const KEY_MODE: u32 = 0o600;

/// An opened data folder. The lock goes with the process, however it ends.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    lake: PathBuf,
    _lock: File,
}

/// The data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file or folder.
        path: String,
        /// The system's answer.
        cause: io::Error,
    },
    /// Another process uses it.
    #[error(
        "{0} is in use by another ualstream process: stop it, or choose another folder with --data"
    )]
    InUse(String),
    /// The ledger belongs to another lake.
    #[error(
        "the ledger in {root} belongs to the lake {known}, not to {asked}, where the blobs that it lists as done are missing; use that lake, or another --data folder"
    )]
    OtherLake {
        /// The data folder.
        root: String,
        /// The lake it was started with.
        known: String,
        /// The lake asked for now.
        asked: String,
    },
    /// A key file is empty.
    #[error("{0} is empty: delete it to have a key generated, or put one there")]
    EmptyKey(String),
}

impl DataDir {
    /// Opens the folder `root` with the lake in `lake` (by default in `root/lake`), and creates what is missing.
    ///
    /// # Errors
    /// See [`DataDirError`].
    pub fn open(root: &Path, lake: Option<&Path>) -> Result<Self, DataDirError> {
        make_folder(root)?;
        let root = root.canonicalize().map_err(at(root))?;
        let lock = lock(&root)?;
        let lake = lake.map_or_else(|| root.join("lake"), Path::to_owned);
        make_folder(&lake)?;
        let lake = lake.canonicalize().map_err(at(&lake))?;
        check_lake(&root, &lake)?;
        Ok(Self {
            root,
            lake,
            _lock: lock,
        })
    }

    /// The SQLite file of the embedded DynamoDB.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger.sqlite")
    }

    /// The lake's folder, absolute.
    #[must_use]
    pub fn lake(&self) -> &Path {
        &self.lake
    }

    /// The folder itself, absolute.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The key in the file `name`, which is generated at its first use.
    ///
    /// # Errors
    /// The file cannot be read or written, or is empty.
    pub fn key(&self, name: &str) -> Result<SecretString, DataDirError> {
        let path = self.root.join(name);
        if !path.exists() {
            let mut bytes = [0; KEY_BYTES];
            rand::rng().fill_bytes(&mut bytes);
            write_whole(&path, &URL_SAFE_NO_PAD.encode(bytes)).map_err(at(&path))?;
        }
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        match text.trim() {
            "" => Err(DataDirError::EmptyKey(path.display().to_string())),
            key => Ok(key.into()),
        }
    }

    /// Counts this start and returns the number of starts so far, this one included.
    ///
    /// # Errors
    /// The count cannot be read or written.
    pub fn count_start(&self) -> Result<u64, DataDirError> {
        let path = self.root.join("starts");
        let before: u64 = match fs::read_to_string(&path) {
            // Something else has overwritten the file: count from the beginning.
            Ok(text) => text.trim().parse().unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(at(&path)(error)),
        };
        let starts = before.saturating_add(1);
        write_whole(&path, &starts.to_string()).map_err(at(&path))?;
        Ok(starts)
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.display().to_string();
    move |cause| DataDirError::Io { path, cause }
}

fn make_folder(path: &Path) -> Result<(), DataDirError> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(at(path))
}

fn lock(root: &Path) -> Result<File, DataDirError> {
    let path = root.join("lock");
    let file = File::create(&path).map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(root.display().to_string())),
        Err(TryLockError::Error(cause)) => Err(at(&path)(cause)),
    }
}

/// Ledger and lake belong together: a blob that the ledger lists as done is in the lake of that time and in no other.
fn check_lake(root: &Path, lake: &Path) -> Result<(), DataDirError> {
    let path = root.join("lake-path");
    // Relative where it can be, so that the folder may be moved as a whole.
    let asked = lake.strip_prefix(root).unwrap_or(lake);
    let asked = asked.display().to_string();
    match fs::read_to_string(&path) {
        Ok(known) if known.trim_end() == asked => Ok(()),
        Ok(known) => Err(DataDirError::OtherLake {
            root: root.display().to_string(),
            known: known.trim_end().to_owned(),
            asked,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_whole(&path, &asked).map_err(at(&path))
        }
        Err(error) => Err(at(&path)(error)),
    }
}

/// Writes a file so that it is never there in part, even if the process is killed.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(KEY_MODE)
        .open(&partial)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_key_is_generated_once_and_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(&folder.path().join("new"), None).unwrap();
        let key = data.key("api-key").unwrap();
        assert_eq!(key.expose_secret().len(), 43);
        assert_eq!(
            data.key("api-key").unwrap().expose_secret(),
            key.expose_secret()
        );
        assert_ne!(
            data.key("webhook-key").unwrap().expose_secret(),
            key.expose_secret()
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data.root().join("api-key")), 0o600);
        assert_eq!(mode(data.root()), 0o700);
    }

    #[test]
    fn a_key_put_there_is_used_and_an_empty_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path(), None).unwrap();
        fs::write(folder.path().join("api-key"), "my own key\n").unwrap();
        assert_eq!(data.key("api-key").unwrap().expose_secret(), "my own key");
        fs::write(folder.path().join("api-key"), "\n").unwrap();
        assert!(data.key("api-key").is_err());
    }

    #[test]
    fn starts_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path(), None).unwrap();
        assert_eq!(data.count_start().unwrap(), 1);
        assert_eq!(data.count_start().unwrap(), 2);
    }

    #[test]
    fn a_second_process_is_refused_until_the_first_ends() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::open(folder.path(), None).unwrap();
        assert!(matches!(
            DataDir::open(folder.path(), None),
            Err(DataDirError::InUse(_))
        ));
        drop(first);
        assert!(DataDir::open(folder.path(), None).is_ok());
    }

    #[test]
    fn a_ledger_is_refused_with_another_lake() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        let lake = folder.path().join("lake");
        drop(DataDir::open(&root, Some(&lake)).unwrap());
        drop(DataDir::open(&root, Some(&lake)).unwrap());
        assert!(matches!(
            DataDir::open(&root, None),
            Err(DataDirError::OtherLake { .. })
        ));
    }
}
