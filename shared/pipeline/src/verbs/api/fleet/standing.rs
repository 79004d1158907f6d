//! How a tenant stands, in one word and one sentence, by what the ledger holds. Nobody is called.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::{earlier, minute};
use crate::store::ledger::registry::Registered;
use crate::store::ledger::registry::brake::{Brake, BrakeReason};
use crate::store::ledger::registry::{START_COOL_DOWN, Status, Subscription, TenantState};
use crate::store::ledger::sweep::SweepState;
use crate::verbs::reconcile::{NOT_SWEPT_AFTER_PERIODS, Periods};

/// Failed sweeps in a row from which on they do not pass by themselves: after a minute, two, five, and then a quarter of an
/// hour each.
const FAILURES_PASS: u32 = 4;

/// How long a blob may be open before its tenant counts as behind.
const OPEN_IS_NORMAL_FOR: Duration = Duration::from_secs(3600);

/// From when on a paused tenant is told of: Microsoft forgets after seven days.
const PAUSED_IS_SAFE_FOR: Duration = Duration::from_secs(5 * 24 * 3600);

/// The five states, in the order of how much they need somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::verbs::api) enum State {
    /// Somebody has to do something.
    NeedsYou,
    /// Content was lost, and nobody has acknowledged it.
    Lost,
    /// Something is behind, and mends by itself.
    CatchingUp,
    /// Microsoft has nothing for us yet.
    Waiting,
    /// Everything that Microsoft lists is in the lake.
    Complete,
}

impl State {
    pub(in crate::verbs::api) const ALL: [Self; 5] = [
        Self::NeedsYou,
        Self::Lost,
        Self::CatchingUp,
        Self::Waiting,
        Self::Complete,
    ];

    /// As the API spells it.
    pub(in crate::verbs::api) const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsYou => "needs_you",
            Self::Lost => "lost",
            Self::CatchingUp => "catching_up",
            Self::Waiting => "waiting",
            Self::Complete => "complete",
        }
    }
}

/// How a tenant stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::verbs::api) struct Standing {
    pub(in crate::verbs::api) state: State,
    pub(in crate::verbs::api) sentence: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(in crate::verbs::api) since: Option<Timestamp>,
    /// What somebody can do; none where nobody has to.
    pub(in crate::verbs::api) next_action: Option<String>,
    /// What is wrong, for counting: a brake's reason, or `webhook`, `sweep`, `losses`, `open_blobs`.
    #[serde(skip)]
    pub(in crate::verbs::api) cause: Option<&'static str>,
}

/// What is known of a tenant.
#[derive(Clone, Copy, Debug)]
pub(in crate::verbs::api) struct Known<'a> {
    pub(in crate::verbs::api) registered: &'a Registered,
    /// None before the first sweep, and when its item cannot be read.
    pub(in crate::verbs::api) sweep: Option<&'a SweepState>,
    /// Whether subscriptions should have a webhook.
    pub(in crate::verbs::api) has_webhook: bool,
    pub(in crate::verbs::api) now: Timestamp,
}

/// Up to when everything that Microsoft made available is in the lake, or given up and on the list of losses. None before the
/// first listing.
pub(in crate::verbs::api) fn complete_until(known: Known<'_>) -> Option<Timestamp> {
    let sweep = known.sweep?;
    let types = known.registered.subscriptions.keys();
    let marks = types.map(|of| sweep.types.get(of).and_then(|of| of.watermark));
    let listed = marks.min().flatten()?;
    Some(
        sweep
            .activity
            .oldest_open
            .map_or(listed, |open| open.min(listed)),
    )
}

/// When content last came, of any type.
pub(in crate::verbs::api) fn last_event_at(registered: &Registered) -> Option<Timestamp> {
    let all = registered.subscriptions.values();
    all.filter_map(|known| known.last_content_at).max()
}

/// How a tenant stands: the first of these that holds.
pub(in crate::verbs::api) fn standing(known: Known<'_>) -> Standing {
    leaving(known)
        .or_else(|| paused(known))
        .or_else(|| known.registered.tenant.brake.as_ref().map(braked))
        .or_else(|| auditing(known))
        .or_else(|| failing(known))
        .or_else(|| webhook(known))
        .or_else(|| lost(known))
        .or_else(|| behind(known))
        .unwrap_or_else(|| complete(known))
}

fn new(state: State, sentence: impl Into<String>) -> Standing {
    Standing {
        state,
        sentence: sentence.into(),
        since: None,
        next_action: None,
        cause: None,
    }
}

impl Standing {
    fn since(mut self, at: Option<Timestamp>) -> Self {
        self.since = at;
        self
    }

