//! What is in a lake, by reading it: the count that settles whether everything arrived, once.
//!
//! Nothing here is taken from the pipeline's own counters: only the objects below `ocsf/`, `ecs/` and `routed/` speak, each
//! event by the record's Id (`metadata.uid`, in ECS `event.id`) and its organization (`cloud.account.uid`, `organization.id`);
//! and of what a filter drops the raw copies, by the filter's own rules.

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

/// The folders of a lake with the events.
const EVENTS: [Schema; 2] = [Schema::Ocsf, Schema::Ecs];

/// The folder with the events that a filter routes, laid out as those are.
const ROUTED: &str = "routed";

/// The endings of objects of events. What is still being written has another.
const GZIP: &str = ".ndjson.gz";
const ZSTD: &str = ".ndjson.zst";

/// Folders below each other at most: content type, day, hour and tenant are four; a link in circles must not be followed for
/// ever.
const DEPTH_MAX: usize = 16;

/// A record's name: organization and Id. GUIDs, which nearly all are, take no memory of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordName {
    organization: Name,
    id: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Guid(Uuid),
    Text(Box<str>),
}

impl RecordName {
    /// The record `id` of `organization`.
    #[must_use]
    pub fn new(organization: &str, id: &str) -> Self {
        Self {
            organization: Name::new(organization),
            id: Name::new(id),
        }
    }
}

impl Name {
    fn new(text: &str) -> Self {
        match Uuid::try_parse(text) {
            Ok(guid) => Self::Guid(guid),
            Err(_) => Self::Text(text.into()),
        }
    }
}

/// The events seen so far.
#[derive(Debug, Default)]
pub struct Audit {
    objects: HashSet<PathBuf>,
    rows_by_record: HashMap<RecordName, Rows>,
    unnamed: u64,
    dropped: Dropped,
}

/// Events of one record.
#[derive(Debug, Default)]
struct Rows {
    all: u32,
    routed: u32,
}

/// An object cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}")]
pub struct AuditError {
    path: String,
    cause: io::Error,
}

/// What an event says of the record it was made of, in either schema.
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

/// Reads every event of the lake in the folder `lake`; one that is not there is empty.
///
/// # Errors
/// A folder or object cannot be read, or is not gzip or zstd of one JSON object a line.
pub fn read(lake: &Path) -> Result<Audit, AuditError> {
    read_filtered(lake, &Filter::default())
}

/// As [`read`], and what `filter` drops of the raw copies.
///
/// # Errors
/// As [`read`].
pub fn read_filtered(lake: &Path, filter: &Filter) -> Result<Audit, AuditError> {
    let mut audit = Audit::filtered(filter);
    audit.refresh(lake)?;
    Ok(audit)
}

