//! The emulator over HTTPS.

use emulator::{Config, Emulator, FaultKind, StartError, Tls};

use crate::world::World;

const AUTHORITY: &str = include_str!("tls/authority.pem");
const CERTIFICATE: &str = include_str!("tls/server.pem");
const KEY: &str = include_str!("tls/server.key");

async fn start(key: &str) -> Result<Emulator, StartError> {
    let tls = Tls {
        certificates: CERTIFICATE.to_owned(),
        key: key.to_owned(),
    };
    Emulator::start(Config {
        tls: Some(tls),
        ..World::config()
    })
    .await
}

fn client() -> reqwest::Client {
    let authority = reqwest::Certificate::from_pem(AUTHORITY.as_bytes()).expect("a certificate");
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .build()
        .expect("a client")
}

#[tokio::test]
async fn https_is_answered_with_a_certificate_of_ones_own() {
    let microsoft = start(KEY).await.expect("it starts");
    let url = microsoft.login_url();
    assert_eq!(url.scheme(), "https");
    let url = format!("{url}_emulator/clock");
    let answer = client().get(&url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let plain = url.replace("https:", "http:");
    assert!(client().get(plain).send().await.is_err());
}

#[tokio::test]
async fn a_connection_over_https_can_be_reset() {
    let microsoft = start(KEY).await.expect("it starts");
    microsoft.fault(FaultKind::Reset);
    let tenant = microsoft.tenants()[0];
    let url = format!(
        "{}api/v1.0/{tenant}/activity/feed/subscriptions/list",
        microsoft.manage_url()
    );
    assert!(client().get(url).send().await.is_err());
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_refused() {
    let other = include_str!("certificate.key");
    let refused = start(other).await.expect_err("refused");
    assert!(matches!(refused, StartError::Tls(_)), "{refused}");
}
