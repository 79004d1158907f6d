//! What the client finds out without changing anything.

use std::sync::Arc;

use office365::{Certificate, Client, ClientConfig, Cloud, Credential, CredentialKind, Webhook};

use crate::server::{Server, json, refuse_token, reply, tenant, token};

/// The emulator's certificate and its key.
const CERTIFICATE: &str = include_str!("../../../../emulator/tests/it/certificate.pem");
const KEY: &str = include_str!("../../../../emulator/tests/it/certificate.key");

#[tokio::test]
async fn a_report_asks_for_a_new_token_that_later_calls_use() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    server.script_tokens([
        token(&["ActivityFeed.Read"], 1),
        token(&["ActivityFeed.ReadDlp"], 2),
        refuse_token(401, "invalid_client", "AADSTS7000222: expired"),
    ]);
    let client = server.client();
    let cloud = Cloud::Enterprise;
    client.list_subscriptions(tenant(), cloud).await.unwrap();
    let report = client.token_report(tenant(), cloud).await;
    let roles = report.token.unwrap().roles.unwrap();
    assert_eq!(roles, ["ActivityFeed.ReadDlp"]);
    assert!(report.server_date.is_some());
    client.list_subscriptions(tenant(), cloud).await.unwrap();
    let calls = server.calls();
    assert_ne!(calls[0].authorization, calls[1].authorization);
    let report = client.token_report(tenant(), cloud).await;
    let error = report.token.unwrap_err();
    assert_eq!(error.code(), Some("AADSTS7000222"));
    assert!(
        report.server_date.is_some(),
        "its clock is known all the same"
    );
    assert_eq!(server.token_calls().len(), 3);
}

#[tokio::test]
async fn a_certificate_says_until_when_it_is_valid() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let report = server.client().credential_report().await;
    assert_eq!(
        (report.kind, report.not_after),
        (CredentialKind::Secret, None)
    );
    let certificate = Certificate::from_pem(&KEY.into(), CERTIFICATE).unwrap();
    let client = Client::new(ClientConfig {
        credential: Credential::Certificate(Arc::new(certificate)),
        ..server.config()
    });
    let report = client.unwrap().credential_report().await;
    assert_eq!(report.kind, CredentialKind::Certificate);
    assert!(report.not_after.is_some(), "{report:?}");
}

#[tokio::test]
async fn a_webhook_is_called_as_microsoft_calls_it() {
    let server = Server::start(|_, _| reply(401, &[], "")).await;
    let webhook = Webhook {
        address: format!("{}/hook", server.base).parse().unwrap(),
        auth_id: "v1.mac".into(),
    };
    let status = server.client().call_webhook(&webhook).await;
    assert_eq!(status, Ok(401));
    let call = &server.calls()[0];
    let code = call.headers["webhook-validationcode"].to_str().unwrap();
    assert_eq!(call.headers["webhook-authid"], "v1.mac");
    assert_eq!(call.body, format!(r#"{{"validationCode":"{code}"}}"#));
    assert_eq!(call.authorization, None, "no token goes there");
}
