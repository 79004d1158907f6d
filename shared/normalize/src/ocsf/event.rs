//! An event while it is being written.

use super::class::Class;
use super::severity::Severity;
use super::status::Status;
use crate::json::Writer;
use std::borrow::Cow;

/// Observables in one event. A record may list thousands of recipients or items; all of them stay in the event, but an
/// index is only useful for the first few dozen.
const OBSERVABLES_MAX: usize = 64;

/// The decisions of the rules, and the attributes written so far.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) class: Class,
    pub(crate) severity: Severity,
    pub(crate) status: Option<Status<'a>>,
    pub(crate) profiles: Profiles,
    pub(crate) body: Writer,
    observables: Vec<Observable<'a>>,
}

/// Profiles besides `cloud` and `datetime`, which every event has.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Profiles {
    pub(crate) ai_operation: bool,
    pub(crate) host: bool,
    pub(crate) security_control: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObservableType {
    IpAddress,
    UserName,
    EmailAddress,
    Url,
    FileName,
    Hash,
    ResourceUid,
    UserAgent,
    MessageUid,
}

impl ObservableType {
    /// The members `type_id` and `type`.
    fn members(self) -> &'static str {
        match self {
            Self::IpAddress => r#""type_id":2,"type":"IP Address""#,
            Self::UserName => r#""type_id":4,"type":"User Name""#,
            Self::EmailAddress => r#""type_id":5,"type":"Email Address""#,
            Self::Url => r#""type_id":6,"type":"URL String""#,
            Self::FileName => r#""type_id":7,"type":"File Name""#,
            Self::Hash => r#""type_id":8,"type":"Hash""#,
            Self::ResourceUid => r#""type_id":10,"type":"Resource UID""#,
            Self::UserAgent => r#""type_id":16,"type":"HTTP User-Agent""#,
            Self::MessageUid => r#""type_id":42,"type":"Message UID""#,
        }
    }
}

#[derive(Debug)]
struct Observable<'a> {
    /// Path of an attribute of the class; never a path in `unmapped` or in free-form data.
    name: &'static str,
    kind: ObservableType,
    value: Cow<'a, str>,
}

impl<'a> Event<'a> {
    /// An event that is appended to `out`.
    pub(crate) fn new(mut out: Vec<u8>) -> Self {
        out.push(b'{');
        Self {
            class: Class::Base,
            severity: Severity::Informational,
            status: None,
            profiles: Profiles::default(),
            body: Writer::new(out),
            observables: Vec::with_capacity(8),
        }
    }

    pub(crate) fn classify(&mut self, activity: impl Into<Class>) {
        self.class = activity.into();
    }

    pub(crate) fn raise(&mut self, severity: Severity) {
        self.severity = self.severity.max(severity);
    }

    pub(crate) fn observe(
        &mut self,
        name: &'static str,
        kind: ObservableType,
        value: impl Into<Cow<'a, str>>,
    ) {
        let value = value.into();
        let known = self
            .observables
            .iter()
            .any(|known| known.name == name && known.value == value);
        if !known && !value.is_empty() && self.observables.len() < OBSERVABLES_MAX {
            self.observables.push(Observable { name, kind, value });
        }
    }

    /// Whether a value is indexed already, under any attribute.
    pub(crate) fn has_observable(&self, kind: ObservableType, value: &str) -> bool {
        self.observables
            .iter()
            .any(|known| known.kind == kind && known.value == value)
    }

    pub(crate) fn write_observables(&mut self) {
        let observables = std::mem::take(&mut self.observables);
        self.body.array("observables", |w| {
            for observable in &observables {
                w.element_object(|w| {
                    w.word("name", observable.name);
                    w.members(observable.kind.members());
                    w.text("value", &observable.value);
                });
            }
        });
    }
}
