//! Fetch a blob: whole, or as it comes over the wire.

use std::fmt;

use bytes::Bytes;

use super::client::Client;
use super::request::{Reading, Request};
use crate::names::{Cloud, ContentId, TenantId};
use crate::transport::{Encoding, Error, Failure, Operation, WireBody, json};

impl Client {
    /// Fetches a blob, decoded, of at most `body_bytes_max` bytes.
    ///
    /// The blob is complete as far as HTTP can tell: fewer bytes than promised, a missing last chunk or a cut gzip stream
    /// is an error. Where HTTP cannot tell, because the answer ends with its connection, an array must have its closing
    /// bracket. Nothing else is checked: the caller keeps the bytes even if they are no records.
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
        let request = self.blob_request(tenant, cloud, content_id)?;
        let reading = Reading::Whole { body_bytes_max };
        let answer = self.perform(&request, reading).await?;
        let body = answer.body;
        let text = json::without_mark(&body).trim_ascii();
        let cut = text.starts_with(b"[") && !text.ends_with(b"]");
        if answer.response.end_is_unproven() && cut {
            let why = "it ended with its connection and without its closing bracket";
            return Err(request.fail(Failure::Broken(why.to_owned())));
        }
        Ok(body)
    }

    /// Opens a blob of any size, to be read as it comes. Gzip is asked for; whether it came so, [`BlobBody::encoding`]
    /// says.
    ///
    /// Nothing is retried once the body flows: a fault on the way ends it, and the blob must be opened again. It cannot be
    /// resumed, since Microsoft may answer the same blob differently each time. The time limit of a whole call does not
    /// apply to a body that keeps flowing.
    ///
    /// # Errors
    /// [`crate::Disposition::Gone`] when the blob has expired or never was; [`Failure::TooLarge`] when more than
    /// `wire_bytes_max` bytes are promised.
    pub async fn open_blob(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_id: &ContentId,
        wire_bytes_max: u64,
    ) -> Result<BlobBody, Error> {
        let request = self.blob_request(tenant, cloud, content_id)?;
        let answer = self.perform(&request, Reading::Streamed).await?;
        let body = WireBody::new(answer.response, wire_bytes_max);
        let body = body.map_err(|failure| request.fail(failure))?;
        Ok(BlobBody { tenant, body })
    }

    fn blob_request(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_id: &ContentId,
    ) -> Result<Request, Error> {
        let hint = content_id.content_type_hint();
        let path = format!("audit/{content_id}");
        self.request(Operation::FetchBlob, tenant, cloud, hint, &path, &[])
    }
}

/// A blob's bytes as they come over the wire.
pub struct BlobBody {
    tenant: TenantId,
    body: WireBody,
}

impl BlobBody {
    /// The next bytes; `None` only when the blob arrived to its end, as far as HTTP can tell.
    ///
    /// # Errors
    /// [`Failure::Broken`] when the rest does not arrive, [`Failure::TimedOut`] when it stops flowing,
    /// [`Failure::TooLarge`] when it goes beyond the limit. After an error there is no rest.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let chunk = self.body.chunk().await;
        chunk.map_err(|failure| Error::new(Operation::FetchBlob, self.tenant, failure))
    }

    /// How the bytes are encoded.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.body.encoding()
    }

    /// How many bytes are promised, as encoded; `None` when the answer does not say.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.body.content_length()
    }

    /// Whether HTTP can tell that the bytes are all there. When false, and where there is no gzip checksum either, only
    /// the closing bracket of the array shows it.
    #[must_use]
    pub fn end_is_proven(&self) -> bool {
        !self.body.end_is_unproven()
    }
}

impl fmt::Debug for BlobBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobBody")
            .field("tenant", &self.tenant)
            .field("encoding", &self.encoding())
            .field("received", &self.body.received())
            .finish_non_exhaustive()
    }
}
