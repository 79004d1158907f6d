//! Faults of the network: a cut answer is an error and never a short blob, and every wait ends.

use std::io::{Read as _, Write};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use futures::StreamExt as _;
use office365::{
    Client, ClientConfig, Cloud, Disposition, Encoding, Endpoints, Error, Failure, RetryLimits,
    Timeouts,
};

use crate::raw::{self, Act};
use crate::server::{Server, json, tenant};

const RECORDS: &str = r#"[{"Id":"1"},{"Id":"2"}]"#;

/// Long enough for any machine.
const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(30),
    first_byte: Duration::from_secs(30),
    idle: Duration::from_secs(30),
    total: Duration::from_secs(60),
};

/// So short that a test need not wait.
const SHORT: Duration = Duration::from_millis(400);

fn config(login: &Server, manage: &str, timeouts: Timeouts) -> ClientConfig {
    ClientConfig {
        endpoints: Endpoints::overridden(Some(&login.base), Some(manage)).unwrap(),
        timeouts,
        retry: RetryLimits {
            attempts_max: 1,
            ..RetryLimits::default()
        },
        ..login.config()
    }
}

/// Fetches whole and as it comes, which must agree.
async fn fetch(act: Act) -> Result<String, Error> {
    fetch_within(PATIENT, act).await
}

async fn fetch_within(timeouts: Timeouts, act: Act) -> Result<String, Error> {
    let login = Server::start(|_, _| json(500, "")).await;
    let manage = raw::start(act).await;
    let client = Client::new(config(&login, &manage, timeouts)).unwrap();
    let id = "a$1".parse().unwrap();
    let whole = client
        .fetch_blob(tenant(), Cloud::Enterprise, &id, 1 << 20)
        .await;
    let whole = whole.map(|body| String::from_utf8(body.to_vec()).unwrap());
    let opened = open(&client).await.map_err(|error| error.to_string());
    assert_eq!(opened.ok(), whole.as_ref().ok().cloned(), "{whole:?}");
    whole
}

/// Reads a blob as it comes, and checks what its reader has to check.
async fn open(client: &Client) -> Result<String, Box<dyn std::error::Error>> {
    let id = "a$1".parse()?;
    let mut body = client
        .open_blob(tenant(), Cloud::Enterprise, &id, 1 << 20)
        .await?;
    let mut wire = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        wire.extend_from_slice(&chunk);
    }
    let mut text = String::new();
    match body.encoding() {
        Encoding::Gzip => drop(MultiGzDecoder::new(&wire[..]).read_to_string(&mut text)?),
        Encoding::Identity => text = String::from_utf8(wire)?,
    }
    if !body.end_is_proven() && !text.ends_with(']') {
        return Err("cut off".into());
    }
    Ok(text)
}

fn with_length(body: &[u8], promised: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {promised}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn gzipped(body: &[u8], head: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n{head}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[track_caller]
fn check_cut(found: &Result<String, Error>) {
    let error = found.as_ref().unwrap_err();
    assert!(matches!(error.failure(), Failure::Broken(_)), "{error:?}");
    assert_eq!(error.disposition(), Disposition::Retry { after: None });
}

#[tokio::test]
async fn whole_answers_are_taken_in_every_framing() {
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{RECORDS}\r\n0\r\n\r\n",
        RECORDS.len()
    );
    let zipped = gzip(RECORDS);
    let length = format!("Content-Length: {}", zipped.len());
    for bytes in [
        with_length(RECORDS.as_bytes(), RECORDS.len()),
        chunked.into_bytes(),
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{RECORDS}").into_bytes(),
        format!("HTTP/1.0 200 OK\r\n\r\n{RECORDS}").into_bytes(),
        gzipped(&zipped, &length),
        gzipped(&zipped, "Connection: close"),
    ] {
        assert_eq!(fetch(Act::Write(bytes)).await.unwrap(), RECORDS);
    }
}

#[tokio::test]
async fn fewer_bytes_than_promised_are_a_cut_answer() {
    // Even where the cut leaves a valid array behind.
    for body in [RECORDS, &RECORDS[..10], "[]", ""] {
        let bytes = with_length(body.as_bytes(), RECORDS.len() + 5);
        check_cut(&fetch(Act::Write(bytes)).await);
    }
}

#[tokio::test]
async fn a_missing_last_chunk_is_a_cut_answer() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{RECORDS}\r\n", RECORDS.len());
    check_cut(&fetch(Act::Write(format!("{head}{chunk}").into_bytes())).await);
    check_cut(&fetch(Act::Write(format!("{head}{chunk}5\r\n[1").into_bytes())).await);
    check_cut(&fetch(Act::Write(format!("{head}{chunk}zz\r\n").into_bytes())).await);
}

#[tokio::test]
async fn a_cut_gzip_stream_is_a_cut_answer() {
    let zipped = gzip(RECORDS);
    for cut in [1, 5, 8, 9, zipped.len() - 11] {
        let part = &zipped[..zipped.len() - cut];
        check_cut(
            &fetch(Act::Write(gzipped(
                part,
                &format!("Content-Length: {}", part.len()),
            )))
            .await,
        );
        check_cut(&fetch(Act::Write(gzipped(part, "Connection: close"))).await);
    }
    check_cut(
        &fetch(Act::Write(gzipped(
            b"not gzip at all",
            "Content-Length: 15",
        )))
        .await,
    );
}

