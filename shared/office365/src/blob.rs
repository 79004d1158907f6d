//! Fetching a blob: whole, or record by record.

use std::collections::VecDeque;

use bytes::Bytes;
use http::Method;
use records::{BlobLimits, RecordSplitter, SplitError};

use crate::error::{Error, Failure, Operation};
use crate::exchange::{Call, Reading};
use crate::wire::Head;
use crate::{Client, Cloud, ContentId, TenantId};

impl Client {
    /// Fetches a blob, decoded, of at most `body_bytes_max` bytes.
    ///
    /// Complete as far as HTTP can tell: fewer bytes than promised, a missing last chunk or a cut gzip stream is an
    /// error. An answer that only ends because its connection ends proves nothing: such an array must have its closing
    /// bracket. Otherwise the bytes are given as they are, for the caller to keep even if they are no records.
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
        let call = self.blob_call(tenant, cloud, content_id)?;
        let reading = Reading::Whole { body_bytes_max };
        let answer = self.perform(&call, reading).await?;
        let body = answer.body;
        let begins = body.trim_ascii_start().starts_with(b"[");
        let ends = body.trim_ascii_end().ends_with(b"]");
        if answer.head.end_is_unproven() && begins && !ends {
            let why = "it ended with its connection and without its closing bracket";
            return Err(call.fail(Failure::Broken(why.to_owned())));
        }
        Ok(body)
    }

    /// Fetches a blob record by record, in bounded memory. A fault on the way ends the stream with an error; it is not
    /// taken up again, since a blob may differ from one answer to the next.
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
        let call = self.blob_call(tenant, cloud, content_id)?;
        let answer = self.perform(&call, Reading::Streamed).await?;
        Ok(RecordStream {
            tenant,
            limits,
            head: answer.head,
            splitter: RecordSplitter::new(limits),
            ready: VecDeque::new(),
            ended: false,
        })
    }

    fn blob_call(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_id: &ContentId,
    ) -> Result<Call, Error> {
        let operation = Operation::FetchBlob;
        let path = format!("audit/{content_id}");
        Ok(Call {
            operation,
            tenant,
            cloud,
            content_type: content_id.content_type_hint(),
            method: Method::GET,
            url: self.url(operation, tenant, cloud, &path, &[])?,
            body: Bytes::new(),
        })
    }
}

/// A blob's records as they arrive, each as its own JSON text.
pub struct RecordStream {
    tenant: TenantId,
    limits: BlobLimits,
    head: Head,
    splitter: RecordSplitter,
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl RecordStream {
    /// The next record; `None` only after the blob's verified end.
    ///
    /// # Errors
    /// When the rest does not arrive, or is no array of records within the limits. After an error the blob must be
    /// fetched anew.
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

    async fn advance(&mut self) -> Result<(), Failure> {
        let explain = |error| match error {
            SplitError::BlobTooLong(_)
            | SplitError::RecordTooLong(_)
            | SplitError::TooManyRecords(_) => Failure::TooLarge {
                body_bytes_max: usize::try_from(self.limits.body_bytes_max).unwrap_or(usize::MAX),
            },
            SplitError::Empty | SplitError::CutOff { .. } => Failure::Broken(error.to_string()),
            other => Failure::Unreadable(other.to_string()),
        };
        match self.head.chunk().await? {
            Some(piece) => {
                let ready = &mut self.ready;
                let taken = self.splitter.push(&piece, |record| ready.push_back(record));
                taken.map_err(explain)
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
