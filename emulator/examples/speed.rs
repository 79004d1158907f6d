//! How fast one core of the emulator is: notifications out, and bytes of blobs out.
//!
//! `cargo run -p emulator --profile bench --example speed`
//!
//! The emulator has a thread of its own, so it never has more than one core. Speed is given twice: by the clock on the wall,
//! and by the processor time that this thread took, which does not suffer when the machine has other work.

use std::error::Error;
use std::io::{Read, Write as _, stdout};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use emulator::{Config, ContentType, Emulator};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime;
use url::Url;
use uuid::Uuid;

/// Announcements made, enough for some seconds.
const BLOBS: usize = 40_000;

/// Records of the large blob: about 1 GB.
const RECORDS: usize = 1_000_000;

/// Longest wait for all announcements.
const WITHIN: Duration = Duration::from_secs(300);

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Where an emulator is, and how to log in.
struct Place {
    url: Url,
    client_id: Uuid,
    client_secret: String,
    tenant: Uuid,
    thread: u32,
}

fn main() -> Outcome<()> {
    let notifications = measure_notifications()?;
    let blobs = measure_blob()?;
    let mut out = stdout();
    writeln!(
        out,
        "| what | by the wall | by its processor time |\n|---|---|---|"
    )?;
    for (what, amount, unit, time) in [
        (
            "notifications out, one blob each",
            BLOBS as f64,
            "/s",
            notifications,
        ),
        ("blobs out", blobs.0 as f64 / 1e6, " MB/s", blobs.1),
    ] {
        let [wall, processor] = [time.wall, time.processor].map(|t| amount / t.as_secs_f64());
        writeln!(out, "| {what} | {wall:.0}{unit} | {processor:.0}{unit} |")?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Time {
    wall: Duration,
    processor: Duration,
}

/// Announces blobs to one webhook, each in a notification of its own: the costliest way.
fn measure_notifications() -> Outcome<Time> {
    let mut config = Config {
        blobs_per_tenant: BLOBS,
        records_per_blob: 1..=1,
        content_types: vec![ContentType::Exchange],
        allow_http_webhooks: true,
        ..Config::default()
    };
    config.behaviour.notification_items_max = 1;
    let place = start(config)?;
    let announced = Arc::new(AtomicU64::new(0));
    let webhook = json!({"webhook": {"address": receiver(Arc::clone(&announced))?}});
    let token = token(&place)?;
    let before = (Instant::now(), processor_time(place.thread)?);
    call(
        &place,
        &token,
        "POST",
        "subscriptions/start?contentType=Audit.Exchange&PublisherIdentifier=46b472a7-c68e-4adf-8ade-3db49497518e",
        &webhook.to_string(),
    )?;
    // The validation call counts as well.
    while announced.load(Ordering::Relaxed) <= BLOBS as u64 {
        if before.0.elapsed() > WITHIN {
            return Err(format!(
                "only {} announcements came",
                announced.load(Ordering::Relaxed)
            )
            .into());
        }
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(1));
    }
    since(before, place.thread)
}

/// Fetches one large blob: bytes and time.
fn measure_blob() -> Outcome<(u64, Time)> {
    let place = start(Config {
        blobs_per_tenant: 1,
        records_per_blob: RECORDS..=RECORDS,
        content_types: vec![ContentType::Exchange],
        ..Config::default()
    })?;
    let token = token(&place)?;
    let publisher = "PublisherIdentifier=46b472a7-c68e-4adf-8ade-3db49497518e";
    let of = format!("contentType=Audit.Exchange&{publisher}");
    call(
        &place,
        &token,
        "POST",
        &format!("subscriptions/start?{of}"),
        "",
    )?;
    let begun = Instant::now();
    let id = loop {
        let listed = call(
            &place,
            &token,
            "GET",
            &format!("subscriptions/content?{of}"),
            "",
        )?;
        let listed: Value = serde_json::from_slice(&listed)?;
        if let Some(id) = listed[0]["contentId"].as_str() {
            break id.to_owned();
        }
        if begun.elapsed() > WITHIN {
            return Err("the blob is not listed".into());
        }
    };
    let before = (Instant::now(), processor_time(place.thread)?);
    let mut stream = send(
        &place,
        &token,
        "GET",
        &format!("audit/{id}?{publisher}"),
        "",
    )?;
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            read => bytes += read as u64,
        }
    }
    if bytes < RECORDS as u64 {
        return Err(format!("the blob has {bytes} bytes alone").into());
    }
    Ok((bytes, since(before, place.thread)?))
}

