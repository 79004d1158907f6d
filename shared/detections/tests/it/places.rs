//! Where addresses are: what rules and findings see of the operator's files, and files that are broken.

use std::sync::Arc;

use detections::{
    Detector, Exceptions, PLACES_BYTES_MAX, Places, PlacesError, PlacesKind, Record, Rules, builtin,
};
use normalize::OcsfVersion;
use serde_json::json;

use super::detector::{RULES, inbox_rule, sign_in};
use super::take;

pub(crate) const CITY: &[u8] = include_bytes!("../places/city.mmdb");
const COUNTRY: &[u8] = include_bytes!("../places/country.mmdb");
const ASN: &[u8] = include_bytes!("../places/asn.mmdb");

fn places(files: &[&[u8]]) -> Places {
    let mut places = Places::default();
    for file in files {
        places.add("test", file.to_vec()).expect("a file of places");
    }
    places
}

pub(crate) fn city_and_networks() -> Places {
    places(&[CITY, ASN])
}

/// A detector for one file of rules that knows places.
pub(crate) fn located(text: &str, places: Places) -> Detector {
    let rules = Rules::load([("test.yml", text)]);
    assert!(rules.refused().is_empty(), "{:?}", rules.refused());
    Detector::new(Arc::new(rules), Exceptions::default()).with_places(Arc::new(places))
}

#[test]
fn addresses_are_looked_up_in_both_files() {
    let places = city_and_networks();
    for (address, city) in [
        ("198.51.100.7", "Berlin"),
        ("::ffff:198.51.100.7", "Berlin"),
        ("2001:db8:2::1", "São Paulo"),
        ("192.0.2.255", "Hamburg"),
    ] {
        let place = places.of(address).expect(address);
        let location = place.location.expect(address);
        assert_eq!(location.city.as_deref(), Some(city));
        let system = place.autonomous_system.expect(address);
        assert_eq!(system.name, Some(format!("Example {city}")));
    }
    for unknown in [
        "10.1.2.3",
        "fe80::1%eth0",
        "::1",
        "home",
        "",
        "198.51.100.7:443",
    ] {
        assert_eq!(places.of(unknown), None, "{unknown}");
    }
    assert_eq!(places.damaged(), 0);
    assert_eq!(Places::default().of("198.51.100.7"), None);
}

#[test]
fn rules_see_the_place_of_a_records_address() {
    let places = city_and_networks();
    let record = inbox_rule("r1").to_string();
    let read = || Record::read(record.as_bytes()).expect("a record");
    let texts =
        |record: &Record<'_>, field: &str| record.texts(&format!("ocsf.src_endpoint.{field}"));
    let seen = read().with_places(&places);
    assert_eq!(texts(&seen, "location.country"), ["BR"]);
    assert_eq!(texts(&seen, "location.city"), ["São Paulo"]);
    assert_eq!(texts(&seen, "location.lat"), ["-23.5475"]);
    assert_eq!(texts(&seen, "location.long"), ["-46.6361"]);
    assert_eq!(texts(&seen, "autonomous_system.number"), ["64497"]);
    assert_eq!(
        texts(&seen, "autonomous_system.name"),
        ["Example São Paulo"]
    );
    assert_eq!(texts(&seen, "ip"), ["203.0.113.7"]);
    assert!(texts(&read(), "location.country").is_empty());
}

#[test]
fn findings_say_where_their_address_is() {
    let mut detector = located(RULES, city_and_networks());
    let mut findings = take(&mut detector, &inbox_rule("r1"));
    // A correlation that groups by the address.
    for (n, user) in ["alex", "sam", "kim"].iter().enumerate() {
        let time = format!("2026-03-01T10:00:0{n}");
        let record = sign_in(
            &n.to_string(),
            "UserLoginFailed",
            user,
            "198.51.100.9",
            &time,
        );
        findings.extend(take(&mut detector, &record));
    }
    assert_eq!(findings.len(), 2);
    let event = findings[0].to_ocsf(OcsfVersion::default());
    let endpoint = &event["evidences"][0]["src_endpoint"];
    let expected = json!({
        "ip": "203.0.113.7",
        "location": { "country": "BR", "city": "São Paulo", "lat": -23.5475, "long": -46.6361 },
        "autonomous_system": { "number": 64497, "name": "Example São Paulo" },
    });
    assert_eq!(*endpoint, expected);
    let event = findings[1].to_ocsf(OcsfVersion::V1_1);
    let endpoint = &event["evidences"][0]["src_endpoint"];
    let expected = json!({
        "ip": "198.51.100.9",
        "location": { "country": "DE", "city": "Berlin", "coordinates": [13.4105, 52.5244] },
    });
    assert_eq!(*endpoint, expected);
    let document = findings[0].to_ecs();
    assert_eq!(document["source"]["geo"]["country_iso_code"], "BR");
    assert_eq!(document["source"]["geo"]["location"]["lon"], -46.6361);
    assert_eq!(document["source"]["as"]["number"], 64497);
    assert_eq!(document["related"]["ip"], json!(["203.0.113.7"]));
}

