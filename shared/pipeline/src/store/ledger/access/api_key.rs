//! Keys of the API. The table has their HMACs, never a key.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use office365::TenantId;
use serde::{Deserialize, Serialize};

use super::id::KeyId;
use crate::aws::AwsError;
use crate::clock::{earlier, later};
use crate::store::ledger::attribute::{
    EXPIRES_AT, Item, expiry, get_millis, get_parsed, get_text, millis, text,
};
use crate::store::ledger::key::{KEYS_PK, Key, PK, SK, UnknownKey};
use crate::store::ledger::{Ledger, LedgerError, conditional};

/// Keys of an installation, those that were revoked of late included: with at most 2 KB each (a name, 40 tenant ids), all of
/// them are in the 1 MB that one Query returns.
pub const KEYS_MAX: usize = 500;

/// Tenants that a key can be limited to: who has more gives a key to all, or several keys.
pub const KEY_TENANTS_MAX: usize = 40;

/// How long the list shows a key after it stopped working.
pub const KEY_KEPT_AFTER_END: Duration = Duration::from_secs(30 * 24 * 3600);

/// Shortest time between two writes of a key's last use: a write for each request would double the API's cost.
pub const LAST_USE_RESOLUTION: Duration = Duration::from_secs(5 * 60);

/// What a key may do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at things.
    Read,
    /// Change them too.
    Admin,
}

impl Scope {
    /// As the ledger and the API spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = [Self::Read, Self::Admin].into_iter();
        all.find(|scope| scope.as_str() == text).ok_or(())
    }
}

/// A key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The tenants that it is limited to; `None` for all.
    pub tenants: Option<BTreeSet<TenantId>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The key that made it.
    pub created_by: KeyId,
    /// When it stops to work, if it ever does.
    pub valid_until: Option<Timestamp>,
    /// When it was used last, to within [`LAST_USE_RESOLUTION`].
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// HMAC-SHA256 of the key, in hex.
    pub mac: String,
}

impl ApiKey {
    /// Whether it works at this time.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.valid_until.is_none_or(|until| now < until)
    }
}

impl Ledger {
    /// Writes a new key. `false` when there is one of that name: then nothing was written.
    ///
    /// # Errors
    /// [`LedgerError`]; it may have been written, and nobody has the key.
    pub async fn create_key(&self, key: &ApiKey) -> Result<bool, LedgerError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(key)))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(AwsError::new("dynamodb:PutItem", &error).into()),
        }
    }

    /// One key. The read is consistent: a key that was revoked before it does not work after it.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::ApiKey(id.clone()).attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        output.item.as_ref().map(read).transpose()
    }

    /// All keys, in the order of their names. One that cannot be read is passed over: it does not work either.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn keys(&self) -> Result<Vec<ApiKey>, LedgerError> {
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(KEYS_PK))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        let items = output.items.unwrap_or_default();
        let readable = |item: &Item| {
            read(item)
                .inspect_err(|error| tracing::error!(%error, "key passed over"))
                .ok()
        };
        Ok(items.iter().filter_map(readable).collect())
    }

    /// Ends a key; `false` when there is none of that name. The first time counts.
    ///
    /// # Errors
    /// [`LedgerError`]; it may be revoked.
    pub async fn revoke_key(&self, id: &KeyId, now: Timestamp) -> Result<bool, LedgerError> {
        let revoked = self
            .update_key(&Key::ApiKey(id.clone()))
            .update_expression(
                "SET revoked_at = if_not_exists(revoked_at, :now), expires_at = :expires",
            )
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires", expiry(later(now, KEY_KEPT_AFTER_END)));
        conditional(revoked).await
    }

    /// Puts another key in the place of one, under the same name. `None` when there is none, or it is revoked.
    ///
    /// # Errors
    /// [`LedgerError`]; the old key may have ended.
    pub async fn rotate_key(&self, id: &KeyId, mac: &str) -> Result<Option<ApiKey>, LedgerError> {
        let rotated = self
            .update_key(&Key::ApiKey(id.clone()))
            .update_expression("SET mac = :mac REMOVE last_used_at")
            .condition_expression("attribute_exists(#pk) AND attribute_not_exists(revoked_at)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":mac", text(mac))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match rotated {
            Ok(output) => output.attributes.as_ref().map(read).transpose(),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(AwsError::new("dynamodb:UpdateItem", &error).into()),
        }
    }

    /// Writes down that a key was used, unless that was written within [`LAST_USE_RESOLUTION`], and its HMAC under the master
    /// key of today. A key that was rotated or revoked meanwhile stays as it is.
    ///
    /// # Errors
    /// [`LedgerError`]; the last use is then older than it could be.
    pub async fn note_key_used(
        &self,
        key: &ApiKey,
        mac: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let noted = self
            .update_key(&Key::ApiKey(key.id.clone()))
            .update_expression("SET last_used_at = :now, mac = :mac")
            .condition_expression(
                "mac = :was AND attribute_not_exists(revoked_at) AND \
                 (mac <> :mac OR attribute_not_exists(last_used_at) OR last_used_at <= :before)",
            )
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":was", text(&key.mac))
            .expression_attribute_values(":mac", text(mac))
            .expression_attribute_values(":before", millis(earlier(now, LAST_USE_RESOLUTION)));
        conditional(noted).await.map(drop)
    }
}

