//! Which records become events, and which route the events take.

use super::facts::RecordFacts;
use super::list::{self, RuleReader, RulesError};
use super::matcher::Matcher;

/// Most routes of one filter. Each route adds an object for every blob that has records for it.
pub const ROUTES_MAX: usize = 8;

/// Longest name of a route, in characters: it is a folder of the lake and part of a file name.
const ROUTE_CHARS_MAX: usize = 32;

/// Longest name of a rule, in characters: it is logged.
const NAME_CHARS_MAX: usize = 64;

/// Rules that drop, keep or route records. The first rule that matches a record decides. A record that no rule matches
/// is kept.
///
/// ```json
/// [{"name": "system-cmdlets", "action": "drop", "record_type": 1, "user": "NT AUTHORITY\\*"},
///  {"name": "sync", "action": "route(sync)", "operation": "FileSync*"}]
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    rules: Vec<Rule>,
    routes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    name: String,
    matcher: Matcher,
    action: Action,
}

/// What a filter does with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The event is written to the default place.
    Keep,
    /// No event is written. The record is in the raw copy only.
    Drop,
    /// The event goes to the route with this index in [`Filter::routes`].
    Route(usize),
}

/// What a filter decided about a record, and by which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What is done with the record.
    pub action: Action,
    /// The index of the rule that decided, from 0; `None` if none matched.
    pub rule: Option<usize>,
}

impl Decision {
    /// Kept, because no rule matched.
    pub const KEPT: Self = Self {
        action: Action::Keep,
        rule: None,
    };
}

impl Filter {
    /// Parses the rules: a JSON list of conditions, each with a `name` and an `action`: `drop`, `keep` or
    /// `route(name)`.
    ///
    /// # Errors
    /// All faults in the rules, at once.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        let (mut names, mut routes) = (Vec::<String>::new(), Vec::<String>::new());
        let rules = list::read(text, &["name", "action"], |reader| {
            let matcher = Matcher::read(reader);
            let name = name(reader, &names);
            let action = action(reader, &mut routes);
            let (name, action) = (name?, action?);
            names.push(name.clone());
            Some(Rule {
                name,
                matcher,
                action,
            })
        })?;
        Ok(Self { rules, routes })
    }

    /// Whether there are no rules: everything is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The names of the rules, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }

    /// The rules' actions, in order.
    pub fn actions(&self) -> impl Iterator<Item = Action> {
        self.rules.iter().map(|rule| rule.action)
    }

    /// Whether any rule drops records.
    #[must_use]
    pub fn drops(&self) -> bool {
        self.actions().any(|action| action == Action::Drop)
    }

    /// The names of the routes: lower-case letters, digits and `-`, at most 32 of them.
    #[must_use]
    pub fn routes(&self) -> &[String] {
        &self.routes
    }

    /// Decides what is done with a record.
    #[must_use]
    pub fn decide(&self, facts: &RecordFacts<'_>) -> Decision {
        let found = self
            .rules
            .iter()
            .position(|rule| rule.matcher.matches(facts));
        found.map_or(Decision::KEPT, |at| Decision {
            action: self.rules[at].action,
            rule: Some(at),
        })
    }
}

/// The rule's name, which no earlier rule may have.
fn name(reader: &mut RuleReader<'_, '_>, taken: &[String]) -> Option<String> {
    let name = reader.text("name")?;
    let good = !name.is_empty()
        && name.len() <= NAME_CHARS_MAX
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !good {
        reader.fault(format_args!(
            "name must have 1 to {NAME_CHARS_MAX} letters, digits, dots, - or _"
        ));
        return None;
    }
    if taken.contains(&name) {
        reader.fault(format_args!("the name {name} is taken"));
        return None;
    }
    Some(name)
}

