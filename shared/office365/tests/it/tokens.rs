//! Tokens: asked for once, renewed in time and replaced when refused; and every error of Entra, by code.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::FutureExt;
use futures::future::join_all;
use jiff::Timestamp;
use office365::{
    Certificate, Client, ClientConfig, Cloud, Credential, Disposition, Failure, Scope,
    TenantTrouble,
};

use crate::server::{SECRET, Server, json, refuse, refuse_token, reply, tenant, token};

const RETRY: Disposition = Disposition::Retry { after: None };

/// A client whose clock the test moves, in seconds.
fn client_and_clock(config: ClientConfig) -> (Client, Arc<AtomicI64>) {
    let seconds = Arc::new(AtomicI64::new(1_782_900_000));
    let clock = Arc::clone(&seconds);
    let config = ClientConfig {
        clock: Arc::new(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap()),
        ..config
    };
    (Client::new(config).unwrap(), seconds)
}

async fn list(client: &Client) -> Result<(), office365::Error> {
    let listed = client.list_subscriptions(tenant(), Cloud::Enterprise).await;
    listed.map(|_| ())
}

#[tokio::test]
async fn many_calls_at_once_share_one_token_request() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let client = server.client();
    let all = join_all((0..50).map(|_| list(&client))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(server.token_calls().len(), 1);
    assert_eq!(server.calls().len(), 50);
}

#[tokio::test]
async fn many_calls_at_once_share_one_refusal() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let refusals = (0..50).map(|_| {
        refuse_token(
            401,
            "invalid_client",
            "AADSTS7000215: Invalid client secret provided.",
        )
    });
    server.script_tokens(refusals);
    let client = server.client();
    let all = join_all((0..50).map(|_| list(&client))).await;
    assert!(all.iter().all(Result::is_err));
    assert_eq!(server.token_calls().len(), 1);
    assert_eq!(server.calls().len(), 0);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_block_the_next() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let endless = futures::stream::pending::<Result<String, std::io::Error>>();
    let silent = Response::new(Body::from_stream(endless));
    server.script_tokens([silent]);
    let client = server.client();
    let asked = async {
        while server.token_calls().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let gives_up = async {
        tokio::select! {
            listed = list(&client) => panic!("{listed:?}"),
            () = asked => {}
        }
    };
    let waits = async {
        // Begins to wait for the token that the other asks for.
        tokio::task::yield_now().await;
        list(&client).await
    };
    let ((), waited) = tokio::join!(gives_up, waits);
    waited.unwrap();
    assert_eq!(server.token_calls().len(), 2);
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let (client, clock) = client_and_clock(server.config());
    list(&client).await.unwrap();
    clock.fetch_add(3200, Ordering::Relaxed);
    list(&client).await.unwrap();
    assert_eq!(server.token_calls().len(), 1);
    clock.fetch_add(200, Ordering::Relaxed);
    list(&client).await.unwrap();
    assert_eq!(server.token_calls().len(), 2);
}

#[tokio::test]
async fn a_failed_renewal_ahead_of_the_end_keeps_the_old_token() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let (client, clock) = client_and_clock(server.config());
    list(&client).await.unwrap();
    clock.fetch_add(3400, Ordering::Relaxed);
    server.script_tokens([json(503, ""), json(503, ""), json(503, ""), json(503, "")]);
    list(&client).await.unwrap();
    clock.fetch_add(300, Ordering::Relaxed);
    assert_eq!(list(&client).await.unwrap_err().disposition(), RETRY);
}