/// The files below a folder whose names end so; none when there is no folder.
fn objects_below(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, AuditError> {
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

impl Audit {
    /// Nothing read yet, of a lake that is written with `filter`.
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
    pub fn refresh(&mut self, lake: &Path) -> Result<(), AuditError> {
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

    fn read_object(&mut self, path: &Path, is_routed: bool) -> Result<(), AuditError> {
        let file = File::open(path).map_err(at(path))?;
        let content: Box<dyn Read> = if path.to_string_lossy().ends_with(ZSTD) {
            Box::new(zstd::Decoder::new(file).map_err(at(path))?)
        } else {
            Box::new(MultiGzDecoder::new(file))
        };
        for line in BufReader::new(content).split(b'\n') {
            let line = line.map_err(at(path))?;
            let event: Event = serde_json::from_slice(&line).map_err(|error| AuditError {
                path: path.display().to_string(),
                cause: io::Error::new(io::ErrorKind::InvalidData, error),
            })?;
            match (event.organization(), event.id()) {
                (Some(organization), Some(id)) => {
                    let name = RecordName::new(organization, id);
                    let rows = self.rows_by_record.entry(name).or_default();
                    rows.all += 1;
                    rows.routed += u32::from(is_routed);
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

    /// Different records that have an event where events go.
    #[must_use]
    pub fn written(&self) -> usize {
        let rows = self.rows_by_record.values();
        rows.filter(|rows| rows.all > rows.routed).count()
    }

    /// Different records that have an event below `routed/` alone.
    #[must_use]
    pub fn routed(&self) -> usize {
        self.rows_by_record.len() - self.written()
    }

    /// Different records that have no event, and that the filter drops.
    #[must_use]
    pub fn dropped(&self) -> usize {
        let names = self.dropped.records();
        names.filter(|name| !self.has(name)).count()
    }

    /// Events beyond the first of their record.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.rows_by_record
            .values()
            .map(|rows| u64::from(rows.all - 1))
            .sum()
    }

    /// Events that name no record.
    #[must_use]
    pub fn unnamed(&self) -> u64 {
        self.unnamed
    }

    /// Whether the record has an event.
    #[must_use]
    pub fn has(&self, record: &RecordName) -> bool {
        self.rows_by_record.contains_key(record)
    }

    /// Whether the record has an event, or the filter drops it.
    #[must_use]
    pub fn explains(&self, record: &RecordName) -> bool {
        self.has(record) || self.dropped.has(record)
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> AuditError {
    let path = path.display().to_string();
    move |cause| AuditError { path, cause }
}

/// Whether `folder` holds nothing, or is not there.
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
    fn records_are_told_apart_and_counted_once() {
        let lake = tempfile::tempdir().unwrap();
        put(lake.path(), "a.ndjson.gz", &[event("1"), event("2")]);
        put(
            lake.path(),
            "b.ndjson.gz",
            &[event("2"), event("3"), "{}".to_owned()],
        );
        put(lake.path(), "c.ndjson.gz#1", &[event("4")]);
        let audit = read(lake.path()).unwrap();
        assert_eq!((audit.objects(), audit.written()), (2, 3));
        assert_eq!((audit.duplicates(), audit.unnamed()), (1, 1));
        assert!(audit.has(&RecordName::new(TENANT, "3")));
        assert!(!audit.has(&RecordName::new(TENANT, "4")));
    }

    #[test]
    fn either_compression_is_read() {
        let lake = tempfile::tempdir().unwrap();
        put(lake.path(), "a.ndjson.gz", &[event("1")]);
        let zstd = zstd::encode_all(format!("{}\n", event("2")).as_bytes(), 1).unwrap();
        let folder = lake.path().join("ocsf/tenant_id=t/day=2026-01-01");
        fs::write(folder.join("b.ndjson.zst"), zstd).unwrap();
        assert_eq!(read(lake.path()).unwrap().written(), 2);
    }

    #[test]
    fn a_refresh_reads_what_is_new_and_nothing_twice() {
        let lake = tempfile::tempdir().unwrap();
        let mut audit = read(lake.path()).unwrap();
        assert_eq!(audit.written(), 0);
        put(lake.path(), "a.ndjson.gz", &[event("1")]);
        audit.refresh(lake.path()).unwrap();
        put(lake.path(), "b.ndjson.gz", &[event("2")]);
        audit.refresh(lake.path()).unwrap();
        assert_eq!((audit.written(), audit.duplicates()), (2, 0));
    }

    #[test]
    fn documents_of_either_schema_name_their_record() {
        let lake = tempfile::tempdir().unwrap();
        let ecs = format!(r#"{{"event":{{"id":"1"}},"organization":{{"id":"{TENANT}"}}}}"#);
        put_in(&lake.path().join("ecs"), "a.ndjson.gz", &[ecs]);
        put(lake.path(), "b.ndjson.gz", &[event("2")]);
        let audit = read(lake.path()).unwrap();
        assert_eq!((audit.written(), audit.unnamed()), (2, 0));
        assert!(audit.has(&RecordName::new(TENANT, "1")));
    }

    #[test]
    fn what_is_routed_counts_apart_and_a_record_in_both_places_is_there_twice() {
        let lake = tempfile::tempdir().unwrap();
        put(lake.path(), "a.ndjson.gz", &[event("1"), event("2")]);
        let folder = lake.path().join("routed/reads/day=2026-01-01");
        put_in(&folder, "a.ndjson.gz", &[event("2"), event("3")]);
        let audit = read(lake.path()).unwrap();
        assert_eq!((audit.written(), audit.routed()), (2, 1));
        assert_eq!((audit.objects(), audit.duplicates()), (2, 1));
    }

    #[test]
    fn what_the_filter_drops_of_a_raw_copy_is_explained_and_nothing_else_is() {
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
        let audit = read_filtered(lake.path(), &Filter::parse(rules).unwrap()).unwrap();
        assert_eq!((audit.written(), audit.dropped()), (1, 1));
        let explained = ["1", "2", "3", "4"].map(|id| audit.explains(&RecordName::new(TENANT, id)));
        assert_eq!(explained, [true, false, false, true]);
        assert_eq!(read(lake.path()).unwrap().dropped(), 0);
    }

    #[test]
    fn a_guid_is_the_same_in_any_case() {
        let upper = TENANT.to_uppercase();
        assert_eq!(RecordName::new(&upper, "x"), RecordName::new(TENANT, "x"));
        assert_ne!(RecordName::new(TENANT, "X"), RecordName::new(TENANT, "x"));
    }

    #[test]
    fn an_object_that_is_cut_off_is_an_error_with_its_name() {
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
