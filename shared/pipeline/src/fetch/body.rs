//! Step 2, raw first: the bytes are stored before anything is made of them.

use bytes::Bytes;
use object_store::path::Path;
use office365::{Cloud, Failure};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::failure::unreadable;
use super::{FetchError, Fetcher};
use crate::lake::{Codec, LakeError, key};
use crate::ledger::blob::Choice;
use crate::queue::Blob;

/// Largest blob handled beside others, in bytes: blobs are mostly under 1 MiB, and ten of this size with their events fit a
/// function of 1 GiB.
pub(super) const BLOB_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Largest blob handled at all, one at a time in a process: the body, its compressed copy and its compressed events are held
/// at once. A larger one stays open, loudly, until it expires.
pub(super) const LARGE_BLOB_BYTES_MAX: usize = 96 * 1024 * 1024;

/// A blob's bytes, and the permit that keeps other large ones out while they are in memory.
pub(super) struct Body<'a> {
    pub(super) bytes: Bytes,
    /// How its events are compressed.
    pub(super) codec: Codec,
    pub(super) _alone: Option<SemaphorePermit<'a>>,
}

/// The bytes that are the blob: the chosen copy, or, while there is none, what Microsoft sends now.
pub(super) async fn get<'a>(
    fetcher: &'a Fetcher,
    blob: &Blob,
    cloud: Cloud,
    chosen: Option<Choice>,
) -> Result<Body<'a>, FetchError> {
    let Some(choice) = chosen else {
        return fetch_and_choose(fetcher, blob, cloud).await;
    };
    match read_back(fetcher, &choice).await {
        // Somebody deleted or damaged the copy. Microsoft may still have the same bytes, which go to the same key.
        Err(FetchError::Lake(error)) if error.is_missing_or_damaged() => {
            tracing::error!(%error, "the raw copy is gone, asking Microsoft again");
            fetch_and_choose(fetcher, blob, cloud).await
        }
        read => read,
    }
}

/// Stores what Microsoft sends and fixes it as *the* blob, unless an attempt before fixed other bytes: then those are. From
/// here on Microsoft is not needed any more.
async fn fetch_and_choose<'a>(
    fetcher: &'a Fetcher,
    blob: &Blob,
    cloud: Cloud,
) -> Result<Body<'a>, FetchError> {
    let mut body = download(fetcher, blob, cloud).await?;
    if fetcher.events.redact_raw {
        // Before anything else: what is stored is the blob from here on, for this attempt as for those after it.
        match normalize::redact(&body.bytes) {
            Ok(Some(clean)) => body.bytes = clean,
            Ok(None) => {}
            Err(why) => return Err(unreadable(why, &without_secrets(body.bytes))),
        }
    } else if let Err(why) = records::split(&body.bytes) {
        return Err(unreadable(why, &body.bytes));
    }
    let path = key::raw(blob, &hex::encode(Sha256::digest(&body.bytes)));
    fetcher.lake.put(&path, body.bytes.clone()).await?;
    let ours = Choice {
        raw_key: path.to_string(),
        codec: fetcher.events.codec,
    };
    let chosen = fetcher.ledger.choose(blob, ours.clone()).await?;
    if chosen.raw_key == ours.raw_key {
        return Ok(Body {
            codec: chosen.codec,
            ..body
        });
    }
    tracing::warn!(
        "Microsoft sent a second variant of this blob; the first is the blob, both are kept"
    );
    drop(body);
    read_back(fetcher, &chosen).await
}

/// What is set aside of bytes that cannot be taken apart: all of them, or a word in their place when they may hold a secret.
fn without_secrets(bytes: Bytes) -> Bytes {
    if !normalize::may_hold_secrets(&bytes) {
        return bytes;
    }
    let length = bytes.len();
    format!("[redacted: {length} bytes that are no array of records and may hold a secret]").into()
}

async fn download<'a>(
    fetcher: &'a Fetcher,
    blob: &Blob,
    cloud: Cloud,
) -> Result<Body<'a>, FetchError> {
    let client = fetcher.microsoft.client()?;
    let codec = fetcher.events.codec;
    let fetch = |bytes_max| client.fetch_blob(blob.tenant_id, cloud, &blob.content_id, bytes_max);
    match fetch(BLOB_BYTES_MAX).await {
        Err(error) if matches!(error.failure(), Failure::TooLarge { .. }) => {
            let _alone = alone(&fetcher.large).await;
            let bytes = fetch(LARGE_BLOB_BYTES_MAX).await?;
            Ok(Body {
                bytes,
                codec,
                _alone,
            })
        }
        answer => Ok(Body {
            bytes: answer?,
            codec,
            _alone: None,
        }),
    }
}

async fn read_back<'a>(fetcher: &'a Fetcher, choice: &Choice) -> Result<Body<'a>, FetchError> {
    let path = Path::from(choice.raw_key.as_str());
    let codec = choice.codec;
    let read = |bytes_max| fetcher.lake.get(&path, bytes_max);
    match read(BLOB_BYTES_MAX).await {
        Err(LakeError::TooLarge { .. }) => {
            let _alone = alone(&fetcher.large).await;
            let bytes = read(LARGE_BLOB_BYTES_MAX).await?;
            Ok(Body {
                bytes,
                codec,
                _alone,
            })
        }
        content => Ok(Body {
            bytes: content?,
            codec,
            _alone: None,
        }),
    }
}

/// The permit for a large blob. The semaphore is never closed.
async fn alone(large: &Semaphore) -> Option<SemaphorePermit<'_>> {
    large.acquire().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_is_kept_and_a_cut_blob_with_a_secret_is_not() {
        let page = Bytes::from_static(b"<html>502 Bad Gateway</html>");
        assert_eq!(without_secrets(page.clone()), page);
        let cut = without_secrets(Bytes::from_static(b"[{\"Password\":\"hunter2\"},{"));
        assert_eq!(
            cut,
            "[redacted: 25 bytes that are no array of records and may hold a secret]"
        );
    }
}
