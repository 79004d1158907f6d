//! Events around text that is no record.

use crate::class::Class;
use crate::envelope::OCSF_VERSION;
use crate::json::Writer;
use crate::time::Moment;
use crate::{Context, Malformed, RawData, redact};
use std::borrow::Cow;

/// The text of bytes that are no record: U+FFFD for what is not UTF-8. What may hold a secret, and cannot be taken apart to
/// redact it, is left to the raw copy.
pub(crate) fn unread_text<'a>(record: &'a [u8], context: &Context<'_>) -> Option<Cow<'a, str>> {
    let options = context.options;
    let left_out = record.is_empty()
        || options.raw_data == RawData::Never
        || (options.redact && redact::may_hold(record));
    (!left_out).then(|| String::from_utf8_lossy(record))
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
    w.text("time_dt", moment.rfc3339().as_ref());
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
    w.text_opt("raw_data", unread_text(record, context));
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
    fn without_redaction_the_event_says_what_the_record_said() {
        let options = Options {
            redact: false,
            ..Options::default()
        };
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        for record in [SECRET, &SECRET[..SECRET.len() - 2]] {
            let mut out = Vec::new();
            crate::event(record.as_bytes(), &context, &mut out);
            assert!(String::from_utf8_lossy(&out).contains("4111"), "{record}");
        }
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
