//! One request and its answer: bounded in time and size, complete or an error.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, DATE, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, Version};
use jiff::Timestamp;
use reqwest::{Request, Response};
use tokio::time::{Instant, timeout, timeout_at};

use crate::ClientConfig;
use crate::config::Timeouts;
use crate::envelope::WAIT_MAX;
use crate::error::Failure;

/// Sockets kept open per host: more than the parallel requests of one process.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// Shorter than the idle limits of Microsoft's front doors, so that a kept socket is rarely a dead one.
const IDLE_CONNECTION_TIME: Duration = Duration::from_secs(50);

/// Sizes up to which the promised length is trusted for an allocation.
const PREALLOCATED_BYTES_MAX: u64 = 1024 * 1024;

/// An answer whose headers are there and whose body is still to be read.
pub(crate) struct Head {
    pub(crate) response: Response,
    deadline: Instant,
    timeouts: Timeouts,
}

/// Makes the one HTTP client: no redirects (a token must not follow them), no proxy from the environment.
pub(crate) fn connect(config: &ClientConfig) -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .user_agent(concat!("ualstream/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .retry(reqwest::retry::never())
        .https_only(config.endpoints.https_only())
        .connect_timeout(config.timeouts.connect)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .pool_idle_timeout(IDLE_CONNECTION_TIME)
        .tcp_nodelay(true)
        .build()
        .map_err(|error| explain(&error))
}

/// Sends a request and waits for the answer's headers.
pub(crate) async fn send(
    client: &reqwest::Client,
    request: Request,
    timeouts: Timeouts,
) -> Result<Head, Failure> {
    let deadline = Instant::now() + timeouts.total;
    let first_byte = timeouts.first_byte.min(timeouts.total);
    match timeout(first_byte, client.execute(request)).await {
        Err(_) => Err(Failure::TimedOut {
            phase: "the first byte",
            limit: first_byte,
        }),
        Ok(Err(error)) => Err(classify(&error, timeouts)),
        Ok(Ok(response)) => Ok(Head {
            response,
            deadline,
            timeouts,
        }),
    }
}

impl Head {
    /// The next piece of the decoded body; `None` only after its verified end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let idle_end = Instant::now() + self.timeouts.idle;
        let (end, phase, limit) = if self.deadline < idle_end {
            (self.deadline, "the whole call", self.timeouts.total)
        } else {
            (idle_end, "the next byte", self.timeouts.idle)
        };
        match timeout_at(end, self.response.chunk()).await {
            Err(_) => Err(Failure::TimedOut { phase, limit }),
            // Fewer bytes than promised, a missing last chunk, a cut gzip stream: all end here.
            Ok(Err(error)) => Err(Failure::Broken(explain(&error))),
            Ok(Ok(chunk)) => Ok(chunk),
        }
    }

    /// The whole decoded body.
    pub(crate) async fn body(&mut self, body_bytes_max: usize) -> Result<Bytes, Failure> {
        let promised = self.response.content_length().unwrap_or(0);
        if promised > body_bytes_max as u64 {
            return Err(Failure::TooLarge { body_bytes_max });
        }
        let mut body = BytesMut::with_capacity(promised.min(PREALLOCATED_BYTES_MAX) as usize);
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > body_bytes_max {
                return Err(Failure::TooLarge { body_bytes_max });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Whether the body may have ended only because its connection did, so that a cut one looks whole.
    pub(crate) fn end_is_unproven(&self) -> bool {
        let headers = self.response.headers();
        // A decoded body has lost the header of its length; its checksum proved its end, but that cannot be told here.
        self.response.version() <= Version::HTTP_11
            && !headers.contains_key(CONTENT_LENGTH)
            && !headers.contains_key(TRANSFER_ENCODING)
    }

    /// The beginning of the body, whatever happens to the rest: for error texts.
    pub(crate) async fn body_start(&mut self, bytes_max: usize) -> Bytes {
        let mut body = BytesMut::new();
        while let Ok(Some(chunk)) = self.chunk().await {
            let room = bytes_max - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == bytes_max {
                break;
            }
        }
        body.freeze()
    }
}

/// The wait that an answer asks for, as seconds or as a date; a date is measured against the answer's own clock.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = http_date(value)?;
            let now = date(headers).unwrap_or(now);
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(WAIT_MAX))
}

/// The server's clock.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text)
        .ok()
        .map(|zoned| zoned.timestamp())
}

fn classify(error: &reqwest::Error, timeouts: Timeouts) -> Failure {
    if error.is_connect() && error.is_timeout() {
        return Failure::TimedOut {
            phase: "the connection",
            limit: timeouts.connect,
        };
    }
    if error.is_connect() {
        return Failure::Connect(explain(error));
    }
    Failure::Broken(explain(error))
}

/// Most causes printed of one error.
const CAUSES_MAX: usize = 5;

/// An HTTP error with its causes, without the address.
fn explain(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause
        && texts.len() < CAUSES_MAX
    {
        texts.push(error.to_string());
        cause = error.source();
    }
    if texts.is_empty() {
        // reqwest's own text ends in the address; the kind is all that is needed.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expect_seconds: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        headers.insert(DATE, "Wed, 01 Jul 2026 10:00:00 GMT".parse().unwrap());
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            retry_after(&headers, now),
            expect_seconds.map(Duration::from_secs),
            "{value:?}"
        );
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        check("17", Some(17));
        check("Wed, 01 Jul 2026 10:01:00 GMT", Some(60));
        check("Wed, 01 Jul 2026 09:00:00 GMT", Some(0));
        check("999999999999", Some(WAIT_MAX.as_secs()));
        check("soon", None);
        check("-5", None);
    }
}
