//! The raw copies of a lake, read record by record.

use futures::StreamExt as _;
use indicatif::ProgressBar;
use jiff::civil::Date;
use pipeline::lake::{Lake, LakeError, key};
use records::split;
use url::Url;

/// Largest raw copy read, decompressed, in bytes: longer ones are rare, and one of them says that it was passed over.
const RAW_BYTES_MAX: usize = 128 * 1024 * 1024;

/// What is given is no lake.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no lake: give a folder that exists, or s3://bucket")]
pub(super) struct NoLake(String);

/// The raw copies that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Copies {
    pub(super) read: u64,
    pub(super) unreadable: u64,
}

/// The address of a lake that is given as a folder or as an address. A folder must exist: opening it would create it.
pub(super) fn address(lake: &str) -> Result<Url, NoLake> {
    if lake.contains("://") {
        return lake.parse().map_err(|_| NoLake(lake.to_owned()));
    }
    let folder = std::fs::canonicalize(lake).map_err(|_| NoLake(lake.to_owned()))?;
    Url::from_directory_path(folder).map_err(|()| NoLake(lake.to_owned()))
}

/// How many raw copies of the wanted days there are.
pub(super) async fn count(lake: &Lake, is_wanted: impl Fn(Date) -> bool) -> Result<u64, LakeError> {
    let mut count = 0;
    let mut paths = lake.list(&key::RAW.into())?;
    while let Some(path) = paths.next().await {
        let partition = key::raw_partition(&path?.path);
        count += u64::from(partition.is_some_and(|(_, day)| is_wanted(day)));
    }
    Ok(count)
}

/// Hands over each record of the wanted days' raw copies, with its content type. A day is that of the content in UTC. A copy that
/// cannot be read does not end the run.
pub(super) async fn read(
    lake: &Lake,
    is_wanted: impl Fn(Date) -> bool,
    progress: &ProgressBar,
    take: &mut dyn FnMut(&[u8], &str),
) -> Result<Copies, LakeError> {
    let mut copies = Copies::default();
    let mut paths = lake.list(&key::RAW.into())?;
    while let Some(path) = paths.next().await {
        let path = path?.path;
        let Some((content_type, day)) = key::raw_partition(&path) else {
            continue;
        };
        if !is_wanted(day) {
            continue;
        }
        let body = match lake.read_and_decompress(&path, RAW_BYTES_MAX).await {
            Err(error)
                if error.is_missing_or_damaged() || matches!(error, LakeError::TooLarge { .. }) =>
            {
                copies.unreadable += 1;
                continue;
            }
            body => body?,
        };
        copies.read += 1;
        progress.inc(1);
        let Ok(records) = split(&body) else {
            copies.unreadable += 1;
            continue;
        };
        for record in records {
            take(&record, &content_type);
        }
    }
    Ok(copies)
}
