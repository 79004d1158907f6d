//! Whether an action succeeded: OCSF's `status`.

use crate::record::{Record, RecordType};
use std::borrow::Cow;

/// `status_id`: whether the action succeeded or, for a finding, how far it has been handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum StatusId {
    #[default]
    Unknown,
    Success,
    Failure,
    /// Only for findings.
    New,
    /// Only for findings.
    InProgress,
    /// Only for findings.
    Suppressed,
    /// Only for findings.
    Resolved,
    Other,
}

impl StatusId {
    /// The number in the schema. Findings have a numbering of their own.
    pub(crate) fn id(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Success | Self::New => 1,
            Self::Failure | Self::InProgress => 2,
            Self::Suppressed => 3,
            Self::Resolved => 4,
            Self::Other => 99,
        }
    }

    pub(crate) fn caption(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Success => "Success",
            Self::Failure => "Failure",
            Self::New => "New",
            Self::InProgress => "In Progress",
            Self::Suppressed => "Suppressed",
            Self::Resolved => "Resolved",
            Self::Other => "Other",
        }
    }
}

/// The status of an event, with the vendor's own word for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status<'a> {
    pub(crate) id: StatusId,
    /// The vendor's word, when the id is [`StatusId::Other`].
    pub(crate) word: Option<Cow<'a, str>>,
    pub(crate) code: Option<Cow<'a, str>>,
    pub(crate) detail: Option<Cow<'a, str>>,
}

impl Status<'_> {
    /// A status without a word, code or detail.
    pub(crate) fn of(id: StatusId) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }
}

/// Record types that are only written for completed actions: mailbox audit, SharePoint, Teams, Yammer, labels, Copilot.
const DONE_THINGS: &[RecordType] = &[
    RecordType::ExchangeItem,
    RecordType::ExchangeItemGroup,
    RecordType::SharePoint,
    RecordType::SharePointFileOperation,
    RecordType::OneDrive,
    RecordType::SharePointSharingOperation,
    RecordType::Yammer,
    RecordType::Discovery,
    RecordType::MicrosoftTeams,
    RecordType::SharePointListOperation,
    RecordType::SharePointCommentOperation,
    RecordType::MIPLabel,
    RecordType::ExchangeItemAggregated,
    RecordType::DataInsightsRestApiAudit,
    RecordType::SharePointListItemOperation,
    RecordType::SharePointContentTypeOperation,
    RecordType::SharePointFieldOperation,
    RecordType::SensitivityLabelPolicyMatch,
    RecordType::SensitivityLabelAction,
    RecordType::SensitivityLabeledFileAction,
    RecordType::AipDiscover,
    RecordType::AipSensitivityLabelAction,
    RecordType::AipProtectionAction,
    RecordType::AipFileDeleted,
    RecordType::AipHeartBeat,
    RecordType::SharePointSearch,
    RecordType::CopilotInteraction,
    RecordType::DLPEndpoint,
    RecordType::ComplianceDLPEndpoint,
    RecordType::WebpageActivityEndpoint,
];

/// Operations that report a refusal.
const REFUSED: &[&str] = &[
    "communityaccessfailure",
    "fileaccessfailure",
    "messageaccessfailure",
    "sharinginvitationblocked",
    "unmanagedsyncclientblocked",
];

/// The status of a record that is neither a sign-in nor a finding. `ResultStatus` is free text. Where it is missing,
/// some services have another field, and some record types are only written for completed actions.
pub(crate) fn general<'a>(record: &Record<'a>) -> Status<'a> {
    if REFUSED.contains(&&*record.op) {
        take_word(record, StatusId::Failure);
        return Status::of(StatusId::Failure);
    }
    match record.take("ResultStatus") {
        Some(word) => by_word(record, word),
        None => without_word(record),
    }
}

/// Marks `ResultStatus` if it says no more than the status does. For rules that derive the status from something else.
pub(crate) fn take_word(record: &Record<'_>, id: StatusId) {
    if record
        .text("ResultStatus")
        .is_none_or(|word| of_word(&word) == id)
    {
        record.take("ResultStatus");
    }
}

fn by_word<'a>(record: &Record<'a>, word: Cow<'a, str>) -> Status<'a> {
    let planner = record.record_type.is_some_and(RecordType::is_planner);
    let id = match word.trim() {
        "1" if planner => StatusId::Success,
        "2" | "3" if planner => StatusId::Failure,
        word => of_word(word),
    };
    Status {
        id,
        word: (id == StatusId::Other).then_some(word),
        ..Status::default()
    }
}

/// Success, failure or other, by the words found in the `ResultStatus` of 15 services.
pub(crate) fn of_word(word: &str) -> StatusId {
    let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(&[
        "success",
        "succeeded",
        "successful",
        "true",
        "ok",
        "completed",
    ]) {
        StatusId::Success
    } else if is(&[
        "failure",
        "failed",
        "false",
        "fail",
        "error",
        "authorizationfailure",
    ]) {
        StatusId::Failure
    } else {
        StatusId::Other
    }
}

fn without_word<'a>(record: &Record<'a>) -> Status<'a> {
    if let Some(value) = record.get("IsSuccess")
        && let Some(success) = value.bool()
    {
        value.mark_used();
        return Status::of(if success {
            StatusId::Success
        } else {
            StatusId::Failure
        });
    }
    if let Some(word) = record.take("CompletionStatus") {
        return by_word(record, word);
    }
    let done = record
        .record_type
        .is_some_and(|known| DONE_THINGS.contains(&known));
    Status::of(if done {
        StatusId::Success
    } else {
        StatusId::Unknown
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_case() {
        assert_eq!(of_word("TRUE"), StatusId::Success);
        assert_eq!(of_word("Successful"), StatusId::Success);
        assert_eq!(of_word("AuthorizationFailure"), StatusId::Failure);
        assert_eq!(of_word("PartiallySucceeded"), StatusId::Other);
    }
}
