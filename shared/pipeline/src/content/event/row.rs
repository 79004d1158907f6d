//! What is shown of an event in a row of the timeline.

use jiff::Timestamp;
use serde::Serialize;

use super::fields::{Field, each};
use super::words::{shown, spelled_out};

/// An event in a row. What it does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Row {
    /// The record's Id.
    #[serde(skip)]
    pub uid: Option<String>,
    /// When it happened, as the record says.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub time: Option<Timestamp>,
    /// OCSF's word for [`Self::severity_id`].
    pub severity: &'static str,
    /// 1 informational to 6 fatal; 0 unknown, 99 other.
    pub severity_id: u32,
    /// OCSF's class; none in ECS.
    pub class_uid: Option<u32>,
    /// Its name; in ECS the categories.
    pub class_name: Option<String>,
    /// What was done, in OCSF's words; none in ECS.
    pub activity: Option<String>,
    /// What was done, in Microsoft's.
    pub operation: Option<String>,
    /// Who did it: what a search for this user takes.
    pub user: Option<String>,
    /// The user's name for people, where the record has one.
    pub user_name: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// To what or whom.
    pub target: Option<String>,
    /// `Success`, `Failure` or `Unknown`.
    pub result: &'static str,
    /// In which session.
    pub session: Option<String>,
    /// Microsoft's service.
    pub workload: Option<String>,
    /// Who did what to what.
    pub sentence: String,
}

/// What was read of a line, before it is put together.
#[derive(Default)]
struct Found {
    row: Row,
    is_ecs: bool,
    status_id: Option<u32>,
    outcome: Option<String>,
    action: Option<String>,
    categories: Vec<String>,
    actor: Option<String>,
    actor_full: Option<String>,
    /// `user` of OCSF is whom it was done to, of ECS who did it.
    user: Option<String>,
    user_full: Option<String>,
    target_user: Option<String>,
    evidence_user: Option<String>,
    file: Option<String>,
    /// Other objects, the most telling first.
    objects: [Option<String>; 7],
}

impl Row {
    /// Reads an event's line.
    #[must_use]
    pub fn read(line: &[u8]) -> Self {
        let mut found = Found::default();
        each(line, |field, text| found.take(field, text));
        found.into_row()
    }
}

/// The name of a severity.
#[must_use]
pub fn severity_name(id: u32) -> &'static str {
    match id {
        0 => "Unknown",
        1 => "Informational",
        2 => "Low",
        3 => "Medium",
        4 => "High",
        5 => "Critical",
        6 => "Fatal",
        _ => "Other",
    }
}

impl Found {
    fn take(&mut self, field: Field, text: &str) {
        let row = &mut self.row;
        match field {
            Field::Millis => {
                let at = text.parse().ok();
                row.time = at.and_then(|at| Timestamp::from_millisecond(at).ok());
            }
            Field::Time => {
                self.is_ecs = true;
                row.time = text.parse().ok();
            }
            Field::SeverityId => {
                row.severity_id = text.parse().unwrap_or_default();
            }
            Field::ClassUid => {
                row.class_uid = text.parse().ok();
            }
            Field::StatusId => {
                self.status_id = text.parse().ok();
            }
            Field::Category => {
                self.categories.push(shown(text));
            }
            Field::Id => {
                row.uid.get_or_insert_with(|| text.to_owned());
            }
            // The name that a person is known by comes before others, wherever it stands.
            Field::ActorName => {
                self.actor = Some(shown(text));
            }
            Field::UserName => {
                self.user = Some(shown(text));
            }
            Field::TargetUserName => {
                self.target_user = Some(shown(text));
            }
            _ => {
                // The first value counts.
                if let Some(slot) = self.slot(field) {
                    slot.get_or_insert_with(|| shown(text));
                }
            }
        }
    }

    /// Where an attribute's text goes.
    fn slot(&mut self, field: Field) -> Option<&mut Option<String>> {
        Some(match field {
            Field::ClassName => &mut self.row.class_name,
            Field::Activity => &mut self.row.activity,
            Field::Operation => &mut self.row.operation,
            Field::Action => &mut self.action,
            Field::Outcome => &mut self.outcome,
            Field::Session => &mut self.row.session,
            Field::Workload => &mut self.row.workload,
            Field::Address => &mut self.row.address,
            Field::ActorOther => &mut self.actor,
            Field::ActorFullName => &mut self.actor_full,
            Field::UserOther => &mut self.user,
            Field::UserFullName => &mut self.user_full,
            Field::TargetUserOther => &mut self.target_user,
            Field::EvidenceUser | Field::EvidenceUserOther => &mut self.evidence_user,
            Field::File => &mut self.file,
            Field::Group => &mut self.objects[0],
            Field::Entity => &mut self.objects[1],
            Field::Resource => &mut self.objects[2],
            Field::Subject => &mut self.objects[3],
            Field::Title => &mut self.objects[4],
            Field::App => &mut self.objects[5],
            Field::Page => &mut self.objects[6],
            _ => return None,
        })
    }

