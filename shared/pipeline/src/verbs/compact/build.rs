//! Carries out one plan: its inputs are read in order, its files written in order, and then it is done.
//!
//! Reading ahead, making files on a thread of its own, and writing go on side by side. The channels between them are bounded,
//! so that memory is bounded.

use std::collections::HashSet;

use bytes::Bytes;
use columnar::{EncodeError, Part, Parts};
use futures::future::join_all;
use object_store::path::Path;
use tokio::sync::mpsc;

use super::input::{self, Stopped};
use super::key::{self, Hour};
use super::plan::{Damaged, Done, Input, Output, Plan, portions};
use crate::store::lake::object::{OBJECT_BYTES_MAX, Stored};
use crate::store::lake::{Lake, LakeError};

/// Objects read at once. Small ones take a store's latency each, and little else.
const READS_AT_ONCE_MAX: usize = 16;

/// Bytes read at once, but for an object that is larger by itself.
const READ_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A plan was not carried out. Its inputs are as they were, and the next run begins it anew.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A file cannot be made.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The thread that makes the files died.
    #[error("making the files failed: {0}")]
    Thread(#[from] tokio::task::JoinError),
    /// The thread that makes the files was left alone.
    #[error("making the files was given up")]
    GivenUp,
    /// A marker cannot be written down.
    #[error("a marker cannot be written: {0}")]
    Marker(#[from] serde_json::Error),
    /// What went in did not come out: a fault of the program.
    #[error("{events} events were read and {rows} rows written")]
    NotConserved {
        /// Read.
        events: usize,
        /// Written.
        rows: usize,
    },
}

/// An object, or why there is none.
type Fetched = (Input, Result<Stored, LakeError>);

/// What goes to the thread that makes files.
enum Fed {
    Objects(Vec<Fetched>),
    /// All objects were sent. When the channel closes without it, something failed, and what is held must not become files.
    End,
}

/// What that thread makes, in the order in which it is to be written.
enum Made {
    File(Part),
    Damaged(Damaged),
}

/// What a plan came to.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) done: Done,
    /// Inputs found damaged in this attempt.
    pub(super) newly_damaged: usize,
}

/// Carries out the plan with this number. `known` are the inputs that an earlier attempt found damaged.
pub(super) async fn run(
    lake: &Lake,
    hour: Hour,
    number: u32,
    plan: &Plan,
    known: Vec<Damaged>,
) -> Result<Built, BuildError> {
    let left_out: HashSet<String> = known.iter().map(|of| of.key.clone()).collect();
    let inputs = plan
        .inputs
        .iter()
        .filter(|input| !left_out.contains(&input.key));
    let batches = portions(inputs.cloned().collect(), READS_AT_ONCE_MAX, READ_BYTES_MAX);

    let (feed, fed) = mpsc::channel(1);
    let (give, given) = mpsc::channel(1);
    let buffered_bytes_max = plan.buffered_bytes_max;
    let making = tokio::task::spawn_blocking(move || make(fed, &give, buffered_bytes_max));
    let at = At { lake, hour, number };
    let (read, written) = tokio::join!(at.feed(batches, feed), at.write(plan, given));
    let made = making.await?;
    // What failed first is the reason; the others ended because of it.
    read?;
    let Written {
        outputs,
        mut damaged,
    } = written?;
    let events = made?;

    let rows = outputs.iter().map(|output| output.rows).sum();
    if events != rows {
        return Err(BuildError::NotConserved { events, rows });
    }
    let newly_damaged = damaged.len();
    damaged.extend(known);
    damaged.sort_by(|a, b| a.key.cmp(&b.key));
    let done = Done {
        events,
        outputs,
        damaged,
    };
    let marker = Bytes::from(serde_json::to_vec(&done)?);
    // Somebody else may have been faster with the same plan: then all this is there already.
    lake.create(&key::done(hour, number), marker).await?;
    Ok(Built {
        done,
        newly_damaged,
    })
}

/// A plan under way.
struct At<'l> {
    lake: &'l Lake,
    hour: Hour,
    number: u32,
}

#[derive(Default)]
struct Written {
    outputs: Vec<Output>,
    damaged: Vec<Damaged>,
}

