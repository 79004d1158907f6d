//! The lake: a bucket (`s3://`), a folder (`file://`) or memory (`memory://`), by one library.
//!
//! Objects are whole or absent (a put is atomic in all three), compressed as the end of their key says, without a time stamp,
//! so that equal content is equal bytes.

mod announcement;
mod codec;
mod destination;
pub mod key;
pub mod object;
mod spool;

pub use self::object::Encoded;

pub use self::announcement::{Announcement, Elsewhere};
pub use self::codec::{Codec, Compressor};
pub use self::destination::{Destination, InvalidPartitionValue, PartitionValue};
pub use self::spool::{SPOOL_MEMORY_MAX, Spool};

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _};
use url::Url;

/// The lake.
#[derive(Clone, Debug)]
pub struct Lake {
    url: Url,
    store: Arc<OnceLock<Arc<dyn ObjectStore>>>,
}

/// The lake's address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not one of the three kinds.
    #[error("{scheme}:// is no lake: use s3://bucket, file:///folder or memory:///")]
    Scheme {
        /// What it was instead.
        scheme: String,
    },
    /// The folder cannot be made.
    #[error("the lake's folder cannot be made: {0}")]
    Folder(#[from] std::io::Error),
    /// The store refuses its settings.
    #[error("the lake cannot be opened: {0}")]
    Store(#[from] object_store::Error),
}

/// The lake could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed.
    #[error("the lake failed: {0}")]
    Store(#[from] object_store::Error),
    /// The temporary file cannot be written, mostly because the disk is full, or cannot be read back.
    #[error("the temporary file cannot be written or read back: {0}")]
    Spool(std::io::Error),
    /// The compressing thread died.
    #[error("compressing failed: {0}")]
    Compress(#[from] tokio::task::JoinError),
    /// An object is not compressed as its key says, is cut off, or is not what was stored.
    #[error("the object {path} is damaged: {source}")]
    Damaged {
        /// Its key.
        path: Path,
        /// Why.
        source: std::io::Error,
    },
    /// An object is larger than what was ever written.
    #[error("the object {path} is larger than {bytes_max} bytes")]
    TooLarge {
        /// Its key.
        path: Path,
        /// The limit, decompressed.
        bytes_max: usize,
    },
}

impl LakeError {
    /// Whether an object that was written is not there, or not as it was written.
    #[must_use]
    pub fn is_missing_or_damaged(&self) -> bool {
        matches!(
            self,
            Self::Store(object_store::Error::NotFound { .. }) | Self::Damaged { .. }
        )
    }
}

impl Lake {
    /// Opens the lake at `url`. A folder is created; a bucket must exist, and is reached with the process's AWS settings.
    ///
    /// A bucket is connected at its first use: that reads every root certificate of the system, which a cold start must not
    /// wait for.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(url: &Url) -> Result<Self, OpenError> {
        let lake = Self {
            url: url.clone(),
            store: Arc::default(),
        };
        if url.scheme() != "s3" {
            lake.connected()?;
        }
        Ok(lake)
    }

    /// The same lake, with something between it and its store.
    ///
    /// # Errors
    /// The lake cannot be opened.
    pub fn through(
        &self,
        wrap: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>,
    ) -> Result<Self, OpenError> {
        let lake = Self {
            url: self.url.clone(),
            store: Arc::default(),
        };
        let store = wrap(Arc::clone(self.connected()?));
        lake.store.get_or_init(|| store);
        Ok(lake)
    }

    /// A lake over a store that a test has made.
    #[cfg(test)]
    pub(crate) fn over(store: Arc<dyn ObjectStore>, url: Url) -> Self {
        let lake = Self {
            url,
            store: Arc::default(),
        };
        lake.store.get_or_init(|| store);
        lake
    }

    /// The path in this lake of a bucket's object, by its key there; `None` when it is not in this lake.
    #[must_use]
    pub fn locate(&self, bucket: &str, key: &str) -> Option<Path> {
        // A folder is as a bucket without a name.
        let (ours, prefix) = match self.url.scheme() {
            "s3" => (self.url.host_str(), self.url.path().trim_matches('/')),
            _ => (Some(""), ""),
        };
        if ours != Some(bucket) {
            return None;
        }
        let key = match prefix {
            "" => key,
            _ => key.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        // Not decoded: what is escaped in the key stays escaped.
        Path::parse(key).ok()
    }

    fn connected(&self) -> Result<&Arc<dyn ObjectStore>, OpenError> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = connect(&self.url)?;
        // Two first uses at once may connect twice; one is kept.
        Ok(self.store.get_or_init(|| store))
    }

    /// Compresses the content as the key's end says, and writes the object whole, over an older one if there is one.
    ///
    /// Compressing takes place on a thread for blocking work, so that a large object does not hold up others.
    ///
    /// # Errors
    /// [`LakeError`]; the older object, or none, is still there.
    pub async fn compress_and_write(&self, path: &Path, content: Bytes) -> Result<(), LakeError> {
        let codec = Codec::of(path.as_ref());
        let compressed = tokio::task::spawn_blocking(move || codec.compress(&content)).await?;
        self.connected()?.put(path, compressed.into()).await?;
        Ok(())
    }

    /// Reads an object and decompresses it as the key's end says; at most `bytes_max` bytes of content.
    ///
    /// # Errors
    /// [`LakeError`]; in particular when there is no such object.
    pub async fn read_and_decompress(
        &self,
        path: &Path,
        bytes_max: usize,
    ) -> Result<Bytes, LakeError> {
        let compressed = self.connected()?.get(path).await?.bytes().await?;
        let content = Codec::of(path.as_ref())
            .decompress(&compressed, bytes_max)
            .map_err(|source| LakeError::Damaged {
                path: path.clone(),
                source,
            })?;
        if content.len() > bytes_max {
            return Err(LakeError::TooLarge {
                path: path.clone(),
                bytes_max,
            });
        }
        Ok(content.into())
    }
}

fn connect(url: &Url) -> Result<Arc<dyn ObjectStore>, OpenError> {
    match url.scheme() {
        "s3" => {
            let bucket = AmazonS3Builder::from_env()
                .with_url(url.as_str())
                // An endpoint without TLS is only ever one that was set by hand: an emulated S3.
                .with_allow_http(true)
                .build()?;
            let prefix = url.path().trim_matches('/');
            if prefix.is_empty() {
                Ok(Arc::new(bucket))
            } else {
                Ok(Arc::new(PrefixStore::new(bucket, prefix)))
            }
        }
        "file" => {
            let folder = url.to_file_path().map_err(|()| OpenError::Scheme {
                scheme: "file with a host".to_owned(),
            })?;
            std::fs::create_dir_all(&folder)?;
            Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?))
        }
        "memory" => Ok(Arc::new(InMemory::new())),
        other => Err(OpenError::Scheme {
            scheme: other.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_object_reads_back_up_to_its_limit() {
        let lake = Lake::open(&Url::parse("memory:///").unwrap()).unwrap();
        let path = Path::from("a/b.gz");
        lake.compress_and_write(&path, Bytes::from_static(b"0123456789"))
            .await
            .unwrap();
        assert_eq!(
            lake.read_and_decompress(&path, 10).await.unwrap(),
            b"0123456789"[..]
        );
        assert!(matches!(
            lake.read_and_decompress(&path, 9).await,
            Err(LakeError::TooLarge { bytes_max: 9, .. })
        ));
    }

    #[test]
    fn a_buckets_key_is_located_in_its_own_lake_only() {
        let locate = |lake: &str, bucket: &str, key: &str| {
            let lake = Lake::open(&Url::parse(lake).unwrap()).unwrap();
            lake.locate(bucket, key).map(String::from)
        };
        let key = "ocsf/content_type=DLP.All/a!2B%20.gz";
        let found = Some(key.to_owned());
        assert_eq!(locate("s3://lake", "lake", key), found);
        assert_eq!(
            locate("s3://lake/in/it/", "lake", &format!("in/it/{key}")),
            found
        );
        for lake in ["s3://other", "s3://lake/in", "memory:///"] {
            assert_eq!(locate(lake, "lake", key), None, "{lake}");
        }
        assert_eq!(
            locate("s3://lake/in", "lake", &format!("inner/{key}")),
            None
        );
        assert_eq!(locate("s3://lake", "lake", "ocsf//a.gz"), None);
    }

    #[test]
    fn other_schemes_are_refused_by_name() {
        let error = Lake::open(&Url::parse("ftp://host/").unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ftp:// is no lake: use s3://bucket, file:///folder or memory:///"
        );
    }
}
