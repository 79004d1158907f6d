//! Bad input gets the documented answer. It is not enqueued, and nothing else is lost.

use std::time::Duration;

use bytes::Bytes;
use emulator::ContentType as Published;
use jiff::Timestamp;
use office365::{ContentType, TenantId};
use pipeline::content::DiscoveredBy;
use pipeline::fetch::FetchError;
use pipeline::ledger::blob::{Evidence, Lease, LeaseOutcome, Release};
use pipeline::ledger::loss::LossKind;
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{EXCHANGE, World, quiet};
use uuid::Uuid;

/// A world with one registered tenant, and the authId of its subscription.
async fn registered() -> Outcome<(World, String)> {
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let auth = world.auth_id(world.tenant(), EXCHANGE);
    Ok((world, auth))
}

#[tokio::test]
async fn a_subscriptions_webhook_needs_its_own_auth_id() -> Outcome<()> {
    let (world, auth) = registered().await?;
    let path = format!("/v1/notifications/{}/Audit.Exchange", world.tenant());
    let body = || json!([world.item(EXCHANGE, "a$b")]).to_string();
    let another_tenants = world.auth_id(Uuid::from_u128(99), EXCHANGE);
    let another_types = world.auth_id(world.tenant(), ContentType::AuditGeneral);
    for wrong in [
        None,
        Some(""),
        Some("v1.x"),
        Some(another_tenants.as_str()),
        Some(another_types.as_str()),
    ] {
        assert_eq!(world.post(&path, wrong, body()).await, 401, "{wrong:?}");
    }
    // An unknown tenant gets the same answer as a wrong authId.
    let unknown = format!("/v1/notifications/{}/Audit.Exchange", Uuid::from_u128(99));
    assert_eq!(world.post(&unknown, Some(&auth), body()).await, 401);
    assert_eq!(world.queued().await?, 0);
    assert_eq!(world.post(&path, Some(&auth), body()).await, 200);
    assert_eq!(world.queued().await?, 1);
    Ok(())
}

