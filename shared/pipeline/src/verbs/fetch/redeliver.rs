//! One blob of a replay: its events made anew from the raw copy, by today's program, into the same objects or into those of a
//! generation. Microsoft is not asked, and the blob's state stays as it is.

use jiff::Timestamp;

use super::error::FetchError;
use super::{Fetcher, body, write_events};
use crate::clock::Clock;
use crate::replay::{self, Outcome, Redelivered, ReplayError};
use crate::store::lake::key::Generation;
use crate::store::ledger::blob::{Standing, index_room};
use crate::store::queue::ReplayPart;
use crate::teeth::{Tooth, bites};

/// Works at a part of a replay.
pub(super) async fn run(
    fetcher: &Fetcher,
    part: &ReplayPart,
    clock: Clock,
    worker_until: Timestamp,
) -> Result<Outcome, ReplayError> {
    let each = |standing, generation| async move {
        redeliver(fetcher, standing, generation, clock)
            .await
            .map_err(Into::into)
    };
    let ends = (clock, worker_until);
    replay::run((&fetcher.ledger, &fetcher.queue), part, ends, each).await
}

async fn redeliver(
    fetcher: &Fetcher,
    standing: Standing,
    generation: Option<Generation>,
    clock: Clock,
) -> Result<Redelivered, FetchError> {
    let Some(choice) = standing.choice else {
        return Ok(Redelivered::Skipped(
            "the ledger does not know its raw copy".to_owned(),
        ));
    };
    let blob = &standing.blob;
    // A blob that workers die of must not take this one along.
    let _turn = fetcher.turns.beside_others().await;
    let mut body = match body::read_back(fetcher, blob, &choice).await {
        Ok(body) => body,
        Err(FetchError::Lake(error)) if error.is_missing_or_damaged() => {
            return Ok(Redelivered::Skipped(error.to_string()));
        }
        Err(error) => return Err(error),
    };
    let generation = if bites(Tooth::ReplayElsewhere) {
        "elsewhere".parse().ok()
    } else {
        generation
    };
    let events = write_events(fetcher, blob, &mut body, generation.as_ref(), clock.now()).await?;
    // The events of a generation are beside those that the timeline shows.
    if generation.is_none()
        && let Some(index) = events.index(index_room(blob))
    {
        fetcher.ledger.note_index(blob, index).await?;
    }
    Ok(Redelivered::Done(events.counts))
}
