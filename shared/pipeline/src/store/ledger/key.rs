//! Every key layout of the table, in one place.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | tenant | `tenants#{first hex digit}` | `{tenant}` |
//! | subscription | `tenants#{first hex digit}` | `{tenant}#{content type}` |
//! | how far a tenant is swept | `sweeps#{first hex digit}` | `{tenant}` |
//! | blob | `blobs#{tenant}#{content type}#{hour}` | `{content id}` |
//! | what Microsoft lists for that hour | `blobs#{tenant}#{content type}#{hour}` | `#listed` |
//! | entry of a claim log | `claims#{tenant}#{bucket}` | its number, 10 digits |
//! | loss | `losses#{tenant}` | `{loss id}` |
//! | replay | `replays#{tenant}` | `{replay id}` |
//! | consent link | `consents#{consent id}` | `{consent id}` |
//! | requests of a minute | `budget#{tenant}` | `{minute}` |
//! | key of the API | `keys#api` | `{key id}` |
//! | entry of the audit log | `audit#{month}` | `{entry id}`, a UUID of version 7 |
//! | answer to a request with an `Idempotency-Key` | `given#{key id}` | HMAC of that header |
//!
//! Nothing here may Scan. Tenants lie in sixteen partitions by the first digit of their id, so that all of them are read in the
//! order of their ids with sixteen Queries, and ten thousand of them, each written a few times an hour, stay far below a
//! partition's 1,000 writes a second. The blobs of an hour (of contentCreated, `2026-03-01T10`) are one partition: one Query
//! tells what became of the hour, which is what sweep, certificate and replay ask. Claims have partitions of their own.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use office365::{ContentId, ContentType, TenantId};

use super::access::id::{EntryId, GivenId, KeyId, Month};
use super::claims::bucket::ClaimBucket;
use super::consent::id::ConsentId;
use super::loss::id::LossId;
use super::replay::id::ReplayId;
pub use crate::content::BlobHour;

/// Partition key attribute.
pub const PK: &str = "pk";
/// Sort key attribute.
pub const SK: &str = "sk";
/// Sort key of what was listed. `#` sorts before every content id, and no content id begins with it.
pub const LISTED: &str = "#listed";
/// The partition of the keys of the API: some hundred, each read once in some seconds by whoever uses it.
pub(super) const KEYS_PK: &str = "keys#api";
/// The partitions of tenants, and those of their sweeps: one for each first hex digit of a tenant id, in their order.
pub const SHARDS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
];

/// The key of one item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A registered tenant.
    Tenant(TenantId),
    /// One content type of a tenant.
    Subscription(TenantId, ContentType),
    /// How far a tenant is swept.
    Sweep(TenantId),
    /// One content blob.
    Blob(BlobHour, ContentId),
    /// What Microsoft lists for an hour.
    Listed(BlobHour),
    /// An entry of a claim log, by its number.
    Claims(TenantId, ClaimBucket, u32),
    /// Something that could not be delivered.
    Loss(TenantId, LossId),
    /// A period that is made anew from raw copies.
    Replay(TenantId, ReplayId),
    /// A link at which an administrator consents.
    Consent(ConsentId),
    /// How many requests a tenant had within a minute, counted from 1970.
    Budget(TenantId, i64),
    /// A key of the API.
    ApiKey(KeyId),
    /// An entry of the audit log.
    Audit(EntryId),
    /// An answer that is kept for a key, should the request come again.
    Given(KeyId, GivenId),
}

/// An item's key is not one of ours.
#[derive(Debug, thiserror::Error)]
#[error(
    "an item of the table has a key of no known layout: was something else written to this table?"
)]
pub struct UnknownKey;

impl BlobHour {
    /// The partition key's value.
    #[must_use]
    pub fn pk(&self) -> String {
        let Self {
            tenant,
            content_type,
            hour,
        } = self;
        format!("blobs#{tenant}#{content_type}#{hour}")
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '#');
        Some(Self {
            tenant: parts.next()?.parse().ok()?,
            content_type: parts.next()?.parse().ok()?,
            hour: parts.next()?.parse().ok()?,
        })
    }
}

impl Key {
    /// The partition key's value.
    #[must_use]
    pub fn pk(&self) -> String {
        match self {
            Self::Tenant(tenant) | Self::Subscription(tenant, _) => tenants_pk(shard(*tenant)),
            Self::Sweep(tenant) => sweeps_pk(shard(*tenant)),
            Self::Blob(hour, _) | Self::Listed(hour) => hour.pk(),
            Self::Claims(tenant, bucket, _) => format!("claims#{tenant}#{bucket}"),
            Self::Loss(tenant, _) => losses_pk(*tenant),
            Self::Replay(tenant, _) => replays_pk(*tenant),
            Self::Consent(id) => format!("consents#{id}"),
            Self::Budget(tenant, _) => format!("budget#{tenant}"),
            Self::ApiKey(_) => KEYS_PK.to_owned(),
            Self::Audit(id) => audit_pk(id.month()),
            Self::Given(key, _) => format!("given#{key}"),
        }
    }

