//! Whether it worked, in OCSF's words.

use crate::event::Status;
use crate::record::Record;
use std::borrow::Cow;

const UNKNOWN: u8 = 0;
const SUCCESS: u8 = 1;
const FAILURE: u8 = 2;
const OTHER: u8 = 99;

/// Record types that are written only for things done: mailbox audit, SharePoint, Teams, Yammer, labels, Copilot.
const DONE_THINGS: &[i64] = &[
    2, 3, 4, 6, 7, 14, 22, 24, 25, 36, 37, 43, 50, 52, 54, 55, 56, 82, 83, 84, 93, 94, 95, 96, 97,
    102, 261,
];

/// Operations that tell of something refused.
const REFUSED: &[&str] = &[
    "fileaccessfailure",
    "sharinginvitationblocked",
    "unmanagedsyncclientblocked",
];

/// The caption of a status outside findings.
pub(crate) fn caption(id: u8) -> &'static str {
    match id {
        SUCCESS => "Success",
        FAILURE => "Failure",
        OTHER => "Other",
        _ => "Unknown",
    }
}

/// The caption of a finding's status.
pub(crate) fn finding_caption(id: u8) -> &'static str {
    match id {
        1 => "New",
        2 => "In Progress",
        3 => "Suppressed",
        4 => "Resolved",
        OTHER => "Other",
        _ => "Unknown",
    }
}

/// The status of a record that is neither a sign-in nor a finding. `ResultStatus` is free text; where it is missing,
/// some services have a field of their own, and some record types exist only for things done.
pub(crate) fn general<'a>(record: &Record<'a>) -> Status<'a> {
    if REFUSED.contains(&&*record.op) {
        take_word(record, FAILURE);
        return Status {
            id: FAILURE,
            ..Status::default()
        };
    }
    match record.take("ResultStatus") {
        Some(word) => by_word(record, word),
        None => without_word(record),
    }
}

/// Marks `ResultStatus` where it says no more than the status does, for rules that decide the status by something else.
pub(crate) fn take_word(record: &Record<'_>, id: u8) {
    if record
        .text("ResultStatus")
        .is_none_or(|word| of_word(&word) == id)
    {
        record.take("ResultStatus");
    }
}

fn by_word<'a>(record: &Record<'a>, word: Cow<'a, str>) -> Status<'a> {
    let planner = record
        .record_type
        .is_some_and(|number| number > 187 && number < 203);
    let id = match word.trim() {
        "1" if planner => SUCCESS,
        "2" | "3" if planner => FAILURE,
        word => of_word(word),
    };
    Status {
        id,
        word: (id == OTHER).then_some(word),
        ..Status::default()
    }
}

/// Success, failure or other, by the words seen in `ResultStatus` of 15 services.
pub(crate) fn of_word(word: &str) -> u8 {
    let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(&[
        "success",
        "succeeded",
        "successful",
        "true",
        "ok",
        "completed",
    ]) {
        SUCCESS
    } else if is(&[
        "failure",
        "failed",
        "false",
        "fail",
        "error",
        "authorizationfailure",
    ]) {
        FAILURE
    } else {
        OTHER
    }
}

fn without_word<'a>(record: &Record<'a>) -> Status<'a> {
    if let Some(value) = record.get("IsSuccess")
        && let Some(success) = value.bool()
    {
        value.mark_used();
        return Status {
            id: if success { SUCCESS } else { FAILURE },
            ..Status::default()
        };
    }
    if let Some(word) = record.take("CompletionStatus") {
        return by_word(record, word);
    }
    let done = record
        .record_type
        .is_some_and(|number| DONE_THINGS.binary_search(&number).is_ok());
    Status {
        id: if done { SUCCESS } else { UNKNOWN },
        ..Status::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(DONE_THINGS.is_sorted());
    }

    #[test]
    fn knows_the_words_in_any_case() {
        assert_eq!(of_word("TRUE"), SUCCESS);
        assert_eq!(of_word("Successful"), SUCCESS);
        assert_eq!(of_word("AuthorizationFailure"), FAILURE);
        assert_eq!(of_word("PartiallySucceeded"), OTHER);
    }
}
