//! Names that are in most records, known by one look to stand for no secret: without them, telling so of the forty names of a
//! record would take a tenth of all the time that its event takes.

/// Names of the Management Activity API's schemas and of Entra's and Exchange's properties, none shorter than [`BYTES_MIN`]. The
/// first stands for none.
const NAMES: [&str; 168] = [
    "",
    "AccountEnabled",
    "ActionParameters",
    "Actions",
    "Actor",
    "ActorContextId",
    "ActorId.ServicePrincipalNames",
    "ActorIpAddress",
    "AlertId",
    "AlertLinkHref",
    "AlertLinks",
    "AlertType",
    "AppAccessContext",
    "ApplicationDisplayName",
    "ApplicationId",
    "Arbitration",
    "Attachments",
    "AzureActiveDirectoryEventType",
    "BrowserType",
    "Category",
    "ClientAppId",
    "ClientIP",
    "ClientIPAddress",
    "ClientInfoString",
    "Comments",
    "ConditionsMatched",
    "Confidence",
    "CorrelationId",
    "Count",
    "CreationTime",
    "DeviceProperties",
    "DisplayName",
    "DoNotDistributeEvent",
    "DomainController",
    "ErrorNumber",
    "EventData",
    "EventSource",
    "ExtendedProperties",
    "ExternalAccess",
    "FileName",
    "Force",
    "FromApp",
    "Group.DisplayName",
    "Group.ObjectID",
    "HiddenFromAddressListsEnabled",
    "Identity",
    "IncidentId",
    "Included Updated Properties",
    "InterSystemsId",
    "InternalLogonType",
    "InternetMessageId",
    "IntraSystemId",
    "IsCompliantAndManaged",
    "IsDocLib",
    "IssueWarningQuota",
    "ItemCount",
    "ItemName",
    "ItemType",
    "KeepMeSignedIn",
    "ListBaseTemplateType",
    "ListBaseType",
    "ListColor",
    "ListIcon",
    "ListId",
    "ListItemUniqueId",
    "ListTitle",
    "Location",
    "LogonError",
    "LogonType",
    "LogonUserSid",
    "MailboxGuid",
    "MailboxOwnerSid",
    "MailboxOwnerUPN",
    "Members",
    "ModifiedProperties",
    "NewValue",
    "ObjectId",
    "OldValue",
    "Operation",
    "OrganizationId",
    "OrganizationName",
    "OriginatingServer",
    "Parameters",
    "ParentFolder",
    "Platform",
    "PolicyDetails",
    "PolicyId",
    "PolicyName",
    "ProhibitSendQuota",
    "ProhibitSendReceiveQuota",
    "QuarantineMessageStore",
    "RecordType",
    "RecoverableItemsQuota",
    "RecoverableItemsWarningQuota",
    "RequestType",
    "RequiredResourceAccess",
    "ResultStatus",
    "ResultStatusDetail",
    "Role.DisplayName",
    "Role.ObjectID",
    "Role.TemplateId",
    "RuleId",
    "RuleMode",
    "RuleName",
    "SCLDeleteEnabled",
    "SCLJunkEnabled",
    "SCLQuarantineEnabled",
    "SCLRejectEnabled",
    "SensitiveInfoDetectionIsIncluded",
    "SensitiveInformation",
    "SensitiveType",
    "ServicePrincipal.AppId",
    "ServicePrincipal.DisplayName",
    "ServicePrincipal.Name",
    "ServicePrincipal.ObjectID",
    "SessionId",
    "Severity",
    "Site",
    "SiteUrl",
    "Source",
    "SourceFileExtension",
    "SourceFileName",
    "SourceRelativeUrl",
    "Status",
    "Subject",
    "SupportTicketId",
    "Target",
    "TargetContextId",
    "TargetId.ServicePrincipalNames",
    "TargetId.UserType",
    "TargetUserOrGroupName",
    "TargetUserOrGroupType",
    "TeamGuid",
    "TeamName",
    "TemplateTypeId",
    "Type",
    "UniqueCount",
    "UniqueID",
    "User.ObjectID",
    "User.PUID",
    "User.UPN",
    "UserAgent",
    "UserAuthenticationMethod",
    "UserId",
    "UserKey",
    "UserType",
    "Version",
    "WebId",
    "Workload",
    "actorAppID",
    "actorContextId",
    "actorObjectClass",
    "actorObjectId",
    "actorPUID",
    "actorUPN",
    "additionalDetails",
    "additionalTargets",
    "auditEventCategory",
    "correlationId",
    "extendedAuditEventCategory",
    "nCloud",
    "resultType",
    "targetContextId",
    "targetIncludedUpdatedProperties",
    "targetName",
    "targetObjectId",
    "targetSPN",
    "teamName",
];

/// No shorter name stands for anything that is looked for.
const BYTES_MIN: usize = 3;

/// As many that each name has a slot of its own.
const SLOTS: usize = 2048;

/// Which of [`NAMES`] has the slot.
const TABLE: [u8; SLOTS] = table();

const fn table() -> [u8; SLOTS] {
    let (mut table, mut index) = ([0; SLOTS], 1);
    while index < NAMES.len() {
        let slot = slot(NAMES[index].as_bytes());
        assert!(
            table[slot] == 0,
            "two names have one slot: try other factors"
        );
        table[slot] = index as u8;
        index += 1;
    }
    table
}

/// Of a name of at least [`BYTES_MIN`] bytes. The factors were found by trying.
const fn slot(name: &[u8]) -> usize {
    let [first, .., before_last, _] = name else {
        return 0;
    };
    let middle = name[name.len() / 2];
    (*first as usize * 267 + *before_last as usize * 233 + middle as usize * 47 + name.len() * 494)
        % SLOTS
}

/// The name stands for no secret, names no secret and tells of none beside it. Most others do not either.
#[inline]
pub(super) fn is_ordinary(name: &str) -> bool {
    name.len() < BYTES_MIN || NAMES[TABLE[slot(name.as_bytes())] as usize] == name
}

#[cfg(test)]
mod tests {
    use super::super::names;
    use super::*;

    #[test]
    fn ordinary_names_are_found_and_have_no_part_of_a_secrets_name_in_them() {
        for name in NAMES.iter().chain(&["Id", "é"]) {
            assert!(is_ordinary(name), "{name}");
            assert!(!names::has_secret_part(name), "{name}");
            assert!(!names::is_key_id(name) && !names::is_name(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for name in [
            "Key", "Name", "pwd", "Target ", "target", "Password", "KeyId", "éééé",
        ] {
            assert!(!is_ordinary(name), "{name}");
        }
    }
}
