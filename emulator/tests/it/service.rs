//! The service as a whole: failures, headers, clocks, names of sensitive types.

use std::io::Read;

use emulator::{Behaviour, Config, ContentType, Fault, FaultKind, Operation};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use crate::world::{Seen, World};

async fn struck(world: &World, kind: FaultKind) -> Seen {
    world.microsoft.clear_faults();
    world.microsoft.fault(kind);
    world.get("subscriptions/list").await
}

#[tokio::test]
async fn the_service_can_fail_in_every_recorded_form() {
    let world = World::new(World::config()).await;
    let internal = struck(&world, FaultKind::Internal { in_an_hour: false }).await;
    assert_eq!(internal.refusal(), (500, "AF50000".to_owned()));
    let later = struck(&world, FaultKind::Internal { in_an_hour: true }).await;
    assert!(
        later.status == 500
            && later.json()["error"]["message"]
                .as_str()
                .expect("a text")
                .contains("in an hour")
    );
    for code in ["AF50005", "AF50006"] {
        let error = FaultKind::Error {
            status: 503,
            code: code.to_owned(),
            message: String::new(),
        };
        assert_eq!(
            struck(&world, error).await.refusal(),
            (503, code.to_owned())
        );
    }
    for status in [503, 408, 401] {
        let empty = struck(&world, FaultKind::Empty { status }).await;
        assert_eq!((empty.status, empty.body.len()), (status, 0));
    }
    let html = struck(&world, FaultKind::Html { status: 200 }).await;
    assert_eq!(
        (html.status, html.headers["content-type"].to_str().ok()),
        (200, Some("text/html"))
    );
    assert!(html.body.starts_with(b"<!DOCTYPE html"));
    for status in [302, 307] {
        let location = "https://login.example/".to_owned();
        let redirect = struck(&world, FaultKind::Redirect { status, location }).await;
        assert_eq!(
            (redirect.status, redirect.headers["location"].to_str().ok()),
            (status, Some("https://login.example/"))
        );
    }
}

#[tokio::test]
async fn an_answer_can_begin_with_a_byte_order_mark() {
    for gzip in [false, true] {
        let mut config = World::config();
        config.behaviour.gzip = gzip;
        let world = World::new(config).await;
        let plain = world.get("subscriptions/list").await;
        let marked = struck(&world, FaultKind::ByteOrderMark).await;
        let expect = [b"\xef\xbb\xbf".as_slice(), &plain.body].concat();
        assert_eq!(marked.body, expect);
    }
}

#[tokio::test]
async fn a_fault_can_strike_the_token_endpoint_alone() {
    let world = World::new(World::config()).await;
    world.microsoft.fault(Fault {
        operation: Some(Operation::Token),
        ..FaultKind::Html { status: 503 }.into()
    });
    assert_eq!(
        world
            .ask_token(&world.tenant.to_string(), "token", &[])
            .await
            .status,
        503
    );
    assert_eq!(world.get("subscriptions/list").await.status, 200);
}

#[tokio::test]
async fn headers_are_those_of_the_real_servers() {
    let world = World::new(World::config()).await;
    let answer = world.get("subscriptions/list").await;
    for (name, value) in [
        ("server", "Microsoft-IIS/10.0"),
        ("x-aspnet-version", "4.0.30319"),
        ("x-powered-by", "ASP.NET"),
        ("cache-control", "no-cache"),
        ("pragma", "no-cache"),
        ("expires", "-1"),
        ("content-type", "application/json; charset=utf-8"),
    ] {
        assert_eq!(answer.headers[name], value, "{name}");
    }
    let correlation = answer.headers["mise-correlation-id"]
        .to_str()
        .expect("text");
    assert!(correlation.parse::<uuid::Uuid>().is_ok(), "{correlation}");
}

fn date(answer: &Seen) -> Timestamp {
    let text = answer.headers["date"].to_str().expect("text");
    rfc2822::parse(text).expect("a date").timestamp()
}

#[tokio::test]
async fn the_date_is_the_emulators_clock_and_can_be_wrong() {
    let world = World::new(World::config()).await;
    world.advance(1_000);
    let now = world.microsoft.clock().now();
    let right = world.get("subscriptions/list").await;
    assert!(date(&right).duration_since(now).as_secs().abs() <= 2);
    let wrong = struck(&world, FaultKind::WrongDate { seconds: -7_200 }).await;
    assert!((date(&wrong).duration_since(now).as_secs() + 7_200).abs() <= 2);
    assert_eq!(wrong.status, 200);
}

#[tokio::test]
async fn sensitive_types_accept_one_language() {
    let world = World::new(World::config()).await;
    let ask = |language: &'static str| {
        world.send(
            world
                .client
                .get(world.feed("resources/dlpSensitiveTypes"))
                .bearer_auth(&world.token)
                .header("Accept-Language", language),
        )
    };
    let names = world.get("resources/dlpSensitiveTypes").await.json();
    assert_eq!(
        names[0],
        serde_json::json!({ "id": "50842eb7-edc8-4019-85dd-5a5c1f2bb085", "name": "CreditCardNumber" })
    );
    assert_eq!(ask("de-DE").await.status, 200);
    assert_eq!(
        ask("de-DE,en-US").await.refusal(),
        (400, "AF20053".to_owned())
    );
    assert_eq!(ask("!!").await.refusal(), (400, "AF20054".to_owned()));
}

#[tokio::test]
async fn requests_are_recorded_with_the_tenant_of_their_token() {
    let world = World::new(World::config()).await;
    world.content(ContentType::Exchange).await;
    let seen = world.microsoft.requests().pop().expect("a request");
    assert_eq!(
        (seen.operation, seen.status, seen.content_type),
        (Operation::Content, 400, Some(ContentType::Exchange))
    );
    assert_eq!(
        (seen.tenant, seen.token_tenant),
        (Some(world.tenant), Some(world.tenant))
    );
    assert_eq!(seen.publisher.as_deref(), Some(crate::world::PUBLISHER));
    assert_eq!(
        (
            world.microsoft.request_count(Operation::Token),
            world.microsoft.request_count(Operation::Content)
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn responses_are_compressed_on_request_if_configured() {
    let behaviour = Behaviour {
        gzip: true,
        ..Behaviour::default()
    };
    let world = World::new(Config {
        behaviour,
        ..World::config()
    })
    .await;
    world.start(ContentType::General).await;
    let id = world.publish(ContentType::General, "a");
    assert_eq!(
        world.blob(&id).await.body,
        r#"[{"Id":"a"}]"#,
        "nobody asked for gzip"
    );
    let url = world.feed(&format!("audit/{id}"));
    let request = world
        .client
        .get(url)
        .bearer_auth(&world.token)
        .header("Accept-Encoding", "gzip, deflate");
    let answer = world.send(request).await;
    assert_eq!(answer.headers["content-encoding"], "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(answer.body.as_ref())
        .read_to_string(&mut text)
        .expect("whole");
    assert_eq!(text, r#"[{"Id":"a"}]"#);
}
