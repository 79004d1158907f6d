//! Fetching a blob.

use bytes::Bytes;
use http::Method;

use crate::error::{Error, Operation};
use crate::exchange::{Call, Reading};
use crate::{Client, Cloud, ContentId, TenantId};

impl Client {
    /// Fetches a blob, decoded, of at most `body_bytes_max` bytes.
    ///
    /// Complete as far as HTTP can tell: fewer bytes than promised, a missing last chunk or a cut gzip stream is an
    /// error. An answer whose end is the end of the connection has no such proof, so the caller checks the closing
    /// bracket too.
    ///
    /// # Errors
    /// [`crate::Disposition::Gone`] when the blob has expired or never was.
    pub async fn fetch_blob(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_id: &ContentId,
        body_bytes_max: usize,
    ) -> Result<Bytes, Error> {
        let operation = Operation::FetchBlob;
        let call = Call {
            operation,
            tenant,
            cloud,
            content_type: content_id.content_type_hint(),
            method: Method::GET,
            url: self.url(
                operation,
                tenant,
                cloud,
                &format!("audit/{content_id}"),
                &[],
            )?,
            body: Bytes::new(),
        };
        Ok(self
            .perform(&call, Reading::Whole { body_bytes_max })
            .await?
            .body)
    }
}
