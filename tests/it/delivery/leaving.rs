//! What is open when a content type or a tenant leaves.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use office365::TenantId;
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{EXCHANGE, World, exchange};

#[tokio::test]
async fn a_blob_of_a_type_that_left_is_forgotten_until_it_is_back() -> Outcome<()> {
    let world = World::start(emulator::Config {
        notify: false,
        ..exchange()
    })
    .await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.pass(Duration::from_secs(60));
    assert_eq!(world.sweep().await?.unknown, 20);
    let of_tenant = format!("/v1/tenants/{}", world.tenant());
    let only = async |of: &str| {
        let body = json!({"content_types": [of]});
        world.operate(Method::PATCH, &of_tenant, body).await.0
    };
    assert_eq!(only("Audit.General").await, 200);
    world.work_until_empty().await?;
    let tenant = world.tenant().to_string().parse()?;
    let open = world.ledger.open_blobs(tenant, Timestamp::MAX, 100).await?;
    assert_eq!(open, []);
    // A start is not repeated sooner, and a fetcher remembers a registration for a minute.
    world.pass(Duration::from_secs(20 * 60));
    assert_eq!(only("Audit.Exchange").await, 200);
    world.work_until_delivered().await?;
    world.assert_delivered()
}

#[tokio::test]
async fn what_is_open_of_a_tenant_is_forgotten_with_it() -> Outcome<()> {
    let world = World::start(exchange()).await?;
    world.register(&[EXCHANGE]).await?;
    world.all_announced().await?;
    world.pass(Duration::from_secs(60));
    world.sweep().await?;
    world.empty_the_queue().await?;
    let tenant: TenantId = world.tenant().to_string().parse()?;
    let open = async || world.ledger.open_blobs(tenant, Timestamp::MAX, 100).await;
    assert_eq!(open().await?.len(), 20);
    let of_tenant = format!("/v1/tenants/{tenant}");
    let (status, _) = world.operate(Method::DELETE, &of_tenant, Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(open().await?, []);
    Ok(())
}