fn since(before: (Instant, Duration), thread: u32) -> Outcome<Time> {
    Ok(Time {
        wall: before.0.elapsed(),
        processor: processor_time(thread)? - before.1,
    })
}

/// Starts an emulator on a thread of its own, which ends with the process.
fn start(config: Config) -> Outcome<Place> {
    let (ready, place) = mpsc::channel();
    std::thread::spawn(move || {
        let started = || -> Outcome<()> {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let emulator = Emulator::start(config).await?;
                let of_thread = std::fs::read_link("/proc/thread-self")?;
                let thread = of_thread.file_name().and_then(|name| name.to_str());
                ready.send(Place {
                    url: emulator.manage_url(),
                    client_id: emulator.client_id(),
                    client_secret: emulator.client_secret().to_owned(),
                    tenant: emulator.tenants()[0],
                    thread: thread.unwrap_or_default().parse()?,
                })?;
                std::future::pending::<()>().await;
                Ok(())
            })
        };
        started()
    });
    Ok(place.recv()?)
}

/// How long a thread of ours has run, by the kernel's count.
fn processor_time(thread: u32) -> Outcome<Duration> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat"))?;
    let nanoseconds = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// Starts a webhook on a thread of its own, which answers 200 and counts requests.
fn receiver(announced: Arc<AtomicU64>) -> Outcome<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}/", listener.local_addr()?);
    listener.set_nonblocking(true)?;
    std::thread::spawn(move || -> Outcome<()> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                let announced = Arc::clone(&announced);
                let service = service_fn(move |request: Request<Incoming>| {
                    let announced = Arc::clone(&announced);
                    async move {
                        request.into_body().collect().await?;
                        announced.fetch_add(1, Ordering::Relaxed);
                        Ok::<_, hyper::Error>(Response::new(Full::<Bytes>::default()))
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        })
    });
    Ok(address)
}

fn token(place: &Place) -> Outcome<String> {
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=https://manage.office.com/.default",
        place.client_id, place.client_secret
    );
    let target = format!("/{}/oauth2/v2.0/token", place.tenant);
    let answer = read_all(raw(place, "", "POST", &target, &form)?)?;
    let answer: Value = serde_json::from_slice(&answer)?;
    let token = answer["access_token"].as_str();
    Ok(token.ok_or("no token")?.to_owned())
}

fn call(place: &Place, token: &str, method: &str, operation: &str, body: &str) -> Outcome<Vec<u8>> {
    read_all(send(place, token, method, operation, body)?)
}

fn send(
    place: &Place,
    token: &str,
    method: &str,
    operation: &str,
    body: &str,
) -> Outcome<TcpStream> {
    let target = format!("/api/v1.0/{}/activity/feed/{operation}", place.tenant);
    raw(place, token, method, &target, body)
}

/// Sends a request with as little work as possible, to leave the core to the emulator.
fn raw(place: &Place, token: &str, method: &str, target: &str, body: &str) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(place.url.socket_addrs(|| None)?.as_slice())?;
    write!(
        stream,
        "{method} {target} HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
        place.url.authority(),
        body.len()
    )?;
    Ok(stream)
}

/// The body of a small answer; an error unless its status is 200.
fn read_all(mut stream: TcpStream) -> Outcome<Vec<u8>> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    if head.split(' ').nth(1) != Some("200") {
        return Err(text.into_owned().into());
    }
    Ok(body.as_bytes().to_vec())
}