    fn action(mut self, action: impl Into<String>) -> Self {
        self.next_action = Some(action.into());
        self
    }

    fn cause(mut self, cause: &'static str) -> Self {
        self.cause = Some(cause);
        self
    }
}

fn leaving(known: Known<'_>) -> Option<Standing> {
    let is_leaving = known.registered.tenant.state == TenantState::Leaving;
    is_leaving.then(
        || match known.sweep.and_then(|sweep| sweep.last_error.as_ref()) {
            Some(error) => new(
                State::NeedsYou,
                format!("It is being removed, and that fails: {error}."),
            )
            .cause("sweep")
            .action("Look at what Microsoft says, then remove it again."),
            None => new(
                State::CatchingUp,
                "It is being removed; what it has in the lake stays.",
            ),
        },
    )
}

fn paused(known: Known<'_>) -> Option<Standing> {
    if known.registered.tenant.state != TenantState::Paused {
        return None;
    }
    let until = complete_until(known);
    let is_safe = until.is_none_or(|until| until > earlier(known.now, PAUSED_IS_SAFE_FOR));
    let resume = "Resume it: Microsoft forgets content after seven days.";
    Some(if is_safe {
        new(State::Waiting, "Paused by you: nothing is fetched, and Microsoft keeps what it publishes for seven days.")
            .since(until)
            .action(resume)
    } else {
        new(State::NeedsYou, "Paused for more than five days: what Microsoft has published since is about to be lost.")
            .since(until)
            .cause("sweep")
            .action(resume)
    })
}

fn braked(brake: &Brake) -> Standing {
    let (sentence, action) = match brake.reason {
        BrakeReason::Throttled => {
            let sentence = "Microsoft asks for fewer requests; we go on by ourselves.";
            return new(State::CatchingUp, sentence)
                .since(Some(brake.since))
                .cause(brake.reason.as_str());
        }
        BrakeReason::Consent => (
            "Consent is missing or was taken back: Microsoft gives us no access.",
            "Send a consent link to a Global Administrator of the tenant.",
        ),
        BrakeReason::Credential => (
            "Microsoft refuses our credential: it is wrong or has expired.",
            "Run the check, and renew the credential of the app registration.",
        ),
        BrakeReason::Blocked => (
            "A conditional access policy of the tenant keeps our application out.",
            "Ask an administrator of the tenant to exclude the application.",
        ),
        BrakeReason::AuditingOff => (
            "The tenant has no audit log: auditing is off, or it has no Exchange Online.",
            "Turn auditing on in Microsoft Purview; it takes up to an hour.",
        ),
        BrakeReason::TenantGone => (
            "Microsoft does not know this tenant: it was deleted, or is in another cloud.",
            "Compare tenant ID and cloud with Entra.",
        ),
    };
    new(State::NeedsYou, sentence)
        .since(Some(brake.since))
        .cause(brake.reason.as_str())
        .action(action)
}

fn auditing(known: Known<'_>) -> Option<Standing> {
    let mut all = known.registered.subscriptions.values();
    let off = all.find(|known| known.auditing_off)?;
    Some(
        new(
            State::NeedsYou,
            "Auditing is off in this tenant: Microsoft starts no subscription.",
        )
        .since(off.last_error_at)
        .cause(BrakeReason::AuditingOff.as_str())
        .action("Turn auditing on in Microsoft Purview; it takes up to an hour."),
    )
}

/// Sweeps that fail again and again, or do not run at all.
fn failing(known: Known<'_>) -> Option<Standing> {
    let created = known.registered.tenant.created_at;
    let Some(sweep) = known.sweep else {
        let longest = Periods::DEPLOYED.quiet * NOT_SWEPT_AFTER_PERIODS;
        return (created < earlier(known.now, longest)).then(|| not_swept(created));
    };
    if sweep.failures >= FAILURES_PASS {
        let error = sweep.last_error.as_deref().unwrap_or("no reason is known");
        let sentence = format!("We cannot compare with Microsoft's listing: {error}.");
        return Some(
            new(State::NeedsYou, sentence)
                .since(sweep.done_at.or(sweep.known_at))
                .cause("sweep")
                .action("Run the check: it says what to do."),
        );
    }
    let longest = Periods::DEPLOYED.quiet * NOT_SWEPT_AFTER_PERIODS;
    let is_overdue = sweep.due_at < earlier(known.now, longest);
    is_overdue.then(|| not_swept(sweep.done_at.unwrap_or(created)))
}

fn not_swept(since: Timestamp) -> Standing {
    new(
        State::NeedsYou,
        format!(
            "Nobody has compared with Microsoft's listing since {}.",
            minute(since)
        ),
    )
    .since(Some(since))
    .cause("sweep")
    .action("Look at the reconciler: its schedule, its role and its log.")
}

