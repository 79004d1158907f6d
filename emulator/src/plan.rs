//! A plan: rules, faults and tenants in one JSON file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::Config;
use crate::fault::Fault;
use crate::login::{Administrator, FederatedCredential};
use crate::rules::Rules;
use crate::world::TenantState;

/// What a run shall look like. Every part may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// The choices that Microsoft left undocumented; those left out keep their default.
    pub rules: Rules,
    /// Faults from the start.
    pub faults: Vec<Fault>,
    /// Changes to tenants by id; ids that are not there yet are added.
    pub tenants: BTreeMap<Uuid, TenantState>,
    /// Identity providers whose statements stand in for a secret.
    pub federated_credentials: Vec<FederatedCredential>,
    /// What the administrator does in front of the consent page.
    pub administrator: Administrator,
}

/// A text that is no plan.
#[derive(Debug, thiserror::Error)]
#[error("not a plan: {0}")]
pub struct BadPlan(#[from] serde_json::Error);

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// With line and column, when the text is no JSON or names something unknown.
    pub fn parse(json: &str) -> Result<Self, BadPlan> {
        Ok(serde_json::from_str(json)?)
    }

    /// Makes the plan part of a configuration.
    pub fn apply(self, config: &mut Config) {
        config.rules = self.rules;
        config.faults.extend(self.faults);
        config.tenant_states.extend(self.tenants);
        config
            .federated_credentials
            .extend(self.federated_credentials);
        config.administrator = self.administrator;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;
    use crate::rules::StartCooldown;

    #[test]
    fn a_plan_keeps_the_defaults_of_what_it_leaves_out() {
        let plan = Plan::parse(
            r#"{"rules": {"start_cooldown": "off", "page_items_max": 2},
                "faults": [{"kind": "notification_late", "seconds": 60, "tenant": "00000000-0000-0000-0000-000000000007"}]}"#,
        )
        .expect("a plan");
        assert_eq!(
            plan.rules,
            Rules {
                start_cooldown: StartCooldown::Off,
                page_items_max: 2,
                ..Rules::default()
            }
        );
        assert_eq!(
            plan.faults[0].kind,
            FaultKind::NotificationLate { seconds: 60 }
        );
        let again = serde_json::to_string(&plan).expect("JSON");
        assert_eq!(Plan::parse(&again).expect("a plan"), plan);
    }

    #[test]
    fn what_a_plan_does_not_know_is_refused() {
        for text in [
            "",
            "1",
            r#"{"rule": {}}"#,
            r#"{"rules": {"page_size": 1}}"#,
            r#"{"faults": [{"kind": "surprise"}]}"#,
        ] {
            assert!(Plan::parse(text).is_err(), "{text}");
        }
    }
}
