//! Every operation, where nothing goes wrong: what is sent, and what is read.

use jiff::Timestamp;
use office365::{
    Cloud, ContentListing, ContentType, Failure, Started, SubscriptionStatus, Webhook,
};

use crate::server::{
    CLIENT_ID, PUBLISHER_ID, SECRET, Server, TENANT, json, pages, refuse, reply, tenant,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn webhook() -> Webhook {
    Webhook {
        address: "https://receiver.example/v1/notifications".parse().unwrap(),
        auth_id: "v1.auth".into(),
    }
}

fn ids(page: &ContentListing) -> Vec<&str> {
    let contents = page.contents.iter();
    contents.map(|blob| blob.content_id.as_str()).collect()
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
    let pages = sendable(pages(&client, content_type, start, end))
        .await
        .unwrap();
    assert_eq!(pages.len(), 2);
    assert_eq!(ids(&pages[0]), ["a$1", "b$1"]);
    assert_eq!(ids(&pages[1]), ["c$1"]);
    assert_eq!(pages[0].rejected_count + pages[0].readdressed_count, 0);
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
    let client = server.client();
    let list = pages(&client, ContentType::AuditExchange, start, end).await;
    assert!(matches!(list.unwrap_err().failure(), Failure::Endless(2)));
    assert_eq!(server.calls().len(), 2);
}

/// A page with one blob, whose next page is as given.
fn page(id: &str, next: &str) -> axum::response::Response {
    let body = serde_json::json!([{"contentType": "Audit.Exchange", "contentId": id, "contentCreated": "2026-07-01T09:00:00.000Z"}]);
    reply(200, &[("NextPageUri", next)], &body.to_string())
}

#[tokio::test]
async fn a_page_that_cannot_be_read_leaves_the_pages_before() {
    let server = Server::start(|seen, index| {
        let next = format!(
            "http://{}/api/v1.0/{TENANT}/activity/feed/subscriptions/content?nextPage=2",
            seen.headers["host"].to_str().unwrap()
        );
        match index {
            0 => page("a$1", &next),
            1 => refuse(400, "AF20031", "Invalid nextPage Input"),
            2 => page("b$1", "null"),
            _ => json(500, ""),
        }
    })
    .await;
    let (start, end) = (at("2026-07-01T08:00:00Z"), at("2026-07-01T10:00:00Z"));
    let mut config = server.config();
    config.retry.attempts_max = 1;
    let client = office365::Client::new(config).unwrap();
    let content_type = ContentType::AuditExchange;
    let mut pages = client.content_pages(tenant(), Cloud::Enterprise, content_type, start, end);
    assert_eq!(ids(&pages.next().await.unwrap().unwrap()), ["a$1"]);
    assert_eq!(pages.next().await.unwrap_err().code(), Some("AF20031"));
    assert_eq!(ids(&pages.next().await.unwrap().unwrap()), ["b$1"]);
    for _ in 0..2 {
        assert!(pages.next().await.unwrap().is_none());
    }
    assert_eq!(server.calls().len(), 3, "the text null is the end");
}

#[tokio::test]
async fn a_refused_next_page_is_told_after_its_good_page() {
    let server = Server::start(|_, _| page("a$1", "https://evil.example/next")).await;
    let (start, end) = (at("2026-07-01T08:00:00Z"), at("2026-07-01T10:00:00Z"));
    let content_type = ContentType::AuditExchange;
    let client = server.client();
    let mut pages = client.content_pages(tenant(), Cloud::Enterprise, content_type, start, end);
    assert_eq!(ids(&pages.next().await.unwrap().unwrap()), ["a$1"]);
    for _ in 0..2 {
        let error = pages.next().await.unwrap_err();
        assert!(matches!(error.failure(), Failure::Hostile(_)), "{error}");
    }
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn a_byte_order_mark_before_any_answer_is_skipped() {
    let server = Server::start(|seen, _| {
        let mark = |body: &str| json(200, &format!("\u{feff}{body}"));
        match seen.path.rsplit('/').next().unwrap() {
            "start" => mark(r#"{"contentType":"DLP.All","status":"enabled","webhook":null}"#),
            "stop" => refuse_marked("AF20023"),
            "dlpSensitiveTypes" => mark(r#"[{"id":"1","name":"CreditCardNumber"}]"#),
            _ => mark("[]"),
        }
    })
    .await;
    server.script_tokens([json(200, "\u{feff}{\"access_token\":\"opaque\"}")]);
    let (client, cloud, content_type) = (server.client(), Cloud::Enterprise, ContentType::DlpAll);
    let (start, end) = (at("2026-07-01T08:00:00Z"), at("2026-07-01T10:00:00Z"));
    let started = client.start(tenant(), cloud, content_type, None).await;
    assert!(matches!(started, Ok(Started::Changed(_))), "{started:?}");
    let error = client
        .stop(tenant(), cloud, content_type)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("AF20023"));
    client.list_subscriptions(tenant(), cloud).await.unwrap();
    client.dlp_sensitive_types(tenant(), cloud).await.unwrap();
    pages(&client, content_type, start, end).await.unwrap();
}

fn refuse_marked(code: &str) -> axum::response::Response {
    let body = serde_json::json!({"error": {"code": code, "message": "text"}});
    json(400, &format!("\u{feff}{body}"))
}
