//! What there is of an hour: its plans, and the objects of events that are in none.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::civil::Date;
use object_store::path::Path;
use serde::de::DeserializeOwned;

use super::build::BuildError;
use super::key::{self, Hour, Marker};
use super::plan::{Covered, Damaged, Plan};
use crate::store::lake::object::Listed;
use crate::store::lake::{Lake, LakeError};

/// Largest plan or other marker that is read back.
const MARKER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Markers of an hour read at once. A plan is a megabyte, and several hours are looked at side by side.
const MARKERS_AT_ONCE: usize = 4;

/// Folders of an hour, one a content type and one of findings, listed at once. A busy type has 100 pages an hour.
const FOLDERS_AT_ONCE: usize = 6;

/// For each day that has any, the folders with its events: one a content type, and one of findings.
pub(super) type Days = BTreeMap<Date, Vec<Path>>;

/// Finds the days that have events at all, by the names of folders: one page for each content type, and for findings, and 1,000 days.
pub(super) async fn days(lake: &Lake) -> Result<Days, LakeError> {
    let mut roots = lake.folders(&Path::from(key::EVENTS)).await?;
    roots.push(Path::from(key::FINDINGS));
    let listings = roots.iter().map(|root| lake.folders(root));
    let mut listed = stream::iter(listings.collect::<Vec<_>>()).buffered(FOLDERS_AT_ONCE);
    let mut days = Days::new();
    while let Some(folders) = listed.try_next().await? {
        for folder in folders {
            if let Some(day) = key::day_of_folder(&folder) {
                days.entry(day).or_default().push(folder);
            }
        }
    }
    Ok(days)
}

/// The plans of an hour, as the names of their markers say.
#[derive(Debug, Default)]
pub(super) struct Markers {
    /// By number, with the markers of what is damaged.
    plans: BTreeMap<u32, Vec<Path>>,
    done: BTreeSet<u32>,
}

/// The plans of an hour, read.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// What they have taken in.
    pub(super) covered: Covered,
    /// Those that are not done.
    pub(super) open: Vec<(u32, Plan)>,
    /// The number of the next.
    pub(super) next: u32,
}

impl Markers {
    pub(super) async fn list(lake: &Lake, hour: Hour) -> Result<Self, LakeError> {
        let mut markers = Self::default();
        let mut listing = lake.list(&key::plans_folder(hour))?;
        while let Some(object) = listing.try_next().await? {
            let Some((_, number, marker)) = key::read(&object.path) else {
                continue;
            };
            match marker {
                Marker::Plan => drop(markers.plans.entry(number).or_default()),
                Marker::Damaged => markers.plans.entry(number).or_default().push(object.path),
                Marker::Done => drop(markers.done.insert(number)),
            }
        }
        Ok(markers)
    }

    /// What of a plan was found damaged.
    pub(super) async fn read_damaged(
        &self,
        lake: &Lake,
        number: u32,
    ) -> Result<Vec<Damaged>, BuildError> {
        let mut damaged = Vec::new();
        for path in self.plans.get(&number).into_iter().flatten() {
            damaged.push(read(lake, path).await?);
        }
        Ok(damaged)
    }
}

impl Plans {
    pub(super) async fn read(lake: &Lake, hour: Hour) -> Result<Self, BuildError> {
        let markers = &Markers::list(lake, hour).await?;
        let numbers: Vec<u32> = markers.plans.keys().copied().collect();
        let mut plans = Self {
            next: numbers.last().map_or(1, |last| last + 1),
            ..Self::default()
        };
        let reads = numbers.into_iter().map(|number| async move {
            let plan: Plan = read(lake, &key::plan(hour, number)).await?;
            let damaged = markers.read_damaged(lake, number).await?;
            Ok::<_, BuildError>((number, plan, damaged))
        });
        let mut reads = stream::iter(reads.collect::<Vec<_>>()).buffered(MARKERS_AT_ONCE);
        while let Some((number, plan, damaged)) = reads.try_next().await? {
            plans.covered.add(&plan, damaged);
            if !markers.done.contains(&number) {
                plans.open.push((number, plan));
            }
        }
        Ok(plans)
    }
}

async fn read<T: DeserializeOwned>(lake: &Lake, path: &Path) -> Result<T, BuildError> {
    let stored = lake.read(path, MARKER_BYTES_MAX).await?;
    Ok(serde_json::from_slice(&stored.content)?)
}

/// Objects of an hour that are in no plan, `count_max` at most; and whether these are all of them.
pub(super) async fn uncovered(
    lake: &Lake,
    hour: Hour,
    folders: &[Path],
    covered: &Covered,
    count_max: usize,
) -> Result<(Vec<Listed>, bool), LakeError> {
    let listings = folders
        .iter()
        .map(|day| lake.list(&key::events_folder(day, hour)));
    let listings = listings.collect::<Result<Vec<_>, _>>()?;
    let mut listed = stream::iter(listings).flatten_unordered(FOLDERS_AT_ONCE);
    let mut found = Vec::new();
    while let Some(object) = listed.try_next().await? {
        if key::hour_of_events(&object.path) != Some(hour) || covered.has(&object) {
            continue;
        }
        if found.len() == count_max {
            return Ok((found, false));
        }
        found.push(object);
    }
    Ok((found, true))
}

/// Whether there is anything to do for an hour. The first object that is in no plan answers it.
pub(super) async fn has_work(
    lake: &Lake,
    hour: Hour,
    folders: &[Path],
) -> Result<bool, BuildError> {
    let plans = Plans::read(lake, hour).await?;
    if !plans.open.is_empty() {
        return Ok(true);
    }
    let (_, is_none) = uncovered(lake, hour, folders, &plans.covered, 0).await?;
    Ok(!is_none)
}
