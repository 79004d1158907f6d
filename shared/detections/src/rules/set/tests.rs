//! Rules that are loaded, and rules that are refused.

use super::super::about::Kind;
use super::super::lint::lint;
use super::super::refusal::RULE_BYTES_MAX;
use super::*;

const HEAD: &str = "logsource: {product: m365, service: audit}\nlevel: low\n";

fn rule(title: &str, detection: &str) -> String {
    format!("title: {title}\n{HEAD}detection:\n{detection}")
}

fn simple(title: &str) -> String {
    rule(
        title,
        "  selection:\n    Operation: New-InboxRule\n  condition: selection\n",
    )
}

fn reasons(text: &str) -> Vec<UnusableRule> {
    let rules = Rules::load([("a.yml", text)]);
    rules.refused.into_iter().map(|of| of.reason).collect()
}

#[test]
fn a_rule_that_is_wrong_is_named_and_the_others_run() {
    let bad = rule(
        "Bad",
        "  selection:\n    Operation|nonsense: x\n  condition: selection\n",
    );
    let good = simple("Good");
    let rules = Rules::load([("bad.yml", &*bad), ("good.yml", &*good)]);
    assert_eq!(rules.refused().len(), 1, "{:?}", rules.refused());
    assert_eq!(rules.refused()[0].file, "bad.yml");
    let record = br#"{"Operation":"New-InboxRule"}"#;
    let matched = rules.matches(&Record::read(record).unwrap()).len();
    assert_eq!(matched, 1);
}

#[test]
fn yaml_bombs_are_refused_unexpanded() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (new, old) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        text +=
            &format!("{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}]\n");
    }
    assert_eq!(reasons(&text), [UnusableRule::Alias]);
    let deep = format!("a: {}{}", "[".repeat(40), "]".repeat(40));
    assert_eq!(reasons(&deep), [UnusableRule::TooDeep]);
    let deeper = format!("a: {}", "[".repeat(5_000));
    assert!(matches!(&reasons(&deeper)[..], [UnusableRule::Sigma(_)]));
    let repeated = simple("a") + &"---\naction: repeat\n".repeat(1_000);
    assert_eq!(reasons(&repeated), [UnusableRule::TooManyDocuments]);
    assert_eq!(
        reasons(&"#".repeat(RULE_BYTES_MAX + 1)),
        [UnusableRule::TooLong]
    );
}

#[test]
fn a_condition_of_many_brackets_is_refused() {
    let condition = format!("{}selection{}", "(".repeat(20_000), ")".repeat(20_000));
    let text = rule(
        "a",
        &format!("  selection:\n    Operation: x\n  condition: '{condition}'\n"),
    );
    assert_eq!(reasons(&text), [UnusableRule::TooDeep]);
    let nots = "not ".repeat(10_000);
    let text = rule(
        "a",
        &format!("  selection:\n    Operation: x\n  condition:\n    - {nots} selection\n"),
    );
    assert_eq!(reasons(&text), [UnusableRule::TooDeep]);
}

#[test]
fn a_regular_expression_that_explodes_is_refused() {
    for pattern in ["((a{1,200}){1,200}){1,200}", "(unclosed"] {
        let text = rule(
            "a",
            &format!("  selection:\n    UserId|re: '{pattern}'\n  condition: selection\n"),
        );
        assert!(matches!(&reasons(&text)[..], [UnusableRule::Regex(_)]));
    }
}

#[test]
fn rules_of_other_products_are_refused() {
    let text = simple("a").replace("m365", "windows");
    assert_eq!(reasons(&text), [UnusableRule::Product]);
}

#[test]
fn rules_beyond_the_limit_are_refused() {
    let files: Vec<String> = (0..RULES_MAX + 3)
        .map(|n| simple(&format!("r{n}")))
        .collect();
    let rules = Rules::load(files.iter().map(|text| ("a.yml", &**text)));
    assert_eq!(rules.about().count(), RULES_MAX);
    assert_eq!(rules.refused().len(), 3);
    assert_eq!(rules.refused()[0].reason, UnusableRule::TooMany);
}

#[test]
fn two_rules_of_one_id_are_refused() {
    let text = format!("{}---\n{}", simple("a"), simple("a"));
    assert_eq!(reasons(&text), [UnusableRule::SameId]);
}

#[test]
fn the_custom_field_is_read_or_refused() {
    let with = |field: &str| format!("{}ualstream:\n{field}\n", simple("a"));
    let good =
        "  respond: Ask.\n  first_seen: {field: ClientIP, by: [UserId], within: 30d, learning: 7d}";
    let rules = Rules::load([("a.yml", &*with(good))]);
    let about = rules.about().next().unwrap();
    assert_eq!((about.kind, &*about.respond), (Kind::FirstSeen, "Ask."));
    for bad in [
        "  nonsense: 1",
        "  first_seen: {field: a, by: [b], within: long, learning: 7d}",
    ] {
        assert!(matches!(&reasons(&with(bad))[..], [UnusableRule::Extra(_)]));
    }
}

