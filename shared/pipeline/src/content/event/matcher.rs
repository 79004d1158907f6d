//! Whether an event is one that is looked for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use memchr::memmem::Finder;

use super::counts_at;
use super::fields::{Field, any_text, each};
use super::index::Index;
use super::term::{Kind, Term};

/// Longest free text that is looked for, in characters.
pub const TEXT_CHARS_MAX: usize = 200;

/// What is looked for. What is `None`, or empty, is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Each of these, of different kinds.
    pub terms: Vec<Term>,
    /// At least one of these.
    pub any: Vec<Term>,
    /// Of one of these records, by their ids.
    pub records: Option<BTreeSet<String>>,
    /// OCSF's class, by number or name; in ECS a category. Regardless of case.
    pub class: Option<String>,
    /// One of these.
    pub severities: Vec<u32>,
    /// Anywhere in a value of the event. Regardless of case.
    pub text: Option<String>,
}

/// Looks at events, one at a time.
#[derive(Clone, Debug)]
pub struct Matcher {
    wanted: Wanted,
    class_uid: Option<u32>,
    /// The text in small letters, and what finds it.
    text: Option<(String, Finder<'static>)>,
    /// `[from, to)` in milliseconds.
    from: i64,
    to: i64,
}

impl Wanted {
    /// Whether one of [`Self::any`] is so, if any is asked for.
    fn has_any(&self, is_so: impl Fn(&Term) -> bool) -> bool {
        self.any.is_empty() || self.any.iter().any(is_so)
    }
}

impl Matcher {
    /// Looks for events within `[from, to)`.
    #[must_use]
    pub fn new(wanted: Wanted, from: Timestamp, to: Timestamp) -> Self {
        let text = wanted.text.as_ref().map(|text| text.to_lowercase());
        Self {
            class_uid: wanted.class.as_ref().and_then(|of| of.trim().parse().ok()),
            text: text.map(|text| {
                let finder = Finder::new(&text).into_owned();
                (text, finder)
            }),
            wanted,
            from: from.as_millisecond(),
            to: to.as_millisecond(),
        }
    }

    /// Whether the blob of this index can have such an event.
    #[must_use]
    pub fn may_be_in(&self, index: &Index) -> bool {
        let (first, last) = index.span();
        let severities = &self.wanted.severities;
        first < self.to
            && last >= self.from
            && (severities.is_empty() || severities.iter().any(|of| index.has_severity(*of)))
            && self.class_uid.is_none_or(|uid| index.may_have_class(uid))
            && self.wanted.terms.iter().all(|term| index.may_have(term))
            && self.wanted.has_any(|term| index.may_have(term))
    }

    /// When the event counts as having happened, if it is looked for.
    #[must_use]
    pub fn matches(&self, line: &[u8], created: Timestamp) -> Option<i64> {
        let wanted = &self.wanted;
        let (mut at, mut severity) = (None, 0);
        let mut class_fits = wanted.class.is_none();
        // One bit a term.
        let (mut fit, all) = (0_u32, (1_u32 << wanted.terms.len()) - 1);
        let (mut any_fits, mut record_fits) = (wanted.any.is_empty(), wanted.records.is_none());
        each(line, |field, text| match field {
            Field::Millis => at = text.parse().ok(),
            Field::Time => {
                at = text
                    .parse::<Timestamp>()
                    .ok()
                    .map(Timestamp::as_millisecond);
            }
            Field::SeverityId => severity = text.parse().unwrap_or_default(),
            Field::ClassUid | Field::ClassName | Field::Category => {
                let class = wanted.class.as_deref().unwrap_or_default().trim();
                class_fits |= text.eq_ignore_ascii_case(class);
            }
            Field::Id => record_fits |= wanted.records.as_ref().is_some_and(|of| of.contains(text)),
            field => {
                let Some(kind) = field.kind() else { return };
                any_fits |= wanted.any.iter().any(|term| term.is(kind, text));
                for (number, term) in wanted.terms.iter().enumerate() {
                    if term.is(kind, text) {
                        fit |= 1 << number;
                    }
                }
            }
        });
        let at = counts_at(at.unwrap_or_else(|| created.as_millisecond()), created);
        let fits = class_fits
            && fit == all
            && any_fits
            && record_fits
            && (self.from..self.to).contains(&at)
            && (wanted.severities.is_empty() || wanted.severities.contains(&severity))
            && self.has_text(line);
        fits.then_some(at)
    }

