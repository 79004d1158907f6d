//! Every error the API is known to answer, by name: what the client makes of it, and how often it asks.

use std::time::Duration;

use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use office365::{Cloud, ContentType, Disposition, Error, Failure, Scope, Started, TenantTrouble};

use crate::server::{Server, json, pages, refuse, reply, tenant};

const RETRY: Disposition = Disposition::Retry { after: None };
const MINUTES_15: Disposition = after(15 * 60);

const fn after(seconds: u64) -> Disposition {
    Disposition::Retry {
        after: Some(Duration::from_secs(seconds)),
    }
}

#[derive(Clone, Copy, Debug)]
enum Ask {
    Start,
    Stop,
    Subscriptions,
    Content,
    Blob,
}

/// Asks a server that always answers the same; gives the error and how many requests were made.
async fn ask(ask: Ask, answer: impl Fn() -> Response + Send + Sync + 'static) -> (Error, usize) {
    let server = Server::start(move |_, _| answer()).await;
    let client = server.client();
    let (tenant, cloud, content_type) = (tenant(), Cloud::Enterprise, ContentType::AuditExchange);
    let now: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
    let hour_ago = now - SignedDuration::from_hours(1);
    let error = match ask {
        Ask::Start => client.start(tenant, cloud, content_type, None).await.err(),
        Ask::Stop => client.stop(tenant, cloud, content_type).await.err(),
        Ask::Subscriptions => client.list_subscriptions(tenant, cloud).await.err(),
        Ask::Content => {
            let list = pages(&client, content_type, hour_ago, now);
            list.await.err()
        }
        Ask::Blob => {
            let id = "a$1".parse().unwrap();
            client.fetch_blob(tenant, cloud, &id, 1000).await.err()
        }
    };
    (error.unwrap(), server.calls().len())
}

#[track_caller]
fn check(found: &(Error, usize), code: &str, disposition: Disposition, requests: usize) {
    let (error, made) = found;
    assert_eq!(error.code(), Some(code), "{error}");
    assert_eq!(error.disposition(), disposition, "{error}");
    assert_eq!(*made, requests, "{error}");
}

#[tokio::test]
async fn af10001_missing_permission_is_a_matter_of_consent() {
    let text = "The permission set (ActivityFeed.Read ServiceHealth.Read) sent in the request does not include the expected permission.";
    let found = ask(Ask::Content, move || refuse(401, "AF10001", text)).await;
    check(&found, "AF10001", Disposition::Consent, 1);
    assert!(found.0.to_string().contains("ServiceHealth.Read"));
    assert_eq!(found.0.scope(), Scope::Call, "only DLP.All needs more");
    for set in ["", "ServiceHealth.Read", "ActivityFeed.ReadDlp"] {
        let text = format!(
            "The permission set ({set}) sent in the request does not include the expected permission."
        );
        let (error, _) = ask(Ask::Content, move || refuse(401, "AF10001", &text)).await;
        let expect = Scope::Tenant(TenantTrouble::Consent);
        assert_eq!(error.scope(), expect, "{set}");
    }
}

#[tokio::test]
async fn af20001_and_other_invalid_requests_go_to_the_operator() {
    for code in [
        "AF20001", "AF20002", "AF20003", "AF20010", "AF20012", "AF20013", "AF20020", "AF20030",
        "AF20053", "AF20054", "AF20055",
    ] {
        let found = ask(Ask::Content, move || refuse(400, code, "text")).await;
        check(&found, code, Disposition::Operator, 1);
        assert_eq!(found.0.scope(), Scope::Call);
    }
}

#[tokio::test]
async fn af20011_an_unknown_tenant_is_gone() {
    let found = ask(Ask::Stop, || refuse(400, "AF20011", "text")).await;
    check(&found, "AF20011", Disposition::TenantGone, 1);
    assert_eq!(found.0.scope(), Scope::Tenant(TenantTrouble::TenantGone));
}

