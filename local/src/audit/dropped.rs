//! Records that have no event because a filter drops them, told from what the lake has of them: their raw copies.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use normalize::{Action, Facts, Filter, identify};
use pipeline::lake::key::{RAW, raw_partition};
use records::split;

use super::{AuditError, RecordName, at, objects_below};

/// The ending of raw copies. What is still being written has another.
const ENDING: &str = ".json.gz";

/// What the filter drops of the raw copies read so far.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    filter: Filter,
    objects: HashSet<PathBuf>,
    records: HashSet<RecordName>,
}

impl Dropped {
    /// Nothing read yet. A filter that drops nothing has nothing read.
    pub(super) fn by(filter: &Filter) -> Self {
        Self {
            filter: filter.clone(),
            ..Self::default()
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &RecordName> {
        self.records.iter()
    }

    pub(super) fn has(&self, record: &RecordName) -> bool {
        self.records.contains(record)
    }

    /// Reads the raw copies that were not read before.
    pub(super) fn refresh(&mut self, lake: &Path) -> Result<(), AuditError> {
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

    /// A copy that is no array of records has no events, and nothing of it is dropped.
    fn read_object(&mut self, lake: &Path, path: &Path) -> Result<(), AuditError> {
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
            let (Some(id), Ok(facts)) = (identity.id, Facts::of(&record, Some(&content_type)))
            else {
                continue;
            };
            // Another organization's record is not the filter's business.
            let organization = identity.organization_id.as_deref().unwrap_or(tenant);
            if organization.eq_ignore_ascii_case(tenant)
                && self.filter.decide(&facts).action == Action::Drop
            {
                self.records.insert(RecordName::new(organization, &id));
            }
        }
        Ok(())
    }
}
