//! What flows: notifications, content, how long it takes, what is open and what was lost.

use std::time::Duration;

use jiff::Timestamp;

use super::evidence::{Evidence, Heard};
use super::finding::{Check, Harm, Id, page, span};
use crate::clock::{earlier, minute};
use crate::store::ledger::budget::REQUESTS_PER_MINUTE;
use crate::store::ledger::registry::brake::BrakeReason;
use crate::verbs::reconcile::{NOT_SWEPT_AFTER_PERIODS, Periods};

/// From when on an open blob is told of: tries are seconds to minutes apart at first.
const OPEN_IS_NORMAL_FOR: Duration = Duration::from_secs(3600);

/// From when on it is a failure: the alarm OpenBlobAlarm's.
const OPEN_FAILS_AFTER: Duration = Duration::from_secs(6 * 3600);

/// What Microsoft lists is in the lake within this time, or something is wrong.
const DELIVERED_WITHIN: Duration = Duration::from_secs(1800);

/// How far the last notification may lie behind the last content before that is told: then it is the sweep that finds it.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(6 * 3600);

/// When notifications last came.
pub(super) fn last_notification(seen: &Evidence) -> Check {
    let id = Id::LastNotification;
    if seen.wanted.as_ref().is_ok_and(|wanted| wanted.is_empty()) {
        return Check::skipped(id, "This installation has no webhook.");
    }
    let last = seen
        .types()
        .filter_map(|(_, known)| known.last_notification_at)
        .max();
    let check = match (last, seen.last_content()) {
        (None, None) => Check::ok(id, "Microsoft has not announced anything yet."),
        (None, Some(_)) => Check::warning(
            id,
            "Content comes, but Microsoft has announced none of it: our sweep found it.",
        )
        .remedy("Look at the checks of the webhook. If they are good, wait: notifications were seen hours late.")
        .link(page::TROUBLE),
        (Some(last), Some(content)) if last < earlier(content, ANNOUNCED_WITHIN) => Check::warning(
            id,
            format!(
                "The last notification came on {}; since then only our sweep found content.",
                minute(last)
            ),
        )
        .remedy("Look at the checks of the webhook.")
        .link(page::TROUBLE),
        (Some(last), _) => Check::ok(id, format!("Microsoft last announced content on {}.", minute(last))),
    };
    facts(seen, check.since(last), |known| known.last_notification_at)
}

/// A time of each content type.
fn facts(
    seen: &Evidence,
    check: Check,
    of: impl Fn(&crate::store::ledger::registry::Subscription) -> Option<Timestamp>,
) -> Check {
    seen.types().fold(check, |check, (content_type, known)| {
        let at = of(known).map(|at| at.to_string());
        check.fact(content_type.as_str(), at)
    })
}

/// When content last came, against what Microsoft lists.
pub(super) fn last_content(seen: &Evidence) -> Check {
    let id = Id::LastContent;
    let last = seen.last_content();
    let overdue = earlier(seen.now, DELIVERED_WITHIN);
    let missing = seen.types().find(|(of, known)| {
        let Some(Heard::Answer(lately)) = seen.lately.get(of) else {
            return false;
        };
        let is_due = lately.newest.is_some_and(|newest| newest < overdue);
        is_due && known.last_content_at < lately.newest
    });
    let check = match (missing, last) {
        (Some((of, known)), _) => Check::failed(
            id,
            Harm::Slower,
            format!("Microsoft lists content of {of} from the last hour that has not arrived here."),
        )
        .remedy("Look at the open blobs and the lag below: they say what keeps it.")
        .of_type(of)
        .since(known.last_content_at),
        (None, Some(last)) => Check::ok(
            id,
            format!("The last content was written on {}.", minute(last)),
        )
        .since(Some(last)),
        (None, None) => Check::ok(
            id,
            "Microsoft has nothing for us yet. After the first start that is normal for up to 12 hours, and in a small tenant for longer.",
        )
        .since(Some(seen.registered.tenant.created_at)),
    };
    facts(seen, check, |known| known.last_content_at)
}

/// How long content takes, and how far the sweep is.
pub(super) fn lag(seen: &Evidence) -> Check {
    let id = Id::Lag;
    let longest = Periods::DEPLOYED.quiet * NOT_SWEPT_AFTER_PERIODS;
    let state = match &seen.sweep {
        Err(why) => return Check::unknown(id, format!("How far we are cannot be read: {why}.")),
        Ok(state) => state.clone().unwrap_or_default(),
    };
    let marks = seen.types().map(|(of, _)| {
        let sweep = state.types.get(&of);
        sweep.and_then(|sweep| sweep.watermark)
    });
    let listed_until = marks.min().flatten();
    let is_beginning = state.types.values().any(|sweep| sweep.is_beginning());
    let known_at = state.known_at.unwrap_or(seen.registered.tenant.created_at);
    let behind_since = listed_until.unwrap_or(known_at);
    let check = if is_beginning {
        Check::ok(
            id,
            format!(
                "The first listing is under way, seven days back; it has come to {}.",
                listed_until.map_or_else(|| "its begin".to_owned(), minute)
            ),
        )
    } else if behind_since < earlier(seen.now, longest) && is_served(seen) {
        let why = match &state.last_error {
            Some(error) => format!(" The last sweep said: {error}."),
            None => " No sweep has run since.".to_owned(),
        };
        Check::failed(
            id,
            Harm::Slower,
            format!(
                "We have not compared with Microsoft's listing since {}.{why}",
                minute(behind_since)
            ),
        )
        .remedy("If the checks before this one are good, look at the reconciler: its schedule, its role and its log.")
        .since(Some(behind_since))
    } else {
        delivered(seen)
    };
    let check = check.fact("listed_until", listed_until.map(|at| at.to_string()));
    check.fact("sweep_failures", state.failures)
}

