//! Rules that an operator writes: which records they are about, and what is done with those.
//!
//! A list of objects, the first that matches a record decides:
//!
//! ```json
//! [{"operation": ["Set-*", "New-InboxRule"], "user": "NT AUTHORITY\\*", "record_type": "ExchangeAdmin"}]
//! ```
//!
//! Every condition that is given must hold; one value of a list is enough. What a rule does is added by
//! [`crate::Filter`] and [`crate::SeverityRules`].

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
