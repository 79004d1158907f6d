//! One customer: consent, auditing, subscriptions, content.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::feed::Feed;
use super::subscription::Subscription;
use crate::content_type::ContentType;

/// Whether, and how, a tenant knows the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Tokens carry roles.
    Granted,
    /// The application is known but nothing was consented: tokens are issued without roles.
    Roleless,
    /// The application is not in the tenant: AADSTS700016.
    Missing,
}

/// What can be changed of a tenant while running. Fields that are `None` stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantState {
    /// Consent; tokens issued before stay as they were issued.
    pub consent: Option<Consent>,
    /// The roles that new tokens carry.
    pub roles: Option<Vec<String>>,
    /// Whether auditing is on. Turning it on takes effect after [`crate::Rules::auditing_starts_after_seconds`].
    pub auditing: Option<bool>,
    /// The application is disabled in the tenant: AADSTS7000112.
    pub app_disabled: Option<bool>,
    /// The API's service principal is disabled in the tenant (no Exchange Online licence): AADSTS500014.
    pub resource_disabled: Option<bool>,
    /// The tenant lives in another cloud: AADSTS900382.
    pub other_cloud: Option<bool>,
    /// The tenant is configured wrongly: AF20012.
    pub misconfigured: Option<bool>,
}

#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) consent: Consent,
    pub(crate) roles: Vec<String>,
    /// From when on the tenant is audited; `None`: not at all.
    pub(crate) audited_from: Option<Timestamp>,
    pub(crate) app_disabled: bool,
    pub(crate) resource_disabled: bool,
    pub(crate) other_cloud: bool,
    pub(crate) misconfigured: bool,
    pub(crate) subscriptions: BTreeMap<(Uuid, ContentType), Subscription>,
    pub(crate) feeds: BTreeMap<ContentType, Feed>,
    /// The last start of an application in this tenant, whatever its type.
    pub(crate) last_start: BTreeMap<Uuid, Timestamp>,
    /// Times of the requests of the last minute.
    pub(crate) recent_requests: VecDeque<Timestamp>,
}

impl Tenant {
    pub(crate) fn new(consent: Consent, feeds: BTreeMap<ContentType, Feed>) -> Self {
        Self {
            consent,
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
            recent_requests: VecDeque::new(),
        }
    }

    /// Whether auditing has taken effect.
    pub(crate) fn is_audited(&self, now: Timestamp) -> bool {
        self.audited_from.is_some_and(|from| from <= now)
    }
}

impl Tenant {
    /// Changes what `state` names; auditing that is turned on takes effect at `audited_from`.
    pub(crate) fn change(&mut self, state: &TenantState, audited_from: Timestamp) {
        if let Some(consent) = state.consent {
            self.consent = consent;
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