    fn into_row(self) -> Row {
        let mut row = self.row;
        let (actor, actor_full, acted_on) = if self.is_ecs {
            (self.user, self.user_full, self.target_user)
        } else {
            (self.actor, self.actor_full, self.user)
        };
        row.user = actor.or(self.evidence_user);
        row.user_name = actor_full;
        let other = acted_on.filter(|of| Some(of) != row.user.as_ref());
        row.target = self
            .file
            .or(other)
            .or_else(|| self.objects.into_iter().flatten().next());
        row.operation = row.operation.or(self.action);
        if self.is_ecs {
            row.class_name = (!self.categories.is_empty()).then(|| self.categories.join(", "));
        }
        row.severity = severity_name(row.severity_id);
        // A finding's status is that of somebody's work on it.
        let is_finding = row.class_uid.is_some_and(|uid| uid / 1_000 == 2);
        row.result = match (self.status_id, self.outcome.as_deref()) {
            (Some(1), _) if !is_finding => "Success",
            (Some(2), _) if !is_finding => "Failure",
            (None, Some("success")) => "Success",
            (None, Some("failure")) => "Failure",
            _ => "Unknown",
        };
        row.sentence = sentence(&row);
        row
    }
}

/// "alex@contoso.example: file uploaded, plan.xlsx, from 198.51.100.7 (failed)"
fn sentence(row: &Row) -> String {
    let who = row.user_name.as_ref().or(row.user.as_ref());
    let mut sentence = who.cloned().unwrap_or_else(|| "Somebody".to_owned());
    let done = row.operation.as_deref().map(spelled_out);
    let done = done.filter(|words| !words.is_empty());
    let done = done.or_else(|| row.activity.as_deref().map(str::to_lowercase));
    sentence.push_str(": ");
    sentence.push_str(
        done.as_deref()
            .unwrap_or("something that this program does not know"),
    );
    if let Some(target) = &row.target {
        sentence.push_str(", ");
        sentence.push_str(target);
    }
    if let Some(address) = &row.address {
        sentence.push_str(", from ");
        sentence.push_str(address);
    }
    if row.result == "Failure" {
        sentence.push_str(" (failed)");
    }
    sentence
}

#[cfg(test)]
mod tests {
    use normalize::{Context, OcsfVersion, Options, Schema};

    use super::*;

    const RECORD: &str = r#"{"Id":"f1","RecordType":6,"Operation":"FileUploaded","CreationTime":"2026-03-01T10:00:01","Workload":"SharePoint","OrganizationId":"11111111-2222-4333-8444-555555555555","UserId":"alex@contoso.example","UserKey":"i:0h.f|membership|10032001aaaa0001@live.com","ClientIP":"198.51.100.7","ObjectId":"https://contoso.sharepoint.example/sites/finance/Docs/plan.xlsx","SourceFileName":"plan.xlsx","SourceFileExtension":"xlsx","SiteUrl":"https://contoso.sharepoint.example/sites/finance/","SourceRelativeUrl":"Docs","ItemType":"File"}"#;

    fn row(record: &str, options: &Options) -> Row {
        let context = Context {
            content_type: Some("Audit.SharePoint"),
            content_created_ms: None,
            options,
        };
        let mut line = Vec::new();
        normalize::event(record.as_bytes(), &context, &mut line);
        Row::read(&line)
    }

    #[test]
    fn a_row_says_the_same_in_each_version() {
        let newest = row(RECORD, &Options::default());
        assert_eq!(
            newest.sentence,
            "alex@contoso.example: file uploaded, plan.xlsx, from 198.51.100.7"
        );
        assert_eq!((newest.class_uid, newest.result), (Some(6006), "Success"));
        assert_eq!(newest.workload.as_deref(), Some("SharePoint"));
        let oldest = Options {
            version: OcsfVersion::V1_1,
            ..Options::default()
        };
        assert_eq!(row(RECORD, &oldest), newest);
    }

    #[test]
    fn a_row_of_ecs_has_no_class_of_ocsf() {
        let ecs = Options {
            schema: Schema::Ecs,
            ..Options::default()
        };
        let (ocsf, ecs) = (row(RECORD, &Options::default()), row(RECORD, &ecs));
        assert_eq!((ecs.class_uid, &ecs.activity), (None, &None));
        assert_eq!(ecs.class_name.as_deref(), Some("web, file"));
        assert_eq!(
            Row {
                class_uid: ocsf.class_uid,
                class_name: ocsf.class_name.clone(),
                activity: ocsf.activity.clone(),
                ..ecs
            },
            ocsf
        );
    }

    #[test]
    fn what_is_no_event_is_a_row_without_anything() {
        for line in ["", "1", "[]", "{", r#"{"time":"x","actor":[[{"user":1}]]}"#] {
            let row = Row::read(line.as_bytes());
            assert_eq!(
                (row.time, row.user, row.severity_id),
                (None, None, 0),
                "{line}"
            );
        }
    }
}