    fn has_text(&self, line: &[u8]) -> bool {
        let Some((text, finder)) = &self.text else {
            return true;
        };
        // Most lines are told apart without decoding their values: those that escape nothing, and do not have the text.
        if memchr::memchr(b'\\', line).is_none() {
            let lower = String::from_utf8_lossy(line).to_lowercase();
            if finder.find(lower.as_bytes()).is_none() {
                return false;
            }
        }
        any_text(line, |value| value.to_lowercase().contains(text.as_str()))
    }
}

impl Wanted {
    /// Asks for a user, an address, an operation or a session as well.
    pub fn ask_for(&mut self, kind: Kind, text: &str) {
        self.terms.push(Term::new(kind, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"class_uid":6006,"class_name":"File Hosting Activity","time":1772359201000,"severity_id":3,"message":"plan \"Q\u00dc1\" of\\Alex","actor":{"user":{"name":"alex@contoso.example","uid":"X-1"}},"src_endpoint":{"ip":"198.51.100.7"},"metadata":{"event_code":"FileUploaded"},"unmapped":{"N":4711}}"#;

    fn finds(ask: impl FnOnce(&mut Wanted)) -> bool {
        let mut wanted = Wanted::default();
        ask(&mut wanted);
        let at = |text: &str| text.parse().unwrap();
        let matcher = Matcher::new(
            wanted,
            at("2026-03-01T10:00:00Z"),
            at("2026-03-02T10:00:00Z"),
        );
        let found = matcher.matches(LINE.as_bytes(), at("2026-03-01T11:00:00Z"));
        assert!(found.is_none_or(|at| at == 1_772_359_201_000));
        found.is_some()
    }

    #[test]
    fn all_that_is_asked_must_fit() {
        assert!(finds(|_| ()));
        assert!(finds(|of| of.ask_for(Kind::User, "ALEX@contoso.example")));
        assert!(finds(|of| of.ask_for(Kind::User, "x-1")));
        assert!(!finds(|of| of.ask_for(Kind::User, "alex")));
        assert!(finds(|of| {
            of.ask_for(Kind::Address, "198.51.100.7");
            of.ask_for(Kind::Operation, "fileuploaded");
            of.severities = vec![3, 4];
            of.class = Some("6006".to_owned());
        }));
        assert!(!finds(|of| {
            of.ask_for(Kind::Address, "198.51.100.7");
            of.ask_for(Kind::Operation, "FileDeleted");
        }));
        assert!(finds(
            |of| of.class = Some("file hosting activity".to_owned())
        ));
        assert!(!finds(|of| of.class = Some("3002".to_owned())));
        assert!(!finds(|of| of.severities = vec![4]));
    }

    #[test]
    fn text_is_found_in_values_however_they_are_escaped() {
        let text = |text: &str| finds(|of| of.text = Some(text.to_owned()));
        for found in ["\"qü1\"", "OF\\alex", "4711", "PLAN", "contoso"] {
            assert!(text(found), "{found}");
        }
        // Names of attributes are no values.
        for missing in ["event_code", "plan q", "u00dc", "\\\\"] {
            assert!(!text(missing), "{missing}");
        }
    }

    #[test]
    fn an_event_counts_no_later_than_its_publication() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let created = at("2026-02-01T00:00:00Z");
        let all = Matcher::new(Wanted::default(), Timestamp::MIN, Timestamp::MAX);
        let found = all.matches(LINE.as_bytes(), created);
        assert_eq!(found, Some(created.as_millisecond()));
        assert_eq!(all.matches(b"{}", created), Some(created.as_millisecond()));
    }
}
