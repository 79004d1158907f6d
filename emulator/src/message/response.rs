//! Responses, and the faults of a body.

use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde::Serialize;

/// A body that was cut on purpose; the connection ends with it.
#[derive(Debug, thiserror::Error)]
#[error("the body is cut here on purpose")]
pub(crate) struct Cut;

pub(crate) type Body = UnsyncBoxBody<Bytes, Cut>;
pub(crate) type Response = http::Response<Body>;

/// Wait before the connection ends, so that what was sent has left: a failed body ends it at once.
const CUT_PAUSE: Duration = Duration::from_millis(50);

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

fn respond(status: u16, content_type: Option<HeaderValue>, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

pub(crate) fn json_bytes(status: u16, body: impl Into<Bytes>) -> Response {
    respond(status, Some(JSON), full(body))
}

pub(crate) fn json(status: u16, body: &impl Serialize) -> Response {
    // Our own types serialize; an empty body would show at once if one did not.
    json_bytes(status, serde_json::to_vec(body).unwrap_or_default())
}

pub(crate) fn empty(status: u16) -> Response {
    respond(status, None, full(Bytes::new()))
}

pub(crate) fn html(status: u16, body: impl Into<Bytes>) -> Response {
    respond(
        status,
        Some(HeaderValue::from_static("text/html")),
        full(body),
    )
}

/// A body that is made while it is sent.
pub(crate) fn streamed(chunks: impl Iterator<Item = Bytes> + Send + 'static) -> Response {
    let frames = futures::stream::iter(chunks).map(|chunk| Ok(Frame::data(chunk)));
    respond(200, Some(JSON), StreamBody::new(frames).boxed_unsync())
}

/// Puts a byte order mark before the body.
pub(crate) fn marked(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    let mark = futures::stream::once(async { Ok(Bytes::from_static("\u{feff}".as_bytes())) });
    let frames = mark
        .chain(body.into_data_stream())
        .map(|chunk| chunk.map(Frame::data));
    Response::from_parts(parts, StreamBody::new(frames).boxed_unsync())
}

/// Compresses the body while it is sent.
pub(crate) fn gzipped(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts
        .headers
        .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let end = futures::stream::once(std::future::ready(None));
    let chunks = body.into_data_stream().map(Some).chain(end);
    let frames = chunks
        .scan(Some(encoder), |encoder, chunk| {
            std::future::ready(compress(encoder, chunk))
        })
        // What the encoder still holds back.
        .filter(|frame| {
            std::future::ready(
                !matches!(frame, Ok(frame) if frame.data_ref().is_some_and(Bytes::is_empty)),
            )
        });
    Response::from_parts(parts, StreamBody::new(frames).boxed_unsync())
}

/// Compresses a chunk; without one, ends the compressed body.
fn compress(
    encoder: &mut Option<GzEncoder<Vec<u8>>>,
    chunk: Option<Result<Bytes, Cut>>,
) -> Option<Result<Frame<Bytes>, Cut>> {
    // Writing to memory does not fail; if it did, the body would end early, which the caller notices.
    let bytes = match chunk {
        Some(Ok(chunk)) => {
            let encoder = encoder.as_mut()?;
            encoder.write_all(&chunk).ok()?;
            std::mem::take(encoder.get_mut())
        }
        Some(Err(cut)) => return Some(Err(cut)),
        None => encoder.take()?.finish().ok()?,
    };
    Some(Ok(Frame::data(Bytes::from(bytes))))
}

/// Ends the body after some bytes: with the connection when `abrupt`, as if it were complete otherwise.
pub(crate) fn shorten(response: Response, after_bytes: u64, abrupt: bool) -> Response {
    let (mut parts, body) = response.into_parts();
    if !abrupt {
        parts.headers.remove(CONTENT_LENGTH);
    }
    let left = usize::try_from(after_bytes).unwrap_or(usize::MAX);
    let kept = body.into_data_stream().scan(left, |left, chunk| {
        let shortened = chunk.map(|mut chunk| {
            chunk.truncate(*left);
            *left -= chunk.len();
            chunk
        });
        let over = shortened.as_ref().is_ok_and(Bytes::is_empty);
        std::future::ready((!over).then(|| shortened.map(Frame::data)))
    });
    let end = futures::stream::once(async move {
        tokio::time::sleep(CUT_PAUSE).await;
        Err(Cut)
    });
    let body = if abrupt {
        StreamBody::new(kept.chain(end)).boxed_unsync()
    } else {
        StreamBody::new(kept).boxed_unsync()
    };
    Response::from_parts(parts, body)
}
