//! Fetch a blob: whole, or record by record.

use std::collections::VecDeque;

use bytes::Bytes;
use records::{BlobLimits, RecordSplitter, SplitError};

use super::client::Client;
use super::request::{Reading, Request};
use crate::names::{Cloud, ContentId, TenantId};
use crate::transport::{Error, Failure, Operation, Response};

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
        let begins = body.trim_ascii_start().starts_with(b"[");
        let ends = body.trim_ascii_end().ends_with(b"]");
        if answer.response.end_is_unproven() && begins && !ends {
            let why = "it ended with its connection and without its closing bracket";
            return Err(request.fail(Failure::Broken(why.to_owned())));
        }
        Ok(body)
    }

    /// Fetches a blob record by record, in bounded memory. A fault on the way ends the stream with an error. It cannot be
    /// resumed, since Microsoft may answer the same blob differently each time.
    ///
    /// # Errors
    /// As for [`Client::fetch_blob`].
    pub async fn stream_records(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_id: &ContentId,
        limits: BlobLimits,
    ) -> Result<RecordStream, Error> {
        let request = self.blob_request(tenant, cloud, content_id)?;
        let answer = self.perform(&request, Reading::Streamed).await?;
        Ok(RecordStream {
            tenant,
            limits,
            response: answer.response,
            splitter: RecordSplitter::new(limits),
            ready: VecDeque::new(),
            ended: false,
        })
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

/// A blob's records as they arrive, each as its own JSON text.
pub struct RecordStream {
    tenant: TenantId,
    limits: BlobLimits,
    response: Response,
    splitter: RecordSplitter,
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl RecordStream {
    /// The next record; `None` only when the blob arrived to its end.
    ///
    /// # Errors
    /// When the rest does not arrive, or is no array of records within the limits. The blob must then be fetched again.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Ok(Some(record));
            }
            if self.ended {
                return Ok(None);
            }
            let step = self.advance().await;
            step.map_err(|failure| Error::new(Operation::FetchBlob, self.tenant, failure))?;
        }
    }

    /// Reads the next chunk and puts the records that it completes into `ready`.
    async fn advance(&mut self) -> Result<(), Failure> {
        let explain = |error| match error {
            SplitError::BlobTooLong(_)
            | SplitError::RecordTooLong(_)
            | SplitError::TooManyRecords(_) => Failure::TooLarge {
                body_bytes_max: self.limits.body_bytes_max,
            },
            SplitError::Empty | SplitError::CutOff { .. } => Failure::Broken(error.to_string()),
            other => Failure::Unreadable(other.to_string()),
        };
        match self.response.chunk().await? {
            Some(chunk) => {
                let ready = &mut self.ready;
                let pushed = self.splitter.push(&chunk, |record| ready.push_back(record));
                pushed.map_err(explain)
            }
            None => {
                self.ended = true;
                self.splitter.finish().map_err(explain)
            }
        }
    }
}

impl std::fmt::Debug for RecordStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordStream")
            .field("tenant", &self.tenant)
            .field("records", &self.splitter.records())
            .finish_non_exhaustive()
    }
}
