//! Step 2, raw first: the bytes are stored before anything is made of them.

use bytes::Bytes;
use office365::{Cloud, Failure};
use records::split;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Fetcher;
use super::error::FetchError;
use crate::content::ContentRef;
use crate::store::lake::{Codec, LakeError, key};
use crate::store::ledger::blob::Choice;

/// Largest blob handled beside others, in bytes: blobs are mostly under 1 MiB, and ten of this size with their events fit a
/// function of 1 GiB.
pub const BLOB_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Largest blob handled at all, one at a time in a process: the body, its compressed copy and its compressed events are held
/// at once. A larger one stays open, loudly, until it expires.
pub const LARGE_BLOB_BYTES_MAX: usize = 96 * 1024 * 1024;

/// A blob taken apart, and the permit that keeps other large ones out while it is in memory.
pub(super) struct Body<'a> {
    /// The elements of its array, in order: records, and whatever else may stand there.
    pub(super) elements: Vec<Bytes>,
    /// How its events are compressed.
    pub(super) codec: Codec,
    pub(super) _alone: Option<SemaphorePermit<'a>>,
}

/// What Microsoft sent, not yet looked at.
struct Downloaded<'a> {
    bytes: Bytes,
    alone: Option<SemaphorePermit<'a>>,
}

/// The blob: its chosen copy, or, while there is none, what Microsoft sends now.
pub(super) async fn get<'a>(
    fetcher: &'a Fetcher,
    blob: &ContentRef,
    cloud: Cloud,
    chosen: Option<Choice>,
) -> Result<Body<'a>, FetchError> {
    let Some(choice) = chosen else {
        return fetch_and_choose(fetcher, blob, cloud).await;
    };
    match read_back(fetcher, blob, &choice).await {
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
    blob: &ContentRef,
    cloud: Cloud,
) -> Result<Body<'a>, FetchError> {
    let Downloaded { bytes, alone } = download(fetcher, blob, cloud).await?;
    // Before anything else: what is stored is the blob from here on, for this attempt as for those after it.
    let (bytes, elements) = if fetcher.events.redact_raw {
        without_secrets(bytes)?
    } else {
        let elements = split(&bytes).map_err(|why| FetchError::unreadable(why, &bytes))?;
        (bytes, elements)
    };
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let path = key::raw(blob, &sha256);
    fetcher.lake.compress_and_write(&path, bytes).await?;
    let ours = Choice {
        raw_sha256: sha256,
        codec: fetcher.events.codec,
    };
    let chosen = fetcher.ledger.choose(blob, ours.clone()).await?;
    if chosen.raw_sha256 == ours.raw_sha256 {
        return Ok(Body {
            elements,
            codec: chosen.codec,
            _alone: alone,
        });
    }
    tracing::warn!(
        "Microsoft sent a second variant of this blob; the first is the blob, both are kept"
    );
    // Before the first is read: one of two large ones is enough in memory, and there is one permit.
    drop((elements, alone));
    read_back(fetcher, blob, &chosen).await
}

/// The blob with its secrets replaced, taken apart. What cannot be taken apart is set aside without its bytes when they may
/// hold a secret.
fn without_secrets(bytes: Bytes) -> Result<(Bytes, Vec<Bytes>), FetchError> {
    let unreadable =
        |why: &dyn std::fmt::Display| FetchError::unreadable(why, &unless_secret(bytes.clone()));
    match normalize::redact(&bytes) {
        Ok(Some(clean)) => {
            let elements = split(&clean).map_err(|why| unreadable(&why))?;
            Ok((clean, elements))
        }
        Ok(None) => {
            let elements = split(&bytes).map_err(|why| unreadable(&why))?;
            Ok((bytes, elements))
        }
        Err(why) => Err(unreadable(&why)),
    }
}

/// The bytes, or a word in their place when they may hold a secret.
fn unless_secret(bytes: Bytes) -> Bytes {
    if !normalize::may_hold_secrets(&bytes) {
        return bytes;
    }
    let length = bytes.len();
    format!("[redacted: {length} bytes that are no array of records and may hold a secret]").into()
}

async fn download<'a>(
    fetcher: &'a Fetcher,
    blob: &ContentRef,
    cloud: Cloud,
) -> Result<Downloaded<'a>, FetchError> {
    let client = fetcher.microsoft.client()?;
    let fetch = |bytes_max| client.fetch_blob(blob.tenant_id, cloud, &blob.content_id, bytes_max);
    match fetch(BLOB_BYTES_MAX).await {
        Err(error) if matches!(error.failure(), Failure::TooLarge { .. }) => {
            let alone = alone(&fetcher.large).await;
            let bytes = fetch(LARGE_BLOB_BYTES_MAX).await?;
            Ok(Downloaded { bytes, alone })
        }
        answer => Ok(Downloaded {
            bytes: answer?,
            alone: None,
        }),
    }
}

/// The chosen copy, from the lake.
pub(super) async fn read_back<'a>(
    fetcher: &'a Fetcher,
    blob: &ContentRef,
    choice: &Choice,
) -> Result<Body<'a>, FetchError> {
    let path = key::raw(blob, &choice.raw_sha256);
    let read = |bytes_max| fetcher.lake.read_and_decompress(&path, bytes_max);
    let (bytes, alone) = match read(BLOB_BYTES_MAX).await {
        Err(LakeError::TooLarge { .. }) => {
            let alone = alone(&fetcher.large).await;
            (read(LARGE_BLOB_BYTES_MAX).await?, alone)
        }
        content => (content?, None),
    };
    Ok(Body {
        elements: split(&bytes).map_err(|why| FetchError::unreadable(why, &bytes))?,
        codec: choice.codec,
        _alone: alone,
    })
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
        let kept = |bytes: &'static [u8]| match without_secrets(Bytes::from_static(bytes)) {
            Err(FetchError::Unreadable { body, .. }) => body,
            other => panic!("{other:?}"),
        };
        let page = b"<html>502 Bad Gateway</html>";
        assert_eq!(kept(page), page[..]);
        assert_eq!(
            kept(b"[{\"Password\":\"hunter2\"},{"),
            "[redacted: 25 bytes that are no array of records and may hold a secret]"
        );
    }

    #[test]
    fn without_secrets_the_elements_are_those_of_the_clean_copy() {
        let body = Bytes::from_static(b"[{\"Password\":\"hunter2\"}, 3]");
        let (clean, elements) = without_secrets(body).unwrap();
        assert_eq!(clean, "[{\"Password\":\"[redacted]\"}, 3]");
        assert_eq!(elements, [&b"{\"Password\":\"[redacted]\"}"[..], b"3"]);
    }
}
