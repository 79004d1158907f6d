//! Detections from outside: rules in, records in, findings out.

#![expect(
    clippy::expect_used,
    reason = "a test fails loudly, and says what it expected"
)]

mod bad_input;
mod builtin;
mod columns;
mod detector;
mod groups;
mod places;
mod public_forms;
#[expect(dead_code, reason = "the tests of normalize ask it for more")]
#[path = "../../../normalize/tests/it/schema.rs"]
mod schema;
mod travel;
mod valid;

use std::sync::Arc;

use detections::{Detector, Exceptions, Finding, Rules};
use serde_json::Value;

/// A detector for one file of rules, all of which work.
fn detector(text: &str) -> Detector {
    let rules = Rules::load([("test.yml", text)]);
    assert!(rules.refused().is_empty(), "{:?}", rules.refused());
    Detector::new(Arc::new(rules), Exceptions::default())
}

fn take(detector: &mut Detector, record: &Value) -> Vec<Finding> {
    detector.read(record.to_string().as_bytes())
}