#[test]
fn rules_that_lack_places_are_off_and_named() {
    let rules = builtin();
    let off = |places: &Places| -> Vec<(String, PlacesKind)> {
        let off = rules.off_without(places).into_iter();
        let mut off: Vec<_> = off.map(|of| (of.rule.file.clone(), of.lacks)).collect();
        off.sort_by(|a, b| a.0.cmp(&b.0));
        off
    };
    let of = |name: &str, lacks| (format!("sign-in/{name}.yml"), lacks);
    let country = of("first-country", PlacesKind::Countries);
    let network = of("first-network", PlacesKind::Networks);
    let travel = |lacks| of("impossible-travel", lacks);
    assert_eq!(
        off(&Places::default()),
        [
            country.clone(),
            network.clone(),
            travel(PlacesKind::Countries)
        ]
    );
    assert_eq!(
        off(&places(&[COUNTRY])),
        [network.clone(), travel(PlacesKind::Cities)]
    );
    assert_eq!(
        off(&places(&[ASN])),
        [country, travel(PlacesKind::Countries)]
    );
    assert_eq!(off(&places(&[CITY])), [network]);
    assert_eq!(off(&city_and_networks()), []);
}

#[test]
fn a_rule_that_only_leaves_places_out_is_not_off() {
    let needs = |detection: &str| {
        let rule = format!("title: a\nlogsource: {{product: m365}}\ndetection:\n{detection}");
        let rules = Rules::load([("a.yml", &*rule)]);
        assert!(rules.refused().is_empty(), "{:?}", rules.refused());
        let about = rules.about().next().expect("a rule");
        about.needs.clone()
    };
    let country = "ocsf.src_endpoint.location.country";
    let (selection, place) = (
        "  s:\n    Operation: x\n",
        format!("  p:\n    {country}: DE\n"),
    );
    for (condition, expected) in [
        ("s and not p", &[][..]),
        ("s or p", &[]),
        ("s and p", &[PlacesKind::Countries]),
        ("all of them", &[PlacesKind::Countries]),
        ("1 of them", &[]),
    ] {
        let detection = format!("{selection}{place}  condition: {condition}\n");
        assert_eq!(needs(&detection), expected, "{condition}");
    }
    let absent = format!("  p:\n    {country}: null\n  condition: p\n");
    assert_eq!(needs(&absent), []);
    let absent = format!("  p:\n    {country}|exists: false\n  condition: p\n");
    assert_eq!(needs(&absent), []);
    let city = "  p:\n    ocsf.src_endpoint.location.city: Berlin\n  condition: p\n";
    assert_eq!(needs(city), [PlacesKind::Cities]);
}

/// A file's bytes with another type of the same length.
fn of_type(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let at = file.windows(from.len()).rposition(|of| of == from);
    let at = at.expect("the type is there");
    let mut file = file.to_vec();
    file[at..at + to.len()].copy_from_slice(to);
    file
}

#[test]
fn a_file_that_cannot_be_used_is_named_and_the_other_works() {
    let mut places = places(&[ASN]);
    let mut add = |bytes: Vec<u8>| places.add("my.mmdb", bytes).expect_err("a bad file");
    let errors = [
        add(Vec::new()),
        add(b"no places".to_vec()),
        add(CITY[..CITY.len() / 2].to_vec()),
        add(CITY[..CITY.len() - 5].to_vec()),
        add(of_type(CITY, "Test-City", "Test-Pity")),
        add(ASN.to_vec()),
        add(vec![0; PLACES_BYTES_MAX + 1]),
    ];
    assert!(matches!(errors[0], PlacesError::Empty { .. }));
    for error in &errors[1..4] {
        assert!(matches!(error, PlacesError::Format { .. }), "{error}");
    }
    assert!(matches!(errors[4], PlacesError::Kind { .. }));
    assert!(matches!(errors[5], PlacesError::Twice { .. }));
    assert!(matches!(errors[6], PlacesError::TooLarge { .. }));
    for error in &errors {
        assert!(error.to_string().contains("my.mmdb"), "{error}");
    }
    let place = places.of("192.0.2.1").expect("the other file works");
    assert_eq!(
        place.autonomous_system.expect("its system").number,
        Some(64498)
    );
}

#[test]
fn entries_of_another_shape_are_unknown() {
    let countries = of_type(COUNTRY, "Test-Country", "Test-ASNntry");
    let places = places(&[&countries]);
    assert!(places.tell(PlacesKind::Networks));
    assert_eq!(places.of("198.51.100.7"), None);
}

#[test]
fn look_ups_that_end_at_damage_are_counted() {
    let mut file = CITY.to_vec();
    let at = file.windows(6).position(|of| of == b"Berlin");
    let at = at.expect("the city is there");
    file[at - 8..at + 6].fill(0xff);
    let places = places(&[&file, ASN]);
    let place = places.of("198.51.100.7").expect("its network");
    assert_eq!(place.location, None);
    assert_eq!(places.damaged(), 1);
}

proptest::proptest! {
    #[test]
    fn a_damaged_file_is_refused_or_knows_less(
        changes in proptest::collection::vec((0..CITY.len(), proptest::prelude::any::<u8>()), 1..20),
        address in proptest::prelude::any::<u32>(),
    ) {
        let mut file = CITY.to_vec();
        for (at, byte) in changes {
            file[at] = byte;
        }
        let mut places = Places::default();
        if places.add("damaged", file).is_ok() {
            let address = std::net::Ipv4Addr::from(address).to_string();
            let addresses = [&*address, "198.51.100.7", "203.0.113.50", "192.0.2.1", "2001:db8:1::1"];
            let _known = addresses.map(|address| places.of(address));
        }
    }

    #[test]
    fn any_bytes_are_taken_as_a_file(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let with_mark = [&bytes[..], b"\xab\xcd\xefMaxMind.com", &bytes].concat();
        for bytes in [bytes, with_mark] {
            let _taken = Places::default().add("any", bytes);
        }
    }
}
