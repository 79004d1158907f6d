//! The classes of OCSF 1.8.0 that audit records become, with their activities.

/// One of the event classes used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Base,
    DetectionFinding,
    DataSecurityFinding,
    AccountChange,
    Authentication,
    EntityManagement,
    UserAccess,
    GroupManagement,
    EmailActivity,
    WebResources,
    ApplicationLifecycle,
    ApiActivity,
    FileHosting,
}

/// What the schema says of a class.
struct Facts {
    uid: u32,
    name: &'static str,
    category: (u32, &'static str),
    activities: &'static [(u8, &'static str)],
}

const FINDINGS: (u32, &str) = (2, "Findings");
const IDENTITY: (u32, &str) = (3, "Identity & Access Management");
const NETWORK: (u32, &str) = (4, "Network Activity");
const APPLICATION: (u32, &str) = (6, "Application Activity");

const FINDING_ACTIVITIES: &[(u8, &str)] = &[
    (1, "Create"),
    (2, "Update"),
    (3, "Close"),
    (4, "Suppressed"),
];

#[rustfmt::skip]
const BASE: Facts = Facts { uid: 0, name: "Base Event", category: (0, "Uncategorized"), activities: &[] };
#[rustfmt::skip]
const DETECTION_FINDING: Facts = Facts {
    uid: 2004, name: "Detection Finding", category: FINDINGS, activities: FINDING_ACTIVITIES.split_at(3).0,
};
#[rustfmt::skip]
const DATA_SECURITY_FINDING: Facts = Facts {
    uid: 2006, name: "Data Security Finding", category: FINDINGS, activities: FINDING_ACTIVITIES,
};
#[rustfmt::skip]
const ACCOUNT_CHANGE: Facts = Facts {
    uid: 3001, name: "Account Change", category: IDENTITY,
    activities: &[
        (1, "Create"), (2, "Enable"), (3, "Password Change"), (4, "Password Reset"), (5, "Disable"), (6, "Delete"),
        (9, "Lock"), (10, "MFA Factor Enable"), (11, "MFA Factor Disable"), (12, "Unlock"),
    ],
};
#[rustfmt::skip]
const AUTHENTICATION: Facts = Facts {
    uid: 3002, name: "Authentication", category: IDENTITY,
    activities: &[(1, "Logon"), (2, "Logoff"), (3, "Authentication Ticket"), (4, "Service Ticket Request")],
};
#[rustfmt::skip]
const ENTITY_MANAGEMENT: Facts = Facts {
    uid: 3004, name: "Entity Management", category: IDENTITY,
    activities: &[
        (1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete"), (5, "Move"), (6, "Enroll"), (7, "Unenroll"),
        (8, "Enable"), (9, "Disable"),
    ],
};
#[rustfmt::skip]
const USER_ACCESS: Facts = Facts {
    uid: 3005, name: "User Access Management", category: IDENTITY,
    activities: &[(1, "Assign Privileges"), (2, "Revoke Privileges")],
};
#[rustfmt::skip]
const GROUP_MANAGEMENT: Facts = Facts {
    uid: 3006, name: "Group Management", category: IDENTITY,
    activities: &[
        (1, "Assign Privileges"), (2, "Revoke Privileges"), (3, "Add User"), (4, "Remove User"), (5, "Delete"),
        (6, "Create"), (7, "Add Subgroup"), (8, "Remove Subgroup"),
    ],
};
#[rustfmt::skip]
const EMAIL_ACTIVITY: Facts = Facts {
    uid: 4009, name: "Email Activity", category: NETWORK,
    activities: &[(1, "Send"), (2, "Receive"), (3, "Scan"), (4, "Trace")],
};
#[rustfmt::skip]
const WEB_RESOURCES: Facts = Facts {
    uid: 6001, name: "Web Resources Activity", category: APPLICATION,
    activities: &[
        (1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete"), (5, "Search"), (6, "Import"), (7, "Export"), (8, "Share"),
    ],
};
#[rustfmt::skip]
const APPLICATION_LIFECYCLE: Facts = Facts {
    uid: 6002, name: "Application Lifecycle", category: APPLICATION,
    activities: &[
        (1, "Install"), (2, "Remove"), (3, "Start"), (4, "Stop"), (6, "Enable"), (7, "Disable"), (8, "Update"),
    ],
};
#[rustfmt::skip]
const API_ACTIVITY: Facts = Facts {
    uid: 6003, name: "API Activity", category: APPLICATION,
    activities: &[(1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")],
};
#[rustfmt::skip]
const FILE_HOSTING: Facts = Facts {
    uid: 6006, name: "File Hosting Activity", category: APPLICATION,
    activities: &[
        (1, "Upload"), (2, "Download"), (3, "Update"), (4, "Delete"), (5, "Rename"), (6, "Copy"), (7, "Move"),
        (8, "Restore"), (9, "Preview"), (10, "Lock"), (11, "Unlock"), (12, "Share"), (13, "Unshare"), (14, "Open"),
        (15, "Sync"), (16, "Unsync"), (17, "Access Check"),
    ],
};

impl Class {
    fn facts(self) -> &'static Facts {
        match self {
            Self::Base => &BASE,
            Self::DetectionFinding => &DETECTION_FINDING,
            Self::DataSecurityFinding => &DATA_SECURITY_FINDING,
            Self::AccountChange => &ACCOUNT_CHANGE,
            Self::Authentication => &AUTHENTICATION,
            Self::EntityManagement => &ENTITY_MANAGEMENT,
            Self::UserAccess => &USER_ACCESS,
            Self::GroupManagement => &GROUP_MANAGEMENT,
            Self::EmailActivity => &EMAIL_ACTIVITY,
            Self::WebResources => &WEB_RESOURCES,
            Self::ApplicationLifecycle => &APPLICATION_LIFECYCLE,
            Self::ApiActivity => &API_ACTIVITY,
            Self::FileHosting => &FILE_HOSTING,
        }
    }

    pub(crate) fn uid(self) -> u32 {
        self.facts().uid
    }

    pub(crate) fn name(self) -> &'static str {
        self.facts().name
    }

    pub(crate) fn category(self) -> (u32, &'static str) {
        self.facts().category
    }

    /// The caption of an activity; 0 is Unknown and all that the schema does not name is Other.
    pub(crate) fn activity(self, id: u8) -> &'static str {
        let named = self
            .facts()
            .activities
            .iter()
            .find(|(named, _)| *named == id);
        named.map_or(if id == 0 { "Unknown" } else { "Other" }, |(_, name)| name)
    }

    /// Findings have a status of their own: new, in progress, suppressed, resolved.
    pub(crate) fn is_finding(self) -> bool {
        matches!(self, Self::DetectionFinding | Self::DataSecurityFinding)
    }

    /// The schema gives `actor` to these classes only by profile `host`.
    pub(crate) fn actor_needs_host(self) -> bool {
        matches!(
            self,
            Self::EmailActivity | Self::WebResources | Self::ApplicationLifecycle
        )
    }
}
