//! The detector in this process, and the notifier, if there is a webhook for findings.
//!
//! On AWS the queue of announcements outlives every function. Here it is empty after a restart: raw copies that were written since
//! it was last seen empty are announced again.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use futures::StreamExt as _;
use jiff::Timestamp;
use object_store::ObjectStore as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use pipeline::aws::AwsError;
use pipeline::detect::{self, Detector};
use pipeline::lake::key::RAW;
use pipeline::notify::{self, Notifier};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::worker::{self, MessageSource};
use crate::backends::{Announcements, DETECT_WITHIN, NOTIFY_WITHIN};
use crate::wall_clock;

/// The file in the data folder that says when the queue was last seen empty.
const MARK: &str = "looked-at-until";

/// Time between two looks whether the queue is empty.
const MARKED_EVERY: Duration = Duration::from_secs(10);

/// Announced again beyond the mark: the time of a file is that of the disk.
const OVERLAP: Duration = Duration::from_secs(60);

/// The raw copies of the last run could not be announced.
#[derive(Debug, thiserror::Error)]
pub enum DetectionError {
    /// The mark or the lake's folder cannot be read.
    #[error("the raw copies that nobody looked at cannot be found: {0}")]
    Find(#[from] io::Error),
    /// The lake's folder cannot be listed.
    #[error("the raw copies that nobody looked at cannot be listed: {0}")]
    List(#[from] object_store::Error),
}

/// Detector and notifier, with their queues.
pub(super) struct Detection {
    pub(super) detector: Arc<Detector>,
    pub(super) announcements: Announcements,
    pub(super) notifier: Option<(Arc<Notifier>, MessageSource)>,
    /// The data folder.
    pub(super) root: PathBuf,
    /// The lake's folder.
    pub(super) lake: PathBuf,
}

impl Detection {
    /// Announces raw copies again that were written since the queue was last seen empty. Returns how many.
    pub(super) async fn resume(&self) -> Result<usize, DetectionError> {
        let mark = match fs::read_to_string(self.root.join(MARK)) {
            Ok(text) => text.trim().parse::<Timestamp>().ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let since = mark.unwrap_or(Timestamp::UNIX_EPOCH).as_second();
        let since = since.saturating_sub(OVERLAP.as_secs().cast_signed());
        let folder = LocalFileSystem::new_with_prefix(&self.lake)?;
        let mut copies = folder.list(Some(&Path::from(RAW)));
        let mut count = 0;
        while let Some(copy) = copies.next().await {
            let copy = copy?;
            if copy.last_modified.timestamp() >= since {
                self.announcements.announce(&copy.location).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Works until `stop`.
    pub(super) fn start(self, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        let source = MessageSource {
            client: self.announcements.client.clone(),
            queue_url: self.announcements.queue_url.clone(),
        };
        tasks.spawn(mark(self.root.join(MARK), source.clone(), stop.clone()));
        let detector = self.detector;
        tasks.spawn(worker::run(source, stop.clone(), move |deliveries| {
            let detector = Arc::clone(&detector);
            async move {
                let (clock, deadline) = (wall_clock::clock(), Instant::now() + DETECT_WITHIN);
                detect::batch(&detector, deliveries, clock, deadline).await
            }
        }));
        let Some((notifier, source)) = self.notifier else {
            return;
        };
        tasks.spawn(worker::run(source, stop.clone(), move |deliveries| {
            let notifier = Arc::clone(&notifier);
            async move {
                let (clock, deadline) = (wall_clock::clock(), Instant::now() + NOTIFY_WITHIN);
                notify::batch(&notifier, deliveries, clock, deadline).await
            }
        }));
    }
}

/// Writes down when the queue was empty. A copy that is written meanwhile is later than that.
async fn mark(file: PathBuf, source: MessageSource, stop: CancellationToken) {
    while stop
        .run_until_cancelled(tokio::time::sleep(MARKED_EVERY))
        .await
        .is_some()
    {
        let now = wall_clock::now();
        let written = match is_empty(&source).await {
            Ok(true) => fs::write(&file, now.to_string()).map_err(|error| error.to_string()),
            Ok(false) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = written {
            tracing::warn!(
                error,
                "what was looked at is not written down, it is looked at again after a restart"
            );
        }
    }
}

/// Whether all messages of a queue were worked at.
pub(super) async fn is_empty(source: &MessageSource) -> Result<bool, AwsError> {
    let counts = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let got = source
        .client
        .get_queue_attributes()
        .queue_url(&source.queue_url)
        .set_attribute_names(Some(counts.to_vec()))
        .send()
        .await
        .map_err(|error| AwsError::new("sqs:GetQueueAttributes", &error))?;
    let known = got.attributes.unwrap_or_default();
    Ok(counts
        .iter()
        .all(|name| known.get(name).is_some_and(|count| count == "0")))
}

#[cfg(test)]
mod tests {
    use normalize::{OcsfVersion, Schema};
    use pipeline::detect::{Announcer, Ruleset};
    use pipeline::detections::Detections;
    use pipeline::lake::Lake;
    use url::Url;

    use super::*;
    use crate::backends::{self, Backends, DETECTIONS_TABLE, Storage};

    fn detection(backends: &Backends, folder: &std::path::Path) -> Detection {
        let lake = folder.join("lake");
        let url = Url::from_directory_path(&lake).unwrap();
        let table = DETECTIONS_TABLE.to_owned();
        Detection {
            detector: Arc::new(Detector {
                lake: Lake::open(&url).unwrap(),
                detections: Detections::new(backends.dynamodb.clone(), table),
                ruleset: Ruleset::default(),
                announcer: Announcer::default(),
                schema: Schema::Ocsf,
                version: OcsfVersion::default(),
            }),
            announcements: Announcements {
                client: backends.sqs.clone(),
                queue_url: backends.detect_queue_url.clone(),
                folder: RAW,
            },
            notifier: None,
            root: folder.to_owned(),
            lake,
        }
    }

    #[tokio::test]
    async fn what_nobody_looked_at_is_announced_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let backends = backends::start(Storage::Memory, Duration::from_secs(30))
            .await
            .unwrap();
        let detection = detection(&backends, folder.path());
        let raw = folder.path().join("lake").join(RAW);
        fs::create_dir_all(&raw).unwrap();
        fs::write(raw.join("a.json.gz"), "a").unwrap();
        fs::write(folder.path().join("lake/other"), "b").unwrap();
        let source = MessageSource {
            client: backends.sqs.clone(),
            queue_url: backends.detect_queue_url.clone(),
        };

        assert!(is_empty(&source).await.unwrap());
        assert_eq!(detection.resume().await.unwrap(), 1);
        assert!(!is_empty(&source).await.unwrap());
        let mark = |at: Timestamp| fs::write(folder.path().join(MARK), at.to_string()).unwrap();
        mark(wall_clock::now());
        assert_eq!(detection.resume().await.unwrap(), 1, "within the overlap");
        mark(wall_clock::now() + 2 * OVERLAP);
        assert_eq!(detection.resume().await.unwrap(), 0);
        backends.stop().await;
    }
}
