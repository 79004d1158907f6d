//! Whether it worked, in OCSF's words.

use crate::record::Record;
use crate::record::RecordType;
use std::borrow::Cow;

/// `status_id`: whether it worked; in findings, how far the finding is dealt with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum StatusId {
    #[default]
    Unknown,
    Success,
    Failure,
    /// Of a finding.
    New,
    /// Of a finding.
    InProgress,
    /// Of a finding.
    Suppressed,
    /// Of a finding.
    Resolved,
    Other,
}

impl StatusId {
    /// Findings count on their own.
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

/// The status of an event, with the vendor's own words for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status<'a> {
    pub(crate) id: StatusId,
    /// The vendor's word, where the id is [`StatusId::Other`].
    pub(crate) word: Option<Cow<'a, str>>,
    pub(crate) code: Option<Cow<'a, str>>,
    pub(crate) detail: Option<Cow<'a, str>>,
}

impl Status<'_> {
    /// A status of which there is no more to say.
    pub(crate) fn of(id: StatusId) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }
}

/// Record types that are written only for things done: mailbox audit, SharePoint, Teams, Yammer, labels, Copilot.
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
];

/// Operations that tell of something refused.
const REFUSED: &[&str] = &[
    "fileaccessfailure",
    "sharinginvitationblocked",
    "unmanagedsyncclientblocked",
];

/// The status of a record that is neither a sign-in nor a finding. `ResultStatus` is free text; where it is missing,
/// some services have a field of their own, and some record types exist only for things done.
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

/// Marks `ResultStatus` where it says no more than the status does, for rules that decide the status by something else.
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

/// Success, failure or other, by the words seen in `ResultStatus` of 15 services.
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
    fn knows_the_words_in_any_case() {
        assert_eq!(of_word("TRUE"), StatusId::Success);
        assert_eq!(of_word("Successful"), StatusId::Success);
        assert_eq!(of_word("AuthorizationFailure"), StatusId::Failure);
        assert_eq!(of_word("PartiallySucceeded"), StatusId::Other);
    }
}
