//! `group`: the team, the group, the role group.

use crate::json::Writer;
use crate::record::identity::Ids;
use crate::record::{Changes, Record, RecordType, event_data};
use std::borrow::Cow;

/// Name and id.
type Named<'a> = (Option<Cow<'a, str>>, Option<Cow<'a, str>>);

pub(super) fn write(record: &Record<'_>, w: &mut Writer) {
    let (name, id) = find(record).unwrap_or_default();
    w.object("group", |w| {
        w.text_opt("id", id);
        w.text_opt("name", name);
    });
}

fn find<'a>(record: &Record<'a>) -> Option<Named<'a>> {
    let op = &*record.op;
    match record.record_type? {
        RecordType::AzureActiveDirectory if op.contains("group") => Some(of_directory(record)),
        RecordType::SharePointSharingOperation => {
            let data = record.text("EventData").unwrap_or_default();
            let tagged = event_data::tag(&data, "Group").map(|group| Cow::Owned(group.to_owned()));
            let is_group = record
                .text("TargetUserOrGroupType")
                .is_some_and(|kind| kind.contains("Group"));
            let target = || record.text("TargetUserOrGroupName").filter(|_| is_group);
            Some((tagged.or_else(target), None))
        }
        RecordType::Yammer => Some((record.text("GroupName"), record.text("GroupId"))),
        RecordType::MicrosoftTeams => {
            let id = record.text("TeamGuid");
            Some((
                record.text("TeamName"),
                id.or_else(|| record.text("AADGroupId")),
            ))
        }
        known
            if known.is_cmdlet() && (op.ends_with("groupmember") || op.ends_with("grouplinks")) =>
        {
            Some((record.property("Parameters", "Identity"), None))
        }
        _ => None,
    }
}

/// The group named by the changed properties, or the target when that is a group.
fn of_directory<'a>(record: &Record<'a>) -> Named<'a> {
    let changes = Changes::new(record.get("ModifiedProperties"));
    let (name, id) = (
        changes.text("Group.DisplayName"),
        changes.text("Group.ObjectID"),
    );
    if name.is_some() || id.is_some() {
        return (name, id);
    }
    let target = record.get("Target").map(Ids::read).unwrap_or_default();
    match target.kind.as_deref() {
        Some("Group") => (target.display_name, target.oid),
        _ => (None, None),
    }
}
