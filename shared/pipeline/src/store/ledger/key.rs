//! Every key layout of the table, in one place.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | tenant | `tenant` | `{tenant}` |
//! | subscription | `tenant` | `{tenant}#{content type}` |
//! | blob | `blob#{tenant}#{content id}` | `blob` |
//! | entry of a claim log | `claims#{tenant}#{bucket}` | its number, 10 digits |
//!
//! Tenants and subscriptions share one partition: a deployment has hundreds of them, the reconciler and the operator read
//! them all with one Query (nothing here may Scan), and each subscription is written a few times a minute at most, far below
//! a partition's 1,000 a second. Blobs and claim logs have a partition each, so that a busy tenant spreads over the table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use office365::{ContentId, ContentType, TenantId};

use super::claims::bucket::ClaimBucket;

/// Partition key attribute.
pub const PK: &str = "pk";
/// Sort key attribute.
pub const SK: &str = "sk";
/// The partition that holds tenants and subscriptions.
pub const REGISTRY: &str = "tenant";

/// The key of one item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A registered tenant.
    Tenant(TenantId),
    /// One content type of a tenant.
    Subscription(TenantId, ContentType),
    /// One content blob.
    Blob(TenantId, ContentId),
    /// An entry of a claim log, by its number.
    Claims(TenantId, ClaimBucket, u32),
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
            Self::Claims(tenant, bucket, _) => format!("claims#{tenant}#{bucket}"),
        }
    }

    /// The sort key's value.
    #[must_use]
    pub fn sk(&self) -> String {
        match self {
            Self::Tenant(tenant) => tenant.to_string(),
            Self::Subscription(tenant, content_type) => format!("{tenant}#{content_type}"),
            Self::Blob(..) => "blob".to_owned(),
            Self::Claims(_, _, number) => format!("{number:010}"),
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
            (_, Some(("claims", rest))) => rest.split_once('#').and_then(|(tenant, bucket)| {
                let (tenant, bucket) = (tenant.parse().ok()?, bucket.parse().ok()?);
                Some(Self::Claims(tenant, bucket, claim_number(sk)?))
            }),
            _ => None,
        };
        // Only the canonical spelling is a key: `parse` is laxer about case than `sk`.
        key.filter(|key| key.pk() == pk && key.sk() == sk)
            .ok_or(UnknownKey)
    }
}

/// The number of a claim log's entry, from its sort key.
pub(super) fn claim_number(sk: &str) -> Option<u32> {
    sk.parse().ok()
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
            (any_tenant(), 0..70_000_000_u32, any::<u32>())
                .prop_map(|(t, hour, number)| Key::Claims(t, ClaimBucket::Hour(hour), number)),
            (any_tenant(), any::<u8>(), any::<u32>()).prop_map(|(t, byte, number)| Key::Claims(
                t,
                ClaimBucket::Hash(byte),
                number
            )),
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
}
