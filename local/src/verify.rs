//! Verifies a lake: which records have an event in it, and how many.
//!
//! It reads the objects in `ocsf/`, `ecs/` and `routed/` and trusts no counter of the pipeline. An event names its record by Id
//! (`metadata.uid`, in ECS `event.id`) and organization (`cloud.account.uid`, `organization.id`). The records that a filter drops
//! are found in the raw copies, by the filter's own rules.

mod dropped;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use normalize::{Filter, Schema};
use serde::Deserialize;
use uuid::Uuid;

use self::dropped::Dropped;

/// The schemas whose folders have the events.
const EVENTS: [Schema; 2] = [Schema::Ocsf, Schema::Ecs];

/// The folder of the events that a filter routes.
const ROUTED: &str = "routed";

/// The name endings of objects of events. An object that is still being written has another.
const GZIP: &str = ".ndjson.gz";
const ZSTD: &str = ".ndjson.zst";

/// Deepest nesting of folders that is read. Content type, day, hour and tenant are four; the limit is for links that form a loop.
const DEPTH_MAX: usize = 16;

/// What identifies a record: its organization and its Id. Nearly all are GUIDs, which are kept without an allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordKey {
    organization: IdText,
    id: IdText,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum IdText {
    Guid(Uuid),
    Text(Box<str>),
}

impl RecordKey {
    /// The key of the record `id` of `organization`; GUIDs are equal whatever their case.
    #[must_use]
    pub fn new(organization: &str, id: &str) -> Self {
        Self {
            organization: IdText::new(organization),
            id: IdText::new(id),
        }
    }
}

impl IdText {
    fn new(text: &str) -> Self {
        match Uuid::try_parse(text) {
            Ok(guid) => Self::Guid(guid),
            Err(_) => Self::Text(text.into()),
        }
    }
}

/// The records found in a lake so far.
#[derive(Debug, Default)]
pub struct LakeRecords {
    objects: HashSet<PathBuf>,
    events_by_record: HashMap<RecordKey, EventCount>,
    unnamed: u64,
    dropped: Dropped,
}

/// How many events a record has.
#[derive(Debug, Default)]
struct EventCount {
    all: u32,
    /// Of those, in `routed/`.
    routed: u32,
}

/// An object cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}")]
pub struct LakeReadError {
    path: String,
    cause: io::Error,
}

/// The parts of an event, in either schema, that identify its record.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    metadata: Uid,
    #[serde(default)]
    cloud: Cloud,
    #[serde(default)]
    event: Id,
    #[serde(default)]
    organization: Id,
}

impl Event {
    fn organization(&self) -> Option<&str> {
        let ocsf = self.cloud.account.uid.as_deref();
        ocsf.or(self.organization.id.as_deref())
    }

    fn id(&self) -> Option<&str> {
        self.metadata.uid.as_deref().or(self.event.id.as_deref())
    }
}

#[derive(Default, Deserialize)]
struct Id {
    #[serde(default)]
    id: Option<String>,
}

#[derive(Default, Deserialize)]
struct Cloud {
    #[serde(default)]
    account: Uid,
}

#[derive(Default, Deserialize)]
struct Uid {
    #[serde(default)]
    uid: Option<String>,
}

/// Reads every event of the lake in the folder `lake`. A folder that does not exist is an empty lake.
///
/// # Errors
/// A folder or object cannot be read, or is not gzip or zstd of one JSON object a line.
pub fn read(lake: &Path) -> Result<LakeRecords, LakeReadError> {
    read_filtered(lake, &Filter::default())
}

/// As [`read`], and finds the records in the raw copies that `filter` drops.
///
/// # Errors
/// As [`read`].
pub fn read_filtered(lake: &Path, filter: &Filter) -> Result<LakeRecords, LakeReadError> {
    let mut records = LakeRecords::filtered(filter);
    records.refresh(lake)?;
    Ok(records)
}

/// How many findings lie in a lake.
///
/// # Errors
/// A folder cannot be read.
pub fn findings(lake: &Path) -> Result<usize, LakeReadError> {
    Ok(objects_below(&lake.join("findings"), &[".ndjson.gz"])?.len())
}

/// The files in a folder and its sub-folders whose names have one of the endings; none if the folder does not exist.
fn objects_below(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, LakeReadError> {
    let mut objects = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if depth == 0 && error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(at(&folder))?,
        };
        for entry in entries {
            let path = entry.map_err(at(&folder))?.path();
            if path.is_dir() {
                if depth < DEPTH_MAX {
                    folders.push((path, depth + 1));
                }
            } else if endings
                .iter()
                .any(|ending| path.to_string_lossy().ends_with(ending))
            {
                objects.push(path);
            }
        }
    }
    Ok(objects)
}

