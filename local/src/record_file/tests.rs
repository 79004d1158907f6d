//! Every form that a file of records can have.

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::*;

const A: &str = r#"{"Id":"a","CreationTime":"2026-02-03T04:05:06","Operation":"Set-Mailbox","Name":"\"é,\\\""}"#;
const B: &str = r#"{"Id":"b","CreationTime":"2026-02-03T04:05:07","Operation":"FileViewed"}"#;

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// A record, its place, and whether it lacks `AuditData`.
type Taken = (String, Position, bool);

/// The records, and how it ended.
fn entries(input: &[u8]) -> (Vec<Taken>, Result<(), RecordFileError>) {
    let mut entries = Vec::new();
    let read = read(Box::new(Cursor::new(input.to_vec())), &mut |entry| {
        let record = String::from_utf8_lossy(entry.record).into_owned();
        entries.push((record, entry.position, entry.lacks_audit_data));
        Ok::<(), RecordFileError>(())
    });
    (entries, read)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(bytes)
        .collect()
}

/// Reads a text in every encoding, and compares the records as JSON: an object keeps its white space.
#[track_caller]
fn check(text: &str, expect: &[&str]) {
    let plain = text.as_bytes().to_vec();
    let marked = format!("\u{feff}{text}").into_bytes();
    let twice = [gzip(&plain), gzip(b"")].concat();
    for input in [
        gzip(&plain),
        twice,
        gzip(&marked),
        marked,
        utf16(text, u16::to_le_bytes),
        utf16(text, u16::to_be_bytes),
        gzip(&utf16(text, u16::to_le_bytes)),
        plain,
    ] {
        let (entries, read) = entries(&input);
        read.unwrap();
        let records: Vec<Value> = entries.iter().map(|(record, ..)| value(record)).collect();
        let expect: Vec<Value> = expect.iter().map(|record| value(record)).collect();
        assert_eq!(records, expect, "{text}");
        assert!(entries.iter().all(|(.., lacks)| !lacks), "{text}");
    }
}

/// What `Search-UnifiedAuditLog` gives of a record.
fn searched(record: &str) -> Value {
    json!({
        "RunspaceId": "0a000000-0000-4000-8000-000000000001", "RecordType": "ExchangeAdmin", "CreationDate": "2026-02-03T04:05:06Z",
        "UserIds": "alex@contoso.example", "Operations": "Set-Mailbox", "AuditData": record, "ResultIndex": 1, "IsValid": true,
    })
}

/// What Microsoft Graph gives of a record.
fn queried(record: &str) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.security.auditLogRecord", "id": "a", "createdDateTime": "2026-02-03T04:05:06Z",
        "auditLogRecordType": "exchangeAdmin", "operation": "Set-Mailbox",
        "auditData": value(record),
    })
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

#[test]
fn objects_and_arrays_come_in_any_order() {
    for text in [
        format!("{A}\n{B}\n"),
        format!("\r\n  {A}\r\n\n{B}"),
        format!("[{A},{B}]"),
        format!("\n \u{20}[\n{A},\n{B}\n]\n"),
        format!("[{A}]\n[{B}]"),
        format!("[{A}][]{B}"),
        format!("{A}\n[{B}]"),
    ] {
        check(&text, &[A, B]);
    }
    for text in ["", " \n\n", "[]"] {
        check(text, &[]);
    }
}

#[test]
fn an_object_may_have_several_lines() {
    let pretty = format!("{:#}", value(A));
    check(&format!("{pretty}\n{pretty}\n{B}"), &[&pretty, &pretty, B]);
    let list = "{\"Id\":\"c\",\"Parameters\":[\n{\"Name\":\"x\"},\n{\"Name\":\"y\"}\n]}";
    check(&format!("{list}\n{B}"), &[list, B]);
}

