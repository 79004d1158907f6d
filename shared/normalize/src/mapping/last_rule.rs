//! The rule for whatever has no rule of its own, future record types among it: class API Activity.

use super::verbs::{self, Verb};
use crate::ocsf::Event;
use crate::ocsf::api;
use crate::ocsf::class::ApiActivity;
use crate::ocsf::resource::Resource;
use crate::record::Record;

/// By what a record was recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatchedBy {
    /// A rule for its operation, or for all that is of its record type.
    Rule,
    /// The verb in its operation's name: all that there is for services without rules of their own.
    Verb,
    /// Nothing: there is no verb that is known.
    Nothing,
}

/// Documented operations of services without rules, in whose names there is no verb: nothing is missing where they come.
const WITHOUT_VERB: &[&str] = &[
    "adminsubmission",
    "heartbeat",
    "supervisionrulematch",
    "supervisoryreviewtag",
    "usersubmission",
];

/// Maps an operation by the verb in its name, and says whether that sufficed. Nothing is interpreted beyond that; all
/// members stay in `unmapped`.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) -> MatchedBy {
    let verb = verbs::of(&record.op);
    event.classify(verb.map_or(ApiActivity::Other, Verb::api));
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
