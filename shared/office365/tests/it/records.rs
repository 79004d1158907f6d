//! Blobs: records, however odd, arrive byte for byte as they were sent, at any size.

use std::io::Write as _;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use office365::{BlobBody, Client, Cloud, Disposition, Encoding, Error, Failure};

use crate::server::{Server, json, reply, tenant};

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
    let mut opened = open(&client, 1 << 20).await.unwrap();
    assert_eq!(opened.content_length(), Some(body.len() as u64));
    assert_eq!(opened.encoding(), Encoding::Identity);
    assert!(opened.end_is_proven());
    assert_eq!(rest(&mut opened).await.unwrap(), body.as_bytes());
    assert!(opened.chunk().await.unwrap().is_none(), "the end stays");
}

async fn open(client: &Client, wire_bytes_max: u64) -> Result<BlobBody, Error> {
    let id = "a$1".parse().unwrap();
    let open = client.open_blob(tenant(), Cloud::Enterprise, &id, wire_bytes_max);
    open.await
}

async fn rest(body: &mut BlobBody) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_gzipped_blob_comes_as_it_was_sent() {
    let zipped = gzip(br#"[{"Id":"1"}]"#);
    let sent = zipped.clone();
    let server = Server::start(move |seen, _| {
        assert_eq!(seen.headers["accept-encoding"], "gzip");
        let mut answer = reply(200, &[("content-encoding", "GZIP")], "");
        *answer.body_mut() = sent.clone().into();
        answer
    })
    .await;
    let client = server.client();
    let mut opened = open(&client, 1 << 20).await.unwrap();
    assert_eq!(opened.encoding(), Encoding::Gzip);
    assert_eq!(opened.content_length(), Some(zipped.len() as u64));
    assert_eq!(rest(&mut opened).await.unwrap(), zipped);
    let id = "a$1".parse().unwrap();
    let whole = client.fetch_blob(tenant(), Cloud::Enterprise, &id, 100);
    assert_eq!(&whole.await.unwrap()[..], br#"[{"Id":"1"}]"#);
}

#[tokio::test]
async fn a_gzipped_error_is_read() {
    let zipped = gzip(br#"{"error":{"code":"AF20051","message":"expired"}}"#);
    let server = Server::start(move |_, _| {
        let mut answer = reply(400, &[("content-encoding", "gzip")], "");
        *answer.body_mut() = zipped.clone().into();
        answer
    })
    .await;
    let error = open(&server.client(), 1 << 20).await.unwrap_err();
    assert_eq!(error.code(), Some("AF20051"));
    assert_eq!(error.disposition(), Disposition::Gone);
}

#[tokio::test]
async fn an_encoding_not_asked_for_is_refused() {
    for encoding in ["br", "deflate", "gzip, gzip"] {
        let server =
            Server::start(move |_, _| reply(200, &[("content-encoding", encoding)], "[]")).await;
        let client = server.client();
        let error = open(&client, 100).await.unwrap_err();
        assert!(matches!(error.failure(), Failure::Unreadable(_)), "{error}");
        let listed = client.list_subscriptions(tenant(), Cloud::Enterprise);
        let error = listed.await.unwrap_err();
        assert!(matches!(error.failure(), Failure::Unreadable(_)), "{error}");
    }
}

#[tokio::test]
async fn a_blob_beyond_its_limit_ends_where_it_is_noticed() {
    // With a promised length before the first byte, with chunks on the way.
    let server = Server::start(|_, index| {
        let body = "x".repeat(1_000_000);
        match index {
            0 => json(200, &body),
            _ => {
                let pieces =
                    futures::stream::iter([Ok::<_, std::io::Error>(body.clone()), Ok(body)]);
                Response::new(Body::from_stream(pieces))
            }
        }
    })
    .await;
    let client = server.client();
    let limit = 999_999;
    let expect = Failure::TooLarge {
        body_bytes_max: limit,
    };
    assert_eq!(*open(&client, limit).await.unwrap_err().failure(), expect);
    let mut opened = open(&client, limit).await.unwrap();
    assert_eq!(opened.content_length(), None);
    assert_eq!(*rest(&mut opened).await.unwrap_err().failure(), expect);
}

#[tokio::test]
async fn a_large_blob_flows_in_pieces() {
    const PIECES: usize = 2000;
    let server = Server::start(|_, _| {
        let piece = Bytes::from(vec![b' '; 100_000]);
        let pieces =
            futures::stream::iter((0..PIECES).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
        Response::new(Body::from_stream(pieces))
    })
    .await;
    let mut opened = open(&server.client(), u64::MAX).await.unwrap();
    let (mut received, mut longest) = (0, 0);
    while let Some(chunk) = opened.chunk().await.unwrap() {
        received += chunk.len();
        longest = longest.max(chunk.len());
    }
    assert_eq!(received, PIECES * 100_000);
    assert!(longest < 10_000_000, "{longest}");
}
