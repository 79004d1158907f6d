//! One customer: consent, auditing, subscriptions, content.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use uuid::Uuid;

use super::feed::Feed;
use super::subscription::Subscription;
use crate::config::{Consent, TenantState};
use crate::content_type::ContentType;

#[derive(Debug)]
pub(crate) struct Tenant {
    /// Consent as it is set; what an administrator has accepted since is in `granted_from`.
    consent: Consent,
    /// When the consent that an administrator gave takes or took effect.
    granted_from: Option<Timestamp>,
    pub(crate) roles: Vec<String>,
    /// When auditing takes or took effect; `None` when it is off.
    pub(crate) audited_from: Option<Timestamp>,
    pub(crate) app_disabled: bool,
    pub(crate) resource_disabled: bool,
    pub(crate) other_cloud: bool,
    pub(crate) misconfigured: bool,
    pub(crate) subscriptions: BTreeMap<(Uuid, ContentType), Subscription>,
    pub(crate) feeds: BTreeMap<ContentType, Feed>,
    /// The last start of an application in this tenant, whatever its type.
    pub(crate) last_start: BTreeMap<Uuid, Timestamp>,
    /// Stories told by a command.
    pub(crate) told: u64,
    /// When the configuration's stories were told first.
    pub(crate) stories_told_at: Option<Timestamp>,
    /// Times of the requests of the last minute.
    pub(crate) recent_requests: VecDeque<Timestamp>,
}

impl Tenant {
    pub(crate) fn new(consent: Consent, feeds: BTreeMap<ContentType, Feed>) -> Self {
        Self {
            consent,
            granted_from: None,
            roles: vec![
                "ActivityFeed.Read".to_owned(),
                "ActivityFeed.ReadDlp".to_owned(),
            ],
            audited_from: Some(Timestamp::MIN),
            app_disabled: false,
            resource_disabled: false,
            other_cloud: false,
            misconfigured: false,
            subscriptions: BTreeMap::new(),
            feeds,
            last_start: BTreeMap::new(),
            told: 0,
            stories_told_at: None,
            recent_requests: VecDeque::new(),
        }
    }

    /// How the tenant knows the application now.
    pub(crate) fn consent(&self, now: Timestamp) -> Consent {
        match self.granted_from {
            Some(from) if from <= now => Consent::Granted,
            _ => self.consent,
        }
    }

    /// An administrator accepts. A second time does not put the effect off.
    pub(crate) fn accept(&mut self, effect_from: Timestamp) {
        self.granted_from.get_or_insert(effect_from);
    }

    /// Whether auditing has taken effect.
    pub(crate) fn is_audited(&self, now: Timestamp) -> bool {
        self.audited_from.is_some_and(|from| from <= now)
    }

    /// Changes what `state` names; auditing that is turned on takes effect at `audited_from`.
    pub(crate) fn change(&mut self, state: &TenantState, audited_from: Timestamp) {
        if let Some(consent) = state.consent {
            self.consent = consent;
            self.granted_from = None;
        }
        if let Some(roles) = &state.roles {
            self.roles.clone_from(roles);
        }
        match state.auditing {
            Some(true) if self.audited_from.is_none() => self.audited_from = Some(audited_from),
            Some(false) => self.audited_from = None,
            _ => {}
        }
        for (switch, value) in [
            (&mut self.app_disabled, state.app_disabled),
            (&mut self.resource_disabled, state.resource_disabled),
            (&mut self.other_cloud, state.other_cloud),
            (&mut self.misconfigured, state.misconfigured),
        ] {
            *switch = value.unwrap_or(*switch);
        }
    }
}
