//! Converts Office 365 Management Activity records to OCSF events or to documents of the Elastic Common Schema (ECS):
//! bytes in, bytes out.
//!
//! Pure: no I/O, no clock, no async. Total: every byte string becomes a valid OCSF event (or ECS 8.11.0 document) and
//! keeps what no rule understands. Deterministic: the event is a function of the record and the [`Context`].

mod batch;
mod ecs;
mod engine;
mod json;
mod mapping;
mod ocsf;
mod options;
mod outcome;
mod project;
mod record;
mod redact;
mod rules;
mod severity;
mod version;

pub use batch::Batch;
pub use engine::{Context, event};
pub use options::{Options, RawData, Schema, UnknownSchema};
pub use outcome::{Outcome, Unknown};
pub use record::{Identity, Malformed, identify};
pub use redact::{may_hold_secrets, redact_element};
pub use rules::{
    Action, Decision, Filter, ROUTES_MAX, RULES_BYTES_MAX, RULES_MAX, RecordFacts, RulesError,
    SeverityRules, VALUES_MAX,
};
pub use version::{OcsfVersion, UnknownVersion};
