//! The attributes that the timeline looks at, found in an event's line without reading the rest.
//!
//! One table for OCSF, of any version, and for ECS: where both have a name, they mean the same but for `user`, which is the
//! actor in ECS and the one that something was done to in OCSF.

use jiter::{Jiter, JiterError, Peek};

use super::term::Kind;

/// An attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// The record's Id.
    Id,
    /// Milliseconds since 1970.
    Millis,
    /// RFC 3339.
    Time,
    SeverityId,
    ClassUid,
    ClassName,
    /// ECS has categories in the place of classes.
    Category,
    Activity,
    Operation,
    /// ECS: Elastic's name of it, which is mostly Microsoft's.
    Action,
    StatusId,
    Outcome,
    Session,
    Workload,
    /// Of the actor. The full name is for people and not searched for.
    ActorName,
    ActorOther,
    ActorFullName,
    /// `user` at the top.
    UserName,
    UserOther,
    UserFullName,
    /// ECS: to whom it was done.
    TargetUserName,
    TargetUserOther,
    /// A user in evidence.
    EvidenceUser,
    EvidenceUserOther,
    Address,
    RelatedUser,
    RelatedAddress,
    File,
    Group,
    Entity,
    Resource,
    Subject,
    Title,
    App,
    Page,
}

impl Field {
    /// As what it is searched for, if it is.
    pub(super) const fn kind(self) -> Option<Kind> {
        match self {
            Self::ActorName
            | Self::ActorOther
            | Self::UserName
            | Self::UserOther
            | Self::TargetUserName
            | Self::TargetUserOther
            | Self::EvidenceUser
            | Self::EvidenceUserOther
            | Self::RelatedUser => Some(Kind::User),
            Self::Address | Self::RelatedAddress => Some(Kind::Address),
            Self::Operation | Self::Action => Some(Kind::Operation),
            Self::Session => Some(Kind::Session),
            _ => None,
        }
    }
}

/// What is at a path.
enum Node {
    /// A text, a number, or a list of them.
    Leaf(Field),
    /// An object, or a list of them.
    In(&'static [(&'static str, Node)]),
    /// Nothing of what follows is looked at: the normalizer writes what it did not map last.
    End,
}

use self::Node::{End, In, Leaf};

const ACTOR: &[(&str, Node)] = &[
    ("name", Leaf(Field::ActorName)),
    ("email_addr", Leaf(Field::ActorOther)),
    ("uid", Leaf(Field::ActorOther)),
    ("uid_alt", Leaf(Field::ActorOther)),
    ("full_name", Leaf(Field::ActorFullName)),
];

const EVIDENCE_USER: &[(&str, Node)] = &[
    ("name", Leaf(Field::EvidenceUser)),
    ("email_addr", Leaf(Field::EvidenceUserOther)),
    ("uid", Leaf(Field::EvidenceUserOther)),
    ("uid_alt", Leaf(Field::EvidenceUserOther)),
];

const USER: &[(&str, Node)] = &[
    ("name", Leaf(Field::UserOther)),
    ("email_addr", Leaf(Field::UserOther)),
    ("uid", Leaf(Field::UserOther)),
    ("uid_alt", Leaf(Field::UserOther)),
    ("full_name", Leaf(Field::UserFullName)),
    ("id", Leaf(Field::UserName)),
    ("email", Leaf(Field::UserOther)),
    ("target", In(TARGET_USER)),
];

const TARGET_USER: &[(&str, Node)] = &[
    ("id", Leaf(Field::TargetUserName)),
    ("email", Leaf(Field::TargetUserOther)),
    ("name", Leaf(Field::TargetUserOther)),
];

const ADDRESS: &[(&str, Node)] = &[("ip", Leaf(Field::Address))];

const RECORD: &[(&str, Node)] = &[
    ("Operation", Leaf(Field::Operation)),
    ("SessionId", Leaf(Field::Session)),
    (
        "AppAccessContext",
        In(&[("AADSessionId", Leaf(Field::Session))]),
    ),
    (
        "DeviceProperties",
        In(&[("SessionId", Leaf(Field::Session))]),
    ),
];

