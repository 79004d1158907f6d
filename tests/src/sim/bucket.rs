//! S3 in this process: a store that fails as S3 can, before a call is done and after.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use pipeline::lake::key::RAW;
use serde_json::json;

use super::crash::Crash;
use super::sqs::{DETECT_QUEUE, Sqs};
use super::weather::{AwsFault, Weather};

/// The store as one process sees it.
#[derive(Debug)]
pub struct Bucket {
    /// What keeps the objects.
    pub store: Arc<dyn ObjectStore>,
    /// What goes wrong.
    pub weather: Weather,
    /// Whose calls these are.
    pub crash: Crash,
    /// Where new raw copies are announced, as S3 does through EventBridge: whatever becomes of the caller.
    pub sqs: Sqs,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in a storm", self.store)
    }
}

impl Bucket {
    /// A call: what strikes it happens before it, or when it is done.
    async fn call<T>(
        &self,
        (what, path): (&str, &Path),
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let call = format!("{what} {path}");
        self.crash.before(&call).await;
        if self.weather.is_down("s3") {
            self.weather.deal("s3 is down");
            return Err(failed());
        }
        let can = |fault| {
            matches!(
                fault,
                AwsFault::ServerError | AwsFault::AnswerLost | AwsFault::Slow
            )
        };
        let dice = self.weather.dice(&call);
        let answer = match self.weather.strikes(&dice, can) {
            Some(AwsFault::ServerError) => {
                self.weather.deal(format!("s3: {what} fails"));
                Err(failed())
            }
            Some(AwsFault::AnswerLost) => {
                self.weather.deal(format!("s3: answer of {what} lost"));
                let _done = work.await;
                Err(failed())
            }
            Some(_) => {
                self.weather.deal(format!("s3: {what} slow"));
                self.weather.dawdle(&dice).await;
                work.await
            }
            None => work.await,
        };
        self.crash.after(&call).await;
        answer
    }
}

/// Tells the detector's queue of a raw copy.
fn announce(sqs: &Sqs, path: &Path) {
    if path
        .parts()
        .next()
        .is_some_and(|first| first.as_ref() == RAW)
    {
        let event = json!({
            "detail-type": "Object Created", "source": "aws.s3",
            "detail": { "bucket": { "name": "" }, "object": { "key": path.as_ref() } },
        });
        sqs.send(DETECT_QUEUE, &event.to_string(), Duration::ZERO);
    }
}

#[derive(Debug)]
struct Upload {
    upload: Box<dyn MultipartUpload>,
    path: Path,
    sqs: Sqs,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        self.upload.put_part(part)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let put = self.upload.complete().await?;
        announce(&self.sqs, &self.path);
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

fn failed() -> Error {
    Error::Generic {
        store: "simulation",
        source: "the service does not answer".into(),
    }
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = async {
            let put = self.store.put_opts(path, payload, options).await?;
            announce(&self.sqs, path);
            Ok(put)
        };
        self.call(("put", path), put).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let begun = self.store.put_multipart_opts(path, options);
        let upload = self.call(("multipart", path), begun).await?;
        Ok(Box::new(Upload {
            upload,
            path: path.clone(),
            sqs: self.sqs.clone(),
        }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let got = self.store.get_opts(path, options);
        self.call(("get", path), got).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let dice = self.weather.dice("list");
        let struck = self
            .weather
            .strikes(&dice, |fault| fault == AwsFault::ServerError);
        if struck.is_some() || self.weather.is_down("s3") {
            self.weather.deal("s3: list fails");
            return futures::stream::once(async { Err(failed()) }).boxed();
        }
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.call(
            ("list", prefix.unwrap_or(&Path::default())),
            self.store.list_with_delimiter(prefix),
        )
        .await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.call(("copy", to), self.store.copy_opts(from, to, options))
            .await
    }
}
