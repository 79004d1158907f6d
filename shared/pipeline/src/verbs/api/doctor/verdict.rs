//! What all checks come to: one word, and one sentence.

use std::time::Duration;

use serde::Serialize;

use super::evidence::Evidence;
use super::finding::{Check, Harm, Id, Outcome};
use crate::clock::{earlier, minute};

/// So long nothing may come before a tenant without faults counts as quiet.
const QUIET_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How a tenant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// Everything is in order, and content comes.
    Healthy,
    /// Everything is in order, and Microsoft has nothing.
    Quiet,
    /// Content comes, but something is wrong.
    Degraded,
    /// Nothing comes.
    Broken,
}

/// The word and the sentence.
pub(super) fn verdict(seen: Option<&Evidence>, checks: &[Check]) -> (Verdict, String) {
    let failed: Vec<&Check> = with(checks, Outcome::Failed);
    let Some(first) = failed.first() else {
        return without_failure(seen, checks);
    };
    let types = checks
        .iter()
        .filter(|check| check.of == Id::Subscription)
        .count();
    let stopped = failed.iter().filter(|check| check.harm == Harm::StopsType);
    let mut stopped: Vec<_> = stopped.map(|check| check.content_type).collect();
    stopped.sort_unstable();
    stopped.dedup();
    let all_stop = failed.iter().any(|check| check.harm == Harm::StopsAll)
        || (types > 0 && stopped.len() == types);
    let verdict = if all_stop {
        Verdict::Broken
    } else {
        Verdict::Degraded
    };
    let more = match failed.len() - 1 {
        0 => String::new(),
        1 => " One more check failed.".to_owned(),
        more => format!(" {more} more checks failed."),
    };
    (verdict, format!("{}{more}", first.meaning))
}

fn without_failure(seen: Option<&Evidence>, checks: &[Check]) -> (Verdict, String) {
    let warnings = with(checks, Outcome::Warning);
    let but = match warnings.first() {
        Some(first) => format!(" But: {}", first.meaning),
        None => String::new(),
    };
    let last = seen.and_then(Evidence::last_content);
    let is_quiet = |at| seen.is_some_and(|seen| at < earlier(seen.now, QUIET_AFTER));
    match last {
        Some(last) if !is_quiet(last) => (
            Verdict::Healthy,
            format!(
                "Everything is in order; the last content was written on {}.{but}",
                minute(last)
            ),
        ),
        Some(last) => (
            Verdict::Quiet,
            format!(
                "Everything is in order, and Microsoft has had nothing for us since {}.{but}",
                minute(last)
            ),
        ),
        None => (
            Verdict::Quiet,
            format!("Everything is in order, and Microsoft has nothing for us yet.{but}"),
        ),
    }
}

fn with(checks: &[Check], result: Outcome) -> Vec<&Check> {
    checks
        .iter()
        .filter(|check| check.result == result)
        .collect()
}