const EVENT: &[(&str, Node)] = &[
    ("class_uid", Leaf(Field::ClassUid)),
    ("class_name", Leaf(Field::ClassName)),
    ("activity_name", Leaf(Field::Activity)),
    ("time", Leaf(Field::Millis)),
    ("severity_id", Leaf(Field::SeverityId)),
    ("status_id", Leaf(Field::StatusId)),
    ("user", In(USER)),
    ("session", In(&[("uid", Leaf(Field::Session))])),
    (
        "actor",
        In(&[
            ("user", In(ACTOR)),
            ("session", In(&[("uid", Leaf(Field::Session))])),
        ]),
    ),
    ("src_endpoint", In(ADDRESS)),
    ("file", In(&[("name", Leaf(Field::File))])),
    ("group", In(&[("name", Leaf(Field::Group))])),
    ("entity", In(&[("name", Leaf(Field::Entity))])),
    ("resources", In(&[("name", Leaf(Field::Resource))])),
    ("resource", In(&[("name", Leaf(Field::Resource))])),
    (
        "web_resources",
        In(&[
            ("name", Leaf(Field::Page)),
            ("url_string", Leaf(Field::Page)),
        ]),
    ),
    ("app", In(&[("name", Leaf(Field::App))])),
    ("email", In(&[("subject", Leaf(Field::Subject))])),
    ("finding_info", In(&[("title", Leaf(Field::Title))])),
    (
        "evidences",
        In(&[
            ("user", In(EVIDENCE_USER)),
            ("actor", In(&[("user", In(EVIDENCE_USER))])),
            ("src_endpoint", In(ADDRESS)),
        ]),
    ),
    (
        "metadata",
        In(&[
            ("uid", Leaf(Field::Id)),
            ("event_code", Leaf(Field::Operation)),
            (
                "product",
                In(&[("feature", In(&[("name", Leaf(Field::Workload))]))]),
            ),
        ]),
    ),
    ("unmapped", End),
    ("@timestamp", Leaf(Field::Time)),
    (
        "event",
        In(&[
            ("id", Leaf(Field::Id)),
            ("action", Leaf(Field::Action)),
            ("provider", Leaf(Field::Workload)),
            ("outcome", Leaf(Field::Outcome)),
            ("severity", Leaf(Field::SeverityId)),
            ("category", Leaf(Field::Category)),
        ]),
    ),
    ("client", In(ADDRESS)),
    ("source", In(ADDRESS)),
    (
        "related",
        In(&[
            ("user", Leaf(Field::RelatedUser)),
            ("ip", Leaf(Field::RelatedAddress)),
        ]),
    ),
    ("url", In(&[("original", Leaf(Field::Page))])),
    ("rule", In(&[("name", Leaf(Field::Title))])),
    ("o365", In(&[("audit", In(RECORD))])),
];

/// Calls `found` with each attribute of the line that has a value, in the line's order, until the line ends or cannot be read.
pub(super) fn each(line: &[u8], mut found: impl FnMut(Field, &str)) {
    let mut json = Jiter::new(line);
    // Lines of the lake are what the normalizer wrote. Of one that somebody damaged, what comes before the damage counts.
    _ = json
        .peek()
        .and_then(|peek| read(&mut json, peek, &In(EVENT), &mut found));
}

/// Reads the value that begins with `peek`; `false` when nothing more is wanted.
fn read(
    json: &mut Jiter<'_>,
    peek: Peek,
    node: &'static Node,
    found: &mut impl FnMut(Field, &str),
) -> Result<bool, JiterError> {
    match (node, peek) {
        (End, _) => return Ok(false),
        (_, Peek::Array) => {
            let mut next = json.known_array()?;
            while let Some(peek) = next {
                // A list within a list is none of ours.
                if peek == Peek::Array {
                    json.known_skip(peek)?;
                } else if !read(json, peek, node, found)? {
                    return Ok(false);
                }
                next = json.array_step()?;
            }
        }
        (In(members), Peek::Object) => {
            let mut wanted = json.known_object()?.map(|key| of(members, key));
            while let Some(member) = wanted {
                let peek = json.peek()?;
                match member {
                    Some(node) => {
                        if !read(json, peek, node, found)? {
                            return Ok(false);
                        }
                    }
                    None => json.known_skip(peek)?,
                }
                wanted = json.next_key()?.map(|key| of(members, key));
            }
        }
        (Leaf(field), Peek::String) => {
            let text = json.known_str()?;
            if !text.is_empty() {
                found(*field, text);
            }
        }
        (Leaf(field), peek) if peek.is_num() => {
            let digits = json.known_number_bytes(peek)?;
            if let Ok(text) = std::str::from_utf8(digits) {
                found(*field, text);
            }
        }
        _ => json.known_skip(peek)?,
    }
    Ok(true)
}

fn of(members: &'static [(&'static str, Node)], key: &str) -> Option<&'static Node> {
    let found = members.iter().find(|(name, _)| *name == key);
    found.map(|(_, node)| node)
}

/// Calls `found` with each text of the line that is a value, at any depth, until it answers `true`; whether it did.
pub(super) fn any_text(line: &[u8], mut found: impl FnMut(&str) -> bool) -> bool {
    let mut json = Jiter::new(line);
    json.peek()
        .and_then(|peek| scan(&mut json, peek, 0, &mut found))
        .unwrap_or(false)
}

/// Deepest nesting that is scanned. Records nest 64 levels at most (docs/EVENTS.md), and events add a few.
const DEPTH_MAX: u32 = 100;

fn scan(
    json: &mut Jiter<'_>,
    peek: Peek,
    depth: u32,
    found: &mut impl FnMut(&str) -> bool,
) -> Result<bool, JiterError> {
    if depth > DEPTH_MAX {
        json.known_skip(peek)?;
        return Ok(false);
    }
    match peek {
        Peek::Array => {
            let mut next = json.known_array()?;
            while let Some(peek) = next {
                if scan(json, peek, depth + 1, found)? {
                    return Ok(true);
                }
                next = json.array_step()?;
            }
        }
        Peek::Object => {
            let mut more = json.known_object()?.is_some();
            while more {
                let peek = json.peek()?;
                if scan(json, peek, depth + 1, found)? {
                    return Ok(true);
                }
                more = json.next_key()?.is_some();
            }
        }
        Peek::String => return Ok(found(json.known_str()?)),
        peek if peek.is_num() => {
            let digits = json.known_number_bytes(peek)?;
            return Ok(std::str::from_utf8(digits).is_ok_and(found));
        }
        _ => json.known_skip(peek)?,
    }
    Ok(false)
}
