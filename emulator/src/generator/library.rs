//! Raw records from a file, published instead of generated ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::template::Template;
use crate::content_type::ContentType;

/// Raw records read from a file, one list per content type, shared by all tenants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Library(BTreeMap<ContentType, Arc<[Template]>>);

/// A record that cannot be published because it is no JSON object.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is not a JSON object: {source}; give one raw audit record a line")]
pub struct BadRecord {
    line: usize,
    source: serde_json::Error,
}

impl Library {
    /// Reads newline-delimited JSON; blank lines are skipped. Records are sorted into content types by their Workload and RecordType; a type that gets none has all of them.
    pub(crate) fn parse(ndjson: &str) -> Result<Self, BadRecord> {
        let records = ndjson
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(number, line)| {
                Template::of_raw_record(line.trim()).map_err(|source| BadRecord {
                    line: number + 1,
                    source,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if records.is_empty() {
            return Ok(Self::default());
        }
        let all: Arc<[Template]> = records
            .iter()
            .map(|(_, template)| template.clone())
            .collect();
        let lists = ContentType::ALL.map(|content_type| {
            let own = records.iter().filter(|(of, _)| *of == content_type);
            let own: Arc<[Template]> = own.map(|(_, template)| template.clone()).collect();
            (
                content_type,
                if own.is_empty() {
                    Arc::clone(&all)
                } else {
                    own
                },
            )
        });
        Ok(Self(lists.into_iter().collect()))
    }

    /// The records of a content type; `None` without a file.
    pub(crate) fn of(&self, content_type: ContentType) -> Option<Arc<[Template]>> {
        self.0.get(&content_type).map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::generator::{People, Segment, Stream};

    #[test]
    fn records_of_a_file_are_kept_but_for_id_and_tenant() {
        let library = Library::parse("{\"Id\":\"x\",\"OrganizationId\":\"y\",\"Workload\":\"Exchange\",\"Odd\":1.0e2,\"n\":{\"Id\":\"inner\"}}\n\n{\"Workload\":\"Exchange\"}\n").expect("records");
        let tenant = Uuid::from_u128(7);
        let people = Arc::new(People::of(1, tenant));
        let of = ContentType::Exchange;
        let stream = Arc::new(Stream::new(1, people, of, library.of(of)));
        let segment = Segment {
            first: 0,
            count: 3,
            published: Timestamp::UNIX_EPOCH,
        };
        let body: Vec<u8> = Arc::clone(&stream).body(vec![segment]).flatten().collect();
        let text = String::from_utf8(body).expect("text");
        let [first, second, third] = [0, 1, 2].map(|number| stream.record_id(number));
        assert_eq!(
            text,
            format!(
                "[{{\"Id\":\"{first}\",\"OrganizationId\":\"{tenant}\",\"Workload\":\"Exchange\",\"Odd\":1.0e2,\"n\":{{\"Id\":\"inner\"}}}},\
                 {{\"Id\":\"{second}\",\"OrganizationId\":\"{tenant}\",\"Workload\":\"Exchange\"}},\
                 {{\"Id\":\"{third}\",\"OrganizationId\":\"{tenant}\",\"Workload\":\"Exchange\",\"Odd\":1.0e2,\"n\":{{\"Id\":\"inner\"}}}}]"
            )
        );
    }

    #[test]
    fn a_line_that_is_no_object_is_named() {
        let error = Library::parse("{}\n[1]\n").expect_err("an array is no record");
        assert!(
            error.to_string().starts_with("line 2 is not a JSON object"),
            "{error}"
        );
    }
}
