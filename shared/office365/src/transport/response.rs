//! An answer whose headers have arrived. Its body is read within limits of time and size, and whole or not at all.
//!
//! Gzip is decoded here and not by the HTTP client, which would hide how many bytes came, and whether a checksum proves that
//! they are all.

use std::io::Read as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode, Version};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::error::Failure;
use super::retry_after;
use super::timeouts::Timeouts;

/// Largest body for which memory is reserved because the answer promises it. A longer one grows as it arrives.
const PREALLOCATED_BYTES_MAX: u64 = 1024 * 1024;

/// Most causes printed of one error.
const CAUSES_MAX: usize = 5;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// By gzip.
    Gzip,
}

/// The headers of an answer, and the body that is still to be read.
pub(crate) struct Response {
    response: reqwest::Response,
    deadline: Instant,
    timeouts: Timeouts,
}

impl Response {
    pub(super) fn new(response: reqwest::Response, deadline: Instant, timeouts: Timeouts) -> Self {
        Self {
            response,
            deadline,
            timeouts,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The wait that the header `Retry-After` asks for.
    pub(crate) fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        retry_after::in_headers(self.headers(), now)
    }

    /// The server's clock.
    pub(crate) fn server_date(&self) -> Option<Timestamp> {
        retry_after::server_date(self.headers())
    }

    /// How the body is encoded.
    ///
    /// # Errors
    /// It was encoded in a way that was not asked for.
    pub(super) fn encoding(&self) -> Result<Encoding, Failure> {
        let named = self.headers().get(CONTENT_ENCODING);
        let named = named.map_or(&b""[..], |value| value.as_bytes().trim_ascii());
        if named.is_empty() || named.eq_ignore_ascii_case(b"identity") {
            Ok(Encoding::Identity)
        } else if named.eq_ignore_ascii_case(b"gzip") || named.eq_ignore_ascii_case(b"x-gzip") {
            Ok(Encoding::Gzip)
        } else {
            let why = "it is encoded in a way that was not asked for";
            Err(Failure::Unreadable(why.to_owned()))
        }
    }

    /// The promised length of the body, as encoded.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.response.content_length()
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// The next chunk of the body as it comes, however long that takes.
    pub(super) async fn wire_chunk(&mut self) -> reqwest::Result<Option<Bytes>> {
        self.response.chunk().await
    }

    /// The next chunk of the body as it comes; `None` only when the body arrived to its end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let idle_end = Instant::now() + self.timeouts.idle;
        let (end, phase, limit) = if self.deadline < idle_end {
            (self.deadline, "the whole call", self.timeouts.total)
        } else {
            (idle_end, "the next byte", self.timeouts.idle)
        };
        match timeout_at(end, self.response.chunk()).await {
            Err(_) => Err(Failure::TimedOut { phase, limit }),
            // Fewer bytes than promised and a missing last chunk both end here.
            Ok(Err(error)) => Err(Failure::Broken(explain(&error))),
            Ok(Ok(chunk)) => Ok(chunk),
        }
    }

    /// The whole decoded body.
    pub(crate) async fn body(&mut self, body_bytes_max: usize) -> Result<Bytes, Failure> {
        let encoding = self.encoding()?;
        let promised = self.content_length().unwrap_or(0);
        if promised > body_bytes_max as u64 {
            return Err(too_large(body_bytes_max));
        }
        let mut body = BytesMut::with_capacity(promised.min(PREALLOCATED_BYTES_MAX) as usize);
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > body_bytes_max {
                return Err(too_large(body_bytes_max));
            }
            body.extend_from_slice(&chunk);
        }
        match encoding {
            Encoding::Gzip if !body.is_empty() => gunzip(&body, body_bytes_max),
            Encoding::Gzip | Encoding::Identity => Ok(body.freeze()),
        }
    }

    /// Whether the body has neither a length nor chunks, so that it ends with its connection and a cut one looks whole. That
    /// a gzip body has a checksum does not count here.
    pub(crate) fn end_is_unproven(&self) -> bool {
        let headers = self.response.headers();
        self.response.version() <= Version::HTTP_11
            && !headers.contains_key(CONTENT_LENGTH)
            && !headers.contains_key(TRANSFER_ENCODING)
    }

    /// The first bytes of the body, decoded, as far as they arrive: for error messages.
    pub(crate) async fn body_start(&mut self, bytes_max: usize) -> Bytes {
        let mut body = BytesMut::new();
        while let Ok(Some(chunk)) = self.chunk().await {
            let room = bytes_max - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == bytes_max {
                break;
            }
        }
        if self.encoding() != Ok(Encoding::Gzip) {
            return body.freeze();
        }
        let mut text = Vec::new();
        // What came before a fault is still worth reading.
        let _ = MultiGzDecoder::new(&body[..])
            .take(bytes_max as u64)
            .read_to_end(&mut text);
        text.into()
    }
}

/// The whole decoded text of a gzip body.
fn gunzip(body: &[u8], body_bytes_max: usize) -> Result<Bytes, Failure> {
    let mut text = Vec::new();
    // One more byte than allowed shows that there are too many.
    let read = MultiGzDecoder::new(body)
        .take(body_bytes_max as u64 + 1)
        .read_to_end(&mut text);
    if text.len() > body_bytes_max {
        return Err(too_large(body_bytes_max));
    }
    match read {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(Failure::Broken(format!("cannot decode it: {error}"))),
    }
}

fn too_large(body_bytes_max: usize) -> Failure {
    Failure::TooLarge {
        body_bytes_max: body_bytes_max as u64,
    }
}

/// The causes of an HTTP error. reqwest's own text is left out: it ends in the address.
pub(super) fn explain(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause
        && texts.len() < CAUSES_MAX
    {
        texts.push(error.to_string());
        cause = error.source();
    }
    if texts.is_empty() {
        return if error.is_decode() {
            "cannot decode it"
        } else {
            "the request failed"
        }
        .to_owned();
    }
    texts.dedup();
    texts.join(": ")
}
