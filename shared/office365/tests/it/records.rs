//! Records, however odd, arrive byte for byte as they were sent.

use office365::Cloud;
use records::BlobLimits;

use crate::server::{Server, json, tenant};

/// One record for each known quirk, named after it.
const QUIRKS: &[(&str, &str)] = &[
    (
        "creation time without zone",
        r#"{"CreationTime":"2015-06-29T20:03:19"}"#,
    ),
    (
        "creation time with fraction and zone",
        r#"{"CreationTime":"2015-06-29T20:03:19.1234567Z"}"#,
    ),
    ("client ip v4 with port", r#"{"ClientIP":"1.2.3.4:55"}"#),
    (
        "client ip v6 with port",
        r#"{"ClientIP":"[2603:10a6::5]:54088"}"#,
    ),
    ("client ip empty", r#"{"ClientIP":""}"#),
    ("client ip null", r#"{"ClientIP":null}"#),
    ("client ip null as text", r#"{"ClientIP":"null"}"#),
    ("client ip malformed", r#"{"ClientIP":"ffff:10.11.0.229"}"#),
    (
        "client ip address with trailing space",
        r#"{"ClientIPAddress":"1.2.3.4 "}"#,
    ),
    (
        "result status as free text",
        r#"{"ResultStatus":"PartiallySucceeded"}"#,
    ),
    ("result status like a number", r#"{"ResultStatus":"3"}"#),
    ("operation ends in a dot", r#"{"Operation":"Add user."}"#),
    (
        "operation with en-dash and trailing space",
        r#"{"Operation":"Update application – Certificates and secrets management "}"#,
    ),
    (
        "user id is a service",
        r#"{"UserId":"NT AUTHORITY\\SYSTEM (w3wp)"}"#,
    ),
    ("user id is empty", r#"{"UserId":""}"#),
    (
        "user key is a claim",
        r#"{"UserKey":"i:0h.f|membership|10032000@live.com"}"#,
    ),
    (
        "parameters as array",
        r#"{"Parameters":[{"Name":"a","Value":"b"}]}"#,
    ),
    ("parameters as text", r#"{"Parameters":"a=b"}"#),
    (
        "json inside a string",
        r#"{"Value":"[{\"a\":\"]}\\\"\"}]"}"#,
    ),
    (
        "modified properties as texts",
        r#"{"ModifiedProperties":["a","b"]}"#,
    ),
    ("field name with a blank", r#"{"Data State":1}"#),
    ("duplicate fields", r#"{"Id":"1","Id":"2"}"#),
    ("no id", r#"{"Operation":"x"}"#),
    (
        "server name ends in a line break",
        r#"{"OriginatingServer":"SRV\r\n"}"#,
    ),
    ("unknown record type", r#"{"RecordType":99999}"#),
    ("record type as text", r#"{"RecordType":"15"}"#),
    (
        "numbers beyond 64 bits",
        r#"{"Size":123456789012345678901234567890}"#,
    ),
    ("exponents", r#"{"Size":1E400}"#),
    ("lone surrogate", r#"{"Name":"\ud800"}"#),
    ("escaped zero", r#"{"Name":"a\u0000b"}"#),
    ("blanks inside", "{ \"a\" :\t[ 1 ,\r\n 2 ] }"),
    ("no object at all", "\"text\""),
    ("null instead of a record", "null"),
    (
        "nested deeply",
        r#"{"a":[[[[[[[[[[[[[[[[[[[[{"b":{}}]]]]]]]]]]]]]]]]]]]]}"#,
    ),
];

#[tokio::test]
async fn every_record_arrives_as_it_was_sent() {
    let records: Vec<&str> = QUIRKS.iter().map(|(_, record)| *record).collect();
    let body = format!("\r\n[ {} ]\n", records.join(" ,\n"));
    let sent = body.clone();
    let server = Server::start(move |_, _| json(200, &sent)).await;
    let client = server.client();
    let id = "a$1".parse().unwrap();
    let whole = client
        .fetch_blob(tenant(), Cloud::Enterprise, &id, 1 << 20)
        .await
        .unwrap();
    assert_eq!(whole, body.as_bytes());
    let mut stream = client
        .stream_records(tenant(), Cloud::Enterprise, &id, BlobLimits::default())
        .await
        .unwrap();
    for (quirk, record) in QUIRKS {
        let arrived = stream.next().await.unwrap().unwrap();
        assert_eq!(arrived, record.as_bytes(), "{quirk}");
    }
    assert!(stream.next().await.unwrap().is_none());
    assert!(
        stream.next().await.unwrap().is_none(),
        "the end stays the end"
    );
}

#[tokio::test]
async fn an_empty_blob_has_no_records() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let id = "a$1".parse().unwrap();
    let client = server.client();
    let stream = client.stream_records(tenant(), Cloud::Enterprise, &id, BlobLimits::default());
    assert!(stream.await.unwrap().next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_million_records_stream_in_bounded_memory() {
    let record = format!("{{\"Id\":\"{}\"}}", "x".repeat(40));
    let body = format!("[{}]", vec![record.as_str(); 1_000_000].join(","));
    let server = Server::start(move |_, _| json(200, &body)).await;
    let client = server.client();
    let id = "a$1".parse().unwrap();
    let limits = BlobLimits {
        record_bytes_max: 1000,
        records_max: 1_000_000,
        ..BlobLimits::default()
    };
    let mut stream = client
        .stream_records(tenant(), Cloud::Enterprise, &id, limits)
        .await
        .unwrap();
    let mut records = 0;
    while let Some(arrived) = stream.next().await.unwrap() {
        assert_eq!(arrived.len(), record.len());
        records += 1;
    }
    assert_eq!(records, 1_000_000);
}
