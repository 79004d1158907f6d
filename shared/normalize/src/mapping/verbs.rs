//! What an operation does, by the verb in its name: the fallback, and the only rule for services whose operations are
//! named well.

use crate::ocsf::class::{ApiActivity, EntityManagement, FileHosting, WebResources};

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

    /// The activity on a file.
    pub(super) fn file(self) -> FileHosting {
        match self {
            Self::Create | Self::Import => FileHosting::Upload,
            Self::Read => FileHosting::Open,
            Self::Update => FileHosting::Update,
            Self::Delete => FileHosting::Delete,
            Self::Search => FileHosting::Other,
            Self::Export => FileHosting::Download,
            Self::Share => FileHosting::Share,
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

/// Past tenses at the end of an operation's name, and nouns made of verbs. They are the most reliable, so they are checked
/// first. `unjoined` comes before `joined`.
#[rustfmt::skip]
const TAILS: &[(Verb, &[&str])] = &[
    (Verb::Delete, &[
        "deleted", "removed", "purged", "recycled", "deletion", "uninstalled", "revoked", "unregistered",
        "dropped", "deprovisioned", "offboarded",
    ]),
    (Verb::Search, &["searched", "searchqueryperformed", "searchresultreturned"]),
    (Verb::Export, &["exported", "downloaded", "dataexport"]),
    (Verb::Import, &["imported"]),
    // The end of sharing and of a publication is a change of the object, not its deletion.
    (Verb::Update, &["unshared", "unpublished"]),
    (Verb::Share, &["shared", "published"]),
    (Verb::Create, &[
        "created", "added", "creation", "started", "submitted", "sent", "installed", "posted", "uploaded", "generated",
        "invited", "createdhaslink", "creatednotification", "registered", "copied", "cloned", "invitation", "replied",
        "forwarded", "provisioned", "raised", "triggered", "requested", "inserted", "duplicated", "onboarded", "enrolled",
        "accessrequest", "accesstoken",
    ]),
    (Verb::Read, &[
        "viewed", "accessed", "read", "opened", "previewed", "listed", "visited", "executed", "launched", "signaled",
        "prefetched", "retrieved", "returned", "receiptreceived", "viewedextended", "accessedextended", "printed", "played",
        "watched", "fetched", "explored", "accessfailure", "testconnection", "used",
    ]),
    (Verb::Update, &[
        "updated", "changed", "change", "modified", "edited", "renamed", "enabled", "disabled", "moved", "assigned",
        "granted", "approved", "rejected", "denied", "restored", "set", "applied", "completed", "canceled", "cancelled",
        "saved", "updatedhaslink", "editedhaslink", "released", "allowed", "blocked", "responded", "unblocked", "toggled",
        "activated", "deactivated", "activation", "deactivation", "suspended", "suspension", "resumed", "paused", "stopped",
        "expired", "extended", "renewed", "accepted", "declined", "joined", "linked", "locked", "attached", "detached",
        "connected", "migrated", "archived", "scheduled", "allocated", "transferred", "upgraded", "downgraded", "merged",
        "resolved", "dismissed", "escalated", "acknowledged", "closed", "reopened", "rotated", "encrypted", "decrypted",
        "synced", "synchronized", "refreshed", "labeled", "relabeled", "tagged", "pinned", "refunded", "promoted", "written",
        "configured", "deployed", "converted", "overridden", "actioned", "delegated", "muted", "reverted", "replaced",
        "reviewed", "ended", "finished", "broken",
    ]),
];

/// Nouns that end like a verb of [`TAILS`].
const TAIL_NOUNS: &[&str] = &["thread", "spread", "exchange", "dataset", "asset"];

#[rustfmt::skip]
const HEADS: &[(Verb, &[&str])] = &[
    (Verb::Delete, &[
        "delete", "remove", "purge", "clear", "recycle", "uninstall", "unregister", "harddelete", "softdelete", "revoke",
        "drop", "cleanup", "deprovision", "offboard",
    ]),
    (Verb::Search, &["search", "query", "find", "lookup", "discover"]),
    (Verb::Export, &["export", "download", "extract"]),
    (Verb::Import, &["import", "upload"]),
    (Verb::Share, &["share", "publish"]),
    (Verb::Create, &[
        "create", "add", "new", "install", "register", "invite", "submit", "start", "generate", "post", "send", "copy",
        "clone", "insert", "initiate", "instantiate", "provision", "request", "enroll", "onboard", "duplicate", "forward",
        "reply",
    ]),
    (Verb::Read, &[
        "view", "get", "list", "read", "open", "access", "preview", "launch", "run", "validate", "browse", "visit",
        "retrieve", "fetch", "aggregate", "page", "executed", "analyze", "checkaccess", "checkscorecard", "determine",
        "detectcustom", "evaluate", "explore", "receive", "print", "test", "acquire", "watch", "collect",
    ]),
];

/// Nouns that mean reading, at the end of names without a verb: AttachmentReview, MessageAccess.
const READING_NOUNS: &[&str] = &["access", "review", "view"];

/// Other nouns made of verbs, at the end of such names: Stream's InvokeVideoDownload.
const NOUNS: &[(Verb, &str)] = &[
    (Verb::Export, "download"),
    (Verb::Import, "upload"),
    (Verb::Share, "videoshare"),
];

/// Verbs of [`LAST_HEADS`] that come before [`READING_NOUNS`]: UpdateFolderAccess gives access, it does not read.
const CHANGING_HEADS: &[&str] = &[
    "update",
    "set",
    "edit",
    "modify",
    "change",
    "rename",
    "enable",
    "disable",
    "assign",
    "grant",
    "approve",
    "deny",
    "reject",
    "restore",
    "reset",
    "configure",
    "upsert",
    "write",
    "allow",
    "disallow",
    "block",
    "unblock",
];

/// How the rest of a name begins when one of [`CHANGING_HEADS`] is only the beginning of a noun: settings, assignment,
/// changes.
const NOUN_ENDINGS: &[&str] = &["tings", "ment", "ing", "saccess", "sreview", "sview"];

/// Verbs at the start of a name that are checked after [`READING_NOUNS`].
#[rustfmt::skip]
const LAST_HEADS: &[&str] = &[
    "update", "set", "edit", "modify", "change", "rename", "enable", "disable", "move", "assign", "grant", "approve",
    "deny", "reject", "restore", "reset", "apply", "configure", "toggle", "put", "patch", "save", "complete", "cancel",
    "close", "reopen", "release", "took", "take", "write", "upsert", "abort", "accept", "activat", "allow", "annotate",
    "append", "archive", "attach", "autobind", "bind", "block", "branch", "burn", "checkout", "coauthor", "commit",
    "connectto", "connectfrom", "consent", "convert", "customize", "deactivat", "decrypt", "deploy", "detach", "disallow",
    "disconnect", "dismiss", "downgrade", "encrypt", "extend", "finish", "flush", "follow", "invoke", "isolate", "join",
    "lease", "link", "load", "lock", "managerelationships", "mark", "merge", "migrat", "mount", "optimize", "optin",
    "optout", "override", "pause", "perform", "pin", "process", "promote", "reacted", "rebind", "redirect", "reencrypt",
    "refresh", "relabel", "renew", "replace", "resolve", "restart", "restrict", "resume", "retry", "rotate", "schedule",
    "stop", "subscribe", "suspend", "switch", "sync", "tag", "transfer", "unassign", "unblock", "undelete", "undo",
    "unfollow", "unlink", "unlock", "unpin", "unpublish", "unshare", "unsubscribe", "upgrade", "vacuum", "verify",
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
    let changes = CHANGING_HEADS
        .iter()
        .filter_map(|head| op.strip_prefix(head))
        .any(|rest| !NOUN_ENDINGS.iter().any(|ending| rest.starts_with(ending)));
    if changes {
        return Some(Verb::Update);
    }
    if ends(READING_NOUNS) {
        return Some(Verb::Read);
    }
    if let Some((verb, _)) = NOUNS.iter().find(|(_, noun)| op.ends_with(noun)) {
        return Some(*verb);
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
        check("sharedataset", Some(Verb::Share));
    }

    #[test]
    fn giving_access_is_not_reading() {
        for op in ["updatefolderaccess", "grantaccess", "changesiteaccess"] {
            check(op, Some(Verb::Update));
        }
        check("settingsview", Some(Verb::Read));
        check("assignmentreview", Some(Verb::Read));
    }

    #[test]
    fn a_verb_with_its_opposite_is_read_whole() {
        check("hubsiteregistered", Some(Verb::Create));
        check("hubsiteunregistered", Some(Verb::Delete));
        check("appunpublished", Some(Verb::Update));
        check("reportpublished", Some(Verb::Share));
        check("userdeactivated", Some(Verb::Update));
        check("disallowanonymousresponse", Some(Verb::Update));
        check("undeleteblob", Some(Verb::Update));
    }

    /// From Microsoft's lists of the operations of Fabric, Forms, Viva Engage, SharePoint's administration, Stream and
    /// Power Apps: one for each verb.
    #[test]
    #[rustfmt::skip]
    fn documented_verbs_are_known() {
        for op in [
            "writetenantsettings", "abortcopyblob", "appendblock", "bindtogateway", "branchoutingit", "checkoutbranchingit",
            "commitnotebook", "connecttogit", "convertpersonalworkspacetoworkspace", "customizeexemptusers",
            "deployalmpipeline", "disconnectfromgit", "downgradeworkspace", "encryptcredentials", "extendretention",
            "finishpublishenvironment", "flushdatatofile", "followgoal", "hubsitejoined", "leaseblob", "loadlakehousetable",
            "managerelationships", "markpowerappasfeatured", "migrateworkspaceintocapacity", "networkusersuspended",
            "optimizelakehousetable", "pintile", "planactivated", "processprofilefields", "rebindreport", "refreshdataset",
            "relabelitem", "renewapaidtrial", "resumesuspendeddatamart", "rotatetenantkey", "scheduleartifact",
            "sitegeomovescheduled", "supervisoradmintoggled", "switchbranchingit", "tagfiles", "upgradeworkspace",
            "upsertgoalvalues", "usersuspension", "invokevideolike",
        ] {
            check(op, Some(Verb::Update));
        }
        for op in ["insertsnapshot", "initiatecloudoauthlogin", "instantiateapp", "provisionscorecard", "requestcopilot"] {
            check(op, Some(Verb::Create));
        }
        for op in ["analyzeinexcel", "checkscorecardaccess", "evaluatediagnosticsquery", "exploredataset", "printreport"] {
            check(op, Some(Verb::Read));
        }
        for op in ["cleanupdataflow", "droplakehousefile"] {
            check(op, Some(Verb::Delete));
        }
        for op in ["extracttemplateapppackage", "invokevideodownload", "dataexport"] {
            check(op, Some(Verb::Export));
        }
        check("connectorhealth", None);
        check("managementthing", None);
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
