//! A body as it comes over the wire: not decoded, in bounded memory, and for as long as it keeps flowing.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::error::Failure;
use super::response::{Encoding, Response, explain};

/// The slowest flow that is waited for, in bytes a second, beyond the time that every call has. A blob of 1.2 GB may take
/// hours; one that drips, byte by byte, would take weeks.
const FLOW_MIN: u64 = 16 * 1024;

/// The body of a success, chunk by chunk.
pub(crate) struct WireBody {
    response: Response,
    encoding: Encoding,
    bytes_max: u64,
    received: u64,
    /// Time spent waiting for bytes. What the caller does between them does not count.
    waited: Duration,
}

impl WireBody {
    /// # Errors
    /// An encoding that was not asked for, or a promised length over the limit.
    pub(crate) fn new(response: Response, bytes_max: u64) -> Result<Self, Failure> {
        let encoding = response.encoding()?;
        if response
            .content_length()
            .is_some_and(|length| length > bytes_max)
        {
            return Err(Failure::TooLarge {
                body_bytes_max: bytes_max,
            });
        }
        Ok(Self {
            response,
            encoding,
            bytes_max,
            received: 0,
            waited: Duration::ZERO,
        })
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        self.response.content_length()
    }

    pub(crate) fn end_is_unproven(&self) -> bool {
        self.response.end_is_unproven()
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The next bytes; `None` only when the body arrived to its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let timeouts = self.response.timeouts();
        let allowed = timeouts.total + Duration::from_secs(self.received / FLOW_MIN);
        let left = allowed.saturating_sub(self.waited);
        let (limit, phase, named) = if left < timeouts.idle {
            (left, "the whole call", allowed)
        } else {
            (timeouts.idle, "the next byte", timeouts.idle)
        };
        let begun = Instant::now();
        let chunk = match timeout(limit, self.response.wire_chunk()).await {
            Err(_) => {
                return Err(Failure::TimedOut {
                    phase,
                    limit: named,
                });
            }
            // Fewer bytes than promised and a missing last chunk both end here.
            Ok(Err(error)) => return Err(Failure::Broken(explain(&error))),
            Ok(Ok(chunk)) => chunk,
        };
        self.waited += begun.elapsed();
        self.received += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if self.received > self.bytes_max {
            return Err(Failure::TooLarge {
                body_bytes_max: self.bytes_max,
            });
        }
        Ok(chunk)
    }
}