/// A webhook that does not come back by itself.
fn webhook(known: Known<'_>) -> Option<Standing> {
    if !known.has_webhook {
        return None;
    }
    let all = known.registered.subscriptions.iter();
    let (of, subscription) = all.into_iter().find(|(_, one)| is_stuck(one, known.now))?;
    let sentence = if subscription.webhook_refused {
        format!("Microsoft cannot reach our webhook ({of}): content comes some minutes later.")
    } else {
        format!("Our webhook for {of} does not come back: content comes some minutes later.")
    };
    Some(
        new(State::NeedsYou, sentence)
            .since(subscription.observed_at)
            .cause("webhook")
            .action("Run the check, and make the webhook reachable."),
    )
}

/// Whether the webhook was refused, or is still not there though a start for it is over for long.
fn is_stuck(one: &Subscription, now: Timestamp) -> bool {
    let was_tried = one.start_attempted_at;
    let long_ago = was_tried.is_some_and(|at| at < earlier(now, 2 * START_COOL_DOWN));
    let is_gone = one.status == Status::Enabled && one.webhook.as_deref() != Some("enabled");
    let seen_since = one
        .observed_at
        .is_some_and(|at| at < earlier(now, 2 * START_COOL_DOWN));
    one.webhook_refused || (is_gone && long_ago && seen_since)
}

fn lost(known: Known<'_>) -> Option<Standing> {
    let losses = known.sweep?.activity.losses;
    (losses > 0).then(|| {
        let what = if losses == 1 {
            "One loss waits"
        } else {
            "Losses wait"
        };
        let sentence = match losses {
            1 => format!("{what} for somebody to look: content that could not be delivered."),
            _ => format!(
                "{losses} losses wait for somebody to look: content that could not be delivered."
            ),
        };
        new(State::Lost, sentence)
            .cause("losses")
            .action("Look at the losses, then acknowledge them.")
    })
}

/// What is behind and mends by itself.
fn behind(known: Known<'_>) -> Option<Standing> {
    let Some(sweep) = known.sweep.filter(|sweep| !sweep.types.is_empty()) else {
        return Some(
            new(
                State::CatchingUp,
                "Registered; the first listing begins within a minute or two.",
            )
            .since(Some(known.registered.tenant.created_at)),
        );
    };
    let until = complete_until(known);
    if sweep.types.values().any(|of| of.is_beginning()) {
        let sentence = match until {
            Some(until) => format!(
                "The first listing is under way: complete up to {}.",
                minute(until)
            ),
            None => "The first listing is under way, seven days back.".to_owned(),
        };
        return Some(new(State::CatchingUp, sentence).since(sweep.known_at));
    }
    if sweep.failures > 0 {
        let error = sweep.last_error.as_deref().unwrap_or("no reason is known");
        let sentence = format!(
            "The last comparison with Microsoft's listing failed, the next one follows: {error}."
        );
        return Some(
            new(State::CatchingUp, sentence)
                .since(sweep.done_at)
                .cause("sweep"),
        );
    }
    let open = sweep.activity.oldest_open;
    if let Some(open) = open.filter(|open| *open < earlier(known.now, OPEN_IS_NORMAL_FOR)) {
        let count = sweep.activity.open;
        let sentence = format!(
            "Announced content is not in the lake yet: {count} open, the oldest since {}.",
            minute(open)
        );
        return Some(
            new(State::CatchingUp, sentence)
                .since(Some(open))
                .cause("open_blobs"),
        );
    }
    let pending = known
        .registered
        .subscriptions
        .iter()
        .find(|(_, one)| one.status != Status::Enabled);
    if let Some((of, one)) = pending {
        let why = one
            .last_error
            .as_ref()
            .map_or_else(String::new, |error| format!(": {error}"));
        let sentence = format!(
            "{of} is not enabled yet; we start it again, 15 minutes after the last start{why}."
        );
        return Some(
            new(State::CatchingUp, sentence)
                .since(one.last_error_at)
                .cause("sweep"),
        );
    }
    None
}

fn complete(known: Known<'_>) -> Standing {
    if last_event_at(known.registered).is_none() {
        return new(
            State::Waiting,
            "Microsoft has nothing for us yet: normal for up to 12 hours after the first start, and in a small tenant for longer.",
        )
        .since(Some(known.registered.tenant.created_at));
    }
    match complete_until(known) {
        Some(until) => new(
            State::Complete,
            format!("Complete up to {}.", minute(until)),
        ),
        None => new(
            State::CatchingUp,
            "A content type is about to be listed for the first time.",
        ),
    }
}

#[cfg(test)]
mod tests;
