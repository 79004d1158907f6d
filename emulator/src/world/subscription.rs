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

#[derive(Debug, Default)]
pub(crate) struct Subscription {
    /// The content type as the last start spelled it.
    pub(crate) spelling: String,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) last_start: Option<Timestamp>,
    /// Until then, a subscription that was stopped and started again appears to be absent.
    pub(crate) stuck_until: Option<Timestamp>,
    enabled: bool,
    ever_enabled: bool,
}

impl Subscription {
    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled
    }

    pub(crate) fn was_ever_enabled(&self) -> bool {
        self.ever_enabled
    }

    pub(crate) fn is_stuck(&self, now: Timestamp) -> bool {
        self.stuck_until.is_some_and(|until| now < until)
    }

    pub(crate) fn enable(&mut self) {
        self.enabled = true;
        self.ever_enabled = true;
    }

    pub(crate) fn disable(&mut self) {
        self.enabled = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
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
