//! A lake that announces its new objects, as S3 does through EventBridge: a folder tells nobody by itself.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use pipeline::aws::AwsError;
use serde_json::json;

/// The queue that is told of new objects below a folder.
#[derive(Clone, Debug)]
pub struct Announcements {
    /// A client of its server.
    pub client: aws_sdk_sqs::Client,
    /// Its address.
    pub queue_url: String,
    /// The folder.
    pub folder: &'static str,
}

impl Announcements {
    /// The store, announcing.
    #[must_use]
    pub fn of(self, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Announcing {
            store,
            announcements: self,
        })
    }

    /// Announces an object of the folder, and no other.
    ///
    /// # Errors
    /// The queue does not take it. A write then fails too: whoever wrote writes again.
    pub async fn announce(&self, path: &Path) -> Result<()> {
        if !path.as_ref().starts_with(self.folder) {
            return Ok(());
        }
        let event = json!({
            "detail-type": "Object Created",
            "source": "aws.s3",
            "detail": { "bucket": { "name": "" }, "object": { "key": path.as_ref() } },
        });
        let sent = self
            .client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(event.to_string())
            .send()
            .await;
        sent.map(drop).map_err(|error| Error::Generic {
            store: "announcing",
            source: Box::new(AwsError::new("sqs:SendMessage", &error)),
        })
    }
}

#[derive(Debug)]
struct Announcing {
    store: Arc<dyn ObjectStore>,
    announcements: Announcements,
}

impl fmt::Display for Announcing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.store)
    }
}

#[async_trait]
impl ObjectStore for Announcing {
    async fn put_opts(
        &self,
        path: &Path,
        content: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.store.put_opts(path, content, options).await?;
        self.announcements.announce(path).await?;
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(AnnouncedUpload {
            upload: self.store.put_multipart_opts(path, options).await?,
            path: path.clone(),
            announcements: self.announcements.clone(),
        }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.store.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(paths)
    }

    fn list(&self, folder: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(folder)
    }

    async fn list_with_delimiter(&self, folder: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(folder).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await?;
        self.announcements.announce(to).await
    }
}

#[derive(Debug)]
struct AnnouncedUpload {
    upload: Box<dyn MultipartUpload>,
    path: Path,
    announcements: Announcements,
}

#[async_trait]
impl MultipartUpload for AnnouncedUpload {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        self.upload.put_part(part)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let put = self.upload.complete().await?;
        self.announcements.announce(&self.path).await?;
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}
