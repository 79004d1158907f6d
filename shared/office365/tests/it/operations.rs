//! Every operation, where nothing goes wrong: what is sent, and what is read.

use jiff::Timestamp;
use office365::{Cloud, ContentType, Failure, Started, SubscriptionStatus, Webhook};

use crate::server::{CLIENT_ID, PUBLISHER_ID, SECRET, Server, TENANT, json, reply, tenant};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn webhook() -> Webhook {
    Webhook {
        address: "https://receiver.example/v1/notifications".parse().unwrap(),
        auth_id: "v1.auth".into(),
    }
}

/// Callers spawn these futures.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

#[tokio::test]
async fn a_start_sends_the_webhook_and_reads_its_echo() {
    let server = Server::start(|_, _| {
        json(200, r#"{"contentType":"Audit.SharePoint","status":"enabled","webhook":{"status":"enabled","address":"https://receiver.example/v1/notifications","authId":"v1.auth","expiration":null}}"#)
    })
    .await;
    let client = server.client();
    let webhook = webhook();
    let content_type = ContentType::AuditSharePoint;
    let start = client.start(tenant(), Cloud::Enterprise, content_type, Some(&webhook));
    let Started::Changed(subscription) = sendable(start).await.unwrap() else {
        panic!("nothing changed");
    };
    assert_eq!(subscription.status, SubscriptionStatus::Enabled);
    let state = subscription.webhook.unwrap();
    assert!(state.serves(&webhook, at("2026-07-01T00:00:00Z")));

    let call = server.calls().remove(0);
    assert_eq!(call.method, "POST");
    assert_eq!(
        call.path,
        format!("/api/v1.0/{TENANT}/activity/feed/subscriptions/start")
    );
    assert_eq!(
        call.query,
        format!("contentType=Audit.SharePoint&PublisherIdentifier={PUBLISHER_ID}")
    );
    assert_eq!(
        call.headers["content-type"],
        "application/json; charset=utf-8"
    );
    let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(body["webhook"]["authId"], "v1.auth");
    assert!(call.authorization.unwrap().starts_with("Bearer ey"));

    let token = server.token_calls().remove(0);
    assert_eq!(token.path, format!("/{TENANT}/oauth2/v2.0/token"));
    for part in [
        "grant_type=client_credentials".to_owned(),
        format!("client_id={CLIENT_ID}"),
        "scope=https%3A%2F%2Fmanage.office.com%2F.default".to_owned(),
        format!("client_secret={}", SECRET.replace('~', "%7E")),
    ] {
        assert!(token.body.contains(&part), "{part} in {}", token.body);
    }
}

#[tokio::test]
async fn a_post_without_a_body_has_length_zero() {
    let server = Server::start(|_, _| json(200, "")).await;
    let client = server.client();
    let stop = client.stop(tenant(), Cloud::Enterprise, ContentType::DlpAll);
    sendable(stop).await.unwrap();
    assert_eq!(server.calls()[0].headers["content-length"], "0");
}

#[tokio::test]
async fn subscriptions_are_listed_in_every_documented_shape() {
    let server = Server::start(|_, _| {
        json(200, r#"[{"contentType":"Audit.SharePoint","status":"enabled","webhook":{"authId":"","address":"https://a.example/","expiration":"","status":"expired"}},
            {"contentType":"Audit.Exchange","webhook":null},{"contentType":"Audit.Future","status":"enabled"}]"#)
    })
    .await;
    let client = server.client();
    let listed = sendable(client.list_subscriptions(tenant(), Cloud::Gcc))
        .await
        .unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed[0].webhook.as_ref().unwrap().auth_id.is_none());
    assert_eq!(listed[1].status, SubscriptionStatus::Other);
}

