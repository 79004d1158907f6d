//! Which members of a record are objects.
//!
//! An index gives each field one type for ever. It refuses a document in which a field is an object that was a string
//! before, or the other way round, and Microsoft writes both. So the shape depends on the path and never on what a
//! record happens to hold: a path in this table is an object (or a list of objects) in every document, any other path
//! is a string (or a list of strings).

use crate::json::Text;

/// The shape of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// An object, or a list of objects. The listed members are objects in turn.
    Object(&'static [Member]),
    /// A list of names and values, which becomes one object.
    Names,
    /// `ModifiedProperties`: names with an old and a new value, which become an object of objects.
    Changes,
    /// An object in a JSON string.
    Json,
}

/// A member and its shape.
pub(super) type Member = (&'static str, Shape);

/// Members that are objects. Sources: Microsoft's schema reference of the Management Activity API, its pages on labels
/// and Copilot, and observed records. Sorted.
#[rustfmt::skip]
pub(super) const RECORD: &[Member] = &[
    ("Actor", PLAIN), ("AdditionalData", PLAIN), ("AdditionalInfo", PLAIN), ("AffectedItems", Shape::Object(ITEM)),
    ("AlertLinks", PLAIN), ("AppAccessContext", PLAIN), ("AttachmentData", PLAIN), ("AuthDetails", PLAIN),
    ("Common", PLAIN), ("CopilotEventData", Shape::Object(COPILOT)), ("Data", Shape::Json), ("DestFolder", PLAIN),
    ("DeviceProperties", Shape::Names), ("EndpointMetaData", Shape::Object(ENDPOINT)), ("ExceptionInfo", PLAIN),
    ("ExchangeAggregatedFolders", Shape::Object(FOLDER)), ("ExchangeAggregatedMessages", Shape::Object(MESSAGES)),
    ("ExchangeMetaData", PLAIN), ("ExtendedProperties", Shape::Names), ("ExtraProperties", Shape::Names),
    ("FileData", PLAIN), ("Folder", PLAIN), ("Folders", Shape::Object(FOLDER)), ("InsightData", PLAIN),
    ("Item", Shape::Object(ITEM)), ("Members", PLAIN), ("ModifiedProperties", Shape::Changes),
    ("OperationProperties", Shape::Names), ("Parameters", Shape::Names), ("ParticipantInfo", Shape::Object(PARTICIPANTS)),
    ("PolicyDetails", Shape::Object(POLICY)), ("ProtectionEventData", PLAIN), ("RescanResult", PLAIN),
    ("SenderEntity", PLAIN), ("SensitivityLabelEventData", PLAIN), ("SharePointMetaData", PLAIN),
    ("SystemOverrides", PLAIN), ("Target", PLAIN), ("recipientList", PLAIN),
];

const PLAIN: Shape = Shape::Object(&[]);

const ITEM: &[Member] = &[("ParentFolder", PLAIN)];
const FOLDER: &[Member] = &[("FolderItems", PLAIN)];
const MESSAGES: &[Member] = &[("MessageItems", PLAIN)];
const PARTICIPANTS: &[Member] = &[("ParticipatingSIPDomains", PLAIN)];

#[rustfmt::skip]
const COPILOT: &[Member] = &[
    ("AISystemPlugin", PLAIN), ("AccessedResources", PLAIN), ("Contexts", PLAIN), ("Messages", PLAIN),
    ("ModelTransparencyDetails", PLAIN),
];

const MATCHES: Shape = Shape::Object(&[("SensitiveInformationDetections", PLAIN)]);
const ENDPOINT: &[Member] = &[("SensitiveInformation", MATCHES)];
const CONDITIONS: &[Member] = &[
    ("OtherConditions", PLAIN),
    ("SensitiveInformation", MATCHES),
];
const RULE: &[Member] = &[("ConditionsMatched", Shape::Object(CONDITIONS))];
const POLICY: &[Member] = &[("Rules", Shape::Object(RULE))];

/// The shape of a member; `None` for a string.
pub(super) fn of(members: &[Member], key: Text<'_>) -> Option<Shape> {
    if members.is_empty() {
        return None;
    }
    let key = key.cow();
    let at = members
        .binary_search_by_key(&&*key, |(name, _)| name)
        .ok()?;
    Some(members[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(members: &[Member]) {
        assert!(members.is_sorted_by(|a, b| a.0 < b.0), "{members:?}");
        for (_, shape) in members {
            if let Shape::Object(inside) = shape {
                check(inside);
            }
        }
    }

    #[test]
    fn the_tables_are_sorted() {
        check(RECORD);
    }
}