fn action(reader: &mut RuleReader<'_, '_>, routes: &mut Vec<String>) -> Option<Action> {
    let text = reader.text("action")?;
    let route = match text.as_str() {
        "keep" => return Some(Action::Keep),
        "drop" => return Some(Action::Drop),
        other => other
            .strip_prefix("route(")
            .and_then(|rest| rest.strip_suffix(')')),
    };
    let Some(route) = route else {
        reader.fault("action must be drop, keep or route(name)");
        return None;
    };
    let good = !route.is_empty()
        && route.len() <= ROUTE_CHARS_MAX
        && route
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !good {
        reader.fault(format_args!(
            "a route's name must have 1 to {ROUTE_CHARS_MAX} lower-case letters, digits or -"
        ));
        return None;
    }
    let known = routes.iter().position(|known| known == route);
    if known.is_none() && routes.len() == ROUTES_MAX {
        reader.fault(format_args!("there are more than {ROUTES_MAX} routes"));
        return None;
    }
    Some(Action::Route(known.unwrap_or_else(|| {
        routes.push(route.to_owned());
        routes.len() - 1
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Options, event};

    const SYSTEM: &str = r#"[{"name":"system","action":"drop","user":"NT AUTHORITY\\*"},
        {"name":"rules","action":"keep","operation":"*-InboxRule"},
        {"name":"cmdlets","action":"route(cmdlets)","record_type":1}]"#;

    /// The decision about a cmdlet, and whether there is an event.
    #[track_caller]
    fn check(filter: &str, operation: &str, user: &str, expect: Action) {
        let record =
            format!(r#"{{"Id":"a","RecordType":1,"Operation":"{operation}","UserId":"{user}"}}"#);
        let options = Options {
            filter: Filter::parse(filter).unwrap(),
            ..Options::default()
        };
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        let mut out = b"before".to_vec();
        let decision = event(record.as_bytes(), &context, &mut out).decision;
        assert_eq!(decision.action, expect, "{record}");
        let facts = RecordFacts::of(record.as_bytes(), None).unwrap();
        assert_eq!(options.filter.decide(&facts), decision, "{record}");
        assert_eq!(out == b"before", expect == Action::Drop, "{record}");
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        check(
            SYSTEM,
            "New-InboxRule",
            r"NT AUTHORITY\\SYSTEM (x)",
            Action::Drop,
        );
        check(SYSTEM, "New-InboxRule", "alex", Action::Keep);
        check(SYSTEM, "Set-Mailbox", "alex", Action::Route(0));
        check("[]", "Set-Mailbox", "alex", Action::Keep);
    }

    #[test]
    fn a_record_that_no_rule_matches_is_kept() {
        let filter = Filter::parse(SYSTEM).unwrap();
        assert_eq!(filter.decide(&RecordFacts::default()), Decision::KEPT);
        assert_eq!(filter.routes(), ["cmdlets"]);
    }

    #[test]
    fn one_route_may_have_several_rules() {
        let filter = Filter::parse(
            r#"[{"name":"a","action":"route(x)","user":"a"},{"name":"b","action":"route(y)","user":"b"},{"name":"c","action":"route(x)"}]"#,
        )
        .unwrap();
        assert_eq!(filter.routes(), ["x", "y"]);
        let actions: Vec<Action> = filter.actions().collect();
        assert_eq!(
            actions,
            [Action::Route(0), Action::Route(1), Action::Route(0)]
        );
    }

    #[test]
    fn bytes_that_are_not_a_record_are_kept() {
        let options = Options {
            filter: Filter::parse(r#"[{"name":"all","action":"drop"}]"#).unwrap(),
            ..Options::default()
        };
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        let mut out = Vec::new();
        let outcome = event(b"nonsense", &context, &mut out);
        assert_eq!(outcome.decision, Decision::KEPT);
        assert!(!out.is_empty());
        out.clear();
        event(b"{}", &context, &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn every_fault_is_reported() {
        let error = Filter::parse(
            r#"[{"action":"drop"},{"name":"a b","action":"delete"},{"name":"x","action":"route(X)"},
                {"name":"y","action":"keep"},{"name":"y","action":"route()"}]"#,
        )
        .unwrap_err()
        .to_string();
        for expect in [
            "rule 1: name is missing",
            "rule 2: name must have",
            "rule 2: action must be drop, keep or route(name)",
            "rule 3: a route's name must have",
            "rule 5: the name y is taken",
            "rule 5: a route's name must have",
        ] {
            assert!(error.contains(expect), "{expect}: {error}");
        }
        let many: Vec<String> = (0..=ROUTES_MAX)
            .map(|n| format!(r#"{{"name":"r{n}","action":"route(r{n})"}}"#))
            .collect();
        let error = Filter::parse(&format!("[{}]", many.join(","))).unwrap_err();
        assert_eq!(error.to_string(), "rule 9: there are more than 8 routes");
    }
}
