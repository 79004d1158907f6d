//! Step 2, raw first: the bytes are stored before anything is made of them.
//!
//! A blob of any size takes the same way. It flows from Microsoft into a spool, as it came over the wire where that was
//! compressed, and is checked on the way; the spool is written to the lake; and the events are made from the spool.

use bytes::Bytes;
use office365::{BlobBody, Cloud};

use super::Fetcher;
use super::error::FetchError;
use super::intake::{Intake, Taken, WIRE_BYTES_MAX};
use crate::content::ContentRef;
use crate::store::lake::{Codec, Encoded, LakeError, key};
use crate::store::ledger::blob::Choice;
use crate::teeth::{Tooth, bites};

/// A blob that is whole, and stored.
#[derive(Debug)]
pub(super) struct Body {
    /// Its bytes and what was seen of its records.
    pub(super) taken: Taken,
    /// How its events are compressed.
    pub(super) codec: Codec,
}

/// The blob: its chosen copy, or, while there is none, what Microsoft sends now.
pub(super) async fn get(
    fetcher: &Fetcher,
    blob: &ContentRef,
    cloud: Cloud,
    chosen: Option<Choice>,
) -> Result<Body, FetchError> {
    let Some(choice) = chosen else {
        return fetch_and_choose(fetcher, blob, cloud, None).await;
    };
    match read_back(fetcher, blob, &choice).await {
        // Somebody deleted or damaged the copy. Microsoft may still have the blob.
        Err(FetchError::Lake(error)) if error.is_missing_or_damaged() => {
            tracing::error!(%error, "the raw copy is gone, asking Microsoft again");
            fetch_and_choose(fetcher, blob, cloud, Some(choice)).await
        }
        read => read,
    }
}

/// Stores what Microsoft sends and fixes it as *the* blob, unless an attempt before fixed other bytes: then those are. From
/// here on Microsoft is not needed any more. `gone` is a copy that was fixed before and is not there any more.
async fn fetch_and_choose(
    fetcher: &Fetcher,
    blob: &ContentRef,
    cloud: Cloud,
    gone: Option<Choice>,
) -> Result<Body, FetchError> {
    let mut taken = download(fetcher, blob, cloud).await?;
    let path = key::raw(blob, &taken.sha256);
    if !bites(Tooth::ChosenBeforeStored) {
        fetcher.lake.write_spool(&path, &mut taken.spool).await?;
    }
    let ours = Choice {
        raw_sha256: taken.sha256.clone(),
        codec: gone
            .as_ref()
            .map_or(fetcher.events.codec, |gone| gone.codec),
    };
    let chosen = match &gone {
        None => fetcher.ledger.choose(blob, ours.clone()).await?,
        Some(gone) => {
            fetcher
                .ledger
                .choose_again(blob, gone, ours.clone())
                .await?
        }
    };
    if chosen.raw_sha256 == ours.raw_sha256 {
        if bites(Tooth::ChosenBeforeStored) {
            fetcher.lake.write_spool(&path, &mut taken.spool).await?;
        }
        return Ok(Body {
            taken,
            codec: chosen.codec,
        });
    }
    tracing::warn!(
        "Microsoft sent a second variant of this blob; the first is the blob, both are kept"
    );
    drop(taken);
    read_back(fetcher, blob, &chosen).await
}

async fn download(fetcher: &Fetcher, blob: &ContentRef, cloud: Cloud) -> Result<Taken, FetchError> {
    let client = fetcher.microsoft.client()?;
    let (tenant, id) = (blob.tenant_id, &blob.content_id);
    let mut body: BlobBody = client.open_blob(tenant, cloud, id, WIRE_BYTES_MAX).await?;
    let redact = fetcher.events.redact_raw;
    let mut intake = Intake::new(blob.tenant_id, body.encoding(), redact);
    while let Some(chunk) = body.chunk().await? {
        intake.push(&chunk)?;
    }
    intake.finish(body.end_is_proven())
}

/// Reads the chosen copy.
pub(super) async fn read_back(
    fetcher: &Fetcher,
    blob: &ContentRef,
    choice: &Choice,
) -> Result<Body, FetchError> {
    let path = key::raw(blob, &choice.raw_sha256);
    let mut stored: Encoded = fetcher.lake.open_object(&path).await?;
    // What the copy holds was redacted before it was stored.
    let mut intake = Intake::new(blob.tenant_id, office365::Encoding::Gzip, false);
    let damaged = |error: FetchError| match error {
        FetchError::Unreadable { why, .. } => FetchError::Lake(LakeError::Damaged {
            path: path.clone(),
            source: std::io::Error::other(why),
        }),
        other => other,
    };
    while let Some(chunk) = stored.chunk().await? {
        let chunk: Bytes = chunk;
        intake.push(&chunk).map_err(damaged)?;
    }
    let taken = intake.finish(true).map_err(damaged)?;
    if taken.sha256 != choice.raw_sha256 {
        let source = std::io::Error::other("these are other bytes than those that were stored");
        return Err(LakeError::Damaged { path, source }.into());
    }
    Ok(Body {
        taken,
        codec: choice.codec,
    })
}
