//! Rules: loaded from Sigma documents, compiled, and tried on records.

mod about;
mod correlation;
mod limits;
mod lint;
mod needs;
mod off;
mod prefilter;
mod refusal;
mod set;
mod travel;

pub use self::about::{About, Kind};
pub(crate) use self::correlation::Correlation;
pub use self::correlation::THRESHOLD_MAX;
pub use self::lint::{Warning, lint};
pub use self::off::Off;
pub use self::refusal::{
    DOCUMENTS_MAX, NESTING_MAX, REGEX_BYTES_MAX, RULE_BYTES_MAX, RULES_MAX, Refused, UnusableRule,
};
pub(crate) use self::set::Rule;
pub use self::set::Rules;
pub(crate) use self::travel::{Travel, UNKNOWN_COUNTRY};
