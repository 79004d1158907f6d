//! Bytes on their way to or from the lake: in memory while they are few, in a temporary file beyond that. So a blob of a
//! gigabyte takes no more memory than one of a megabyte.

use std::io::{self, Read, Seek as _, SeekFrom, Write};

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{MultipartUpload as _, ObjectStoreExt as _};
use tempfile::SpooledTempFile;

use super::{Lake, LakeError};

/// Bytes of one spool that are kept in memory. Nearly every blob and its events, compressed, are smaller.
pub const SPOOL_MEMORY_MAX: usize = 2 * 1024 * 1024;

/// Bytes of one part of an upload: S3 takes 5 MiB to 5 GiB, and 10,000 parts of one object, which are 80 GB of these.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Bytes that are written once and then read, any number of times.
#[derive(Debug)]
pub struct Spool {
    file: SpooledTempFile,
    len: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            file: SpooledTempFile::new(SPOOL_MEMORY_MAX),
            len: 0,
        }
    }
}

impl Spool {
    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Leaves the memory to others: all bytes go to the temporary file, however few they are.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn leave_memory(mut self) -> io::Result<Self> {
        self.file.roll()?;
        Ok(self)
    }

    /// The bytes, from the first one.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn reader(&mut self) -> io::Result<impl Read + Send + '_> {
        self.file.seek(SeekFrom::Start(0))?;
        Ok(&mut self.file)
    }

    /// The next part of at most [`PART_BYTES`], from where the last one ended; empty at the end.
    fn part(&mut self) -> io::Result<Bytes> {
        let mut part =
            BytesMut::zeroed(PART_BYTES.min(usize::try_from(self.len).unwrap_or(PART_BYTES)));
        let mut filled = 0;
        while filled < part.len() {
            match self.file.read(&mut part[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        part.truncate(filled);
        Ok(part.freeze())
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Lake {
    /// Writes an object whole, as the bytes of the spool are, over an older one if there is one. A large one goes in parts, and
    /// is there when the last one is.
    ///
    /// # Errors
    /// [`LakeError`]; the older object, or none, is still there.
    pub async fn write_spool(&self, path: &Path, spool: &mut Spool) -> Result<(), LakeError> {
        drop(spool.reader().map_err(LakeError::Spool)?);
        let first = spool.part().map_err(LakeError::Spool)?;
        let store = self.connected()?;
        if first.len() as u64 == spool.len() {
            store.put(path, first.into()).await?;
            return Ok(());
        }
        let mut upload = store.put_multipart(path).await?;
        let mut part = first;
        while !part.is_empty() {
            if let Err(error) = upload.put_part(part.into()).await {
                // S3 keeps the parts of an upload that was begun until a lifecycle rule removes them.
                _ = upload.abort().await;
                return Err(error.into());
            }
            part = spool.part().map_err(LakeError::Spool)?;
        }
        upload.complete().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[tokio::test]
    async fn a_spool_of_any_size_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(&Url::from_directory_path(folder.path()).unwrap()).unwrap();
        for len in [0, 1, SPOOL_MEMORY_MAX + 1, PART_BYTES, 2 * PART_BYTES + 3] {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let mut spool = Spool::default();
            spool.write_all(&bytes).unwrap();
            let path = Path::from(format!("a/{len}"));
            lake.write_spool(&path, &mut spool).await.unwrap();
            let stored = lake.read(&path, len).await.unwrap().content;
            assert!(stored == bytes, "{len}");
            let mut again = Vec::new();
            spool.reader().unwrap().read_to_end(&mut again).unwrap();
            assert!(again == bytes, "{len}");
        }
    }
}