impl LakeRecords {
    /// The records of a lake that is written with `filter`; nothing is read yet.
    #[must_use]
    pub fn filtered(filter: &Filter) -> Self {
        Self {
            dropped: Dropped::by(filter),
            ..Self::default()
        }
    }

    /// Reads the objects that were not read before.
    ///
    /// # Errors
    /// As [`read`].
    pub fn refresh(&mut self, lake: &Path) -> Result<(), LakeReadError> {
        let written = EVENTS.map(|schema| (schema.as_str(), false));
        for (folder, is_routed) in written.into_iter().chain([(ROUTED, true)]) {
            for path in objects_below(&lake.join(folder), &[GZIP, ZSTD])? {
                if !self.objects.contains(&path) {
                    self.read_object(&path, is_routed)?;
                    self.objects.insert(path);
                }
            }
        }
        self.dropped.refresh(lake)
    }

    fn read_object(&mut self, path: &Path, is_routed: bool) -> Result<(), LakeReadError> {
        let file = File::open(path).map_err(at(path))?;
        let content: Box<dyn Read> = if path.to_string_lossy().ends_with(ZSTD) {
            Box::new(zstd::Decoder::new(file).map_err(at(path))?)
        } else {
            Box::new(MultiGzDecoder::new(file))
        };
        for line in BufReader::new(content).split(b'\n') {
            let line = line.map_err(at(path))?;
            let event: Event = serde_json::from_slice(&line).map_err(|error| LakeReadError {
                path: path.display().to_string(),
                cause: io::Error::new(io::ErrorKind::InvalidData, error),
            })?;
            match (event.organization(), event.id()) {
                (Some(organization), Some(id)) => {
                    let key = RecordKey::new(organization, id);
                    let events = self.events_by_record.entry(key).or_default();
                    events.all += 1;
                    events.routed += u32::from(is_routed);
                }
                _ => self.unnamed += 1,
            }
        }
        Ok(())
    }

