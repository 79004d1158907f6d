//! Events around text that is no record.

use crate::class::Class;
use crate::envelope::OCSF_VERSION;
use crate::json::{Doc, SECRET_KEY, Writer};
use crate::time::Moment;
use crate::{Context, Malformed, RawData};
use std::borrow::Cow;

/// Writes `raw_data`: the record's text, see [`text`].
pub(crate) fn write(record: &[u8], doc: &Doc<'_>, w: &mut Writer) {
    w.text("raw_data", &text(record, doc));
}

/// The record's text as it came, except that matched secrets are redacted as in the event.
pub(crate) fn text<'a>(record: &'a [u8], doc: &Doc<'_>) -> Cow<'a, str> {
    if !doc.mentions(SECRET_KEY) {
        return String::from_utf8_lossy(record);
    }
    let mut redacted = Writer::new(Vec::with_capacity(record.len()));
    redacted.bare_value(doc.root());
    Cow::Owned(String::from_utf8_lossy(&redacted.into_bytes()).into_owned())
}

/// The text of bytes that are no record: U+FFFD for what is not UTF-8. What may hold matched secrets, and cannot be taken
/// apart to redact them, is left to the raw copy.
pub(crate) fn unread_text(record: &[u8]) -> Option<Cow<'_, str>> {
    let text = String::from_utf8_lossy(record);
    (!text.is_empty() && !text.contains(SECRET_KEY)).then_some(text)
}

/// Writes a whole event for bytes that cannot be read.
pub(crate) fn write_malformed(
    record: &[u8],
    malformed: &Malformed,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) {
    let moment = Moment {
        epoch_ms: context.content_created_ms.unwrap_or(0),
    };
    let mut buffer = std::mem::take(out);
    buffer.push(b'{');
    let mut w = Writer::new(buffer);
    w.int("class_uid", i64::from(Class::Base.uid()));
    w.text("class_name", Class::Base.name());
    w.int("category_uid", 0);
    w.text("category_name", "Uncategorized");
    w.int("activity_id", 99);
    w.text("activity_name", "Other");
    w.int("type_uid", 99);
    w.text("type_name", "Base Event: Other");
    w.int("time", moment.epoch_ms);
    w.text("time_dt", &moment.rfc3339());
    w.int("severity_id", 1);
    w.text("severity", "Informational");
    w.int("status_id", 0);
    w.text("status", "Unknown");
    w.text("message", &malformed.to_string());
    w.object("metadata", |w| {
        w.text("version", OCSF_VERSION);
        w.object("product", |w| {
            w.text("name", "Microsoft 365");
            w.text("vendor_name", "Microsoft");
        });
        w.array("profiles", |w| {
            ["cloud", "datetime"]
                .iter()
                .for_each(|profile| w.element_text(profile));
        });
        w.text_opt("log_name", context.content_type);
        w.text("log_provider", "Office 365 Management Activity API");
        w.text("source", "Microsoft 365 Unified Audit Log");
    });
    w.object("cloud", |w| w.text("provider", "Microsoft 365"));
    if context.options.raw_data != RawData::Never {
        w.text_opt("raw_data", unread_text(record));
    }
    *out = w.into_bytes();
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use crate::{Context, Options, RawData};

    const SECRET: &str = r#"{"Id":"a","Operation":"DlpRuleMatch","RecordType":13,"PolicyDetails":[{"PolicyName":"p","Rules":[
        {"ConditionsMatched":{"SensitiveInformation":[{"Count":1,"SensitiveInformationDetections":
        {"DetectedValues":[{"Name":"4111111111111111","Value":"card 4111111111111111"}],"ResultsTruncated":false}}]}}]}]}"#;

    fn event(record: &[u8], raw_data: RawData) -> String {
        let mut out = Vec::new();
        let options = Options {
            raw_data,
            ..Options::default()
        };
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        crate::event(record, &context, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn matched_secrets_are_nowhere_in_the_event() {
        for raw_data in [RawData::Always, RawData::Unmapped, RawData::Never] {
            let event = event(SECRET.as_bytes(), raw_data);
            assert!(!event.contains("4111"), "{event}");
            assert!(event.contains("ResultsTruncated"), "{event}");
        }
        let cut = &SECRET.as_bytes()[..SECRET.len() - 2];
        assert!(!event(cut, RawData::Always).contains("4111"));
    }

    #[test]
    fn raw_data_follows_its_setting() {
        let check = |record: &str, raw_data: RawData, expect: bool| {
            let event = event(record.as_bytes(), raw_data);
            assert_eq!(
                event.contains(r#""raw_data":"#),
                expect,
                "{record} {raw_data:?}"
            );
        };
        let good = r#"{"Id":"a","Operation":"ViewReport","RecordType":20}"#;
        check(good, RawData::Always, true);
        check(good, RawData::Unmapped, false);
        check("no record", RawData::Unmapped, true);
        check("no record", RawData::Never, false);
        check(r#"{"Id":"a"}"#, RawData::Unmapped, true);
        check(
            r#"{"Id":"a","Operation":"x","Id":"b"}"#,
            RawData::Unmapped,
            true,
        );
        check(
            r#"{"Id":"a","Operation":"x","Subject":"\ud83d"}"#,
            RawData::Unmapped,
            true,
        );
    }
}
