//! Names that are in most records, known by one look to stand for no secret: without them, telling so of the forty names of a
//! record would take a tenth of all the time that its event takes.

/// Names of the Management Activity API's schemas and of Entra's and Exchange's properties, none shorter than [`BYTES_MIN`]. The
/// first stands for none.
const NAMES: [&str; 206] = [
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
    "AppId",
    "ApplicationDisplayName",
    "ApplicationId",
    "Arbitration",
    "AssignedTimestamp",
    "Attachments",
    "AzureActiveDirectoryEventType",
    "BrowserType",
    "Capability",
    "CapabilityStatus",
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
    "DirectAccessGrant",
    "DisplayName",
    "DoNotDistributeEvent",
    "DomainController",
    "EncodingVersion",
    "EntitlementId",
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
    "ImpersonationAccessGrants",
    "IncidentId",
    "Included Updated Properties",
    "InitialState",
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
    "ObjectClass",
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
    "RequiredAppPermissions",
    "RequiredResourceAccess",
    "ResourceAppId",
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
    "ServiceInstance",
    "ServicePlanId",
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
    "SubscribedPlanId",
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
    "UseDatabaseQuotaDefaults",
    "User-Agent",
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
    "env_appId",
    "env_appVer",
    "env_cloud_deploymentUnit",
    "env_cloud_environment",
    "env_cloud_name",
    "env_cloud_role",
    "env_cloud_roleInstance",
    "env_cloud_roleVer",
    "env_cloud_ver",
    "env_cv",
    "env_epoch",
    "env_flags",
    "env_iKey",
    "env_name",
    "env_os",
    "env_osVer",
    "env_popSample",
    "env_seqNum",
    "env_time",
    "env_ver",
    "extendedAuditEventCategory",
    "nCloud",
    "resultType",
    "targetContextId",
    "targetIncludedUpdatedProperties",
    "targetName",
    "targetObjectId",
    "targetSPN",
    "teamName",
    "version",
];

/// No shorter name stands for anything that is looked for.
const BYTES_MIN: usize = 3;

/// As many that each name has a slot of its own.
const SLOTS: usize = 2048;

/// The names one behind the other: a list of texts would take forty bytes more for each.
static TEXT: [u8; PLACES[NAMES.len() - 1][1] as usize] = text();

/// Where each begins and ends.
static PLACES: [[u16; 2]; NAMES.len()] = places();

/// Which of them has the slot.
static TABLE: [u8; SLOTS] = table();

const fn places() -> [[u16; 2]; NAMES.len()] {
    let (mut places, mut index, mut end) = ([[0; 2]; NAMES.len()], 0, 0);
    while index < NAMES.len() {
        let start = end;
        end += NAMES[index].len() as u16;
        places[index] = [start, end];
        index += 1;
    }
    places
}

const fn text<const BYTES: usize>() -> [u8; BYTES] {
    let (mut text, mut index, mut at) = ([0; BYTES], 0, 0);
    while index < NAMES.len() {
        let (name, start) = (NAMES[index].as_bytes(), at);
        while at < start + name.len() {
            text[at] = name[at - start];
            at += 1;
        }
        index += 1;
    }
    text
}

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
    (*first as usize * 183 + *before_last as usize * 294 + middle as usize * 435 + name.len() * 468)
        % SLOTS
}

/// The name stands for no secret, names no secret and tells of none beside it. Most others do not either.
#[inline]
pub(super) fn is_ordinary(name: &str) -> bool {
    let name = name.as_bytes();
    if name.len() < BYTES_MIN {
        return true;
    }
    let index = usize::from(TABLE[slot(name)]);
    let [start, end] = PLACES[index].map(usize::from);
    TEXT.get(start..end).is_some_and(|known| known == name)
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