impl At<'_> {
    async fn feed(
        &self,
        batches: Vec<Vec<Input>>,
        feed: mpsc::Sender<Fed>,
    ) -> Result<(), BuildError> {
        for batch in batches {
            // Only when there is room for it: what is read ahead is held in memory.
            let Ok(room) = feed.reserve().await else {
                return Err(BuildError::GivenUp);
            };
            let objects = join_all(batch.into_iter().map(|input| self.fetch(input))).await;
            room.send(Fed::Objects(objects.into_iter().collect::<Result<_, _>>()?));
        }
        feed.send(Fed::End).await.map_err(|_| BuildError::GivenUp)
    }

    /// An error only where another attempt may find something else.
    async fn fetch(&self, input: Input) -> Result<Fetched, LakeError> {
        let path = Path::from(input.key.as_str());
        match self.lake.read(&path, OBJECT_BYTES_MAX).await {
            Err(error) if may_pass(&error) && self.lake.has(&path).await? => Err(error),
            stored => Ok((input, stored)),
        }
    }

    /// Writes in the order in which things were made. In particular a verdict is written down before any file that was made
    /// after it: an attempt after this one then makes the same files, even if the object was repaired in between.
    async fn write(
        &self,
        plan: &Plan,
        mut given: mpsc::Receiver<Made>,
    ) -> Result<Written, BuildError> {
        let mut written = Written::default();
        while let Some(made) = given.recv().await {
            match made {
                Made::File(part) => {
                    let path = key::file(&plan.destination, self.hour, self.number, &part);
                    let bytes = part.bytes.len();
                    self.lake.write(&path, part.bytes.into()).await?;
                    written.outputs.push(Output {
                        key: path.into(),
                        rows: part.rows,
                        bytes,
                    });
                }
                Made::Damaged(damaged) => {
                    tracing::error!(
                        object.key = damaged.key,
                        reason = damaged.reason,
                        "events cannot be read, left out"
                    );
                    let path = key::damaged(self.hour, self.number, &damaged.key);
                    let marker = Bytes::from(serde_json::to_vec(&damaged)?);
                    self.lake.create(&path, marker).await?;
                    written.damaged.push(damaged);
                }
            }
        }
        Ok(written)
    }
}

/// Whether another attempt may succeed. Unless the whole bucket may be listed, S3 gives the same answer for what is not there
/// as for what may not be read: the caller must look into the listing, too.
fn may_pass(error: &LakeError) -> bool {
    !error.is_missing_or_damaged() && !matches!(error, LakeError::TooLarge { .. })
}

/// Makes the files, on a thread of its own. Returns how many events were read.
fn make(
    mut fed: mpsc::Receiver<Fed>,
    give: &mpsc::Sender<Made>,
    buffered_bytes_max: usize,
) -> Result<usize, BuildError> {
    let mut parts = Parts::new();
    let mut events = 0;
    let mut give_file = |part| {
        give.blocking_send(Made::File(part))
            .map_err(|_| Stopped::Unwanted)
    };
    loop {
        let objects = match fed.blocking_recv() {
            Some(Fed::Objects(objects)) => objects,
            Some(Fed::End) => break,
            None => return Err(BuildError::GivenUp),
        };
        for (input, stored) in objects {
            let (version, added) = match stored {
                Ok(Stored { content, version }) => {
                    let added = input::add(
                        &mut parts,
                        &input.key,
                        &content,
                        buffered_bytes_max,
                        &mut give_file,
                    );
                    (version, added)
                }
                Err(error) => {
                    let version = input.version.clone();
                    let damaged = damaged(input, version, error.to_string());
                    give.blocking_send(damaged)
                        .map_err(|_| BuildError::GivenUp)?;
                    continue;
                }
            };
            match added {
                Ok(count) => events += count,
                Err(Stopped::Unreadable(why)) => {
                    let damaged = damaged(input, version, why.to_string());
                    give.blocking_send(damaged)
                        .map_err(|_| BuildError::GivenUp)?;
                }
                Err(Stopped::Encode(error)) => return Err(error.into()),
                Err(Stopped::Unwanted | Stopped::Full) => return Err(BuildError::GivenUp),
            }
        }
    }
    while let Some(part) = parts.take_largest()? {
        give_file(part).map_err(|_| BuildError::GivenUp)?;
    }
    Ok(events)
}

fn damaged(input: Input, version: String, reason: String) -> Made {
    Made::Damaged(Damaged {
        key: input.key,
        version,
        reason,
    })
}
