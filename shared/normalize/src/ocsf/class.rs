//! The classes of OCSF 1.8.0 that audit records are mapped to, with their activities.
//!
//! Each class has an enum of its activities, named as in the schema. [`Event::classify`](super::Event::classify) takes
//! an activity, which implies the class.

const FINDINGS: (u32, &str) = (2, "Findings");
const IDENTITY: (u32, &str) = (3, "Identity & Access Management");
const NETWORK: (u32, &str) = (4, "Network Activity");
const APPLICATION: (u32, &str) = (6, "Application Activity");

/// `activity_id` of anything that the schema has no activity for.
pub(crate) const OTHER: u8 = 99;

/// Defines [`Class`] and an enum of activities for each class. Every class has activity 99, Other.
macro_rules! classes {
    ($(
        $uid:literal $class:ident $name:literal in $category:ident {
            $($id:literal $activity:ident $caption:literal,)*
        }
    )*) => {
        /// One of the event classes used here, with its activity.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Class {
            /// Text that is not a record, or a record without Id or Operation.
            Base,
            $($class($class),)*
        }

        impl Class {
            /// The class with this `class_uid` and the activity with this `activity_id`; Other for an activity that the
            /// class does not have.
            pub(crate) fn from_ids(class_uid: i64, activity_id: i64) -> Option<Self> {
                match class_uid {
                    $($uid => Some(Self::$class(match activity_id {
                        $($id => $class::$activity,)*
                        _ => $class::Other,
                    })),)*
                    _ => None,
                }
            }

            pub(crate) fn uid(self) -> u32 {
                match self {
                    Self::Base => 0,
                    $(Self::$class(_) => $uid,)*
                }
            }

            pub(crate) fn name(self) -> &'static str {
                match self {
                    Self::Base => "Base Event",
                    $(Self::$class(_) => $name,)*
                }
            }

            /// `category_uid` and its caption.
            pub(crate) fn category(self) -> (u32, &'static str) {
                match self {
                    Self::Base => (0, "Uncategorized"),
                    $(Self::$class(_) => $category,)*
                }
            }

            pub(crate) fn activity_id(self) -> u8 {
                match self {
                    Self::Base => OTHER,
                    $(Self::$class(activity) => activity as u8,)*
                }
            }

            pub(crate) fn activity_caption(self) -> &'static str {
                match self {
                    $($(Self::$class($class::$activity) => $caption,)*)*
                    _ => "Other",
                }
            }
        }

        $(
            #[doc = concat!("Activities of class ", $name, ".")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub(crate) enum $class {
                $($activity = $id,)*
                Other = OTHER as isize,
            }

            impl From<$class> for Class {
                fn from(activity: $class) -> Self {
                    Self::$class(activity)
                }
            }
        )*
    };
}

classes! {
    2004 DetectionFinding "Detection Finding" in FINDINGS {
        1 Create "Create",
        2 Update "Update",
        3 Close "Close",
    }
    2006 DataSecurityFinding "Data Security Finding" in FINDINGS {
        1 Create "Create",
        2 Update "Update",
        3 Close "Close",
        4 Suppressed "Suppressed",
    }
    3001 AccountChange "Account Change" in IDENTITY {
        1 Create "Create",
        2 Enable "Enable",
        3 PasswordChange "Password Change",
        4 PasswordReset "Password Reset",
        5 Disable "Disable",
        6 Delete "Delete",
        9 Lock "Lock",
        10 MfaFactorEnable "MFA Factor Enable",
        11 MfaFactorDisable "MFA Factor Disable",
        12 Unlock "Unlock",
    }
    3002 Authentication "Authentication" in IDENTITY {
        1 Logon "Logon",
        2 Logoff "Logoff",
        3 Ticket "Authentication Ticket",
        4 ServiceTicketRequest "Service Ticket Request",
    }
    3004 EntityManagement "Entity Management" in IDENTITY {
        1 Create "Create",
        2 Read "Read",
        3 Update "Update",
        4 Delete "Delete",
        5 Move "Move",
        6 Enroll "Enroll",
        7 Unenroll "Unenroll",
        8 Enable "Enable",
        9 Disable "Disable",
    }
    3005 UserAccess "User Access Management" in IDENTITY {
        1 AssignPrivileges "Assign Privileges",
        2 RevokePrivileges "Revoke Privileges",
    }
    3006 GroupManagement "Group Management" in IDENTITY {
        1 AssignPrivileges "Assign Privileges",
        2 RevokePrivileges "Revoke Privileges",
        3 AddUser "Add User",
        4 RemoveUser "Remove User",
        5 Delete "Delete",
        6 Create "Create",
        7 AddSubgroup "Add Subgroup",
        8 RemoveSubgroup "Remove Subgroup",
    }
    4009 EmailActivity "Email Activity" in NETWORK {
        1 Send "Send",
        2 Receive "Receive",
        3 Scan "Scan",
        4 Trace "Trace",
    }
    6001 WebResources "Web Resources Activity" in APPLICATION {
        1 Create "Create",
        2 Read "Read",
        3 Update "Update",
        4 Delete "Delete",
        5 Search "Search",
        6 Import "Import",
        7 Export "Export",
        8 Share "Share",
    }
    6002 ApplicationLifecycle "Application Lifecycle" in APPLICATION {
        1 Install "Install",
        2 Remove "Remove",
        3 Start "Start",
        4 Stop "Stop",
        6 Enable "Enable",
        7 Disable "Disable",
        8 Update "Update",
    }
    6003 ApiActivity "API Activity" in APPLICATION {
        1 Create "Create",
        2 Read "Read",
        3 Update "Update",
        4 Delete "Delete",
    }
    6006 FileHosting "File Hosting Activity" in APPLICATION {
        1 Upload "Upload",
        2 Download "Download",
        3 Update "Update",
        4 Delete "Delete",
        5 Rename "Rename",
        6 Copy "Copy",
        7 Move "Move",
        8 Restore "Restore",
        9 Preview "Preview",
        10 Lock "Lock",
        11 Unlock "Unlock",
        12 Share "Share",
        13 Unshare "Unshare",
        14 Open "Open",
        15 Sync "Sync",
        16 Unsync "Unsync",
        17 AccessCheck "Access Check",
    }
}

impl Class {
    /// Whether the class is a finding. Findings have statuses of their own: new, in progress, suppressed, resolved.
    pub(crate) fn is_finding(self) -> bool {
        matches!(
            self,
            Self::DetectionFinding(_) | Self::DataSecurityFinding(_)
        )
    }

    /// Whether the class has `actor` only through profile `host`.
    pub(crate) fn actor_needs_host(self) -> bool {
        matches!(
            self,
            Self::EmailActivity(_) | Self::WebResources(_) | Self::ApplicationLifecycle(_)
        )
    }

    /// Whether the schema requires an actor.
    pub(crate) fn requires_actor(self) -> bool {
        matches!(self, Self::ApiActivity(_) | Self::FileHosting(_))
    }
}
