//! Records that have no event because a filter drops them, found in the lake's raw copies.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use normalize::{Action, Filter, RecordFacts, identify};
use pipeline::lake::key::{RAW, raw_partition};
use records::split;

use super::{LakeReadError, RecordKey, at, objects_below};

/// The name ending of raw copies. A copy that is still being written has another.
const ENDING: &str = ".json.gz";

/// The records in the raw copies read so far that the filter drops.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    filter: Filter,
    objects: HashSet<PathBuf>,
    records: HashSet<RecordKey>,
}

impl Dropped {
    /// Nothing is read yet, and nothing ever if the filter drops nothing.
    pub(super) fn by(filter: &Filter) -> Self {
        Self {
            filter: filter.clone(),
            ..Self::default()
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &RecordKey> {
        self.records.iter()
    }

    pub(super) fn has(&self, record: &RecordKey) -> bool {
        self.records.contains(record)
    }

    /// Reads the raw copies that were not read before.
    pub(super) fn refresh(&mut self, lake: &Path) -> Result<(), LakeReadError> {
        if !self.filter.drops() {
            return Ok(());
        }
        for path in objects_below(&lake.join(RAW), &[ENDING])? {
            if !self.objects.contains(&path) {
                self.read_object(lake, &path)?;
                self.objects.insert(path);
            }
        }
        Ok(())
    }

    /// A copy that is no array of records has no events, so the filter was not asked about it.
    fn read_object(&mut self, lake: &Path, path: &Path) -> Result<(), LakeReadError> {
        let key = path.strip_prefix(lake).unwrap_or(path).to_string_lossy();
        let Some((content_type, _)) = raw_partition(&(&*key).into()) else {
            return Ok(());
        };
        let tenant = key
            .split('/')
            .find_map(|part| part.strip_prefix("tenant_id="));
        let tenant = tenant.unwrap_or_default();
        let mut body = Vec::new();
        let mut content = MultiGzDecoder::new(File::open(path).map_err(at(path))?);
        content.read_to_end(&mut body).map_err(at(path))?;
        for record in split(&body.into()).unwrap_or_default() {
            let Ok(identity) = identify(&record) else {
                continue;
            };
            let (Some(id), Ok(facts)) =
                (identity.id, RecordFacts::of(&record, Some(&content_type)))
            else {
                continue;
            };
            // The fetcher refuses records of another organization before it asks the filter.
            let organization = identity.organization_id.as_deref().unwrap_or(tenant);
            if organization.eq_ignore_ascii_case(tenant)
                && self.filter.decide(&facts).action == Action::Drop
            {
                self.records.insert(RecordKey::new(organization, &id));
            }
        }
        Ok(())
    }
}
