//! What an operation does, by the verb in its name: the fallback, and the only rule for services whose operations are
//! named well.

use crate::ocsf::class::{ApiActivity, EntityManagement, WebResources};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Read,
    Update,
    Delete,
    Search,
    Import,
    Export,
    Share,
}

impl Verb {
    /// The verb's name in the severity tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Read => "Read",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Search => "Search",
            Self::Import => "Import",
            Self::Export => "Export",
            Self::Share => "Share",
        }
    }

    /// The activity on a web resource.
    pub(super) fn web(self) -> WebResources {
        match self {
            Self::Create => WebResources::Create,
            Self::Read => WebResources::Read,
            Self::Update => WebResources::Update,
            Self::Delete => WebResources::Delete,
            Self::Search => WebResources::Search,
            Self::Import => WebResources::Import,
            Self::Export => WebResources::Export,
            Self::Share => WebResources::Share,
        }
    }

    /// The activity of a call. The class knows only create, read, update and delete.
    pub(super) fn api(self) -> ApiActivity {
        match self {
            Self::Create | Self::Import => ApiActivity::Create,
            Self::Read | Self::Search | Self::Export => ApiActivity::Read,
            Self::Update | Self::Share => ApiActivity::Update,
            Self::Delete => ApiActivity::Delete,
        }
    }

    /// The activity on a managed entity.
    pub(super) fn entity(self) -> EntityManagement {
        match self {
            Self::Create | Self::Import => EntityManagement::Create,
            Self::Read | Self::Search | Self::Export => EntityManagement::Read,
            Self::Update | Self::Share => EntityManagement::Update,
            Self::Delete => EntityManagement::Delete,
        }
    }
}

/// Past tenses at the end of an operation's name. They are the most reliable, so they are checked first.
#[rustfmt::skip]
const TAILS: &[(Verb, &[&str])] = &[
    (Verb::Delete, &["deleted", "removed", "purged", "recycled", "deletion", "uninstalled", "revoked"]),
    (Verb::Search, &["searched", "searchqueryperformed", "searchresultreturned"]),
    (Verb::Export, &["exported", "downloaded"]),
    (Verb::Import, &["imported"]),
    (Verb::Share, &["shared"]),
    (Verb::Create, &[
        "created", "added", "creation", "started", "submitted", "sent", "installed", "posted", "uploaded", "generated",
        "invited", "createdhaslink", "creatednotification",
    ]),
    (Verb::Read, &[
        "viewed", "accessed", "read", "opened", "previewed", "listed", "visited", "executed", "launched", "signaled",
        "prefetched", "retrieved", "returned", "receiptreceived",
    ]),
    (Verb::Update, &[
        "updated", "changed", "change", "modified", "edited", "renamed", "enabled", "disabled", "moved", "assigned",
        "granted", "approved", "rejected", "denied", "restored", "set", "applied", "completed", "canceled", "cancelled",
        "saved", "updatedhaslink", "editedhaslink", "released", "allowed", "blocked", "responded",
    ]),
];

/// Nouns that end like a verb of [`TAILS`].
const TAIL_NOUNS: &[&str] = &["thread", "spread", "exchange", "dataset", "asset"];

#[rustfmt::skip]
const HEADS: &[(Verb, &[&str])] = &[
    (Verb::Delete, &[
        "delete", "remove", "purge", "clear", "recycle", "uninstall", "unregister", "harddelete", "softdelete", "revoke",
    ]),
    (Verb::Search, &["search", "query", "find", "lookup", "discover"]),
    (Verb::Export, &["export", "download"]),
    (Verb::Import, &["import", "upload"]),
    (Verb::Share, &["share", "publish"]),
    (Verb::Create, &[
        "create", "add", "new", "install", "register", "invite", "submit", "start", "generate", "post", "send", "copy",
        "clone",
    ]),
    (Verb::Read, &[
        "view", "get", "list", "read", "open", "access", "preview", "launch", "run", "validate", "browse", "visit",
        "retrieve", "fetch", "aggregate", "page", "executed", "analyzed",
    ]),
];

/// Nouns that mean reading, at the end of names without a verb: AttachmentReview, MessageAccess.
const READING_NOUNS: &[&str] = &["access", "review", "view"];

/// Verbs at the start of a name that are checked after [`READING_NOUNS`].
#[rustfmt::skip]
const LAST_HEADS: &[&str] = &[
    "update", "set", "edit", "modify", "change", "rename", "enable", "disable", "move", "assign", "grant", "approve",
    "deny", "reject", "restore", "reset", "apply", "configure", "toggle", "put", "patch", "save", "complete", "cancel",
    "close", "reopen", "release", "took", "take",
];

/// The verb of an operation, which is given as in the tables (lower case).
pub(crate) fn of(op: &str) -> Option<Verb> {
    let ends = |words: &[&str]| words.iter().any(|word| op.ends_with(word));
    let starts = |words: &[&str]| words.iter().any(|word| op.starts_with(word));
    if !ends(TAIL_NOUNS)
        && let Some((verb, _)) = TAILS.iter().find(|(_, words)| ends(words))
    {
        return Some(*verb);
    }
    if let Some((verb, _)) = HEADS.iter().find(|(_, words)| starts(words))
        && !(*verb == Verb::Share && op.starts_with("sharepoint"))
    {
        return Some(*verb);
    }
    if ends(READING_NOUNS) {
        return Some(Verb::Read);
    }
    starts(LAST_HEADS).then_some(Verb::Update)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(op: &str, expect: Option<Verb>) {
        assert_eq!(of(op), expect, "{op}");
    }

    #[test]
    fn the_end_of_a_name_counts_before_its_start() {
        check("listupdated", Some(Verb::Update));
        check("addreportshared", Some(Verb::Share));
        check("searchexported", Some(Verb::Export));
        check("removedsearchresultspurged", Some(Verb::Delete));
    }

    #[test]
    fn nouns_that_look_like_verbs_are_not_verbs() {
        check("deletedataset", Some(Verb::Delete));
        check("getthread", Some(Verb::Read));
        check("exchange", None);
        check("sharepointthing", None);
        check("refreshdataset", None);
    }

    #[test]
    fn verbs_at_the_start_and_reading_nouns_are_read() {
        check("createflow", Some(Verb::Create));
        check("executedquery", Some(Verb::Read));
        check("publishpowerapp", Some(Verb::Share));
        check("attachmentreview", Some(Verb::Read));
        check("messageaccess", Some(Verb::Read));
        check("updatedadminfeatureswitch", Some(Verb::Update));
        check("brandnewthing", None);
    }
}
