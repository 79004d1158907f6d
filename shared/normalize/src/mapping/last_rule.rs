//! The fallback for records without a rule of their own, future record types included: class API Activity.

use super::apps;
use super::verbs::{self, Verb};
use crate::ocsf::class::ApiActivity;
use crate::ocsf::resource::Resource;
use crate::ocsf::{Event, api};
use crate::record::Record;

/// How a record was recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatchedBy {
    /// By a rule for its operation or for its record type.
    Rule,
    /// By the verb in its operation's name. Services without rules of their own have nothing else.
    Verb,
    /// Not at all: the operation has no known verb.
    Nothing,
}

/// Documented operations without a verb, of services without rules. They do not count as unknown.
const WITHOUT_VERB: &[&str] = &[
    "adminsubmission",
    "heartbeat",
    "supervisionrulematch",
    "supervisoryreviewtag",
    "usersubmission",
];

/// Maps an operation by the verb in its name and returns whether that was enough. Nothing else is interpreted; all
/// members stay in `unmapped`.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) -> MatchedBy {
    let verb = verbs::of(&record.op);
    event.classify(verb.map_or(ApiActivity::Other, Verb::api));
    event.raise(apps::rate_operation(&record.op));
    api::write_api(record, event);
    let object = Resource::target(record.type_name(), None, record.take("ObjectId"));
    event.body.array("resources", |w| {
        w.element_object(|w| object.write(w, |_| ()));
    });
    if verb.is_some() || WITHOUT_VERB.contains(&&*record.op) {
        MatchedBy::Verb
    } else {
        MatchedBy::Nothing
    }
}
