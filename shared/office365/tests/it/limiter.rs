//! Retries and the limiter, with its quota and breaker.

use std::time::Duration;

use futures::future::join_all;
use office365::{
    BreakerLimits, Client, ClientConfig, Cloud, Disposition, Error, Failure, QuotaLimits,
    RetryLimits, Scope, TenantTrouble,
};
use tokio::time::Instant;

use crate::server::{Server, TENANT, json, refuse, reply, tenant};

pub(crate) async fn list(client: &Client) -> Result<(), Error> {
    let listed = client.list_subscriptions(tenant(), Cloud::Enterprise).await;
    listed.map(|_| ())
}

/// Every error is returned at once.
pub(crate) fn no_retries() -> RetryLimits {
    RetryLimits {
        attempts_max: 1,
        wait_budget: Duration::ZERO,
        ..RetryLimits::default()
    }
}

#[tokio::test]
async fn a_transient_fault_is_retried_unseen() {
    let server = Server::start(|_, index| {
        if index == 0 {
            json(503, "")
        } else {
            json(200, "[]")
        }
    })
    .await;
    list(&server.client()).await.unwrap();
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for_and_a_long_one_returned() {
    for (asked, requests) in [(1, 2), (60, 1)] {
        let server = Server::start(move |_, index| {
            let seconds = asked.to_string();
            if index == 0 {
                reply(503, &[("retry-after", &seconds)], "")
            } else {
                json(200, "[]")
            }
        })
        .await;
        let begun = Instant::now();
        let listed = list(&server.client()).await;
        assert_eq!(server.calls().len(), requests);
        match listed {
            Ok(()) => assert!(begun.elapsed() >= Duration::from_secs(asked)),
            Err(error) => assert_eq!(
                error.disposition(),
                Disposition::Retry {
                    after: Some(Duration::from_secs(asked))
                }
            ),
        }
    }
}

#[tokio::test]
async fn the_retry_budget_bounds_the_load_of_an_outage() {
    let server = Server::start(|_, _| json(503, "")).await;
    let client = server.client();
    for _ in 0..100 {
        list(&client).await.unwrap_err();
    }
    assert_eq!(
        server.calls().len(),
        110,
        "a budget of ten retries, then none"
    );
}

#[tokio::test]
async fn the_breaker_opens_for_the_failing_tenant_only() {
    let server = Server::start(|seen, _| {
        if seen.path.contains(TENANT) {
            json(500, "")
        } else {
            json(200, "[]")
        }
    })
    .await;
    let breaker = BreakerLimits {
        failures_max: 4,
        ..BreakerLimits::default()
    };
    let client = Client::new(ClientConfig {
        breaker,
        retry: no_retries(),
        ..server.config()
    })
    .unwrap();
    for _ in 0..10 {
        list(&client).await.unwrap_err();
    }
    assert_eq!(server.calls().len(), 4);
    let error = list(&client).await.unwrap_err();
    assert!(matches!(error.failure(), Failure::Limited(_)), "{error}");
    let Disposition::Retry { after: Some(after) } = error.disposition() else {
        panic!("{error:?}");
    };
    assert!(after <= Duration::from_secs(5));
    let other = "11463f53-8812-40f4-890f-865bf6e35190".parse().unwrap();
    client
        .list_subscriptions(other, Cloud::Enterprise)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_breaker_closes_when_a_probe_works() {
    let server = Server::start(|_, index| {
        if index < 3 {
            json(500, "")
        } else {
            json(200, "[]")
        }
    })
    .await;
    let breaker = BreakerLimits {
        failures_max: 3,
        open_base: Duration::from_secs(1),
        ..BreakerLimits::default()
    };
    let client = Client::new(ClientConfig {
        breaker,
        retry: no_retries(),
        ..server.config()
    })
    .unwrap();
    for _ in 0..3 {
        list(&client).await.unwrap_err();
    }
    assert!(matches!(
        list(&client).await.unwrap_err().failure(),
        Failure::Limited(_)
    ));
    let closed = async {
        while list(&client).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .unwrap();
    list(&client).await.unwrap();
    assert_eq!(server.calls().len(), 5, "no call while it was open");
}

#[tokio::test]
async fn a_throttled_answer_pauses_and_a_refused_start_does_not() {
    let server = Server::start(|seen, _| {
        if seen.path.ends_with("start") {
            refuse(
                429,
                "",
                "Too many frequent subscription start requests. Please retry again after 14m 56s",
            )
        } else {
            refuse(
                403,
                "AF429",
                "Too many requests. Method=GetBlob, PublisherId=0",
            )
        }
    })
    .await;
    let breaker = BreakerLimits {
        throttle_base: Duration::from_secs(20),
        ..BreakerLimits::default()
    };
    let client = Client::new(ClientConfig {
        breaker,
        ..server.config()
    })
    .unwrap();
    client
        .start(
            tenant(),
            Cloud::Enterprise,
            office365::ContentType::DlpAll,
            None,
        )
        .await
        .unwrap_err();
    let error = list(&client).await.unwrap_err();
    assert_eq!(error.code(), Some("AF429"));
    let Disposition::Retry { after: Some(after) } = error.disposition() else {
        panic!("{error:?}");
    };
    assert!(after > Duration::from_secs(5), "{after:?}");
    let error = list(&client).await.unwrap_err();
    assert!(matches!(error.failure(), Failure::Limited(_)), "{error}");
    let Scope::Tenant(TenantTrouble::Throttled { after: Some(_) }) = error.scope() else {
        panic!("{error:?}");
    };
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn the_quota_holds_and_content_types_share_it() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let quota = QuotaLimits {
        requests_per_minute: 60 * 100,
        burst: 1,
        waiting_max: 100,
    };
    let client = Client::new(ClientConfig {
        quota,
        ..server.config()
    })
    .unwrap();
    client
        .token_check(tenant(), Cloud::Enterprise)
        .await
        .unwrap();
    let begun = Instant::now();
    let busy = (0..20).map(|n| format!("{n}$audit_general"));
    let quiet = (0..5).map(|n| format!("{n}$audit_exchange"));
    let fetches = busy.chain(quiet).map(|id| {
        let client = client.clone();
        async move {
            let id = id.parse().unwrap();
            client
                .fetch_blob(tenant(), Cloud::Enterprise, &id, 100)
                .await
                .unwrap();
        }
    });
    join_all(fetches).await;
    assert!(
        begun.elapsed() >= Duration::from_millis(235),
        "{:?}",
        begun.elapsed()
    );
    let order: Vec<_> = server.calls().into_iter().map(|call| call.path).collect();
    let last_quiet = order
        .iter()
        .rposition(|path| path.ends_with("exchange"))
        .unwrap();
    assert!(
        last_quiet < 13,
        "the quiet type waited behind the busy one: {order:#?}"
    );
}

#[tokio::test]
async fn a_request_beyond_the_queue_is_refused_at_once() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let quota = QuotaLimits {
        requests_per_minute: 60,
        burst: 1,
        waiting_max: 1,
    };
    let client = Client::new(ClientConfig {
        quota,
        retry: no_retries(),
        ..server.config()
    })
    .unwrap();
    list(&client).await.unwrap();
    let all = join_all((0..3).map(|_| list(&client))).await;
    let refused = all.iter().filter_map(|outcome| outcome.as_ref().err());
    for error in refused.clone() {
        assert!(matches!(error.failure(), Failure::Limited(_)), "{error}");
    }
    assert_eq!(refused.count(), 2);
}

#[tokio::test]
async fn a_short_pause_is_waited_for_and_costs_no_retry() {
    let server = Server::start(|_, index| match index {
        0 => refuse(
            429,
            "AF429",
            "Too many requests. Method=GetContents, PublisherId=0",
        ),
        _ => json(200, "[]"),
    })
    .await;
    let breaker = BreakerLimits {
        throttle_base: Duration::from_millis(200),
        ..BreakerLimits::default()
    };
    let retry = RetryLimits {
        attempts_max: 1,
        ..RetryLimits::default()
    };
    let client = Client::new(ClientConfig {
        breaker,
        retry,
        ..server.config()
    })
    .unwrap();
    list(&client).await.unwrap_err();
    let all = join_all((0..40).map(|_| list(&client))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(server.calls().len(), 41);
}