fn item(key: &ApiKey) -> Item {
    let mut item = Key::ApiKey(key.id.clone()).attributes();
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
    set("name", text(&key.name));
    set("scope", text(key.scope.as_str()));
    set("created_at", millis(key.created_at));
    set("created_by", text(key.created_by.as_str()));
    set("mac", text(&key.mac));
    if let Some(tenants) = &key.tenants {
        let tenants = tenants.iter().map(|tenant| text(tenant.to_string()));
        set("tenants", AttributeValue::L(tenants.collect()));
    }
    if let Some(until) = key.valid_until {
        set("valid_until", millis(until));
        set(EXPIRES_AT, expiry(later(until, KEY_KEPT_AFTER_END)));
    }
    item
}

/// Reads a key. What limits it is read strictly: a key whose limits are damaged must not be one without limits.
fn read(item: &Item) -> Result<ApiKey, LedgerError> {
    let pk = get_text(item, PK).unwrap_or_default();
    let sk = get_text(item, SK).unwrap_or_default();
    let Key::ApiKey(id) = Key::parse(pk, sk)? else {
        return Err(UnknownKey.into());
    };
    let damaged = |attribute| LedgerError::Damaged {
        key: format!("key {id}"),
        attribute,
    };
    let tenants = match item.get("tenants") {
        None => None,
        Some(list) => {
            let list = list.as_l().map_err(|_| damaged("tenants"))?;
            let read = list.iter().map(|tenant| tenant.as_s().ok()?.parse().ok());
            let read: Option<BTreeSet<TenantId>> = read.collect();
            Some(read.ok_or_else(|| damaged("tenants"))?)
        }
    };
    let time = |name: &'static str| match item.get(name) {
        None => Ok(None),
        Some(_) => get_millis(item, name)
            .map(Some)
            .ok_or_else(|| damaged(name)),
    };
    Ok(ApiKey {
        name: get_text(item, "name").unwrap_or_default().to_owned(),
        scope: get_parsed(item, "scope").ok_or_else(|| damaged("scope"))?,
        tenants,
        created_at: get_millis(item, "created_at").ok_or_else(|| damaged("created_at"))?,
        created_by: get_parsed(item, "created_by").ok_or_else(|| damaged("created_by"))?,
        valid_until: time("valid_until")?,
        last_used_at: get_millis(item, "last_used_at"),
        revoked_at: time("revoked_at")?,
        mac: get_text(item, "mac")
            .ok_or_else(|| damaged("mac"))?
            .to_owned(),
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKey {
        ApiKey {
            id: "0123456789ab".parse().unwrap(),
            name: "dashboard".to_owned(),
            scope: Scope::Read,
            tenants: Some(["11111111-2222-4333-8444-555555555555".parse().unwrap()].into()),
            created_at: "2026-03-01T10:00:00Z".parse().unwrap(),
            created_by: KeyId::root(),
            valid_until: Some("2026-04-01T10:00:00Z".parse().unwrap()),
            last_used_at: None,
            revoked_at: None,
            mac: "ab".to_owned(),
        }
    }

    #[test]
    fn a_key_survives_the_table() {
        assert_eq!(read(&item(&key())).unwrap(), key());
        let all = ApiKey {
            tenants: None,
            valid_until: None,
            ..key()
        };
        assert_eq!(read(&item(&all)).unwrap(), all);
    }

    #[test]
    fn a_key_with_damaged_limits_is_no_key() {
        for name in ["tenants", "valid_until", "revoked_at", "scope"] {
            let mut damaged = item(&key());
            damaged.insert(name.to_owned(), AttributeValue::Bool(true));
            assert!(read(&damaged).is_err(), "{name}");
        }
    }

    #[test]
    fn a_key_ends_when_it_is_revoked_or_expires() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(key().is_valid(at("2026-04-01T09:59:59Z")));
        assert!(!key().is_valid(at("2026-04-01T10:00:00Z")));
        let revoked = ApiKey {
            revoked_at: Some(at("2026-03-02T10:00:00Z")),
            ..key()
        };
        assert!(!revoked.is_valid(at("2026-03-02T10:00:00Z")));
    }
}