fn correlation(body: &str) -> String {
    let base = simple("a").replace("title: a", "title: a\nname: base");
    format!("{base}---\ntitle: b\nlevel: high\ncorrelation:\n{body}")
}

#[test]
fn correlations_that_cannot_be_decided_are_refused() {
    let of = |more: &str| {
        correlation(&format!(
            "  type: event_count\n  rules: [base]\n  group-by: [UserId]\n  timespan: 5m\n{more}"
        ))
    };
    assert!(reasons(&of("  condition: {gte: 3}")).is_empty());
    for bad in [
        "  condition: {lt: 3}",
        "  condition: {eq: 3}",
        "  condition: {gte: 100000}",
    ] {
        let reasons = reasons(&of(bad));
        assert!(
            matches!(&reasons[..], [UnusableRule::Correlation(_)]),
            "{bad}: {reasons:?}"
        );
    }
    let lacking = of("  condition: {gte: 3}").replace("[base]", "[other]");
    assert_eq!(
        reasons(&lacking),
        [UnusableRule::LacksBase("other".to_owned())]
    );
}

#[test]
fn base_rules_make_no_findings_of_their_own() {
    let body = "  type: event_count\n  rules: [base]\n  timespan: 5m\n  condition: {gte: 3}";
    let text = correlation(body);
    let rules = Rules::load([("a.yml", &*text)]);
    let titles: Vec<&str> = rules.about().map(|about| &*about.title).collect();
    assert_eq!(titles, ["b"]);
    let text = correlation(&format!("{body}\n  generate: true"));
    assert_eq!(Rules::load([("a.yml", &*text)]).about().count(), 2);
}

#[test]
fn the_prefilter_only_passes_over_rules_that_cannot_match() {
    let conditions = [
        "  a:\n    Operation: [One, two]\n  condition: a\n",
        "  a:\n    eventName: Alert x\n    status: success\n  condition: a\n",
        "  a:\n    Operation|contains: ne\n  condition: a\n",
        "  a:\n    Operation|startswith: [tw, AL]\n  condition: a\n",
        "  a:\n    Operation|endswith|cased: E\n  condition: a\n",
        "  a:\n    eventName|contains|all: [a, X]\n  condition: a\n",
        "  a:\n    Operation: 'O*'\n  condition: a\n",
        "  a:\n    Operation: One\n  condition: not a\n",
        "  a:\n    Operation: One\n  b:\n    UserId: alex\n  condition: a or b\n",
        "  a:\n    Operation: One\n  b:\n    UserId: alex\n  condition: a and not b\n",
        "  s_a:\n    Operation: One\n  s_b:\n    Operation: Two\n  condition: 1 of s_*\n",
        "  s_a:\n    Operation: One\n  s_b:\n    UserId: alex\n  condition: all of s_*\n",
        "  a:\n    - Operation: One\n    - Operation: Two\n  condition: a\n",
    ];
    let texts: Vec<String> = conditions
        .iter()
        .enumerate()
        .map(|(n, of)| rule(&format!("r{n}"), of))
        .collect();
    let rules = Rules::load(texts.iter().map(|text| ("a.yml", &**text)));
    assert!(rules.refused().is_empty(), "{:?}", rules.refused());
    for operation in ["One", "ONE", "two", "AlertTriggered", "Alert x"] {
        for user in ["alex", "sam"] {
            let text =
                format!(r#"{{"Operation":"{operation}","UserId":"{user}","Name":"Alert X"}}"#);
            let record = Record::read(text.as_bytes()).unwrap();
            let all: Vec<usize> = (0..rules.rules.len())
                .filter(|rule| evaluate_rule(&rules.rules[*rule].compiled, &record).is_some())
                .collect();
            assert_eq!(rules.matching(&record), all, "{text}");
        }
    }
}

#[test]
fn lint_tells_what_a_rule_lacks() {
    let warnings = lint("a.yml", &simple("a"));
    let texts: Vec<&str> = warnings.iter().map(|of| &*of.text).collect();
    for lacking in ["description", "tags", "falsepositives", "ualstream.respond"] {
        assert!(
            texts
                .iter()
                .any(|text| text.ends_with(&format!("no {lacking}"))),
            "{texts:?}"
        );
    }
    assert!(lint("a.yml", "a: [").iter().any(|of| of.is_error));
}