    /// Objects read.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.objects.len()
    }

    /// Different records that have an event outside `routed/`.
    #[must_use]
    pub fn written(&self) -> usize {
        let counts = self.events_by_record.values();
        counts.filter(|events| events.all > events.routed).count()
    }

    /// Different records whose only events are in `routed/`.
    #[must_use]
    pub fn routed(&self) -> usize {
        self.events_by_record.len() - self.written()
    }

    /// Different records that the filter drops and that have no event.
    #[must_use]
    pub fn dropped(&self) -> usize {
        let dropped = self.dropped.records();
        dropped.filter(|record| !self.has(record)).count()
    }

    /// Events whose record has another one: all events less all records.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.events_by_record
            .values()
            .map(|events| u64::from(events.all - 1))
            .sum()
    }

    /// Events that identify no record.
    #[must_use]
    pub fn unnamed(&self) -> u64 {
        self.unnamed
    }

    /// Whether the record has an event.
    #[must_use]
    pub fn has(&self, record: &RecordKey) -> bool {
        self.events_by_record.contains_key(record)
    }

    /// Whether the record has an event, or the filter drops it.
    #[must_use]
    pub fn accounts_for(&self, record: &RecordKey) -> bool {
        self.has(record) || self.dropped.has(record)
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> LakeReadError {
    let path = path.display().to_string();
    move |cause| LakeReadError { path, cause }
}

/// Whether the folder is empty or does not exist.
///
/// # Errors
/// It cannot be read.
pub fn is_empty(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    fn event(id: &str) -> String {
        format!(
            r#"{{"class_uid":0,"metadata":{{"uid":"{id}","version":"1.8.0"}},"cloud":{{"account":{{"uid":"{TENANT}"}}}}}}"#
        )
    }

    fn put(lake: &Path, name: &str, lines: &[String]) {
        put_in(&lake.join("ocsf/tenant_id=t/day=2026-01-01"), name, lines);
    }

    fn put_in(folder: &Path, name: &str, lines: &[String]) {
        fs::create_dir_all(folder).unwrap();
        let mut gzip = GzEncoder::new(
            File::create(folder.join(name)).unwrap(),
            Compression::fast(),
        );
        for line in lines {
            writeln!(gzip, "{line}").unwrap();
        }
        gzip.finish().unwrap();
    }

    #[test]
    fn different_records_and_duplicates_are_counted() {
        let lake = tempfile::tempdir().unwrap();
        put(lake.path(), "a.ndjson.gz", &[event("1"), event("2")]);
        put(
            lake.path(),
            "b.ndjson.gz",
            &[event("2"), event("3"), "{}".to_owned()],
        );
        put(lake.path(), "c.ndjson.gz#1", &[event("4")]);
        let records = read(lake.path()).unwrap();
        assert_eq!((records.objects(), records.written()), (2, 3));
        assert_eq!((records.duplicates(), records.unnamed()), (1, 1));
        assert!(records.has(&RecordKey::new(TENANT, "3")));
        assert!(!records.has(&RecordKey::new(TENANT, "4")));
    }

    #[test]
    fn both_compressions_are_read() {
        let lake = tempfile::tempdir().unwrap();
        put(lake.path(), "a.ndjson.gz", &[event("1")]);
        let zstd = zstd::encode_all(format!("{}\n", event("2")).as_bytes(), 1).unwrap();
        let folder = lake.path().join("ocsf/tenant_id=t/day=2026-01-01");
        fs::write(folder.join("b.ndjson.zst"), zstd).unwrap();
        assert_eq!(read(lake.path()).unwrap().written(), 2);
    }

    #[test]
    fn a_refresh_reads_only_new_objects() {
        let lake = tempfile::tempdir().unwrap();
        let mut records = read(lake.path()).unwrap();
        assert_eq!(records.written(), 0);
        put(lake.path(), "a.ndjson.gz", &[event("1")]);
        records.refresh(lake.path()).unwrap();
        put(lake.path(), "b.ndjson.gz", &[event("2")]);
        records.refresh(lake.path()).unwrap();
        assert_eq!((records.written(), records.duplicates()), (2, 0));
    }

    #[test]
    fn events_of_both_schemas_identify_their_record() {
        let lake = tempfile::tempdir().unwrap();
        let ecs = format!(r#"{{"event":{{"id":"1"}},"organization":{{"id":"{TENANT}"}}}}"#);
        put_in(&lake.path().join("ecs"), "a.ndjson.gz", &[ecs]);
        put(lake.path(), "b.ndjson.gz", &[event("2")]);
        let records = read(lake.path()).unwrap();
        assert_eq!((records.written(), records.unnamed()), (2, 0));
        assert!(records.has(&RecordKey::new(TENANT, "1")));
    }

    #[test]
    fn routed_events_are_counted_apart() {
        let lake = tempfile::tempdir().unwrap();
        put(lake.path(), "a.ndjson.gz", &[event("1"), event("2")]);
        let folder = lake.path().join("routed/reads/day=2026-01-01");
        put_in(&folder, "a.ndjson.gz", &[event("2"), event("3")]);
        let records = read(lake.path()).unwrap();
        assert_eq!((records.written(), records.routed()), (2, 1));
        assert_eq!((records.objects(), records.duplicates()), (2, 1));
    }

    #[test]
    fn records_that_the_filter_drops_are_accounted_for() {
        let lake = tempfile::tempdir().unwrap();
        let folder = lake.path().join(format!(
            "raw/tenant_id={TENANT}/content_type=Audit.Exchange/day=2026-01-01"
        ));
        let record = |id: &str, operation: &str, organization: &str| {
            format!(
                r#"{{"Id":"{id}","Operation":"{operation}","OrganizationId":"{organization}"}}"#
            )
        };
        let body = [
            record("1", "Get-Mailbox", TENANT),
            record("2", "Set-Mailbox", TENANT),
            record("3", "Get-Mailbox", "99999999-2222-4333-8444-555555555555"),
            record("4", "Get-Mailbox", TENANT),
        ];
        put_in(&folder, "a.0f.json.gz", &[format!("[{}]", body.join(","))]);
        put(lake.path(), "a.ndjson.gz", &[event("4")]);
        let rules = r#"[{"name":"reads","action":"drop","operation":"Get-*","content_type":"Audit.Exchange"}]"#;
        let records = read_filtered(lake.path(), &Filter::parse(rules).unwrap()).unwrap();
        assert_eq!((records.written(), records.dropped()), (1, 1));
        let accounted =
            ["1", "2", "3", "4"].map(|id| records.accounts_for(&RecordKey::new(TENANT, id)));
        assert_eq!(accounted, [true, false, false, true]);
        assert_eq!(read(lake.path()).unwrap().dropped(), 0);
    }

    #[test]
    fn guids_are_equal_in_any_case() {
        let upper = TENANT.to_uppercase();
        assert_eq!(RecordKey::new(&upper, "x"), RecordKey::new(TENANT, "x"));
        assert_ne!(RecordKey::new(TENANT, "X"), RecordKey::new(TENANT, "x"));
    }

    #[test]
    fn a_truncated_object_is_named_in_the_error() {
        let lake = tempfile::tempdir().unwrap();
        put(lake.path(), "a.ndjson.gz", &[event("1")]);
        let path = lake
            .path()
            .join("ocsf/tenant_id=t/day=2026-01-01/a.ndjson.gz");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = read(lake.path()).unwrap_err().to_string();
        assert!(error.contains("a.ndjson.gz"), "{error}");
    }
}
