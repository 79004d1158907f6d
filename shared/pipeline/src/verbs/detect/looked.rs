//! What the rules make of a portion of records, each by itself, gathered by what is asked of the table.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use detections::{Finding, Join, Look, Member, Question, Record, WindowKey};
use office365::TenantId;

use super::ruleset::AtWork;

/// Records of one set, by the set.
pub(super) type Joins = BTreeMap<WindowKey, BTreeSet<Member>>;

/// What was found and what is asked, of a portion.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) records: u64,
    pub(super) malformed: u64,
    pub(super) foreign: u64,
    pub(super) findings: Vec<Finding>,
    pub(super) questions: Vec<Question>,
    pub(super) joins: Joins,
}

impl Looked {
    /// Looks at the elements of a tenant's blob.
    pub(super) fn at(at_work: &AtWork, tenant: TenantId, elements: &[Bytes]) -> Self {
        let mut looked = Self::default();
        let ours = tenant.to_string();
        for element in elements {
            let Ok(record) = Record::read(element) else {
                looked.malformed += 1;
                continue;
            };
            if !record.tenant().is_empty() && !record.tenant().eq_ignore_ascii_case(&ours) {
                looked.foreign += 1;
                continue;
            }
            looked.records += 1;
            let record = record.with_places(&at_work.places);
            let Look {
                findings,
                questions,
                joins,
            } = at_work.rules.look(&record, &ours);
            looked.findings.extend(findings);
            looked.questions.extend(questions);
            looked.join(joins);
        }
        looked
    }

    /// Adds records to the sets that they belong to.
    pub(super) fn join(&mut self, joins: Vec<Join>) {
        for Join { key, member } in joins {
            self.joins.entry(key).or_default().insert(member);
        }
    }
}
