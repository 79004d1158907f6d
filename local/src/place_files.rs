//! The operator's files of places, in MaxMind's format.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use detections::{PLACES_BYTES_MAX, Places, PlacesError};

/// A file of places was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceFileError {
    /// The system cannot read it.
    #[error("{path} cannot be read: {cause}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// It is of no use.
    #[error(transparent)]
    Places(#[from] PlacesError),
}

/// What the files tell of addresses; without files nothing.
///
/// # Errors
/// See [`PlaceFileError`].
pub(crate) fn read(files: &[PathBuf]) -> Result<Places, PlaceFileError> {
    let mut places = Places::default();
    for file in files {
        let name = file.display().to_string();
        let bytes = bytes(file).map_err(|cause| PlaceFileError::Read {
            path: name.clone(),
            cause,
        })?;
        places.add(&name, bytes)?;
    }
    Ok(places)
}

/// A file that is too long comes cut off, and is refused for its length.
fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = PLACES_BYTES_MAX as u64 + 1;
    File::open(file)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/detections/tests/places/"
    );

    fn read_all(names: &[&str]) -> Result<Places, PlaceFileError> {
        let files: Vec<PathBuf> = names
            .iter()
            .map(|name| format!("{FOLDER}{name}").into())
            .collect();
        read(&files)
    }

    #[test]
    fn files_of_places_are_read_and_a_bad_one_is_named() {
        let places = read_all(&["city.mmdb", "asn.mmdb"]).unwrap();
        assert!(
            places
                .of("198.51.100.7")
                .unwrap()
                .autonomous_system
                .is_some()
        );
        assert!(read_all(&[]).unwrap().are_empty());
        for bad in ["nothing.mmdb", "make.py"] {
            let error = read_all(&["city.mmdb", bad]).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