#[test]
fn a_record_in_audit_data_is_unwrapped() {
    for wrapped in [searched(A), queried(A)] {
        check(&format!("{wrapped}\n{B}\n"), &[A, B]);
        check(&format!("{wrapped:#}\n"), &[A]);
        check(&format!("[{B},{wrapped}]"), &[B, A]);
    }
}

#[test]
fn pages_are_unwrapped_too() {
    let context = "https://graph.example/beta/$metadata#security/auditLog";
    let page = json!({ "@odata.context": context, "value": [queried(A), queried(B)] });
    let end = json!({ "@odata.context": context, "value": [] });
    let listed = json!({ "value": [searched(A), searched(B)], "Count": 2 });
    check(&format!("{page}\n{end}\n{page:#}"), &[A, B, A, B]);
    check(&listed.to_string(), &[A, B]);
}

#[test]
fn a_record_that_mentions_audit_data_stays_whole() {
    for more in [r#""AuditData":"{}""#, r#""value":[{"AuditData":{}}]"#] {
        let record =
            format!(r#"{{"Id":"a","CreationTime":"2026-02-03T04:05:06","Operation":"x",{more}}}"#);
        check(&record, &[&record]);
    }
}

#[test]
fn a_csv_export_is_read_whatever_its_columns() {
    let (a, b) = (quoted(A), quoted(B));
    for text in [
        format!(
            "CreationDate,UserIds,Operations,AuditData\r\n2026-02-03,x,y,{a}\r\n2026-02-03,x,y,{b}\r\n"
        ),
        format!("\"AuditData\",\"RecordId\"\n{a},\"1\"\n{b},\"2\""),
        format!(
            "#TYPE Selected.System.Management.Automation.PSCustomObject\r\n\"UserIds\",\"AuditData\"\r\n\"x\",{a}\r\n\"y\",{b}\r\n"
        ),
        format!("RecordId;auditdata;Note\n1;{a};\"two\nlines\"\n2;{b};\n"),
        format!("RecordId\tAuditData\n1\t{a}\n2\t{b}\n"),
    ] {
        check(&text, &[A, B]);
    }
    check("CreationDate,AuditData\r\n", &[]);
}

#[test]
fn an_entry_without_a_record_is_handed_over_as_it_is() {
    let csv = format!("UserIds,AuditData\nalex,\nkim\n,{}\n", quoted(B));
    let (entries, read) = entries(csv.as_bytes());
    read.unwrap();
    let told: Vec<(&str, String, bool)> = entries
        .iter()
        .map(|(record, at, lacks)| (record.as_str(), at.to_string(), *lacks))
        .collect();
    let at = |line, record| format!("line {line} (record {record})");
    assert_eq!(
        told,
        [
            (r#"{"UserIds":"alex","AuditData":""}"#, at(2, 1), true),
            (r#"{"UserIds":"kim"}"#, at(3, 2), true),
            (B, at(4, 3), false),
        ]
    );
}

#[test]
fn json_without_a_record_is_handed_over_as_it_is() {
    for audit_data in ["null", "7", "\" \"", "[]"] {
        let wrapped = format!(r#"{{"CreationDate":"x","AuditData":{audit_data}}}"#);
        let (entries, read) = entries(format!("{wrapped}\n{B}").as_bytes());
        read.unwrap();
        let lacks: Vec<bool> = entries.iter().map(|(.., lacks)| *lacks).collect();
        assert_eq!(
            (entries[0].0.as_str(), &lacks[..]),
            (wrapped.as_str(), &[true, false][..])
        );
    }
}

#[test]
fn a_broken_line_affects_only_itself() {
    for broken in [
        "nonsense",
        r#"{"Id":"a"#,
        r#"{"Id":{"x":1}"#,
        r#"{"Id":"#,
        r#"{"Id":"a"}}"#,
        r#"{"Id":"a"} {"#,
    ] {
        let (entries, read) = entries(format!("{A}\n{broken}\n{B}\n").as_bytes());
        read.unwrap();
        let records: Vec<&str> = entries.iter().map(|(record, ..)| record.as_str()).collect();
        assert_eq!(records, [A, broken, B]);
        assert_eq!(entries[1].1.to_string(), "line 2 (record 2)");
        assert_eq!(entries[2].1.to_string(), "line 3 (record 3)");
    }
}

#[test]
fn a_broken_element_is_handed_over_with_its_number() {
    let (entries, read) = entries(format!("[{A},nonsense,,{B}]").as_bytes());
    read.unwrap();
    let told: Vec<(&str, String)> = entries
        .iter()
        .map(|(record, at, _)| (record.as_str(), at.to_string()))
        .collect();
    let at = |record| format!("record {record}");
    assert_eq!(
        told,
        [(A, at(1)), ("nonsense", at(2)), ("", at(3)), (B, at(4))]
    );
}

/// How many records were read, and the message.
fn refused(input: &[u8]) -> (usize, String) {
    let (entries, read) = entries(input);
    (entries.len(), read.unwrap_err().to_string())
}

#[test]
fn a_file_of_another_kind_is_refused_with_its_line() {
    for text in [
        "<!DOCTYPE html>",
        "\"text\"",
        "CreationDate,UserIds\n2026,alex\n",
        "%PDF-1.7",
        "#TYPE x",
    ] {
        let (records, told) = refused(format!("\n\n{text}").as_bytes());
        let line = if text.starts_with("#TYPE") { 4 } else { 3 };
        assert_eq!(records, 0);
        let expect = format!("is no file of records: line {line} ");
        // A file that ends with its first line has no line after it.
        let last = "is no file of records: line 3 ";
        assert!(
            told.starts_with(&expect) || told.starts_with(last),
            "{told}"
        );
    }
    assert_eq!(refused(&[0x50, 0x4b, 3, 4, 0xff, 0]).0, 0);
}

#[test]
fn an_array_that_does_not_end_tells_where() {
    for (text, record) in [
        (format!("[{A}"), 1),
        (format!("[{A},{{\"Id\":\"b}},{B}]"), 2),
        (format!("{A}\n[{B},"), 3),
    ] {
        let (records, told) = refused(text.as_bytes());
        assert_eq!(records, record - 1, "{told}");
        assert!(
            told.contains(&format!("or record {record} lacks")),
            "{told}"
        );
    }
}

#[test]
fn damaged_gzip_tells_what_was_read() {
    let whole = gzip(format!("{A}\n{B}\n").repeat(1000).as_bytes());
    let (records, told) = refused(&whole[..whole.len() - 8]);
    assert_eq!(records, 2000);
    assert!(told.contains("only up to line 2001"), "{told}");
}

#[test]
fn an_entry_beyond_the_limits_is_refused_with_its_place() {
    // Read before the row is begun.
    const BUFFERED: usize = 100_000;
    let long = " ".repeat(BlobLimits::default().record_bytes_max);
    let record = format!("{{\"Id\":\"{long}\"}}");
    let (records, told) = refused(format!("{A}\n{record}\n{B}").as_bytes());
    assert_eq!(
        (
            records,
            told.starts_with("has more than 8388608 bytes in line 2")
        ),
        (1, true),
        "{told}"
    );
    let csv = format!(
        "AuditData\n{}\n\"{}",
        quoted(A),
        "x".repeat(ENTRY_BYTES_MAX + BUFFERED)
    );
    let (records, told) = refused(csv.as_bytes());
    assert_eq!(
        (
            records,
            told.starts_with("has more than 67108864 bytes in line 3")
        ),
        (1, true),
        "{told}"
    );
    let deep = format!("[{A},{}", "[".repeat(DEPTH_MAX + 1));
    let (records, told) = refused(deep.as_bytes());
    assert_eq!(
        (
            records,
            told.starts_with("nests deeper than 1024 in record 2")
        ),
        (1, true),
        "{told}"
    );
}
