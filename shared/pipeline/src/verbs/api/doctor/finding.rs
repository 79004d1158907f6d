//! What one check found: a result, what it means in plain words, what to do, and where to read on.

use jiff::Timestamp;
use office365::ContentType;
use serde::Serialize;
use serde_json::{Map, Value};

/// The checks, in the order in which they are told: each needs those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Id {
    LoginHost,
    Application,
    Credential,
    Consent,
    Roles,
    Auditing,
    Licence,
    Subscription,
    WebhookConfigured,
    WebhookReachable,
    LastNotification,
    LastContent,
    Lag,
    Throttling,
    OpenBlobs,
    Losses,
    Stores,
    Clock,
    State,
}

impl Id {
    /// Its name for programs, and for people.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::LoginHost => ("login_host", "Login host"),
            Self::Application => ("application", "Application"),
            Self::Credential => ("credential", "Credential"),
            Self::Consent => ("consent", "Consent"),
            Self::Roles => ("roles", "Permissions"),
            Self::Auditing => ("auditing", "Auditing"),
            Self::Licence => ("licence", "Licence"),
            Self::Subscription => ("subscription", "Subscription"),
            Self::WebhookConfigured => ("webhook_configured", "Webhook at Microsoft"),
            Self::WebhookReachable => ("webhook_reachable", "Webhook reachable"),
            Self::LastNotification => ("last_notification", "Last notification"),
            Self::LastContent => ("last_content", "Last content"),
            Self::Lag => ("lag", "Lag"),
            Self::Throttling => ("throttling", "Throttling"),
            Self::OpenBlobs => ("open_blobs", "Open blobs"),
            Self::Losses => ("losses", "Losses"),
            Self::Stores => ("stores", "Our stores"),
            Self::Clock => ("clock", "Clock"),
            Self::State => ("state", "State"),
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CheckResult)]
pub(super) enum Outcome {
    Ok,
    /// Nothing is wrong yet, or nothing that keeps content back.
    Warning,
    Failed,
    /// It makes no sense, or cannot be asked, because of something before it.
    Skipped,
    /// It was asked, and there was no answer that says.
    Unknown,
}

/// What a failure does to the tenant's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Harm {
    /// It comes later, or one thing of many is wrong.
    Slower,
    /// One content type stands still.
    StopsType,
    /// All of it stands still.
    StopsAll,
}

/// One check.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Check {
    id: &'static str,
    title: &'static str,
    pub(super) result: Outcome,
    pub(super) meaning: String,
    remedy: Option<String>,
    link: Option<&'static str>,
    #[schema(value_type = Option<String>)]
    pub(super) content_type: Option<ContentType>,
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    facts: Map<String, Value>,
    #[serde(skip)]
    pub(super) of: Id,
    #[serde(skip)]
    pub(super) harm: Harm,
}

impl Check {
    fn new(of: Id, result: Outcome, meaning: impl Into<String>) -> Self {
        let (id, title) = of.names();
        Self {
            id,
            title,
            result,
            meaning: meaning.into(),
            remedy: None,
            link: None,
            content_type: None,
            since: None,
            facts: Map::new(),
            of,
            harm: Harm::Slower,
        }
    }

    pub(super) fn ok(of: Id, meaning: impl Into<String>) -> Self {
        Self::new(of, Outcome::Ok, meaning)
    }

    pub(super) fn warning(of: Id, meaning: impl Into<String>) -> Self {
        Self::new(of, Outcome::Warning, meaning)
    }

    pub(super) fn failed(of: Id, harm: Harm, meaning: impl Into<String>) -> Self {
        Self {
            harm,
            ..Self::new(of, Outcome::Failed, meaning)
        }
    }

    pub(super) fn skipped(of: Id, meaning: impl Into<String>) -> Self {
        Self::new(of, Outcome::Skipped, meaning)
    }

    pub(super) fn unknown(of: Id, meaning: impl Into<String>) -> Self {
        Self::new(of, Outcome::Unknown, meaning)
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(super) fn link(mut self, link: &'static str) -> Self {
        self.link = Some(link);
        self
    }

    pub(super) fn of_type(mut self, of: ContentType) -> Self {
        self.content_type = Some(of);
        self
    }

    pub(super) fn since(mut self, at: Option<Timestamp>) -> Self {
        self.since = at;
        self
    }

    pub(super) fn fact(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.facts.insert(name.into(), value.into());
        self
    }
}

/// Pages of Microsoft's that say more.
pub(super) mod page {
    pub(in super::super) const ENTRA: &str = "https://entra.microsoft.com/";
    pub(in super::super) const ENTRA_ERRORS: &str =
        "https://learn.microsoft.com/entra/identity-platform/reference-error-codes";
    pub(in super::super) const CONSENT: &str =
        "https://learn.microsoft.com/entra/identity-platform/v2-admin-consent";
    pub(in super::super) const AUDITING: &str =
        "https://learn.microsoft.com/purview/audit-log-enable-disable";
    pub(in super::super) const API: &str = "https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-reference";
    pub(in super::super) const TROUBLE: &str = "https://learn.microsoft.com/office/office-365-management-api/troubleshooting-the-office-365-management-activity-api";
}

/// A span for people: `40 seconds`, `5 minutes`, `3 hours`, `2 days`.
pub(super) fn span(seconds: i64) -> String {
    let (number, unit) = match seconds {
        ..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_unit_that_fits() {
        for (seconds, expect) in [
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7_200, "2 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(span(seconds), expect);
        }
    }
}
