//! A scenario: behaviour, faults and tenants in one JSON file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::administrator::Administrator;
use super::behaviour::Behaviour;
use super::fault::Fault;
use super::federated_credential::FederatedCredential;
use super::settings::Config;
use super::story_entry::StoryEntry;
use super::tenant_state::TenantState;

/// What a run is like. Every part may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Behaviour that Microsoft does not document; what is left out keeps its default. Files of before call it `rules`.
    #[serde(alias = "rules")]
    pub behaviour: Behaviour,
    /// Faults from the start.
    pub faults: Vec<Fault>,
    /// Changes to tenants by id; ids that are not there yet are added.
    pub tenants: BTreeMap<Uuid, TenantState>,
    /// Attacks that are told among the ordinary records.
    pub stories: Vec<StoryEntry>,
    /// Identity providers whose assertions stand in for a secret.
    pub federated_credentials: Vec<FederatedCredential>,
    /// What the administrator does in front of the consent page.
    pub administrator: Administrator,
}

/// A text that is no scenario.
#[derive(Debug, thiserror::Error)]
#[error("not a scenario: {0}")]
pub struct ScenarioError(#[from] serde_json::Error);

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// With line and column, when the text is no JSON or names something unknown.
    pub fn parse(json: &str) -> Result<Self, ScenarioError> {
        Ok(serde_json::from_str(json)?)
    }

    /// Makes the scenario part of a configuration.
    pub fn apply(self, config: &mut Config) {
        config.behaviour = self.behaviour;
        config.faults.extend(self.faults);
        config.tenant_states.extend(self.tenants);
        config.stories.extend(self.stories);
        config
            .federated_credentials
            .extend(self.federated_credentials);
        config.administrator = self.administrator;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::FaultKind;
    use crate::config::StartCooldown;
    use crate::story::Story;

    #[test]
    fn a_scenario_keeps_the_defaults_of_what_it_leaves_out() {
        let scenario = Scenario::parse(
            r#"{"behaviour": {"start_cooldown": "off", "page_items_max": 2},
                "faults": [{"kind": "notification_late", "seconds": 60, "tenant": "00000000-0000-0000-0000-000000000007"}],
                "stories": [{"story": "password_spray"}]}"#,
        )
        .expect("a scenario");
        assert_eq!(
            scenario.behaviour,
            Behaviour {
                start_cooldown: StartCooldown::Off,
                page_items_max: 2,
                ..Behaviour::default()
            }
        );
        assert_eq!(
            scenario.faults[0].kind,
            FaultKind::NotificationLate { seconds: 60 }
        );
        let spray = StoryEntry {
            story: Story::PasswordSpray,
            tenant: None,
        };
        assert_eq!(scenario.stories, [spray]);
        let again = serde_json::to_string(&scenario).expect("JSON");
        assert_eq!(Scenario::parse(&again).expect("a scenario"), scenario);
    }

    #[test]
    fn behaviour_may_be_called_rules() {
        let scenario = Scenario::parse(r#"{"rules": {"page_items_max": 2}}"#).expect("a scenario");
        assert_eq!(scenario.behaviour.page_items_max, 2);
    }

    #[test]
    fn an_unknown_field_is_refused() {
        for text in [
            "",
            "1",
            r#"{"rule": {}}"#,
            r#"{"behaviour": {"page_size": 1}}"#,
            r#"{"faults": [{"kind": "surprise"}]}"#,
            r#"{"stories": [{"story": "surprise"}]}"#,
        ] {
            assert!(Scenario::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_that_is_no_object_is_refused(text in "[^{]\\PC{0,200}") {
            prop_assert!(Scenario::parse(&text).is_err());
        }
    }
}