#[tokio::test]
async fn an_answer_without_a_proven_end_needs_its_closing_bracket() {
    let bytes = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
        &RECORDS[..12]
    );
    check_cut(&fetch(Act::Write(bytes.into_bytes())).await);
}

#[tokio::test]
async fn a_reset_at_any_moment_is_an_error() {
    let whole = with_length(RECORDS.as_bytes(), RECORDS.len());
    for end in [0, 5, 30, whole.len() - RECORDS.len(), whole.len() - 3] {
        check_cut(&fetch(Act::Reset(whole[..end].to_vec())).await);
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let whole = with_length(RECORDS.as_bytes(), RECORDS.len());
    let first_byte = Timeouts {
        first_byte: SHORT,
        ..PATIENT
    };
    let idle = Timeouts {
        idle: SHORT,
        ..PATIENT
    };
    for (end, timeouts, expect) in [
        (0, first_byte, "the first byte"),
        (20, first_byte, "the first byte"),
        (whole.len() - 3, idle, "the next byte"),
    ] {
        let act = Act::Hang(whole[..end].to_vec());
        let error = fetch_within(timeouts, act).await.unwrap_err();
        let Failure::TimedOut { phase, limit } = error.failure() else {
            panic!("{error:?}");
        };
        assert_eq!((*phase, *limit), (expect, SHORT));
    }
}

#[tokio::test]
async fn a_dripping_answer_is_given_up_after_the_total_time() {
    let login = Server::start(|_, _| json(500, "")).await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    // The headers come at once, as one byte of them would already end the wait for the first.
    let manage = raw::start_after(head, Act::Drip(vec![b' '; 1000])).await;
    let timeouts = Timeouts {
        total: Duration::from_secs(1),
        ..PATIENT
    };
    let client = Client::new(config(&login, &manage, timeouts)).unwrap();
    let id = "a$1".parse().unwrap();
    let fetched = client.fetch_blob(tenant(), Cloud::Enterprise, &id, 10_000);
    let error = fetched.await.unwrap_err();
    let Failure::TimedOut { phase, .. } = error.failure() else {
        panic!("{error:?}");
    };
    assert_eq!(*phase, "the whole call");
    let opened = client.open_blob(tenant(), Cloud::Enterprise, &id, 10_000);
    let mut body = opened.await.unwrap();
    let error = loop {
        match body.chunk().await {
            Ok(chunk) => assert!(chunk.is_some(), "it has no end"),
            Err(error) => break error,
        }
    };
    let Failure::TimedOut { phase, .. } = error.failure() else {
        panic!("{error:?}");
    };
    assert_eq!(*phase, "the whole call");
}

#[tokio::test]
async fn a_blob_that_keeps_flowing_outlives_the_total_time() {
    let piece = vec![b' '; 100_000];
    let pieces = move || {
        let pieces = futures::stream::iter(vec![piece.clone(); 20]);
        pieces.then(|piece| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok::<_, std::io::Error>(piece)
        })
    };
    let server = Server::start(move |_, _| Response::new(Body::from_stream(pieces()))).await;
    let timeouts = Timeouts {
        total: SHORT,
        ..PATIENT
    };
    let client = Client::new(config(&server, &server.base, timeouts)).unwrap();
    let id = "a$1".parse().unwrap();
    let whole = client.fetch_blob(tenant(), Cloud::Enterprise, &id, 10_000_000);
    whole.await.unwrap_err();
    let opened = client.open_blob(tenant(), Cloud::Enterprise, &id, 10_000_000);
    let mut body = opened.await.unwrap();
    let mut received = 0;
    while let Some(chunk) = body.chunk().await.unwrap() {
        received += chunk.len();
    }
    assert_eq!(received, 2_000_000);
}

#[tokio::test]
async fn a_closed_port_is_no_connection() {
    let login = Server::start(|_, _| json(500, "")).await;
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let client = Client::new(config(&login, &format!("http://{port}"), PATIENT)).unwrap();
    let error = client
        .list_subscriptions(tenant(), Cloud::Enterprise)
        .await
        .unwrap_err();
    assert!(matches!(error.failure(), Failure::Connect(_)), "{error:?}");
    assert!(
        !error.to_string().contains("api/v1.0"),
        "no address in the text: {error}"
    );
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_zipped_or_not() {
    let text = format!("[{}]", " ".repeat(5_000_000));
    let zipped = gzip(&text);
    assert!(zipped.len() < 50_000, "a bomb: {}", zipped.len());
    for bytes in [
        gzipped(&zipped, &format!("Content-Length: {}", zipped.len())),
        with_length(text.as_bytes(), text.len()),
    ] {
        let login = Server::start(|_, _| json(500, "")).await;
        let manage = raw::start(Act::Write(bytes)).await;
        let client = Client::new(config(&login, &manage, PATIENT)).unwrap();
        let id = "a$1".parse().unwrap();
        let error = client
            .fetch_blob(tenant(), Cloud::Enterprise, &id, 100_000)
            .await
            .unwrap_err();
        assert_eq!(
            *error.failure(),
            Failure::TooLarge {
                body_bytes_max: 100_000
            }
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_an_error() {
    for bytes in [
        "\0\0\0",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 999999 OK\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n[1,2]",
    ] {
        let error = fetch(Act::Write(bytes.as_bytes().to_vec()))
            .await
            .unwrap_err();
        assert_eq!(
            error.disposition(),
            Disposition::Retry { after: None },
            "{bytes:?}"
        );
    }
}
