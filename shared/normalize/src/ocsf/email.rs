//! `email`: a message, as the object of class Email Activity or as evidence.

use super::event::{Event, ObservableType};
use crate::json::Writer;
use std::borrow::Cow;

/// Attachments listed for one message. Exchange allows 250.
const ATTACHMENTS_MAX: usize = 256;

/// A message. Its addresses are valid for the schema's email_t.
#[derive(Debug, Default)]
pub(crate) struct Email<'a> {
    pub(crate) from: Option<Cow<'a, str>>,
    /// The user who sent it on behalf of `from`.
    pub(crate) sender: Option<Cow<'a, str>>,
    pub(crate) return_path: Option<Cow<'a, str>>,
    pub(crate) to: Vec<Cow<'a, str>>,
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) message_uid: Option<Cow<'a, str>>,
    pub(crate) size_bytes: Option<i64>,
    /// Exchange's text of names and sizes: `a.pdf (1234b); b.docx (55b)`.
    pub(crate) attachments: Option<Cow<'a, str>>,
}

impl<'a> Email<'a> {
    /// Whether it has a sender or a recipient, one of which the schema requires.
    pub(crate) fn is_usable(&self) -> bool {
        self.from.is_some() || !self.to.is_empty()
    }

    /// Writes the attributes of class Email Activity. The feed does not say whether a message is inbound or outbound.
    pub(crate) fn write(&self, event: &mut Event<'a>) {
        let w = &mut event.body;
        w.text_opt("from", self.from.as_ref());
        w.texts("to", &self.to);
        w.object("email", |w| self.write_attributes(w));
        w.int("direction_id", 0);
        w.text("direction", "Unknown");
        if let Some(uid) = &self.message_uid {
            event.observe("email.message_uid", ObservableType::MessageUid, uid.clone());
        }
    }

    pub(crate) fn write_attributes(&self, w: &mut Writer) {
        w.text_opt("from", self.from.as_ref());
        w.text_opt("sender", self.sender.as_ref());
        w.text_opt("return_path", self.return_path.as_ref());
        w.texts("to", &self.to);
        w.text_opt("subject", self.subject.as_ref());
        w.text_opt("message_uid", self.message_uid.as_ref());
        self.size_bytes.iter().for_each(|size| w.int("size", *size));
        w.array("files", |w| {
            for (name, size) in
                attachments(self.attachments.as_deref().unwrap_or_default()).take(ATTACHMENTS_MAX)
            {
                w.element_object(|w| {
                    w.text("name", name);
                    size.iter().for_each(|size| w.int("size", *size));
                    w.int("type_id", 1);
                    w.text("type", "Regular File");
                });
            }
        });
    }
}

/// Names and sizes of attachments. Names may contain brackets and semicolons: an entry ends at `(NNNb)` before `;` or
/// at the end of the text.
fn attachments(text: &str) -> impl Iterator<Item = (&str, Option<i64>)> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut from = 0;
        while let Some(at) = rest[from..].find("b)") {
            let end = from + at + 2;
            let tail = rest[end..].trim_start();
            if let Some(entry) = sized(&rest[..end])
                && (tail.is_empty() || tail.starts_with(';'))
            {
                rest = tail.trim_start_matches(';').trim_start();
                return Some(entry);
            }
            from = end;
        }
        let entry = (rest.trim_end_matches(';').trim(), None);
        rest = "";
        Some(entry).filter(|(name, _)| !name.is_empty())
    })
}

/// The two parts of `name (NNNb)`.
fn sized(entry: &str) -> Option<(&str, Option<i64>)> {
    let (name, size) = entry.rsplit_once('(')?;
    let size = size.strip_suffix("b)")?.trim().parse().ok()?;
    let name = name.trim();
    (!name.is_empty()).then_some((name, Some(size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[(&str, Option<i64>)]) {
        assert_eq!(attachments(text).collect::<Vec<_>>(), expect, "{text}");
    }

    #[test]
    fn names_and_sizes_are_read() {
        check("", &[]);
        check(
            "a.pdf (1234b); b.docx (55b)",
            &[("a.pdf", Some(1234)), ("b.docx", Some(55))],
        );
        check("a.pdf (1234b)", &[("a.pdf", Some(1234))]);
    }

    #[test]
    fn names_may_contain_brackets_and_semicolons() {
        check(
            "report (1); final (2b).pdf (10b); x (3b)",
            &[("report (1); final (2b).pdf", Some(10)), ("x", Some(3))],
        );
        check("no size at all", &[("no size at all", None)]);
        check(";", &[]);
    }
}
