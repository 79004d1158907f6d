//! Copilot and other assistants: class API Activity with the AI profile.

use crate::json::Value;
use crate::ocsf::class::ApiActivity;
use crate::ocsf::file::hostname;
use crate::ocsf::resource::{RESOURCES_MAX, Resource, Role};
use crate::ocsf::{Event, ObservableType, Severity, api};
use crate::record::{Record, text_of};
use crate::severity;
use std::borrow::Cow;

/// Maps an interaction. The feed holds neither the prompt nor the answer, only the resources read for the answer.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    event.classify(ApiActivity::Other);
    event.profiles.ai_operation = true;
    api::write_api(record, event);
    let data = record
        .get("CopilotEventData")
        .filter(|data| data.is_object());
    let list = |key: &str| {
        data.and_then(|data| data.get(key))
            .into_iter()
            .flat_map(|list| list.elements())
    };
    let text = |key: &str| data.and_then(|data| text_of(data, key));
    let model = list("ModelTransparencyDetails").next();
    let of_model = |key: &str| model.and_then(|model| text_of(model, key));
    event.body.object("ai_model", |w| {
        w.text(
            "name",
            &of_model("ModelName").unwrap_or(Cow::Borrowed("Microsoft Copilot")),
        );
        w.text(
            "ai_provider",
            &of_model("ModelProviderName").unwrap_or(Cow::Borrowed("Microsoft")),
        );
        w.text_opt("version", of_model("ModelVersion"));
    });
    event.body.object("message_context", |w| {
        w.object("application", |w| {
            w.text("name", &text("AppHost").unwrap_or(Cow::Borrowed("Copilot")));
        });
        w.int("ai_role_id", 1);
        w.text("ai_role", "User");
        w.text_opt("uid", text("ThreadId"));
    });
    let accessed = list("AccessedResources").map(|value| (value, Role::Affected));
    let contexts = list("Contexts").map(|value| (value, Role::Related));
    write_read(
        event,
        accessed.chain(contexts).take(RESOURCES_MAX).collect(),
    );
    let messages = list("Messages").collect::<Vec<_>>();
    event.raise(rate(&messages));
}

/// The severity, by what was detected in the messages or in the resources read for them.
fn rate(values: &[Value<'_>]) -> Severity {
    severity::APPLICATIONS.rate("copilot", |field, test| {
        let said = values.iter().filter_map(|value| value.get(field)?.scalar());
        said.into_iter().any(|text| test(&text))
    })
}

/// Writes the resources read for the answer, and the place where it was asked.
fn write_read<'a>(event: &mut Event<'a>, read: Vec<(Value<'a>, Role)>) {
    let values: Vec<_> = read.iter().map(|(value, _)| *value).collect();
    event.raise(rate(&values));
    let own = |member: &Value<'_>| !["Type", "Name"].iter().any(|key| member.key().is(key));
    event.body.array("resources", |w| {
        for (value, role) in &read {
            let resource = Resource {
                role: *role,
                ..resource(*value)
            };
            w.element_object(|w| {
                resource.write(w, |w| {
                    let members = value.children().filter(|member| !member.is_blank());
                    members.filter(own).for_each(|member| w.member(member));
                });
            });
        }
    });
    for (value, _) in read {
        if let Some(url) = resource(value).uid.filter(|uid| hostname(uid).is_some()) {
            event.observe("resources.uid", ObservableType::Url, url);
        }
    }
}

fn resource<'a>(value: Value<'a>) -> Resource<'a> {
    let uid = text_of(value, "Id").or_else(|| text_of(value, "SiteUrl"));
    let kind = text_of(value, "Type").unwrap_or(Cow::Borrowed("Copilot Resource"));
    Resource::target(kind, text_of(value, "Name"), uid)
}
