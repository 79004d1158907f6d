//! Property tests of everything that reads what a stranger sends.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::dice::Dice;
use crate::feed;
use crate::generator::{Library, People, Template};
use crate::login::{assertion, jwt};
use crate::plan::Plan;
use crate::query::Query;
use crate::route::route;

/// Any JSON value, a few levels deep.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,8}", inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// An object that may look like an audit record.
fn record() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![
        "Id",
        "OrganizationId",
        "RecordType",
        "Workload",
        "\\PC{0,8}"
    ];
    prop::collection::btree_map(name, json(), 0..8).prop_map(|fields| fields.into_iter().collect())
}

proptest! {
    #[test]
    fn addresses_and_queries_are_read_without_harm(text in "\\PC{0,200}") {
        let _ = route(&text);
        let query = Query::parse(&text);
        let _ = (query.get("contentType"), query.unknown(&["contentType"]));
        let _ = feed::reads(&text);
    }

    #[test]
    fn tokens_assertions_and_plans_are_read_without_harm(text in "[A-Za-z0-9_.-]{0,300}|\\PC{0,100}") {
        let expected = assertion::Expected { certificates: &[], audiences: &[], client_id: Uuid::nil(), now: Timestamp::UNIX_EPOCH };
        prop_assert_eq!(jwt::read(&[7; 32], &text), None);
        prop_assert!(assertion::verify(&text, &expected).is_err());
        let _ = (Plan::parse(&text), Library::parse(&text));
    }

    #[test]
    fn a_raw_record_keeps_all_but_its_id_and_tenant(record in record()) {
        let line = Value::Object(record.clone()).to_string();
        let (_, template) = Template::of_raw_record(&line).expect("an object");
        let people = People::of(1, Uuid::max());
        let mut written = Vec::new();
        template.write(Uuid::nil(), Timestamp::UNIX_EPOCH, &people, &mut Dice::of(&[1]), &mut written);
        let mut written: Map<String, Value> = serde_json::from_slice(&written).expect("an object");
        let mut expect = record;
        expect.insert("Id".to_owned(), Value::from(Uuid::nil().to_string()));
        expect.insert("OrganizationId".to_owned(), Value::from(Uuid::max().to_string()));
        for fields in [&mut written, &mut expect] {
            fields.sort_keys();
        }
        prop_assert_eq!(written, expect);
    }
}