/// Whether anything should be compared: not for a tenant that is paused, leaving or braked, which other checks tell.
fn is_served(seen: &Evidence) -> bool {
    let tenant = &seen.registered.tenant;
    tenant.brake.is_none() && tenant.state == crate::store::ledger::registry::TenantState::Active
}

/// How long the blobs of the last hours took, half of them at most.
fn delivered(seen: &Evidence) -> Check {
    let id = Id::Lag;
    let blobs = match &seen.recent {
        Err(why) => return Check::unknown(id, format!("The last blobs cannot be read: {why}.")),
        Ok(blobs) => blobs,
    };
    let times = blobs.iter().filter_map(|one| {
        let (created, done) = (one.blob.content_created, one.done_at?);
        let heard = one.first_seen_at?.min(done);
        let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs().max(0);
        Some((seconds(created, heard), seconds(heard, done)))
    });
    let (mut until_heard, mut until_done): (Vec<i64>, Vec<i64>) = times.unzip();
    let (Some(theirs), Some(ours)) = (median(&mut until_heard), median(&mut until_done)) else {
        return Check::ok(id, "Nothing came in the last hours that could be measured.");
    };
    Check::ok(
        id,
        format!(
            "From Microsoft's making content available to the lake it takes {}: {} until we hear of it, and {} of ours.",
            span(theirs + ours),
            span(theirs),
            span(ours)
        ),
    )
    .fact("until_heard_seconds", theirs)
    .fact("until_delivered_seconds", ours)
    .fact("blobs", until_done.len())
}

fn median(seconds: &mut [i64]) -> Option<i64> {
    seconds.sort_unstable();
    seconds.get(seconds.len() / 2).copied()
}

/// Whether Microsoft asks for fewer requests.
pub(super) fn throttling(seen: &Evidence) -> Check {
    let id = Id::Throttling;
    let brake = seen.registered.tenant.brake.as_ref();
    let brake = brake.filter(|brake| brake.reason == BrakeReason::Throttled);
    let check = if seen.is_throttled() || brake.is_some() {
        Check::failed(
            id,
            Harm::Slower,
            "Microsoft throttles the tenant (too many requests): content comes later, nothing is lost.",
        )
        .remedy("Nothing at first: we slow down by ourselves. If it stays, see which other program reads the same tenant without a PublisherIdentifier, and ask Microsoft's support for a larger quota.")
        .link(page::API)
        .since(brake.map(|brake| brake.since))
    } else {
        Check::ok(id, "Microsoft does not throttle the tenant.")
    };
    match &seen.requests {
        Ok(taken) => check
            .fact("requests_this_minute", *taken)
            .fact("requests_per_minute_max", REQUESTS_PER_MINUTE),
        Err(_) => check,
    }
}

/// What is not finished.
pub(super) fn open_blobs(seen: &Evidence) -> Check {
    let id = Id::OpenBlobs;
    let open = match &seen.open {
        Err(why) => return Check::unknown(id, format!("What is open cannot be read: {why}.")),
        Ok(open) => open,
    };
    let Some(oldest) = open.iter().min_by_key(|open| open.blob.content_created) else {
        return Check::ok(
            id,
            "Nothing is open: all that was announced is in the lake.",
        )
        .fact("open", 0);
    };
    let age = seen.now.duration_since(oldest.blob.content_created);
    let cause = match &oldest.cause {
        Some(cause) => format!(" Its last attempt said: {cause}."),
        None => String::new(),
    };
    let meaning = format!(
        "{} announced blobs are not in the lake yet; the oldest has waited for {}, after {} attempts.{cause}",
        open.len(),
        span(age.as_secs().max(0)),
        oldest.attempts
    );
    let waits_longer = |than: Duration| oldest.blob.content_created < earlier(seen.now, than);
    let check = if waits_longer(OPEN_FAILS_AFTER) {
        Check::failed(id, Harm::Slower, meaning)
            .remedy("Repair what its last attempt says. It is tried again until Microsoft forgets it, seven days after it was published.")
    } else if waits_longer(OPEN_IS_NORMAL_FOR) {
        Check::warning(id, meaning).remedy("Nothing at first: it is tried again by itself.")
    } else {
        Check::ok(id, meaning)
    };
    check
        .since(Some(oldest.blob.content_created))
        .fact("open", open.len())
        .fact("oldest_attempts", oldest.attempts)
}

/// What was lost.
pub(super) fn losses(seen: &Evidence) -> Check {
    let id = Id::Losses;
    let page = match &seen.losses {
        Err(why) => return Check::unknown(id, format!("The losses cannot be read: {why}.")),
        Ok(page) => page,
    };
    let open = page.losses.iter().filter(|loss| loss.is_open());
    let (count, first) = open.fold((0_usize, None), |(count, first), loss| {
        let at = first.map_or(loss.recorded_at, |at: Timestamp| at.min(loss.recorded_at));
        (count + 1, Some(at))
    });
    if count == 0 {
        return Check::ok(id, "Nothing was lost that nobody knows of.").fact("open", 0);
    }
    let losses = if count == 1 {
        "loss waits"
    } else {
        "losses wait"
    };
    Check::failed(
        id,
        Harm::Slower,
        format!("{count} {losses} for somebody to look: content that could not be delivered."),
    )
    .remedy("List them (GET /v1/tenants/{tenant}/losses, or ualstream losses), look for their records in Microsoft's own audit search, then acknowledge them.")
    .since(first)
    .fact("open", count)
}
