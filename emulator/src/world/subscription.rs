//! A subscription of one application to one content type of one tenant, and its webhook.

use jiff::Timestamp;

/// The receiver's address as Microsoft keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Webhook {
    pub(crate) address: String,
    pub(crate) auth_id: Option<String>,
    pub(crate) expiration: Option<Timestamp>,
    pub(crate) disabled: bool,
    /// Listings show the webhook from this time on.
    pub(crate) shown_from: Timestamp,
}

impl Webhook {
    pub(crate) fn status(&self, now: Timestamp) -> &'static str {
        if self.expiration.is_some_and(|expiration| expiration <= now) {
            "expired"
        } else if self.disabled {
            "disabled"
        } else {
            "enabled"
        }
    }

    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.status(now) == "enabled" && self.shown_from <= now
    }

    /// Whether a start with `other` would change nothing.
    pub(crate) fn same_as(&self, other: &Self, now: Timestamp) -> bool {
        self.status(now) == "enabled"
            && self.address == other.address
            && self.auth_id == other.auth_id
            && self.expiration == other.expiration
    }
}

/// A time during which a subscription was enabled.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Timestamp,
    to: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(crate) struct Subscription {
    /// The content type as the last start spelled it.
    pub(crate) spelling: String,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) last_start: Option<Timestamp>,
    /// Until when a restarted subscription pretends to be absent.
    pub(crate) stuck_until: Option<Timestamp>,
    spans: Vec<Span>,
}

impl Subscription {
    pub(crate) fn is_enabled(&self) -> bool {
        self.spans.last().is_some_and(|span| span.to.is_none())
    }

    pub(crate) fn was_ever_enabled(&self) -> bool {
        !self.spans.is_empty()
    }

    pub(crate) fn is_stuck(&self, now: Timestamp) -> bool {
        self.stuck_until.is_some_and(|until| now < until)
    }

    pub(crate) fn enable(&mut self, now: Timestamp) {
        if !self.is_enabled() {
            self.spans.push(Span {
                from: now,
                to: None,
            });
        }
    }

    pub(crate) fn disable(&mut self, now: Timestamp) {
        if let Some(span) = self.spans.last_mut().filter(|span| span.to.is_none()) {
            span.to = Some(now);
        }
    }

    /// Whether content that became available at `created` belongs to this subscription: what appeared while it was stopped never does.
    pub(crate) fn covers(&self, created: Timestamp) -> bool {
        self.spans
            .iter()
            .any(|span| span.from <= created && span.to.is_none_or(|to| created < to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn content_made_while_stopped_is_never_covered() {
        let mut subscription = Subscription::default();
        assert!(!subscription.covers(at(5)));
        subscription.enable(at(10));
        subscription.disable(at(20));
        subscription.enable(at(30));
        let covered = [5, 10, 19, 20, 29, 30, 99].map(|second| subscription.covers(at(second)));
        assert_eq!(covered, [false, true, true, false, false, true, true]);
    }

    #[test]
    fn an_expired_webhook_is_not_live() {
        let webhook = Webhook {
            address: "https://a.example/".to_owned(),
            auth_id: None,
            expiration: Some(at(10)),
            disabled: false,
            shown_from: at(0),
        };
        assert_eq!(
            (webhook.status(at(9)), webhook.is_live(at(9))),
            ("enabled", true)
        );
        assert_eq!(
            (webhook.status(at(10)), webhook.is_live(at(10))),
            ("expired", false)
        );
    }
}
