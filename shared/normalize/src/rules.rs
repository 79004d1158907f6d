//! Rules that an operator writes: which records they apply to, and what they do.
//!
//! A JSON list of objects. The first rule that matches a record decides:
//!
//! ```json
//! [{"operation": ["Set-*", "New-InboxRule"], "user": "NT AUTHORITY\\*", "record_type": "ExchangeAdmin"}]
//! ```
//!
//! All conditions of a rule must hold. A condition with a list of values holds if one of them does. What a rule does is
//! added by [`crate::Filter`] and [`crate::SeverityRules`].

mod facts;
mod filter;
mod list;
mod matcher;
mod pattern;
mod severity_rules;

pub use facts::RecordFacts;
pub use filter::{Action, Decision, Filter, ROUTES_MAX};
pub use list::{RULES_BYTES_MAX, RULES_MAX, RulesError, VALUES_MAX};
pub(crate) use pattern::Pattern;
pub use severity_rules::SeverityRules;
