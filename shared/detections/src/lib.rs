//! Detections: Sigma rules over audit records. Records in, findings out.
//!
//! Pure: no I/O, no clock, no async. Rules are data ([`Rules`]); a [`Detector`] holds what was seen of the records so far. Both
//! are total: a rule that cannot be used is named with its reason, a record that cannot be read is counted, and whatever grows
//! has a limit. Findings do not depend on the order in which records come, nor on records that come twice: a finding's uid is a
//! function of the rule and of the record, or of the rule, the group and the window.

mod builtin;
mod detector;
mod exceptions;
mod finding;
mod fixtures;
mod look;
mod places;
mod record;
mod rules;
mod seen;
mod windows;

pub use builtin::{Source, builtin, builtin_sources, builtin_text, builtin_titles};
pub use detector::{
    Detector, FINDINGS_PER_HOUR_MAX, KEYS_MAX, REMEMBERED_FINDINGS_MAX, Told, VALUES_MAX,
    WINDOWS_MAX,
};
pub use exceptions::{EXCEPTIONS_MAX, Exception, Exceptions, ExceptionsError};
pub use finding::{Endpoint, Finding, RECORDS_NAMED_MAX};
pub use fixtures::{FixtureFailure, Fixtures, FixturesError};
pub use look::{Join, Look, Question};
pub use places::{
    AutonomousSystem, Degrees, Location, PLACES_BYTES_MAX, Place, Places, PlacesError, PlacesKind,
};
pub use record::{MEMBERS_MAX, NoRecord, RECORD_BYTES_MAX, Record};
pub use rules::{
    About, DOCUMENTS_MAX, Kind, NESTING_MAX, Off, REGEX_BYTES_MAX, RULE_BYTES_MAX, RULES_MAX,
    Refused, Rules, THRESHOLD_MAX, UnusableRule, Warning, lint,
};
pub use seen::{SeenKey, Sighting, VALUES_PER_KEY_MAX};
pub use windows::{MEMBERS_MAX as WINDOW_MEMBERS_MAX, Member, WindowKey};
