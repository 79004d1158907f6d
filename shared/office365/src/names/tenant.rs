//! The identifier of a Microsoft 365 tenant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A tenant's GUID (Entra calls it directory id), never nil.
///
/// Parsed from the hyphenated form in any case, printed in lower case, so that one tenant is always the same key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(Uuid);

/// The text is not a tenant id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a tenant id: expected a GUID such as 11111111-2222-3333-4444-555555555555, and not the nil one"
)]
pub struct InvalidTenantId;

/// Bytes of the hyphenated form. `Uuid` alone would also accept braces, `urn:uuid:` and 32 bare digits, which the API never
/// uses.
const TEXT_LENGTH: usize = 36;

impl TenantId {
    /// The same id as a `Uuid`.
    #[must_use]
    pub fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl TryFrom<Uuid> for TenantId {
    type Error = InvalidTenantId;

    fn try_from(uuid: Uuid) -> Result<Self, InvalidTenantId> {
        if uuid.is_nil() {
            return Err(InvalidTenantId);
        }
        Ok(Self(uuid))
    }
}

impl FromStr for TenantId {
    type Err = InvalidTenantId;

    fn from_str(text: &str) -> Result<Self, InvalidTenantId> {
        if text.len() != TEXT_LENGTH {
            return Err(InvalidTenantId);
        }
        Uuid::try_parse(text)
            .map_err(|_| InvalidTenantId)?
            .try_into()
    }
}

impl TryFrom<String> for TenantId {
    type Error = InvalidTenantId;

    fn try_from(text: String) -> Result<Self, InvalidTenantId> {
        text.parse()
    }
}

impl From<TenantId> for String {
    fn from(tenant: TenantId) -> Self {
        tenant.to_string()
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        let parsed = text.parse::<TenantId>().ok().map(|t| t.to_string());
        assert_eq!(parsed.as_deref(), expect, "{text:?}");
    }

    #[test]
    fn any_case_is_read_and_lower_case_is_printed() {
        check(
            "41463F53-8812-40F4-890F-865BF6E35190",
            Some("41463f53-8812-40f4-890f-865bf6e35190"),
        );
    }

    #[test]
    fn nil_and_other_texts_are_refused() {
        check("00000000-0000-0000-0000-000000000000", None);
        check("", None);
        check("41463f53-8812-40f4-890f-865bf6e3519", None);
        check("41463f53881240f4890f865bf6e35190", None);
        check("{41463f53-8812-40f4-890f-865bf6e35190}", None);
        check("41463f53-8812-40f4-890f-865bf6e3519g", None);
        check("41463f53-8812-40f4-890f-865bf6e35190/", None);
        check("common", None);
    }

    #[test]
    fn serde_reads_and_writes_the_same_text() {
        let text = "\"41463F53-8812-40F4-890F-865BF6E35190\"";
        let tenant: TenantId = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&tenant).unwrap(), text.to_lowercase());
        assert!(serde_json::from_str::<TenantId>("\"nobody\"").is_err());
    }
}