#[tokio::test]
async fn af20052_says_what_it_mostly_was() {
    let (error, _) = ask(Ask::Blob, || {
        refuse(400, "AF20052", "Content ID x is not valid")
    })
    .await;
    assert!(
        error.to_string().ends_with("(wrong tenant or cloud?)"),
        "{error}"
    );
    assert_eq!(error.scope(), Scope::Call);
}

#[tokio::test]
async fn trouble_of_a_front_door_is_one_calls_and_passes() {
    let page = "<html>sign in</html>";
    let answers: [fn(&'static str) -> Response; 7] = [
        |_| json(401, ""),
        |page| reply(401, &[], page),
        |_| reply(302, &[("location", "https://login.example/")], ""),
        |page| reply(200, &[], page),
        |_| json(403, ""),
        |_| json(400, ""),
        |_| json(204, ""),
    ];
    for answer in answers {
        let (error, _) = ask(Ask::Content, move || answer(page)).await;
        assert_eq!(
            (error.disposition(), error.scope()),
            (RETRY, Scope::Call),
            "{error}"
        );
    }
    let long = "x".repeat(2000);
    let (error, made) = ask(Ask::Blob, move || json(200, &long)).await;
    assert_eq!(made, 1, "a long body is not read three times");
    assert_eq!(
        (error.disposition(), error.scope()),
        (RETRY, Scope::Call),
        "{error}"
    );
}

#[tokio::test]
async fn af20021_webhook_not_validated_waits_15_minutes() {
    let found = ask(Ask::Start, || {
        refuse(
            400,
            "AF20021",
            "The webhook endpoint could not be validated. The endpoint did not return HTTP 200.",
        )
    })
    .await;
    check(&found, "AF20021", MINUTES_15, 1);
}

#[tokio::test]
async fn af20022_and_af20023_mean_disabled_with_any_status() {
    for status in [400, 404, 403, 500] {
        for code in ["AF20022", "AF20023"] {
            let found = ask(Ask::Content, move || {
                refuse(status, code, "The subscription was disabled.")
            })
            .await;
            check(&found, code, Disposition::Disabled, 1);
        }
    }
    let found = ask(Ask::Stop, || {
        refuse(400, "AF20023", "The subscription was disabled.")
    })
    .await;
    check(&found, "AF20023", Disposition::Disabled, 1);
}

#[tokio::test]
async fn af20024_already_enabled_is_success() {
    let text = "The subscription is already enabled. No property change.";
    let server = Server::start(move |_, _| refuse(400, "AF20024", text)).await;
    let start = server
        .client()
        .start(tenant(), Cloud::Enterprise, ContentType::DlpAll, None)
        .await;
    assert!(matches!(start, Ok(Started::AlreadyEnabled)), "{start:?}");
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn af20031_stale_page_is_listed_again_from_the_start() {
    let found = ask(Ask::Content, || {
        refuse(400, "AF20031", "Invalid nextPage Input")
    })
    .await;
    assert_eq!(found.0.disposition(), RETRY);
}

#[tokio::test]
async fn af20050_to_af20052_and_a_bare_404_mean_gone() {
    for code in ["AF20050", "AF20051", "AF20052"] {
        for status in [400, 404, 410] {
            let found = ask(Ask::Blob, move || refuse(status, code, "text")).await;
            check(&found, code, Disposition::Gone, 1);
        }
    }
    for body in [
        "",
        "{}",
        r#"{"Message":"No HTTP resource was found that matches the request URI."}"#,
    ] {
        let (error, made) = ask(Ask::Blob, move || json(404, body)).await;
        assert_eq!(
            (error.disposition(), made),
            (Disposition::Gone, 1),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_404_page_of_a_gateway_does_not_mean_gone() {
    let page = "<!DOCTYPE html><html>Our services aren't available right now</html>";
    let (error, _) = ask(Ask::Blob, move || {
        reply(404, &[("content-type", "text/html")], page)
    })
    .await;
    assert_eq!(error.disposition(), RETRY);
    let (error, _) = ask(Ask::Subscriptions, || json(404, "")).await;
    assert_eq!(error.disposition(), RETRY);
}

#[tokio::test]
async fn af429_is_throttling_as_403_and_as_429() {
    let text =
        "Too many requests. Method=GetBlob, PublisherId=00000000-0000-0000-0000-000000000000";
    for status in [403, 429] {
        let found = ask(Ask::Blob, move || refuse(status, "AF429", text)).await;
        check(&found, "AF429", RETRY, 3);
        let throttled = TenantTrouble::Throttled { after: None };
        assert_eq!(found.0.scope(), Scope::Tenant(throttled));
    }
    let (error, made) = ask(Ask::Blob, || reply(429, &[("retry-after", "77")], "")).await;
    assert_eq!(
        (error.disposition(), made),
        (after(77), 1),
        "a long wait is the caller's"
    );
    let after = Some(Duration::from_secs(77));
    let throttled = TenantTrouble::Throttled { after };
    assert_eq!(error.scope(), Scope::Tenant(throttled));
}

#[tokio::test]
async fn the_cool_down_of_starts_is_read_from_its_text() {
    let text = "Too many frequent subscription start requests. Please retry again after 14m 56s";
    let answers: [fn(&'static str) -> Response; 3] = [
        |text| refuse(429, "AF20090", text),
        |text| refuse(400, "", text),
        |text| json(429, text),
    ];
    for answer in answers {
        let (error, made) = ask(Ask::Start, move || answer(text)).await;
        assert_eq!((error.disposition(), made), (after(896), 1), "{error}");
        assert_eq!(error.scope(), Scope::Call, "one subscription's");
    }
}

#[tokio::test]
async fn af50000_is_tried_again_at_once_whatever_it_says() {
    for code in ["AF50000", "AF50005", "AF50006"] {
        let found = ask(Ask::Content, move || {
            refuse(500, code, "An internal error occurred. Retry the request.")
        })
        .await;
        check(&found, code, RETRY, 3);
    }
    let text = "An internal server error occurred. Please retry the request again in an hour. We have been notified and would be resolved soon.";
    let found = ask(Ask::Content, move || refuse(500, "AF50000", text)).await;
    check(&found, "AF50000", RETRY, 3);
}

#[tokio::test]
async fn an_unknown_code_is_decided_by_its_status() {
    let found = ask(Ask::Content, || refuse(400, "AF29999", "?")).await;
    check(&found, "AF29999", Disposition::Operator, 1);
    let found = ask(Ask::Content, || refuse(503, "AF29999", "?")).await;
    check(&found, "AF29999", RETRY, 3);
}

#[tokio::test]
async fn a_tenant_without_auditing_is_recognised_without_a_code() {
    let found = ask(Ask::Start, || {
        refuse(
            400,
            "StartSubscription [TenantId=41463f53-8812-40f4-890f-865bf6e35190,ContentType=Audit.Exchange,ApplicationId=8c8e0c2b-7a3c-4b7b-9a0e-1f3c5a7e9b11,PublisherId=00000000-0000-0000-0000-000000000000] failed. Exception",
            "Microsoft.Office.Compliance.Audit.DataServiceException: Tenant 41463f53-8812-40f4-890f-865bf6e35190 does not exist.\r\n   at Microsoft.Office.Compliance.Audit.API.AzureManager.GetSubscriptionTableClientForTenant(Guid tenantId)",
        )
    })
    .await;
    assert_eq!(found.0.disposition(), Disposition::AuditingOff);
    assert_eq!(found.0.scope(), Scope::Tenant(TenantTrouble::AuditingOff));
    assert_eq!(found.1, 1);
    assert!(
        found.0.code().unwrap().len() <= 40,
        "a code fits into a log line"
    );
    assert!(!found.0.to_string().contains('\n'));
}

#[tokio::test]
async fn a_start_is_never_repeated_when_it_may_have_arrived() {
    for status in [408, 429, 500, 502, 503, 504] {
        let (error, made) = ask(Ask::Start, move || json(status, "")).await;
        assert_eq!((error.disposition(), made), (RETRY, 1), "{status}");
    }
}

#[tokio::test]
async fn transient_statuses_are_retried() {
    for status in [408, 500, 502, 503, 504] {
        for ask_for in [Ask::Stop, Ask::Subscriptions, Ask::Content, Ask::Blob] {
            let html = "<html><body><h1>503 Service Unavailable</h1></body></html>";
            let (error, made) = ask(ask_for, move || reply(status, &[], html)).await;
            assert_eq!(
                (error.disposition(), made),
                (RETRY, 3),
                "{ask_for:?} {status}"
            );
            assert_eq!(error.status(), Some(status));
        }
    }
}

#[tokio::test]
async fn a_page_with_status_200_is_unreadable() {
    for ask_for in [Ask::Start, Ask::Subscriptions, Ask::Content] {
        let (error, _) = ask(ask_for, || reply(200, &[], "<html>sign in</html>")).await;
        assert!(matches!(error.failure(), Failure::Unreadable(_)), "{error}");
        assert_eq!(error.disposition(), RETRY);
    }
}

#[tokio::test]
async fn other_successes_than_200_carry_no_blob() {
    for status in [201, 202, 204, 206] {
        let (error, _) = ask(Ask::Blob, move || json(status, "")).await;
        assert_eq!(error.status(), Some(status));
    }
}

#[tokio::test]
async fn redirects_are_refused_wherever_they_point() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Server::start(|_, _| json(200, "[]")).await;
        let target = format!("{}/api", elsewhere.base);
        let (error, made) = ask(Ask::Subscriptions, move || {
            reply(status, &[("location", &target)], "")
        })
        .await;
        assert_eq!((error.status(), made), (Some(status), 3));
        assert_eq!(elsewhere.calls().len(), 0, "no request, no token elsewhere");
    }
}

#[tokio::test]
async fn an_error_never_carries_the_token_it_was_sent() {
    let server = Server::start(|seen, _| {
        let bearer = seen.authorization.clone().unwrap();
        reply(
            500,
            &[],
            &format!("<html>debug: Authorization: {bearer}</html>"),
        )
    })
    .await;
    let error = server
        .client()
        .list_subscriptions(tenant(), Cloud::Enterprise)
        .await
        .unwrap_err();
    let token = server.calls()[0].authorization.clone().unwrap();
    let printed = format!("{error} {error:?}");
    assert!(
        !printed.contains(token.trim_start_matches("Bearer ")),
        "{printed}"
    );
    assert!(printed.contains("redacted"));
}

#[tokio::test]
async fn a_refused_time_range_tells_the_clocks_difference() {
    let (error, _) = ask(Ask::Content, || {
        let mut answer = refuse(400, "AF20055", "Start time and end time must both be specified (or both omitted) and must be less than or equal to 24 hours apart");
        answer.headers_mut().insert("date", "Wed, 01 Jul 2026 12:00:00 GMT".parse().unwrap());
        answer
    })
    .await;
    assert!(error.to_string().contains("7200 s ahead"), "{error}");
}

#[tokio::test]
async fn an_invalid_window_is_refused_without_a_call() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let client = server.client();
    let now: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
    for start in [
        now,
        now + SignedDuration::from_secs(1),
        now - SignedDuration::from_hours(24),
    ] {
        let list = pages(&client, ContentType::DlpAll, start, now);
        let error = list.await.unwrap_err();
        assert_eq!(error.disposition(), Disposition::Operator);
    }
    assert_eq!(server.calls().len() + server.token_calls().len(), 0);
}
