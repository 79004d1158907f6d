//! What the elements of a blob are: records that it may own, another organization's, or no records at all.

use bytes::Bytes;
use normalize::{Batch, Identity};
use office365::TenantId;
use uuid::Uuid;

use crate::store::ledger::claims::{ClaimBucket, RecordId};
use crate::teeth::{Tooth, bites};

/// Most records that are read together: few enough that what is read of them stays small beside the blob, and that other blobs
/// have their turn between them.
pub const READ_AT_ONCE_MAX: usize = 1_000;

/// Most bytes of such records, unless one is longer by itself: read, they take twice as much memory, or more where values
/// are short.
pub const READ_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Whether so many elements of so many bytes together are read before further ones.
pub(super) fn is_portion(elements: usize, bytes: usize) -> bool {
    elements >= READ_AT_ONCE_MAX || bytes >= READ_BYTES_MAX
}

/// What one element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A record that this blob may own, if nobody else does.
    Candidate,
    /// It belongs to another organization.
    Foreign,
    /// It is not a JSON object.
    Malformed,
}

/// What all elements of a blob are, in order.
#[derive(Debug, Default)]
pub(super) struct Classes {
    classes: Vec<Class>,
    /// What the candidates among them are claimed under.
    candidates: Vec<(ClaimBucket, RecordId)>,
}

impl Classes {
    /// How many elements there are.
    pub(super) fn len(&self) -> usize {
        self.classes.len()
    }

    pub(super) fn classes(&self) -> &[Class] {
        &self.classes
    }

    pub(super) fn candidates(&self) -> &[(ClaimBucket, RecordId)] {
        &self.candidates
    }

    /// Adds elements.
    pub(super) fn add(&mut self, tenant: TenantId, elements: &[Bytes]) {
        for element in elements {
            let identity = normalize::identify(element);
            self.add_one(tenant, element, identity.ok());
        }
    }

    /// Adds elements, and reads those that are records into `batch`.
    pub(super) fn read<'a>(
        &mut self,
        tenant: TenantId,
        elements: &'a [Bytes],
        batch: &mut Batch<'a>,
    ) {
        batch.begin(elements.iter().map(Bytes::len).sum());
        for element in elements {
            let identity = batch.read(element);
            self.add_one(tenant, element, identity.ok());
        }
    }

    fn add_one(&mut self, tenant: TenantId, element: &[u8], identity: Option<Identity<'_>>) {
        let class = match identity {
            None => Class::Malformed,
            // A record that names no organization is this tenant's: it came with this tenant's token.
            Some(Identity {
                organization_id: Some(other),
                ..
            }) if guid(&other) != Some(tenant.as_uuid()) && !bites(Tooth::ForeignIsOwn) => {
                Class::Foreign
            }
            Some(identity) => {
                let named = identity.id.as_deref();
                let named = named.filter(|_| !bites(Tooth::IdIsHash));
                let id = RecordId::new(named, element);
                let bucket = ClaimBucket::new(identity.creation_time.as_deref(), &id);
                self.candidates.push((bucket, id));
                Class::Candidate
            }
        };
        self.classes.push(class);
    }
}

/// A GUID in any of its spellings: with or without hyphens and braces, in any case.
fn guid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(records: &[&str], expect: &str) {
        let tenant = "11111111-2222-4333-8444-555555555555".parse().unwrap();
        let elements: Vec<Bytes> = records
            .iter()
            .map(|record| Bytes::copy_from_slice(record.as_bytes()))
            .collect();
        let (mut added, mut read) = (Classes::default(), Classes::default());
        added.add(tenant, &elements);
        read.read(tenant, &elements, &mut Batch::default());
        for classes in [added, read] {
            let found: String = classes
                .classes()
                .iter()
                .map(|class| match class {
                    Class::Candidate => 'c',
                    Class::Foreign => 'f',
                    Class::Malformed => 'm',
                })
                .collect();
            assert_eq!(found, expect);
            assert_eq!(classes.candidates().len(), found.matches('c').count());
        }
    }

    #[test]
    fn only_a_record_of_another_organization_is_foreign() {
        check(
            &[
                r#"{"Id":"a","OrganizationId":"99999999-2222-4333-8444-555555555555"}"#,
                r#"{"Id":"b","OrganizationId":"11111111-2222-4333-8444-555555555555"}"#,
                r#"{"Id":"c"}"#,
                r#"{"Id":"d","OrganizationId":"{11111111-2222-4333-8444-555555555555}"}"#,
                r#"{"Id":"e","OrganizationId":"11111111222243338444555555555555"}"#,
                r#"{"Id":"f","OrganizationId":"contoso"}"#,
            ],
            "fccccf",
        );
    }

    #[test]
    fn an_element_that_is_no_object_spoils_no_other() {
        check(&["1", r#"{"Id":}"#, r#"{"Id":"a"}"#], "mmc");
    }
}
