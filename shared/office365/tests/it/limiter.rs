//! Retries and the limiter, with its quota, budget and breaker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use office365::{
    BreakerLimits, Budget, Client, ClientConfig, Cloud, Disposition, Error, Failure, Grant,
    LimitedBy, QuotaLimits, RetryLimits, Scope, TenantTrouble,
};
use tokio::time::Instant;

use crate::server::{Server, TENANT, json, refuse, reply, tenant};

async fn list(client: &Client) -> Result<(), Error> {
    let listed = client.list_subscriptions(tenant(), Cloud::Enterprise).await;
    listed.map(|_| ())
}

/// Every error is returned at once.
fn no_retries() -> RetryLimits {
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

/// A source that gives these, then portions of two, and counts how often it is asked.
fn source(first: Vec<Result<Grant, String>>) -> (Budget, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let budget = Arc::new(move |_| {
        let answer = first.get(count.fetch_add(1, Ordering::Relaxed)).cloned();
        async move { answer.unwrap_or(Ok(portion(2, 60))) }.boxed()
    });
    (budget, asked)
}

fn portion(requests: u32, seconds: u64) -> Grant {
    Grant::Requests {
        requests,
        valid_for: Duration::from_secs(seconds),
    }
}

fn budgeted(server: &Server, budget: Budget) -> Client {
    Client::new(ClientConfig {
        budget: Some(budget),
        retry: no_retries(),
        ..server.config()
    })
    .unwrap()
}

/// Time passes while nothing is under way.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn all_operations_take_from_one_portion_at_a_time() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let (budget, asked) = source(Vec::new());
    let client = budgeted(&server, budget);
    let ids = (0..4).map(|n| format!("{n}$audit_general").parse().unwrap());
    let fetches = ids.map(|id| {
        let client = &client;
        async move {
            let fetched = client.fetch_blob(tenant(), Cloud::Enterprise, &id, 100);
            fetched.await.map(|_| ())
        }
    });
    let lists = (0..6).map(|_| list(&client));
    let (fetched, listed) = tokio::join!(join_all(fetches), join_all(lists));
    assert!(fetched.iter().chain(&listed).all(Result::is_ok));
    assert_eq!(
        asked.load(Ordering::Relaxed),
        5,
        "ten requests, two at a time"
    );
    let other = "11463f53-8812-40f4-890f-865bf6e35190".parse().unwrap();
    let listed = client.list_subscriptions(other, Cloud::Enterprise);
    listed.await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 6, "another tenant, its own");
}

#[tokio::test]
async fn a_budget_that_is_given_out_is_waited_for_unasked() {
    for given_out in [Grant::Wait(Duration::from_secs(30)), portion(0, 30)] {
        let server = Server::start(|_, _| json(200, "[]")).await;
        let (budget, asked) = source(vec![Ok(given_out)]);
        let client = budgeted(&server, budget);
        for _ in 0..3 {
            let error = list(&client).await.unwrap_err();
            let Failure::Limited(limited) = error.failure() else {
                panic!("{error:?}");
            };
            assert_eq!(limited.why, LimitedBy::Budget);
            assert!(limited.wait > Duration::from_secs(20), "{limited:?}");
            assert_eq!(error.scope(), Scope::Call, "no trouble, only a wait");
        }
        let made = (asked.load(Ordering::Relaxed), server.calls().len());
        assert_eq!(made, (1, 0));
        pass(31).await;
        list(&client).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test]
async fn a_portion_ends_with_its_time() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let (budget, asked) = source(vec![Ok(portion(1000, 20))]);
    let client = budgeted(&server, budget);
    list(&client).await.unwrap();
    list(&client).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    pass(21).await;
    list(&client).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_failed_budget_never_holds_up_a_request() {
    let server = Server::start(|_, _| json(200, "[]")).await;
    let (budget, asked) = source(vec![Err("the table does not answer".to_owned())]);
    let client = budgeted(&server, budget);
    for _ in 0..10 {
        list(&client).await.unwrap();
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1, "not asked each time");
    pass(6).await;
    list(&client).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_request_repeated_with_a_new_token_is_counted() {
    let server = Server::start(|_, index| match index {
        0 => json(401, ""),
        _ => json(200, "[]"),
    })
    .await;
    let (budget, asked) = source(vec![Ok(portion(1, 60)), Ok(portion(1, 60))]);
    let client = budgeted(&server, budget);
    list(&client).await.unwrap();
    let made = (asked.load(Ordering::Relaxed), server.calls().len());
    assert_eq!(made, (2, 2));
}