    /// The sort key's value.
    #[must_use]
    pub fn sk(&self) -> String {
        match self {
            Self::Tenant(tenant) | Self::Sweep(tenant) => tenant.to_string(),
            Self::Subscription(tenant, content_type) => format!("{tenant}#{content_type}"),
            Self::Blob(_, content_id) => content_id.to_string(),
            Self::Listed(_) => LISTED.to_owned(),
            Self::Claims(_, _, number) => entry_sk(*number),
            Self::Loss(_, id) => id.to_string(),
            Self::Replay(_, id) => id.to_string(),
            Self::Consent(id) => id.to_string(),
            Self::Budget(_, minute) => minute.to_string(),
            Self::ApiKey(id) => id.to_string(),
            Self::Audit(id) => id.to_string(),
            Self::Given(_, id) => id.to_string(),
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
        Self::read(pk, sk)
            // Only the canonical spelling is a key: `parse` of an id is laxer about case than `sk`.
            .filter(|key| key.pk() == pk && key.sk() == sk)
            .ok_or(UnknownKey)
    }

    fn read(pk: &str, sk: &str) -> Option<Self> {
        let (kind, rest) = pk.split_once('#')?;
        match kind {
            "tenants" => match sk.split_once('#') {
                None => sk.parse().ok().map(Self::Tenant),
                Some((tenant, content_type)) => Some(Self::Subscription(
                    tenant.parse().ok()?,
                    content_type.parse().ok()?,
                )),
            },
            "sweeps" => sk.parse().ok().map(Self::Sweep),
            "blobs" if sk == LISTED => BlobHour::parse(rest).map(Self::Listed),
            "blobs" => Some(Self::Blob(BlobHour::parse(rest)?, sk.parse().ok()?)),
            "claims" => {
                let (tenant, bucket) = rest.split_once('#')?;
                let (tenant, bucket) = (tenant.parse().ok()?, bucket.parse().ok()?);
                Some(Self::Claims(tenant, bucket, entry_number(sk)?))
            }
            "losses" => Some(Self::Loss(rest.parse().ok()?, sk.parse().ok()?)),
            "replays" => Some(Self::Replay(rest.parse().ok()?, sk.parse().ok()?)),
            "consents" => sk.parse().ok().map(Self::Consent),
            "budget" => Some(Self::Budget(rest.parse().ok()?, sk.parse().ok()?)),
            "keys" => sk.parse().ok().map(Self::ApiKey),
            "audit" => sk.parse().ok().map(Self::Audit),
            "given" => Some(Self::Given(rest.parse().ok()?, sk.parse().ok()?)),
            _ => None,
        }
    }
}

/// The partition of a tenant with this first digit.
pub(super) fn tenants_pk(shard: char) -> String {
    format!("tenants#{shard}")
}

/// The partition of the sweeps of tenants with this first digit.
pub(super) fn sweeps_pk(shard: char) -> String {
    format!("sweeps#{shard}")
}

/// The partition of a tenant's losses.
pub(super) fn losses_pk(tenant: TenantId) -> String {
    format!("losses#{tenant}")
}

/// The partition of a tenant's replays.
pub(super) fn replays_pk(tenant: TenantId) -> String {
    format!("replays#{tenant}")
}

/// The partition of a month of the audit log.
pub(super) fn audit_pk(month: Month) -> String {
    format!("audit#{month}")
}

/// The first hex digit of the id: one of [`SHARDS`].
pub(in crate::store) fn shard(tenant: TenantId) -> char {
    let first = tenant.as_uuid().as_u128() >> 124;
    SHARDS[first as usize]
}

/// The sort key of a log's entry: in the order of their numbers.
pub(in crate::store) fn entry_sk(number: u32) -> String {
    format!("{number:010}")
}

/// The number of a log's entry, from its sort key.
pub(in crate::store) fn entry_number(sk: &str) -> Option<u32> {
    sk.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Hour;

    fn any_tenant() -> impl Strategy<Value = TenantId> {
        (1u128..).prop_map(|n| uuid::Uuid::from_u128(n).to_string().parse().unwrap())
    }

    fn any_hour() -> impl Strategy<Value = BlobHour> {
        let content_type = prop::sample::select(ContentType::ALL.to_vec());
        let moment = 0i64..4_000_000_000;
        (any_tenant(), content_type, moment).prop_map(|(tenant, content_type, at)| BlobHour {
            tenant,
            content_type,
            hour: Hour::of(jiff::Timestamp::from_second(at).unwrap()),
        })
    }

    fn any_key() -> impl Strategy<Value = Key> {
        let content_type = prop::sample::select(ContentType::ALL.to_vec());
        prop_oneof![
            any_tenant().prop_map(Key::Tenant),
            (any_tenant(), content_type).prop_map(|(t, c)| Key::Subscription(t, c)),
            any_tenant().prop_map(Key::Sweep),
            (any_hour(), "[A-Za-z0-9$_-]{1,200}")
                .prop_map(|(hour, c)| Key::Blob(hour, c.parse().unwrap())),
            any_hour().prop_map(Key::Listed),
            (any_hour(), any::<bool>()).prop_map(|(of, gap)| {
                let id = if gap {
                    LossId::of_gap(of.content_type, of.hour.start(), of.hour.end())
                } else {
                    LossId::of_blob(of.content_type, &"a$b".parse().unwrap(), of.hour.start())
                };
                Key::Loss(of.tenant, id)
            }),
            Just(()).prop_map(|()| Key::Consent(ConsentId::random())),
            (any_tenant(), any::<i64>()).prop_map(|(t, minute)| Key::Budget(t, minute)),
            "[0-9a-f]{12}".prop_map(|id| Key::ApiKey(id.parse().unwrap())),
            (0i64..4_000_000_000).prop_map(|at| {
                Key::Audit(EntryId::new(jiff::Timestamp::from_second(at).unwrap()))
            }),
            ("[0-9a-f]{12}", any::<[u8; 32]>())
                .prop_map(|(of, mac)| Key::Given(of.parse().unwrap(), mac.into())),
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

    #[test]
    fn tenants_lie_in_the_partition_of_their_first_digit() {
        let tenant: TenantId = "a1111111-2222-4333-8444-555555555555".parse().unwrap();
        assert_eq!(Key::Tenant(tenant).pk(), "tenants#a");
        assert_eq!(Key::Sweep(tenant).pk(), "sweeps#a");
    }
}
