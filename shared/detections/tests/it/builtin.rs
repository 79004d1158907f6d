//! The built-in rules: all of them work, have ids of their own, and do on their fixtures what these say.

use std::collections::BTreeMap;
use std::sync::Arc;

use detections::{Fixtures, Rules, builtin, builtin_sources, lint};

#[test]
fn no_built_in_rule_is_refused() {
    let rules = builtin();
    assert!(rules.refused().is_empty(), "{:?}", rules.refused());
}

#[test]
fn built_in_rules_have_nothing_to_mend() {
    let mut faults = Vec::new();
    for source in builtin_sources() {
        let warnings = lint(&source.name, &source.rules);
        faults.extend(warnings.iter().map(|of| format!("{}: {of}", source.name)));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn built_in_rules_do_what_their_fixtures_say() {
    let mut faults = Vec::new();
    for source in builtin_sources() {
        let Some(text) = source.fixtures else {
            faults.push(format!("{}: no fixtures", source.name));
            continue;
        };
        let rules = Arc::new(Rules::load([(&*source.name, &*source.rules)]));
        match Fixtures::parse(&text) {
            Ok(fixtures) => {
                let failures = fixtures.failures(&rules);
                faults.extend(failures.iter().map(|of| format!("{}: {of}", source.name)));
            }
            Err(error) => faults.push(format!("{}: {error}", source.name)),
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_documents_tell_how_many_rules_there_are() {
    let mut areas: BTreeMap<String, usize> = BTreeMap::new();
    for source in builtin_sources() {
        let area = source.name.split('/').next().unwrap_or_default();
        *areas.entry(area.to_owned()).or_default() += 1;
    }
    let document = include_str!("../../../../rules/README.md");
    for (area, rules) in &areas {
        let row = format!("| `{area}` | {rules} |");
        assert!(document.contains(&row), "rules/README.md lacks {row}");
    }
    let all: usize = areas.values().sum();
    assert!(document.contains(&format!(": {all}, all of our own writing")));
    let readme = include_str!("../../../../README.md");
    assert!(readme.contains(&format!("{all} built-in")), "{all}");
}
