//! What kind of user somebody is.

use std::borrow::Cow;

/// OCSF's types of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserKind<'a> {
    Unknown,
    User,
    Admin,
    System,
    Service,
    /// Any other type, by its name.
    Other(Cow<'a, str>),
}

impl UserKind<'_> {
    /// `type_id`.
    pub(crate) fn id(&self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::User => 1,
            Self::Admin => 2,
            Self::System => 3,
            Self::Service => 4,
            Self::Other(_) => 99,
        }
    }

    pub(crate) fn caption(&self) -> &str {
        match self {
            Self::Unknown => "Unknown",
            Self::User => "User",
            Self::Admin => "Admin",
            Self::System => "System",
            Self::Service => "Service",
            Self::Other(name) => name,
        }
    }

    /// The type for Microsoft's `UserType`.
    pub(super) fn of(user_type: i64) -> Option<Self> {
        let other = |name| Some(Self::Other(Cow::Borrowed(name)));
        match user_type {
            0 => Some(Self::User),
            1 => Some(Self::Unknown),
            2 => Some(Self::Admin),
            3 | 4 => Some(Self::System),
            5 | 6 => Some(Self::Service),
            7 => other("CustomPolicy"),
            8 => other("SystemPolicy"),
            9 => other("PartnerTechnician"),
            10 => other("Guest"),
            _ => None,
        }
    }
}
