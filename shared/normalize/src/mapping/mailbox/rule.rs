//! What an inbox rule does with mail. Exchange writes it in a form of its own for each kind of client: as JSON in a text,
//! as a word, or as a sentence.

use crate::json::{Kind, Value, parse};
use crate::ocsf::{Event, ObservableType};
use crate::record::{Record, addresses, name_values};

/// Entries of `OperationProperties` that say what the rule does. Outlook on the web writes the first; for rules of other
/// clients there are a word in `Actions` and the whole rule in `ServerRule`.
const ACTIONS: [&str; 6] = [
    "RuleActions",
    "Actions",
    "ServerRule",
    "RuleAction",
    "Action",
    "ClientRule",
];

/// A part of what a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'t> {
    /// What is done: `Forward`, `OP_FORWARD`, `ForwardToRecipientsAction`, or a sentence that begins so.
    Action(&'t str),
    /// Anything else: to whom, into which folder.
    Detail(&'t str),
}

/// Whether one of the rule's actions passes the test.
pub(super) fn does(record: &Record<'_>, test: &dyn Fn(&str) -> bool) -> bool {
    let mut found = false;
    visit(record, &mut |part| {
        found |= matches!(part, Part::Action(word) if test(word));
    });
    found
}

/// Adds an observable for each address that the rule sends mail to.
pub(super) fn observe_targets(record: &Record<'_>, event: &mut Event<'_>) {
    visit(record, &mut |part| {
        let (Part::Action(text) | Part::Detail(text)) = part;
        for address in addresses(text) {
            event.observe(
                "api.request.data",
                ObservableType::EmailAddress,
                address.to_owned(),
            );
        }
    });
}

fn visit(record: &Record<'_>, see: &mut dyn FnMut(Part<'_>)) {
    let Some(properties) = record.get("OperationProperties") else {
        return;
    };
    for entry in properties.children() {
        let name = name_values::entry_name(entry);
        let says = name.is_some_and(|name| {
            let name = name.trim_end_matches([':', ' ']);
            ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(name))
        });
        if !says {
            continue;
        }
        if let Some(value) = entry.get("Value") {
            visit_text(value, see);
        }
    }
}

/// A rule's actions as JSON, or as JSON in a text, or in words.
fn visit_text(value: Value<'_>, see: &mut dyn FnMut(Part<'_>)) {
    let Some(text) = value.str() else {
        return visit_actions(value, see);
    };
    let tree = Some(text.trim())
        .filter(|text| text.starts_with(['[', '{']))
        .and_then(|text| parse(text.as_bytes()).ok());
    match tree {
        Some(tree) => visit_actions(tree.root(), see),
        None => see(Part::Action(&text)),
    }
}

/// The actions of a whole rule, or a list of actions. What the rule looks for is none of its actions.
fn visit_actions(root: Value<'_>, see: &mut dyn FnMut(Part<'_>)) {
    let actions = root.children().find(|member| member.key().is("Actions"));
    visit_value(actions.unwrap_or(root), see);
}

fn visit_value(value: Value<'_>, see: &mut dyn FnMut(Part<'_>)) {
    for child in value.children() {
        let key = child.key().cow();
        // `"forwardTo": [...]`; but `"ForwardFlags": "None"` says nothing.
        if !(key.is_empty() || key.ends_with("Flags") || is_off(child)) {
            see(Part::Action(&key));
        }
        match child.kind() {
            Kind::Array | Kind::Object => visit_value(child, see),
            Kind::Text(text) if key.ends_with("Type") || key == "Action" || key.is_empty() => {
                see(Part::Action(&text.cow()));
            }
            Kind::Text(text) => see(Part::Detail(&text.cow())),
            _ => {}
        }
    }
}

/// Whether the value says that nothing is done.
fn is_off(value: Value<'_>) -> bool {
    value.is_blank() || value.bool() == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, actions: &[&str], details: &[&str]) {
        let json = format!(r#"{{"Value":{}}}"#, serde_json::Value::from(text));
        let tree = parse(json.as_bytes()).unwrap();
        let (mut seen, mut told) = (Vec::new(), Vec::new());
        let value = tree.root().get("Value").unwrap();
        visit_text(value, &mut |part| match part {
            Part::Action(text) => seen.push(text.to_owned()),
            Part::Detail(text) => told.push(text.to_owned()),
        });
        assert_eq!((seen, told), (owned(actions), owned(details)), "{text}");
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn words_and_sentences_are_actions() {
        check(
            "ForwardToRecipientsAction",
            &["ForwardToRecipientsAction"],
            &[],
        );
        check("Forward to a@b.example", &["Forward to a@b.example"], &[]);
        check("[cut off", &["[cut off"], &[]);
    }

    #[test]
    fn actions_are_found_in_json() {
        check(
            r#"[{"ActionType":"Forward","Recipients":["a@b.example"],"ForwardFlags":"None"}]"#,
            &["ActionType", "Forward", "Recipients", "a@b.example"],
            &["None"],
        );
        check(
            r#"{"forwardTo":[{"emailAddress":{"address":"a@b.example"}}],"delete":false,"redirectTo":[]}"#,
            &["forwardTo", "emailAddress", "address"],
            &["a@b.example"],
        );
        check("[]", &[], &[]);
    }

    #[test]
    fn conditions_of_a_whole_rule_are_not_actions() {
        check(
            r#"{"Conditions":[{"Type":"forward"}],"Actions":[{"ActionType":"OP_MOVE"}]}"#,
            &["ActionType", "OP_MOVE"],
            &[],
        );
    }
}
