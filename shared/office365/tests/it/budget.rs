//! The budget that processes divide among them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use office365::{Budget, Client, ClientConfig, Cloud, Failure, Grant, LimitedBy, Scope};

use crate::limiter::{list, no_retries};
use crate::server::{Server, json, tenant};

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
