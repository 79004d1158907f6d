//! Correlations over records that come in any order.

use super::*;
use crate::rules::Rules;

fn rules(body: &str) -> Rules {
    let base = |name: &str| {
        format!(
            "title: {name}\nname: {name}\nlogsource: {{product: m365}}\ndetection: {{a: {{Operation: {name}}}, condition: a}}\n---\n"
        )
    };
    let text = format!(
        "{}{}title: c\ncorrelation:\n  group-by: [UserId]\n  timespan: 100s\n{body}",
        base("one"),
        base("two")
    );
    let rules = Rules::load([("a.yml", &*text)]);
    assert!(rules.refused().is_empty(), "{:?}", rules.refused());
    rules
}

/// The windows found for records (base rule, time, value), in this order.
fn found(rules: &Rules, records: &[(usize, i64, &str)]) -> Vec<i64> {
    let rule = &rules.correlations[0];
    let mut windows = WindowSets::default();
    let mut found: Vec<i64> = Vec::new();
    for (base, time, value) in records {
        let key = WindowKey {
            tenant: "t".to_owned(),
            rule: rule.about.id.clone(),
            group: vec!["alex".to_owned()],
            window: time.div_euclid(rule.span),
        };
        let member = Member {
            time: *time,
            base: *base,
            record: format!("{base}-{time}-{value}"),
            value: (*value).to_owned(),
        };
        let made = windows.add(rules, Join { key, member });
        found.extend(made.iter().map(|of| of.first.div_euclid(rule.span)));
    }
    found.sort_unstable();
    found
}

const COUNT: &str = "  type: event_count\n  rules: [one]\n  condition: {gte: 3}\n";
const VALUES: &str =
    "  type: value_count\n  rules: [one]\n  condition: {gte: 3, field: ClientIP}\n";
const TEMPORAL: &str = "  type: temporal\n  rules: [one, two]\n";
const ORDERED: &str = "  type: temporal_ordered\n  rules: [one, two]\n";

#[test]
fn records_within_the_timespan_are_counted_across_windows() {
    let rules = rules(COUNT);
    assert_eq!(
        found(&rules, &[(0, 50, ""), (0, 120, ""), (0, 150, "")]),
        [0]
    );
    assert!(found(&rules, &[(0, 50, ""), (0, 120, ""), (0, 151, "")]).is_empty());
    assert!(found(&rules, &[(0, 50, ""), (0, 120, "")]).is_empty());
}

#[test]
fn records_that_come_twice_are_counted_once() {
    let rules = rules(COUNT);
    assert!(found(&rules, &[(0, 1, ""), (0, 2, ""), (0, 2, ""), (0, 1, "")]).is_empty());
}

#[test]
fn values_are_counted_once_each() {
    let rules = rules(VALUES);
    assert!(found(&rules, &[(0, 1, "a"), (0, 2, "a"), (0, 3, "b")]).is_empty());
    assert_eq!(found(&rules, &[(0, 1, "a"), (0, 2, "b"), (0, 3, "c")]), [0]);
}

#[test]
fn rules_meet_in_any_order_or_in_theirs() {
    let backwards = [(1, 10, ""), (0, 20, "")];
    assert_eq!(found(&rules(TEMPORAL), &backwards), [0]);
    assert!(found(&rules(ORDERED), &backwards).is_empty());
    assert_eq!(found(&rules(ORDERED), &[(1, 120, ""), (0, 20, "")]), [0]);
    assert!(found(&rules(ORDERED), &[(1, 121, ""), (0, 20, "")]).is_empty());
    assert_eq!(found(&rules(ORDERED), &[(1, 20, ""), (0, 20, "")]), [0]);
}

proptest::proptest! {
    #[test]
    fn findings_do_not_depend_on_the_order(
        times in proptest::collection::vec((0..2_usize, 0..400_i64, 0..4_u8), 0..30),
        seed in proptest::prelude::any::<u64>(),
    ) {
        let values: Vec<String> = times.iter().map(|(.., value)| value.to_string()).collect();
        for body in [COUNT, VALUES, TEMPORAL, ORDERED] {
            let rules = rules(body);
            let is_single = body == COUNT || body == VALUES;
            let records: Vec<(usize, i64, &str)> = times
                .iter()
                .zip(&values)
                .map(|((base, time, _), value)| {
                    let value = if body == VALUES { &**value } else { "" };
                    (if is_single { 0 } else { *base }, *time, value)
                })
                .collect();
            let mut shuffled = records.clone();
            let mut state = seed;
            for at in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                shuffled.swap(at, (state >> 33) as usize % (at + 1));
            }
            // And some of them come again.
            shuffled.extend(records.iter().take(5));
            proptest::prop_assert_eq!(found(&rules, &records), found(&rules, &shuffled));
        }
    }
}

#[test]
fn records_of_a_base_rule_that_is_gone_are_passed_over() {
    let rules = rules(ORDERED);
    let records = [(0, 10, ""), (2, 20, ""), (1, 30, "")];
    assert_eq!(found(&rules, &records), [0]);
}

#[test]
fn a_set_is_bounded() {
    let rules =
        rules("  type: value_count\n  rules: [one]\n  condition: {gte: 3, field: ClientIP}\n");
    let mut windows = WindowSets::default();
    let key = WindowKey {
        tenant: String::new(),
        rule: String::new(),
        group: Vec::new(),
        window: 0,
    };
    for n in 0..MEMBERS_MAX + 7 {
        let member = Member {
            time: 1,
            base: 0,
            record: n.to_string(),
            value: "same".to_owned(),
        };
        let key = key.clone();
        assert!(windows.add(&rules, Join { key, member }).is_empty());
    }
    assert_eq!(windows.sets[&key].members.len(), MEMBERS_MAX);
    assert_eq!(windows.without_room, 7);
}

#[test]
fn groups_without_end_are_bounded() {
    let rules = rules(COUNT);
    let mut windows = WindowSets::default();
    for n in 0..WINDOWS_MAX + 1 {
        let key = WindowKey {
            tenant: String::new(),
            rule: String::new(),
            group: vec![n.to_string()],
            window: 0,
        };
        let member = Member {
            time: n as i64,
            base: 0,
            record: n.to_string(),
            value: String::new(),
        };
        windows.add(&rules, Join { key, member });
    }
    assert!(windows.sets.len() <= WINDOWS_MAX);
    assert!(windows.forgotten > 0);
    let oldest_is_gone = windows.sets.keys().all(|key| key.group != ["0"]);
    assert!(oldest_is_gone);
}
