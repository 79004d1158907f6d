//! Objects as they are stored: listed, created once, read and written without compressing or decompressing.

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutMode};

use super::{Lake, LakeError};

/// Largest object of events that is read, in bytes, compressed: those of a blob's events have 16 MiB and an event at most.
pub const OBJECT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Longest text of one object, decompressed, in bytes: far above what is written, and the end of a
/// decompression bomb.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub path: Path,
    /// Its stored size.
    pub bytes: u64,
    /// Changes when the object is written anew: the store's entity tag, or the second of the write where there is none.
    pub version: String,
}

/// An object's stored content.
#[derive(Debug)]
pub struct Stored {
    /// Still compressed, if it is.
    pub content: Bytes,
    /// As in [`Listed`].
    pub version: String,
}

fn version(meta: &ObjectMeta) -> String {
    match &meta.e_tag {
        Some(tag) => tag.clone(),
        None => meta.last_modified.timestamp().to_string(),
    }
}

/// An object on its way, as it is stored.
pub struct Encoded {
    path: Path,
    bytes: BoxStream<'static, Result<Bytes, Error>>,
}

impl Encoded {
    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// [`LakeError`]
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, LakeError> {
        Ok(self.bytes.try_next().await?)
    }
}

impl std::fmt::Debug for Encoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoded")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Lake {
    /// Opens an object, to be read as it comes. One that is not there is told apart from one that may not be read, as
    /// [`Lake::read_if_there`] does.
    ///
    /// # Errors
    /// [`LakeError`]; [`LakeError::is_missing_or_damaged`] when there is no such object.
    pub async fn open_object(&self, path: &Path) -> Result<Encoded, LakeError> {
        match self.connected()?.get(path).await {
            Ok(got) => Ok(Encoded {
                path: path.clone(),
                bytes: got.into_stream(),
            }),
            Err(error @ Error::NotFound { .. }) => Err(error.into()),
            Err(error) if self.has(path).await? => Err(error.into()),
            Err(error) => Err(Error::NotFound {
                path: path.to_string(),
                source: Box::new(error),
            }
            .into()),
        }
    }

    /// The objects below a folder, in an order that the store chooses.
    ///
    /// # Errors
    /// The lake cannot be opened; the stream ends in an error when the store fails.
    pub fn list(
        &self,
        folder: &Path,
    ) -> Result<BoxStream<'static, Result<Listed, LakeError>>, LakeError> {
        let listing = self.connected()?.list(Some(folder));
        let listed = listing.map_ok(|meta| Listed {
            bytes: meta.size,
            version: version(&meta),
            path: meta.location,
        });
        Ok(listed.map_err(LakeError::from).boxed())
    }

    /// The folders right below a folder; none when it is not there.
    ///
    /// # Errors
    /// [`LakeError`]
    pub async fn folders(&self, folder: &Path) -> Result<Vec<Path>, LakeError> {
        match self.connected()?.list_with_delimiter(Some(folder)).await {
            Ok(listing) => Ok(listing.common_prefixes),
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is an object of that key, by the listing of its folder.
    ///
    /// # Errors
    /// [`LakeError`]
    pub async fn has(&self, path: &Path) -> Result<bool, LakeError> {
        let mut names: Vec<_> = path.parts().collect();
        names.pop();
        let mut listing = self.list(&Path::from_iter(names))?;
        while let Some(object) = listing.try_next().await? {
            if object.path == *path {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes an object unless there is one of that key; true when it was written. Of several callers at once, one gets true.
    ///
    /// # Errors
    /// [`LakeError`]; whether it was written is then unknown.
    pub async fn create(&self, path: &Path, content: Bytes) -> Result<bool, LakeError> {
        let store = self.connected()?;
        match store
            .put_opts(path, content.into(), PutMode::Create.into())
            .await
        {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes an object whole, as the bytes are, over an older one if there is one.
    ///
    /// # Errors
    /// [`LakeError`]; the older object, or none, is still there.
    pub async fn write(&self, path: &Path, content: Bytes) -> Result<(), LakeError> {
        self.connected()?.put(path, content.into()).await?;
        Ok(())
    }

    /// Reads an object of at most `bytes_max` bytes, as it is stored.
    ///
    /// # Errors
    /// [`LakeError`]; in particular when there is no such object.
    pub async fn read(&self, path: &Path, bytes_max: usize) -> Result<Stored, LakeError> {
        let got = self.connected()?.get(path).await?;
        if got.meta.size > bytes_max as u64 {
            return Err(LakeError::TooLarge {
                path: path.clone(),
                bytes_max,
            });
        }
        let version = version(&got.meta);
        Ok(Stored {
            content: got.bytes().await?,
            version,
        })
    }

    /// Reads an object of at most `bytes_max` bytes; `None` when there is none of that key.
    ///
    /// Unless the whole bucket may be listed, S3 gives the same answer for what is not there as for what may not be read. The
    /// listing of the object's folder then tells which it is.
    ///
    /// # Errors
    /// [`LakeError`]; the object may be there.
    pub async fn read_if_there(
        &self,
        path: &Path,
        bytes_max: usize,
    ) -> Result<Option<Stored>, LakeError> {
        match self.read(path, bytes_max).await {
            Ok(stored) => Ok(Some(stored)),
            Err(LakeError::Store(Error::NotFound { .. })) => Ok(None),
            Err(error @ LakeError::Store(_)) if self.has(path).await? => Err(error),
            Err(LakeError::Store(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    async fn check_all(lake: &Lake) {
        let path = |key: &str| Path::from(key);
        assert!(lake.folders(&path("a")).await.unwrap().is_empty());
        assert!(
            lake.create(&path("a/b/1"), Bytes::from_static(b"one"))
                .await
                .unwrap()
        );
        assert!(
            !lake
                .create(&path("a/b/1"), Bytes::from_static(b"two"))
                .await
                .unwrap()
        );
        let stored = lake.read(&path("a/b/1"), 3).await.unwrap();
        assert_eq!(stored.content, b"one"[..]);
        assert!(matches!(
            lake.read(&path("a/b/1"), 2).await,
            Err(LakeError::TooLarge { .. })
        ));
        assert!(
            lake.read(&path("a/b/2"), 3)
                .await
                .unwrap_err()
                .is_missing_or_damaged()
        );
        let there = lake.read_if_there(&path("a/b/1"), 3).await.unwrap();
        assert_eq!(there.unwrap().content, b"one"[..]);
        assert!(
            lake.read_if_there(&path("a/b/2"), 3)
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(lake.folders(&path("a")).await.unwrap(), [path("a/b")]);

        assert!(lake.has(&path("a/b/1")).await.unwrap());
        assert!(!lake.has(&path("a/b/2")).await.unwrap());
        let listed: Vec<_> = lake.list(&path("a")).unwrap().try_collect().await.unwrap();
        let expect = Listed {
            path: path("a/b/1"),
            bytes: 3,
            version: stored.version.clone(),
        };
        assert_eq!(listed, [expect]);
        lake.write(&path("a/b/1"), Bytes::from_static(b"three"))
            .await
            .unwrap();
        assert_ne!(
            lake.read(&path("a/b/1"), 5).await.unwrap().version,
            stored.version
        );
        let none: Vec<_> = lake.list(&path("b")).unwrap().try_collect().await.unwrap();
        assert_eq!(none, []);
    }

    #[tokio::test]
    async fn an_object_is_created_once_and_listed_as_it_is_read() {
        check_all(&Lake::open(&Url::parse("memory:///").unwrap()).unwrap()).await;
        let folder = tempfile::tempdir().unwrap();
        check_all(&Lake::open(&Url::from_directory_path(folder.path()).unwrap()).unwrap()).await;
    }
}
