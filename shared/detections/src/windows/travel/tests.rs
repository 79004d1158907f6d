//! Sets of places: what of them makes a finding.

use std::collections::BTreeSet;

use super::*;
use crate::rules::Rules;
use crate::windows::{self, WindowKey};

const RULE: &str = "title: t\nid: t\nlogsource: {product: m365}\ndetection: {a: {Operation: x}, condition: a}\n\
                    ualstream: {travel: {by: [UserId], within: 100h}}\n";

fn member(record: &str, hour: i64, value: &str) -> Member {
    Member {
        time: hour * 3_600,
        base: 0,
        record: record.to_owned(),
        value: value.to_owned(),
    }
}

/// The records of the pair in one window, of which those in `next` lie in the window after.
fn pair_of(own: &[Member], next: &[Member]) -> Option<Vec<String>> {
    let rules = Rules::load([("a.yml", RULE)]);
    assert!(rules.refused().is_empty(), "{:?}", rules.refused());
    let set = |of: &[Member]| of.iter().cloned().collect::<BTreeSet<_>>();
    let (own, next) = (set(own), set(next));
    let key = WindowKey {
        tenant: "t".to_owned(),
        rule: "t".to_owned(),
        group: vec!["alex".to_owned()],
        window: 0,
    };
    let found = rules.found(&key, &own, &next);
    let pair = windows::found(&rules.correlations[0], &own, &next);
    let records = |of: Vec<&Member>| of.iter().map(|of| of.record.clone()).collect::<Vec<_>>();
    assert_eq!(found.map(|of| of.records), pair.clone().map(records));
    pair.map(records)
}

const EQUATOR_0: &str = "0,0,0 192.0.2.1 - ";
const EQUATOR_90: &str = "0,90,0 192.0.2.2 KE Somewhere New";

#[test]
fn the_latest_before_at_each_place_is_compared() {
    // 10,007 km: from the first in 12 hours, from the third in 2.
    let own = [
        member("a", 0, EQUATOR_0),
        member("b", 5, "0,1,0 192.0.2.3 - "),
        member("c", 10, EQUATOR_0),
        member("d", 12, EQUATOR_90),
    ];
    assert_eq!(
        pair_of(&own, &[]),
        Some(vec!["b".to_owned(), "d".to_owned()])
    );
    assert_eq!(pair_of(&own[..1], &own[3..]), None);
    assert_eq!(pair_of(&own[2..3], &own[3..]).map(|of| of.len()), Some(2));
}

#[test]
fn a_pair_belongs_to_the_window_of_its_first() {
    let pair = [member("a", 200, EQUATOR_0), member("b", 201, EQUATOR_90)];
    assert_eq!(pair_of(&[member("x", 90, EQUATOR_0)], &pair), None);
    assert!(pair_of(&pair, &[]).is_some());
}

#[test]
fn accuracy_is_taken_off_the_distance() {
    let rough = "0,90,5000 192.0.2.2 KE ";
    let at = |hour| [member("a", 0, EQUATOR_0), member("b", hour, rough)];
    assert!(pair_of(&at(4), &[]).is_some());
    assert_eq!(pair_of(&at(6), &[]), None);
}

#[test]
fn a_record_is_never_compared_with_itself() {
    let twice = [member("a", 1, EQUATOR_0), member("a", 1, EQUATOR_90)];
    assert_eq!(pair_of(&twice, &[]), None);
}

#[test]
fn values_of_other_making_are_passed_over() {
    for bad in [
        "",
        "x",
        "1,2 192.0.2.1 - ",
        "1,2,3",
        "500,0,0 192.0.2.1 - ",
        "1,2,-3 a b c",
    ] {
        let set = [member("a", 1, bad), member("b", 1, EQUATOR_0)];
        assert_eq!(pair_of(&set, &[]), None, "{bad}");
    }
}

#[test]
fn very_many_places_are_bounded() {
    let many: Vec<Member> = (0..1_000)
        .map(|n| member(&format!("r{n}"), 1, &format!("0.{n:04},0,0 192.0.2.1 - ")))
        .collect();
    assert_eq!(pair_of(&many, &[]), None);
    let mut more = many;
    more.push(member("far", 2, EQUATOR_90));
    assert!(pair_of(&more, &[]).is_some());
}