#[tokio::test]
async fn malformed_notifications_are_refused_by_their_fault() -> Outcome<()> {
    let (world, auth) = registered().await?;
    let whole = json!([world.item(EXCHANGE, "a$b")]).to_string();
    let half = whole[..whole.len() / 2].to_owned();
    for (body, status) in [
        (half, 400),
        (String::new(), 400),
        ("null".to_owned(), 400),
        ("{}".to_owned(), 400),
        ("[".repeat(100_000), 400),
        ("[]".to_owned(), 200),
        (r#"{"validationCode":"1234"}"#.to_owned(), 200),
        (" ".repeat(10 * 1024 * 1024), 413),
    ] {
        let start = body.chars().take(20).collect::<String>();
        assert_eq!(world.notify(EXCHANGE, &auth, body).await, status, "{start}");
    }
    assert_eq!(world.queued().await?, 0);
    let nowhere = world
        .post("/v1/notifications/elsewhere", Some(&auth), whole)
        .await;
    assert_eq!(nowhere, 404);
    Ok(())
}

#[tokio::test]
async fn items_that_belong_elsewhere_are_dropped() -> Outcome<()> {
    let (world, auth) = registered().await?;
    let tenant = world.tenant().to_string();
    let other = Uuid::from_u128(99).to_string();
    let genuine = || world.item(EXCHANGE, "good$1");
    let with = |field: &str, value: Value| {
        let mut item = world.item(EXCHANGE, "bad$1");
        item[field] = value;
        item
    };
    let uri = genuine()["contentUri"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    // None of these addresses is used: their blob is fetched by its id.
    let odd = [
        uri.replace("http://127.0.0.1", "http://169.254.169.254"),
        uri.replace("http://", "http://user:password@"),
        uri.replace("http://", "https://"),
        uri.replace(&tenant, &other),
        uri.replace("/audit/", "/audit/../audit/"),
        "https://manage.office.com.evil.example/".to_owned(),
        String::new(),
    ];
    for uri in &odd {
        let body = json!([with("contentUri", json!(uri)), genuine()]).to_string();
        assert_eq!(world.notify(EXCHANGE, &auth, body).await, 200, "{uri}");
    }
    assert_eq!(world.queued().await?, 2 * odd.len());
    let bad = [
        with("tenantId", json!(other)),
        with("clientId", json!(other)),
        with("contentType", json!("Audit.General")),
        with("contentId", json!("../../secrets")),
        with("contentExpiration", json!("2001-01-01T00:00:00Z")),
        with("contentExpiration", json!("9999-01-01T00:00:00Z")),
        with("contentCreated", json!("yesterday")),
        json!(null),
        json!({}),
    ];
    for item in &bad {
        let body = json!([item, genuine()]).to_string();
        assert_eq!(world.notify(EXCHANGE, &auth, body).await, 200, "{item}");
    }
    assert_eq!(
        world.queued().await?,
        2 * odd.len() + bad.len(),
        "one genuine item of each pair"
    );
    Ok(())
}

#[tokio::test]
async fn a_thousand_items_are_accepted_and_repeats_are_dropped() -> Outcome<()> {
    let (world, auth) = registered().await?;
    let mut items: Vec<Value> = (0..999)
        .map(|n| world.item(EXCHANGE, &format!("content{n}")))
        .collect();
    items.push(items[0].clone());
    let body = json!(items).to_string();
    assert_eq!(world.notify(EXCHANGE, &auth, body).await, 200);
    assert_eq!(world.queued().await?, 999);
    Ok(())
}

/// Publishes one blob with these bytes and works until it is finished. Returns its ledger item.
async fn end_of(
    body: impl Into<Bytes>,
) -> Outcome<(World, std::collections::HashMap<String, String>)> {
    let (world, _) = registered().await?;
    let content = world
        .emulator
        .publish_bytes(world.tenant(), Published::Exchange, body.into());
    world.all_announced().await?;
    world.work_until_empty().await?;
    let item = world.blob(&content).await?;
    Ok((world, item))
}

#[tokio::test]
async fn a_blob_that_stays_unreadable_is_set_aside_with_its_bytes() -> Outcome<()> {
    let (world, _) = registered().await?;
    let bodies = [
        "this is not JSON",
        r#"[{"Id":"a"},{"Id":"#,
        "",
        r#"{"Id":"a"}"#,
    ];
    let contents = bodies.map(|body| {
        let tenant = world.tenant();
        world
            .emulator
            .publish_bytes(tenant, Published::Exchange, body.into())
    });
    world.all_announced().await?;
    // The same bytes each time: an hour and ten answers are enough.
    world.try_again(8, Duration::from_secs(10 * 60)).await?;
    for content in &contents {
        assert_eq!(world.blob(content).await?["state"], "PENDING");
    }
    world.try_again(1, Duration::from_secs(10 * 60)).await?;
    for content in &contents {
        let item = world.blob(content).await?;
        assert_eq!(item["state"], "QUARANTINED", "{item:?}");
    }
    let mut kept = Vec::new();
    for path in tests::lake::files(&world.lake().join("quarantine"))? {
        kept.push(String::from_utf8(tests::lake::unpacked(&path)?)?);
    }
    kept.sort();
    let mut sent = bodies.map(str::to_owned);
    sent.sort();
    assert_eq!(kept, sent);
    let losses = world.losses().await?;
    assert_eq!(losses.len(), 4);
    for loss in losses {
        assert_eq!(loss.kind, LossKind::Quarantined);
        let object = loss.object.as_deref().unwrap_or_default();
        assert!(world.lake().join(object).exists(), "{object}");
    }
    Ok(())
}

#[tokio::test]
async fn an_empty_blob_is_done() -> Outcome<()> {
    let (world, item) = end_of("[]").await?;
    assert_eq!(
        (item["state"].as_str(), item["records_in"].as_str()),
        ("DONE", "0")
    );
    assert_eq!(world.audit()?.0, 0);
    Ok(())
}

#[tokio::test]
async fn five_thousand_records_in_one_blob_are_all_written() -> Outcome<()> {
    let (world, _) = registered().await?;
    let records = (0..5000).map(|n| world.record(n)).collect();
    let content = world
        .emulator
        .publish(world.tenant(), Published::Exchange, records);
    world.all_announced().await?;
    world.work_until_empty().await?;
    let item = world.blob(&content).await?;
    assert_eq!(
        (item["state"].as_str(), item["records_written"].as_str()),
        ("DONE", "5000")
    );
    assert_eq!(world.audit()?, (5000, 0, 0));
    Ok(())
}

#[tokio::test]
async fn an_unreadable_or_foreign_record_affects_no_other() -> Outcome<()> {
    let body = format!(
        r#"[{{"Id":"a0000000-0000-4000-8000-000000000001"}},{{"Id":}},17,{{"Id":"b","OrganizationId":"{}"}},{{"NoId":1}}]"#,
        Uuid::from_u128(99)
    );
    let (_, item) = end_of(body).await?;
    let count = |name: &str| item[name].clone();
    assert_eq!(
        (
            count("records_in"),
            count("records_written"),
            count("records_malformed"),
            count("records_foreign")
        ),
        ("5".into(), "2".into(), "2".into(), "1".into())
    );
    Ok(())
}

#[tokio::test]
async fn a_message_that_is_not_ours_fails_alone() -> Outcome<()> {
    let (world, _) = registered().await?;
    world
        .emulator
        .publish(world.tenant(), Published::Exchange, vec![world.record(1)]);
    world.all_announced().await?;
    world.put_into_the_queue("not a message").await?;
    let (mut taken, mut failed) = (0, Vec::new());
    while taken < 2 {
        let (more, again) = world.work().await?;
        taken += more;
        failed.extend(again);
    }
    assert_eq!(failed.len(), 1);
    assert_eq!(world.audit()?.0, 1);
    Ok(())
}

#[tokio::test]
async fn a_blob_longer_than_is_taken_is_over_a_limit() -> Outcome<()> {
    let (world, _) = registered().await?;
    let (tenant, of) = (world.tenant(), Published::Exchange);
    let content = world
        .emulator
        .publish(tenant, of, vec![world.record(1), world.record(2)]);
    let error = world.fetch_at_most(&content, 100).await?;
    let Some(FetchError::Unreadable { why, .. }) = error else {
        return Err(format!("{error:?}").into());
    };
    assert!(why.contains("larger than 100 bytes"), "{why}");
    assert!(world.fetch_at_most(&content, 100_000).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn bytes_that_cannot_be_compared_end_a_row_of_the_same() -> Outcome<()> {
    let (world, _) = registered().await?;
    let (tenant, of) = (world.tenant(), Published::Exchange);
    world.emulator.publish(tenant, of, vec![world.record(1)]);
    world.pass(Duration::from_secs(60));
    world.sweep().await?;
    let tenant: TenantId = tenant.to_string().parse()?;
    let open = world.ledger.open_blobs(tenant, Timestamp::MAX, 1).await?;
    let (ledger, blob, sha256) = (&world.ledger, &open[0].blob, "aa".to_owned());
    let mut known = Evidence::default();
    for sha256 in [Some(&sha256), Some(&sha256), None] {
        let now = world.now();
        let lease = Lease {
            owner: now.to_string(),
            until: now + Duration::from_secs(60),
        };
        let leased = ledger.lease(blob, DiscoveredBy::Retry, &lease, now).await?;
        let LeaseOutcome::Granted(granted) = leased else {
            return Err(format!("{leased:?}").into());
        };
        assert_eq!(granted.evidence, known);
        known = known.with_unreadable(sha256, now);
        let release = Release {
            cause: "no array",
            evidence: &known,
            attempts: granted.attempt,
            unconcluded: 0,
            again_at: now,
            due_at: now,
        };
        assert!(ledger.release(blob, &lease, release).await?);
        world.pass(Duration::from_secs(1));
    }
    let item = world.blob(blob.content_id.as_str()).await?;
    assert_eq!(item["unreadable_count"], "3");
    assert!(!item.contains_key("same_bytes_count"), "{item:?}");
    Ok(())
}
