//! The operator's own severities, which replace the built-in ones.

use super::facts::RecordFacts;
use super::list::{self, RulesError};
use super::matcher::Matcher;
use crate::ocsf::Severity;

/// Rules that set an event's severity. The first rule that matches takes precedence over the built-in severity.
///
/// ```json
/// [{"operation": "New-InboxRule", "severity": 4}, {"user": "*@partner.example", "severity": 3}]
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeverityRules {
    rules: Vec<(Matcher, Severity)>,
}

impl SeverityRules {
    /// Parses the rules: a JSON list of conditions, each with a `severity` from 1 to 5.
    ///
    /// # Errors
    /// All faults in the rules, at once.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        let rules = list::read(text, &["severity"], |reader| {
            let matcher = Matcher::read(reader);
            let number = reader.member("severity").and_then(|value| value.int());
            let severity = number.and_then(Severity::of);
            if severity.is_none() {
                reader.fault("severity is missing or not a number from 1 to 5");
            }
            Some((matcher, severity?))
        })?;
        Ok(Self { rules })
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The severity from the first rule that matches.
    pub(crate) fn of(&self, facts: &RecordFacts<'_>) -> Option<Severity> {
        let rule = self.rules.iter().find(|(rule, _)| rule.matches(facts));
        rule.map(|(_, severity)| *severity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Options, event};

    const CMDLET: &str = r#"{"Id":"a","RecordType":1,"Operation":"Set-AdminAuditLogConfig","Parameters":[{"Name":"UnifiedAuditLogIngestionEnabled","Value":"False"}],"UserId":"alex@contoso.example"}"#;
    const FINDING: &str = r#"{"Id":"a","RecordType":40,"Operation":"AlertTriggered","AlertId":"b","Name":"n","Severity":"High"}"#;

    #[track_caller]
    fn check(rules: &str, record: &str, expect: (i64, &str)) {
        let options = Options {
            severity: SeverityRules::parse(rules).unwrap(),
            ..Options::default()
        };
        let context = Context {
            content_type: Some("Audit.General"),
            content_created_ms: None,
            options: &options,
        };
        let mut out = Vec::new();
        event(record.as_bytes(), &context, &mut out);
        let event: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let found = (
            event["severity_id"].as_i64().unwrap_or_default(),
            event["severity"].as_str().unwrap_or_default(),
        );
        assert_eq!(found, expect, "{rules}");
    }

    #[test]
    fn a_rule_raises_or_lowers_the_severity() {
        check("[]", CMDLET, (5, "Critical"));
        check(
            r#"[{"operation":"set-adminauditlogconfig","severity":1}]"#,
            CMDLET,
            (1, "Informational"),
        );
        check(r#"[{"severity":"2"}]"#, CMDLET, (2, "Low"));
    }

    #[test]
    fn the_first_match_counts_and_others_stay_built_in() {
        let rules = r#"[{"user":"*@fabrikam.example","severity":1},{"record_type":[1,40],"severity":3},{"severity":4}]"#;
        check(rules, CMDLET, (3, "Medium"));
        check(
            rules,
            r#"{"Id":"a","RecordType":20,"Operation":"ViewReport"}"#,
            (4, "High"),
        );
        check(
            r#"[{"user":"nobody","severity":1}]"#,
            CMDLET,
            (5, "Critical"),
        );
    }

    #[test]
    fn rules_apply_to_findings_too() {
        check("[]", FINDING, (4, "High"));
        check(
            r#"[{"record_type":"SecurityComplianceAlerts","severity":2}]"#,
            FINDING,
            (2, "Low"),
        );
    }

    #[test]
    fn a_severity_must_be_from_1_to_5() {
        for bad in ["0", "6", "\"High\"", "null", "2.5"] {
            let error = SeverityRules::parse(&format!(r#"[{{"severity":{bad}}}]"#)).unwrap_err();
            assert_eq!(
                error.to_string(),
                "rule 1: severity is missing or not a number from 1 to 5"
            );
        }
    }
}
