//! The attacks that a demo tells.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use emulator::{Story, StoryEntry};

use super::{DemoArgs, tenants};

/// The name of no story.
const NONE: &str = "none";

/// What is told when nothing is said.
const DEFAULT: Story = Story::PasswordSpray;

/// Reads the name of a story, or `none`.
pub(super) fn name() -> impl TypedValueParser<Value = Option<Story>> {
    let names = Story::ALL.into_iter().map(Story::name).chain([NONE]);
    PossibleValuesParser::new(names).map(|name| name.parse().ok())
}

/// The stories of a run, which happen in its first tenant. Records of the operator's own stay as they are unless they ask for one.
pub(super) fn told(args: &DemoArgs) -> Vec<StoryEntry> {
    let default = [Some(DEFAULT)];
    let chosen: &[Option<Story>] = if args.stories.is_empty() && args.records.is_none() {
        &default
    } else {
        &args.stories
    };
    let tenant = tenants(args).next();
    let entry = |story: &Story| StoryEntry {
        story: *story,
        tenant,
    };
    chosen.iter().flatten().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        demo: DemoArgs,
    }

    fn check(arguments: &[&str], expect: &[Story]) {
        let line = Line::try_parse_from([&["demo"], arguments].concat()).unwrap();
        let told: Vec<Story> = told(&line.demo).iter().map(|of| of.story).collect();
        assert_eq!(told, expect, "{arguments:?}");
    }

    #[test]
    fn one_story_is_told_unless_something_else_is_said() {
        check(&[], &[Story::PasswordSpray]);
        check(&["--story", "none"], &[]);
        check(&["--records", "mine.ndjson"], &[]);
        let two = [
            "--story",
            "consent_phishing",
            "--story",
            "federation_takeover",
        ];
        check(&two, &[Story::ConsentPhishing, Story::FederationTakeover]);
    }

    #[test]
    fn an_unknown_story_is_refused_with_those_there_are() {
        let error = Line::try_parse_from(["demo", "--story", "spray"]).unwrap_err();
        assert!(error.to_string().contains("password_spray"), "{error}");
    }
}