#[tokio::test]
async fn a_lifetime_is_read_as_number_and_as_text() {
    for life in ["100", "\"100\"", "\" 100 \"", "100.0"] {
        let server = Server::start(|_, _| json(200, "[]")).await;
        let answer = format!(r#"{{"access_token":"opaque","expires_in":{life}}}"#);
        server.script_tokens([json(200, &answer)]);
        let (client, clock) = client_and_clock(server.config());
        list(&client).await.unwrap();
        clock.fetch_add(70, Ordering::Relaxed);
        list(&client).await.unwrap();
        assert_eq!(server.token_calls().len(), 1, "{life}");
        clock.fetch_add(31, Ordering::Relaxed);
        list(&client).await.unwrap();
        assert_eq!(server.token_calls().len(), 2, "{life}");
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let server = Server::start(|seen, _| {
        let first = seen.authorization.as_ref().unwrap();
        if first.contains("stale") {
            json(401, "")
        } else {
            json(200, "[]")
        }
    })
    .await;
    server.script_tokens([json(200, r#"{"access_token":"stale","expires_in":3599}"#)]);
    let client = server.client();
    list(&client).await.unwrap();
    list(&client).await.unwrap();
    assert_eq!(server.token_calls().len(), 2);
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test]
async fn a_token_that_stays_refused_ends_in_an_error() {
    let server = Server::start(|_, _| json(401, "")).await;
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!((error.disposition(), error.scope()), (RETRY, Scope::Call));
    assert_eq!((server.token_calls().len(), server.calls().len()), (2, 2));
}

#[tokio::test]
async fn consent_given_later_is_noticed_within_five_minutes() {
    let text =
        "The permission set () sent in the request does not include the expected permission.";
    let server = Server::start(move |_, index| match index {
        0 => refuse(401, "AF10001", text),
        _ => json(200, "[]"),
    })
    .await;
    server.script_tokens([token(&[], 0)]);
    let (client, clock) = client_and_clock(server.config());
    let error = list(&client).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Consent);
    clock.fetch_add(301, Ordering::Relaxed);
    list(&client).await.unwrap();
    let calls = server.calls();
    assert_eq!(server.token_calls().len(), 2);
    assert_ne!(calls[0].authorization, calls[1].authorization);
}

#[tokio::test]
async fn token_check_sees_a_missing_permission_and_its_grant() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    server.script_tokens([token(&["ServiceHealth.Read"], 0)]);
    let (client, clock) = client_and_clock(server.config());
    let error = client
        .token_check(tenant(), Cloud::Enterprise)
        .await
        .unwrap_err();
    assert_eq!(error.disposition(), Disposition::Consent);
    assert!(error.to_string().contains("ActivityFeed.Read"));
    clock.fetch_add(3, Ordering::Relaxed);
    client
        .token_check(tenant(), Cloud::Enterprise)
        .await
        .unwrap();
    assert_eq!(server.calls().len(), 0);
}

#[tokio::test]
async fn token_check_notices_another_tenant_or_resource() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let error = server
        .client()
        .token_check(tenant(), Cloud::China)
        .await
        .unwrap_err();
    assert!(matches!(error.failure(), Failure::Token(_)), "{error}");
    let other = "11463f53-8812-40f4-890f-865bf6e35190".parse().unwrap();
    let error = server
        .client()
        .token_check(other, Cloud::Enterprise)
        .await
        .unwrap_err();
    assert_eq!(error.disposition(), Disposition::Credential);
}

#[tokio::test]
async fn an_unusable_token_answer_is_an_error_without_a_request() {
    let long = format!(r#"{{"access_token":"{}"}}"#, "a".repeat(20_000));
    for body in [
        "",
        "[]",
        "{}",
        "<html>",
        r#"{"access_token":""}"#,
        r#"{"access_token":"a\r\nX-Evil: 1"}"#,
        r#"{"access_token":7}"#,
        &long,
    ] {
        let server = Server::start(|_, _| json(200, "[]")).await;
        server.script_tokens((0..3).map(|_| json(200, body)));
        let error = list(&server.client()).await.unwrap_err();
        assert!(matches!(error.failure(), Failure::Unreadable(_)), "{error}");
        assert_eq!(server.calls().len(), 0);
    }
}

#[tokio::test]
async fn every_error_code_of_entra_has_its_disposition() {
    let known = [
        ("unauthorized_client", "AADSTS700016", Disposition::Consent),
        ("invalid_grant", "AADSTS65001", Disposition::Consent),
        ("consent_required", "AADSTS65004", Disposition::Consent),
        ("access_denied", "AADSTS90094", Disposition::Consent),
        ("invalid_request", "AADSTS650051", Disposition::Consent),
        ("invalid_resource", "AADSTS500011", Disposition::Consent),
        ("invalid_resource", "AADSTS500014", Disposition::AuditingOff),
        ("invalid_client", "AADSTS7000215", Disposition::Credential),
        ("invalid_client", "AADSTS7000222", Disposition::Credential),
        ("invalid_client", "AADSTS7000218", Disposition::Credential),
        (
            "unauthorized_client",
            "AADSTS7000112",
            Disposition::Credential,
        ),
        ("unauthorized_client", "AADSTS7000229", Disposition::Consent),
        ("access_denied", "AADSTS53003", Disposition::Blocked),
        ("invalid_request", "AADSTS90002", Disposition::TenantGone),
        ("invalid_request", "AADSTS900382", Disposition::Credential),
        ("invalid_request", "AADSTS900432", Disposition::Credential),
        ("invalid_resource", "AADSTS50001", Disposition::Credential),
        ("invalid_client", "AADSTS50012", Disposition::Credential),
        ("invalid_client", "AADSTS500133", Disposition::Credential),
        ("invalid_request", "AADSTS901002", Disposition::Credential),
        ("invalid_request", "AADSTS9001023", Disposition::Credential),
        ("temporarily_unavailable", "AADSTS90055", RETRY),
    ];
    for (error, code, disposition) in known {
        let server = Server::start(|_, _| json(200, "[]")).await;
        server.script_tokens(
            (0..3).map(|_| refuse_token(400, error, &format!("{code}: text. Trace ID: 1"))),
        );
        let found = list(&server.client()).await.unwrap_err();
        assert_eq!(found.code(), Some(code));
        assert_eq!(found.disposition(), disposition, "{found}");
        let trouble = match disposition {
            Disposition::Consent => Scope::Tenant(TenantTrouble::Consent),
            Disposition::Blocked => Scope::Tenant(TenantTrouble::Blocked),
            Disposition::TenantGone => Scope::Tenant(TenantTrouble::TenantGone),
            Disposition::AuditingOff => Scope::Tenant(TenantTrouble::AuditingOff),
            Disposition::Credential => Scope::Tenant(TenantTrouble::Credential),
            _ => Scope::Call,
        };
        assert_eq!(found.scope(), trouble, "{found}");
        assert_eq!(server.calls().len(), 0);
    }
}

#[tokio::test]
async fn a_blocked_application_is_told_what_to_do() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let text = "AADSTS53003: Access has been blocked by Conditional Access policies.";
    server.script_tokens([refuse_token(400, "access_denied", text)]);
    let error = list(&server.client()).await.unwrap_err();
    assert!(error.to_string().contains("must exclude it"), "{error}");
}

#[tokio::test]
async fn a_source_without_a_credential_is_the_tenants_trouble() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let source = Arc::new(|| async { Err("no answer".to_owned()) }.boxed());
    let credential = Credential::SecretFrom(source);
    let config = ClientConfig {
        credential,
        ..server.config()
    };
    let error = list(&Client::new(config).unwrap()).await.unwrap_err();
    let trouble = Scope::Tenant(TenantTrouble::Credential);
    assert_eq!((error.disposition(), error.scope()), (RETRY, trouble));
}

#[tokio::test]
async fn faults_of_the_login_server_are_retried() {
    for (status, body) in [(429, "{}"), (500, "<html>"), (503, ""), (200, "<html>")] {
        let server = Server::start(|_, _| json(200, "[]")).await;
        server.script_tokens([reply(status, &[], body)]);
        list(&server.client()).await.unwrap();
        assert_eq!(server.token_calls().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn the_secret_is_redacted_plain_and_percent_encoded() {
    for echo in [SECRET.to_owned(), SECRET.replace('~', "%7E")] {
        let server = Server::start(|_, _| json(200, "[]")).await;
        let text = format!("AADSTS7000215: bad secret '{echo}'");
        server.script_tokens([refuse_token(401, "invalid_client", &text)]);
        let error = list(&server.client()).await.unwrap_err();
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains(&echo), "{printed}");
        assert!(printed.contains("[redacted]"));
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[tokio::test]
async fn a_certificate_is_sent_as_a_signed_assertion() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    let certificate = pem("CERTIFICATE", key.public_key().as_ref());
    let certificate = Certificate::from_pem(&pem("PRIVATE KEY", der.as_ref()).into(), &certificate);
    let server = Server::start(|_, _| json(200, "[]")).await;
    let credential = Credential::Certificate(Arc::new(certificate.unwrap()));
    let client = Client::new(ClientConfig {
        credential,
        ..server.config()
    })
    .unwrap();
    list(&client).await.unwrap();
    let body = server.token_calls().remove(0).body;
    assert!(
        body.contains("client_assertion=eyJ") && !body.contains("client_secret"),
        "{body}"
    );
    assert!(
        body.contains(
            "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        ),
        "{body}"
    );
}

#[tokio::test]
async fn a_federated_assertion_is_fetched_for_each_token() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let assertions = AtomicI64::new(0);
    let source = Arc::new(move |cloud: Cloud| {
        assert_eq!(cloud, Cloud::Enterprise);
        let n = assertions.fetch_add(1, Ordering::Relaxed);
        let made = if n == 0 {
            Err("no answer from STS".to_owned())
        } else {
            Ok(format!("assertion-{n}").into())
        };
        async move { made }.boxed()
    });
    let credential = Credential::Federated(source);
    let client = Client::new(ClientConfig {
        credential,
        ..server.config()
    })
    .unwrap();
    list(&client).await.unwrap();
    let body = server.token_calls().remove(0).body;
    assert!(
        body.contains("client_assertion=assertion-1"),
        "a failed source is asked again: {body}"
    );
}

#[tokio::test]
async fn a_rotated_secret_is_used_without_a_new_client() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let asked = AtomicI64::new(0);
    let source = Arc::new(move || {
        let n = asked.fetch_add(1, Ordering::Relaxed);
        async move { Ok(format!("secret-{n}").into()) }.boxed()
    });
    let credential = Credential::SecretFrom(source);
    let (client, clock) = client_and_clock(ClientConfig {
        credential,
        ..server.config()
    });
    list(&client).await.unwrap();
    clock.fetch_add(4000, Ordering::Relaxed);
    list(&client).await.unwrap();
    let calls = server.token_calls();
    assert!(calls[0].body.contains("client_secret=secret-0"));
    assert!(calls[1].body.contains("client_secret=secret-1"));
}
