//! Findings at the operator's webhook: signed, and again when it does not take them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use pipeline::settings::EventSettings;
use serde_json::{Value, json};
use sha2::Sha256;
use tests::Outcome;
use tokio::net::TcpListener;
use url::Url;

use super::{ONE, act, deliver, installed};

/// `whsec_` and the base64 of 32 bytes.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

type Calls = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// A webhook that refuses its first call.
async fn webhook() -> Outcome<(Url, Calls)> {
    let calls = Calls::default();
    let take = |State(calls): State<Calls>, headers: HeaderMap, body: String| async move {
        let mut calls = calls.lock().unwrap();
        calls.push((headers, body));
        if calls.len() == 1 {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::NO_CONTENT
        }
    };
    let router = Router::new().route("/findings", post(take));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/findings", listener.local_addr()?);
    let router = router.with_state(Arc::clone(&calls));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((url.parse()?, calls))
}

#[tokio::test]
async fn a_finding_is_sent_signed_until_it_is_taken() -> Outcome<()> {
    let world = installed(&[ONE], EventSettings::default()).await?;
    deliver(&world, vec![act(&world, 1, "Test-Act", &json!({}))]).await?;
    world.detect_until_empty().await?;
    let (url, calls) = webhook().await?;
    let (taken, failed) = world.send_findings(url.clone(), SECRET).await?;
    assert_eq!((taken, failed.len()), (1, 1));
    world.queue_findings_again().await?;
    let (taken, failed) = world.send_findings(url, SECRET).await?;
    assert_eq!((taken, failed.len()), (1, 0));

    let calls = calls.lock().unwrap();
    assert_eq!(calls.len(), 2);
    let header = |at: usize, name: &str| calls[at].0[name].to_str().unwrap().to_owned();
    assert_eq!(header(0, "webhook-id"), header(1, "webhook-id"));
    for (at, (_, body)) in calls.iter().enumerate() {
        let signed = format!(
            "{}.{}.{body}",
            header(at, "webhook-id"),
            header(at, "webhook-timestamp")
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(b"0123456789abcdef0123456789abcdef")?;
        mac.update(signed.as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(header(at, "webhook-signature"), signature);
    }
    let body: Value = serde_json::from_str(&calls[1].1)?;
    assert_eq!(body["type"], "finding.created");
    assert_eq!(
        body["data"]["metadata"]["uid"],
        json!(header(1, "webhook-id"))
    );
    Ok(())
}

#[tokio::test]
async fn a_webhook_in_the_open_is_refused() -> Outcome<()> {
    let world = installed(&[], EventSettings::default()).await?;
    let url = "http://soc.example/findings".parse()?;
    let refused = world.send_findings(url, SECRET).await.unwrap_err();
    assert!(refused.to_string().contains("https"), "{refused}");
    Ok(())
}
