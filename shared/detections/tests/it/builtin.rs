//! The built-in rules: all of them work, have ids of their own, and do on their fixtures what these say.

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
