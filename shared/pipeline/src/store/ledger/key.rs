//! Every key layout of the table, in one place.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | tenant | `tenant` | `{tenant}` |
//! | subscription | `tenant` | `{tenant}#{content type}` |
//! | blob | `blob#{tenant}#{content id}` | `blob` |
//! | record claim | `record#{tenant}#{record key}` | `claim` |
//!
//! Tenants and subscriptions share one partition: a deployment has hundreds of them, the reconciler and the operator read
//! them all with one Query (nothing here may Scan), and each subscription is written a few times a minute at most, far below
//! a partition's 1,000 a second. Blobs and claims have a partition each, so that a busy tenant spreads over the table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use office365::{ContentId, ContentType, TenantId};
use sha2::{Digest as _, Sha256};

/// Partition key attribute.
pub const PK: &str = "pk";
/// Sort key attribute.
pub const SK: &str = "sk";
/// The partition that holds tenants and subscriptions.
pub const REGISTRY: &str = "tenant";

/// Longest record Id kept as it is, in bytes. Microsoft's are 36; a longer one is replaced by its hash, because a key has
/// 2,048 bytes at most.
const RECORD_ID_BYTES_MAX: usize = 128;

/// What a record is claimed under: its Id, or, where it has none, a hash of its bytes, so that records without an Id do
/// not share one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordKey(String);

impl RecordKey {
    /// The key of a record with this Id (compared without case, as GUIDs are) and these bytes.
    #[must_use]
    pub fn new(id: Option<&str>, bytes: &[u8]) -> Self {
        match id.map(str::trim).filter(|id| !id.is_empty()) {
            Some(id) if id.len() <= RECORD_ID_BYTES_MAX => Self(id.to_ascii_lowercase()),
            Some(id) => Self(format!(
                "id-sha256:{}",
                hex::encode(Sha256::digest(id.to_ascii_lowercase()))
            )),
            None => Self(format!("sha256:{}", hex::encode(Sha256::digest(bytes)))),
        }
    }
}

/// The key of one item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A registered tenant.
    Tenant(TenantId),
    /// One content type of a tenant.
    Subscription(TenantId, ContentType),
    /// One content blob.
    Blob(TenantId, ContentId),
    /// Which blob a record belongs to.
    Record(TenantId, RecordKey),
}

/// An item's key is not one of ours.
#[derive(Debug, thiserror::Error)]
#[error(
    "an item of the table has a key of no known layout: was something else written to this table?"
)]
pub struct UnknownKey;

impl Key {
    /// The partition key's value.
    #[must_use]
    pub fn pk(&self) -> String {
        match self {
            Self::Tenant(_) | Self::Subscription(..) => REGISTRY.to_owned(),
            Self::Blob(tenant, content) => format!("blob#{tenant}#{content}"),
            Self::Record(tenant, record) => format!("record#{tenant}#{}", record.0),
        }
    }

    /// The sort key's value.
    #[must_use]
    pub fn sk(&self) -> String {
        match self {
            Self::Tenant(tenant) => tenant.to_string(),
            Self::Subscription(tenant, content_type) => format!("{tenant}#{content_type}"),
            Self::Blob(..) => "blob".to_owned(),
            Self::Record(..) => "claim".to_owned(),
        }
    }

    /// Both, as DynamoDB takes them.
    #[must_use]
    pub fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk())),
            (SK.to_owned(), AttributeValue::S(self.sk())),
        ])
    }

    /// Reads a key back.
    ///
    /// # Errors
    /// [`UnknownKey`] for anything that [`Self::pk`] and [`Self::sk`] do not write.
    pub fn parse(pk: &str, sk: &str) -> Result<Self, UnknownKey> {
        let key = match (pk, pk.split_once('#')) {
            (REGISTRY, _) => match sk.split_once('#') {
                None => sk.parse().ok().map(Self::Tenant),
                Some((tenant, content_type)) => tenant
                    .parse()
                    .ok()
                    .zip(content_type.parse().ok())
                    .map(|(tenant, content_type)| Self::Subscription(tenant, content_type)),
            },
            (_, Some(("blob", rest))) => rest.split_once('#').and_then(|(tenant, content)| {
                Some(Self::Blob(tenant.parse().ok()?, content.parse().ok()?))
            }),
            (_, Some(("record", rest))) => rest.split_once('#').and_then(|(tenant, record)| {
                Some(Self::Record(
                    tenant.parse().ok()?,
                    RecordKey(record.to_owned()),
                ))
            }),
            _ => None,
        };
        // Only the canonical spelling is a key: `parse` is laxer about case than `sk`.
        key.filter(|key| key.pk() == pk && key.sk() == sk)
            .ok_or(UnknownKey)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_tenant() -> impl Strategy<Value = TenantId> {
        (1u128..).prop_map(|n| uuid::Uuid::from_u128(n).to_string().parse().unwrap())
    }

    fn any_key() -> impl Strategy<Value = Key> {
        let content_type = prop::sample::select(ContentType::ALL.to_vec());
        prop_oneof![
            any_tenant().prop_map(Key::Tenant),
            (any_tenant(), content_type).prop_map(|(t, c)| Key::Subscription(t, c)),
            (any_tenant(), "[A-Za-z0-9$_-]{1,200}")
                .prop_map(|(t, c)| Key::Blob(t, c.parse().unwrap())),
            (any_tenant(), ".{0,200}")
                .prop_map(|(t, id)| Key::Record(t, RecordKey::new(Some(&id), b"bytes"))),
        ]
    }

    proptest! {
        #[test]
        fn keys_survive_the_table(key in any_key()) {
            prop_assert_eq!(Key::parse(&key.pk(), &key.sk()).unwrap(), key);
        }

        #[test]
        fn foreign_keys_are_refused_without_a_panic(pk in ".{0,80}", sk in ".{0,80}") {
            if let Ok(key) = Key::parse(&pk, &sk) {
                prop_assert_eq!((key.pk(), key.sk()), (pk, sk));
            }
        }
    }

    #[test]
    fn records_without_an_id_do_not_share_a_key() {
        assert_ne!(
            RecordKey::new(None, b"{}"),
            RecordKey::new(Some(" "), b"[]")
        );
        assert_eq!(RecordKey::new(None, b"{}"), RecordKey::new(Some(""), b"{}"));
    }

    #[test]
    fn ids_are_compared_without_case() {
        assert_eq!(
            RecordKey::new(Some("AbC"), b"1"),
            RecordKey::new(Some("aBc"), b"2")
        );
    }
}