#[tokio::test]
async fn every_page_is_read_and_each_blob_listed_once() {
    let server = Server::start(|seen, index| {
        let base = format!("http://{}/api/v1.0/{TENANT}/activity/feed", seen.headers["host"].to_str().unwrap());
        let blob = |id: &str| format!(r#"{{"contentType":"audit.exchange","contentId":"{id}","contentUri":"{base}/audit/{id}","contentCreated":"2026-07-01T09:00:00.000Z","contentExpiration":"2026-07-08T09:00:00"}}"#);
        match index {
            0 => reply(200, &[("Nextpageuri", &format!("{}/subscriptions/content?contentType=Audit.Exchange&nextPage=p%2B2", base.replace("v1.0", "v1")))], &format!("[{},{}]", blob("a$1"), blob("b$1"))),
            1 => json(200, &format!("[{},{}]", blob("b$1"), blob("c$1"))),
            _ => json(500, ""),
        }
    })
    .await;
    let client = server.client();
    let (start, end) = (at("2026-07-01T08:00:00.4Z"), at("2026-07-01T09:59:59.4Z"));
    let content_type = ContentType::AuditExchange;
    let listing = client.list_content(tenant(), Cloud::Enterprise, content_type, start, end);
    let listing = sendable(listing).await.unwrap();
    let ids: Vec<_> = listing
        .contents
        .iter()
        .map(|c| c.content_id.as_str())
        .collect();
    assert_eq!(ids, ["a$1", "b$1", "c$1"]);
    assert_eq!((listing.pages, listing.rejected_count), (2, 0));
    let calls = server.calls();
    let window = "contentType=Audit.Exchange&startTime=2026-07-01T08%3A00%3A00&endTime=2026-07-01T10%3A00%3A00";
    assert_eq!(
        calls[0].query,
        format!("{window}&PublisherIdentifier={PUBLISHER_ID}")
    );
    assert_eq!(
        calls[1].query,
        format!("{window}&nextPage=p%2B2&PublisherIdentifier={PUBLISHER_ID}")
    );
    assert_eq!(server.token_calls().len(), 1);
}

#[tokio::test]
async fn a_blob_is_fetched_by_its_id_unchanged() {
    let server = Server::start(|_, _| json(200, r#"[{"Id":"1"}]"#)).await;
    let client = server.client();
    let id = "2017$2017$audit_general$Audit_General".parse().unwrap();
    let blob = sendable(client.fetch_blob(tenant(), Cloud::Enterprise, &id, 1000))
        .await
        .unwrap();
    assert_eq!(&blob[..], br#"[{"Id":"1"}]"#);
    let call = server.calls().remove(0);
    assert_eq!(
        call.path,
        format!("/api/v1.0/{TENANT}/activity/feed/audit/{id}")
    );
    assert_eq!(call.query, format!("PublisherIdentifier={PUBLISHER_ID}"));
    assert_eq!(call.headers["accept-encoding"], "gzip");
}

#[tokio::test]
async fn a_consent_link_is_the_v2_form() {
    let server = Server::start(|_, _| json(500, "")).await;
    let client = server.client();
    let redirect = "https://api.example/v1/consent".parse().unwrap();
    let url = client
        .consent_url(Cloud::GccHigh, Some(tenant()), &redirect, "a b")
        .unwrap();
    assert_eq!(
        url.as_str(),
        format!(
            "{}/{TENANT}/v2.0/adminconsent?client_id={CLIENT_ID}&scope=https%3A%2F%2Fmanage.office365.us%2F.default&redirect_uri=https%3A%2F%2Fapi.example%2Fv1%2Fconsent&state=a+b",
            server.base
        )
    );
}

#[tokio::test]
async fn sent_notifications_are_listed_for_diagnosis() {
    let server = Server::start(|_, _| {
        json(200, r#"[{"contentType":"Audit.Exchange","contentId":"a$1","contentUri":"x","notificationStatus":"success","notificationSent":"2026-07-01T09:01:02.000Z","contentCreated":"2026-07-01T09:00:00.000Z","contentExpiration":"2026-07-08T09:00:00.000Z"},
            {"contentId":"a$1","notificationStatus":"fai\nled","notificationSent":"2026-07-01T09:00:02"},{"odd":1}]"#)
    })
    .await;
    let (start, end) = (at("2026-07-01T08:00:00Z"), at("2026-07-01T10:00:00Z"));
    let client = server.client();
    let sent = client.list_notifications(
        tenant(),
        Cloud::Enterprise,
        ContentType::AuditExchange,
        start,
        end,
    );
    let sent = sendable(sent).await.unwrap();
    let statuses: Vec<_> = sent.iter().map(|sent| sent.status.as_str()).collect();
    assert_eq!(statuses, ["success", "fai led"]);
    assert!(
        server.calls()[0]
            .path
            .ends_with("/subscriptions/notifications")
    );
}

#[tokio::test]
async fn sensitive_types_have_names() {
    let server = Server::start(|_, _| {
        json(
            200,
            r#"[{"id":"50842eb7-edc8-4019-85dd-5a5c1f2bb085","name":"CreditCardNumber"}]"#,
        )
    })
    .await;
    let client = server.client();
    let types = sendable(client.dlp_sensitive_types(tenant(), Cloud::Enterprise))
        .await
        .unwrap();
    assert_eq!(types[0].name, "CreditCardNumber");
    assert!(
        server.calls()[0]
            .path
            .ends_with("/resources/dlpSensitiveTypes")
    );
}

#[tokio::test]
async fn a_listing_that_repeats_itself_ends() {
    let server = Server::start(|seen, _| {
        let next = format!(
            "http://{}/api/v1.0/{TENANT}/activity/feed/subscriptions/content?nextPage=same",
            seen.headers["host"].to_str().unwrap()
        );
        reply(200, &[("NEXTPAGEURI", &next)], "[]")
    })
    .await;
    let (start, end) = (at("2026-07-01T08:00:00Z"), at("2026-07-01T10:00:00Z"));
    let list = server
        .client()
        .list_content(
            tenant(),
            Cloud::Enterprise,
            ContentType::AuditExchange,
            start,
            end,
        )
        .await;
    assert!(matches!(list.unwrap_err().failure(), Failure::Endless(2)));
    assert_eq!(server.calls().len(), 2);
}
