//! What a record was claimed under, read from its event.

use columnar::{LinesError, each_line};
use serde::Deserialize;

use crate::store::lake::Codec;
use crate::store::lake::object::TEXT_BYTES_MAX;
use crate::store::ledger::claims::{ClaimBucket, RecordId};

/// Why the events of an object cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error("line {line} is no event: {source}")]
    Line {
        line: usize,
        source: serde_json::Error,
    },
    #[error("its text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
}

/// The records of an object.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) records: Vec<(ClaimBucket, RecordId)>,
    pub(super) without_id: u64,
}

/// An event in OCSF or ECS, as far as it says what its record was claimed under.
#[derive(Deserialize)]
struct Event {
    metadata: Option<Metadata>,
    event: Option<Named>,
    o365: Option<O365>,
}

/// OCSF's.
#[derive(Deserialize)]
struct Metadata {
    uid: Option<String>,
    /// CreationTime, as it stands in the record.
    original_time: Option<String>,
}

/// ECS's.
#[derive(Deserialize)]
struct Named {
    id: Option<String>,
}

#[derive(Deserialize)]
struct O365 {
    audit: Option<Audit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Audit {
    creation_time: Option<String>,
}

/// Reads the events of an object.
pub(super) fn identities(key: &str, content: &[u8]) -> Result<Found, Unreadable> {
    let mut found = Found::default();
    let reader = Codec::of(key).reader(content).map_err(LinesError::Read)?;
    let (mut number, mut bytes) = (0, 0);
    each_line(reader, |text| {
        (number, bytes) = (number + 1, bytes + text.len());
        if bytes > TEXT_BYTES_MAX {
            return Err(Unreadable::TooLong);
        }
        let event: Event = serde_json::from_slice(text).map_err(|source| Unreadable::Line {
            line: number,
            source,
        })?;
        match event.identity() {
            Some(identity) => found.records.push(identity),
            None => found.without_id += 1,
        }
        Ok(())
    })?;
    Ok(found)
}

impl Event {
    fn identity(&self) -> Option<(ClaimBucket, RecordId)> {
        let (metadata, o365) = (self.metadata.as_ref(), self.o365.as_ref());
        let id = metadata.and_then(|of| of.uid.as_deref());
        let id = id.or_else(|| self.event.as_ref()?.id.as_deref())?;
        let created = metadata.and_then(|of| of.original_time.as_deref());
        let created = created.or_else(|| o365?.audit.as_ref()?.creation_time.as_deref());
        let id = RecordId::named(id)?;
        Some((ClaimBucket::new(created, &id), id))
    }
}

#[cfg(test)]
mod tests {
    use normalize::{Batch, Context, Options, Schema};

    use super::*;

    /// What the fetcher claims the record under, and what is read from the event that it makes of it.
    #[track_caller]
    fn check(record: &str, is_found: bool) {
        let identity = normalize::identify(record.as_bytes()).unwrap();
        let id = RecordId::new(identity.id.as_deref(), record.as_bytes());
        let claimed = (ClaimBucket::new(identity.creation_time.as_deref(), &id), id);
        for schema in [Schema::Ocsf, Schema::Ecs] {
            let options = Options {
                schema,
                ..Options::default()
            };
            let context = Context {
                content_type: None,
                content_created_ms: None,
                options: &options,
            };
            let (mut batch, mut line) = (Batch::default(), Vec::new());
            batch.read(record.as_bytes()).unwrap();
            batch.event(0, &context, &mut line).unwrap();
            let found = identities("a.ndjson.gz", &Codec::Gzip.compress(&line)).unwrap();
            let expect = if is_found { vec![claimed] } else { Vec::new() };
            assert_eq!(found.records, expect, "{schema} {record}");
            assert_eq!(found.without_id, u64::from(!is_found), "{schema} {record}");
        }
    }

    #[test]
    fn an_event_tells_what_its_record_was_claimed_under() {
        let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
        for time in [
            "2026-03-01T10:15:00",
            "2026-03-01T12:15:00.1234567+02:00",
            "3/1/2026 10:15:00 AM",
            "0001-01-01T00:00:00",
            "",
        ] {
            check(
                &format!(r#"{{"Id":"{id}","CreationTime":"{time}","Operation":"A"}}"#),
                true,
            );
            check(
                &format!(r#"{{"Id":" Not-A-Guid","CreationTime":"{time}"}}"#),
                true,
            );
        }
        check(&format!(r#"{{"Id":"{{{id}}}"}}"#), true);
    }

    #[test]
    fn a_record_without_an_id_is_counted_only() {
        check(
            r#"{"Operation":"A","CreationTime":"2026-03-01T10:15:00"}"#,
            false,
        );
        check(r#"{"Id":"00000000-0000-0000-0000-000000000000"}"#, false);
        check(r#"{"Id":" "}"#, false);
    }

    #[test]
    fn what_is_no_event_is_told_with_its_line() {
        let lines = Codec::Gzip.compress(b"{\"metadata\":{\"uid\":\"a\"}}\n[\n");
        let error = identities("a.ndjson.gz", &lines).unwrap_err();
        assert!(
            error.to_string().starts_with("line 2 is no event"),
            "{error}"
        );
        let cut = &lines[..lines.len() - 9];
        assert!(identities("a.ndjson.gz", cut).is_err());
    }
}
