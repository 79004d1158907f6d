//! Who has access: tokens, permissions, tenants, parameters, rates.

use emulator::{
    Behaviour, Config, ContentType, Fault, FaultKind, Operation, TenantCheck, TenantState,
};
use uuid::Uuid;

use crate::world::{PUBLISHER, Seen, World};

async fn get_with(world: &World, token: &str, operation: &str) -> Seen {
    world
        .send(
            world
                .client
                .get(world.feed(operation))
                .header("Authorization", token),
        )
        .await
}

#[tokio::test]
async fn a_missing_foreign_or_expired_token_is_401_without_a_code() {
    let world = World::new(World::config()).await;
    let token = format!("Bearer {}", world.token);
    let anonymous = world
        .send(world.client.get(world.feed("subscriptions/list")))
        .await;
    let changed = get_with(&world, &format!("{token}x"), "subscriptions/list").await;
    assert_eq!(
        get_with(&world, &token, "subscriptions/list").await.status,
        200
    );
    world.advance(91 * 60);
    let expired = get_with(&world, &token, "subscriptions/list").await;
    for answer in [anonymous, changed, expired] {
        assert_eq!(
            (answer.status, answer.json()["Message"].as_str()),
            (401, Some("Authorization has been denied for this request."))
        );
    }
}

#[tokio::test]
async fn dlp_needs_a_permission_of_its_own() {
    let mut world = World::new(World::config()).await;
    let roles = ["ActivityFeed.Read", "ServiceHealth.Read"]
        .map(str::to_owned)
        .to_vec();
    world.microsoft.set_tenant(
        world.tenant,
        &TenantState {
            roles: Some(roles),
            ..TenantState::default()
        },
    );
    world.token = world.fresh_token(world.tenant).await;
    assert_eq!(world.start(ContentType::General).await.status, 200);
    let refused = world.start(ContentType::Dlp).await;
    assert_eq!(refused.refusal(), (401, "AF10001".to_owned()));
    assert_eq!(
        refused.json()["error"]["message"],
        "The permission set (ActivityFeed.Read ServiceHealth.Read) sent in the request does not include the expected permission."
    );
}

async fn check_tenant(world: &World, tenant: &str, code: &str) {
    let url = format!(
        "{}api/v1.0/{tenant}/activity/feed/subscriptions/list?PublisherIdentifier={PUBLISHER}",
        world.microsoft.manage_url()
    );
    let answer = world.get_url(&url).await;
    let seen = if answer.status == 200 {
        String::new()
    } else {
        answer.code()
    };
    assert_eq!(seen, code, "{tenant}");
}

#[tokio::test]
async fn the_tenant_of_the_address_must_be_that_of_the_token() {
    let world = World::new(Config {
        tenants: 2,
        ..World::config()
    })
    .await;
    let other = world.microsoft.tenants()[1];
    check_tenant(&world, &world.tenant.to_string(), "").await;
    check_tenant(&world, &world.tenant.to_string().to_uppercase(), "").await;
    check_tenant(&world, &other.to_string(), "AF20010").await;
    let violations = world.microsoft.violations();
    let broken: Vec<&str> = violations.iter().map(|broken| broken.rule).collect();
    assert_eq!(broken, ["token_of_another_tenant"]);
    check_tenant(&world, &Uuid::max().to_string(), "AF20011").await;
    check_tenant(&world, "contoso.com", "AF20013").await;
    check_tenant(&world, &world.microsoft.client_id().to_string(), "AF20011").await;
    world.microsoft.set_tenant(
        world.tenant,
        &TenantState {
            misconfigured: Some(true),
            ..TenantState::default()
        },
    );
    check_tenant(&world, &world.tenant.to_string(), "AF20012").await;
}

#[tokio::test]
async fn a_loose_tenant_check_accepts_the_client_id() {
    let behaviour = Behaviour {
        tenant_check: TenantCheck::Loose,
        ..Behaviour::default()
    };
    let world = World::new(Config {
        behaviour,
        ..World::config()
    })
    .await;
    check_tenant(&world, &world.microsoft.client_id().to_string(), "").await;
}

#[tokio::test]
async fn paths_parameters_and_content_types_are_read_in_any_case() {
    let world = World::new(World::config()).await;
    let base = world.microsoft.manage_url();
    let url = format!(
        "{base}API/v1.0/{}/Activity/Feed/Subscriptions/START?contenttype=audit.general&publisheridentifier={PUBLISHER}",
        world.tenant
    );
    let answer = world
        .send(world.client.post(url).bearer_auth(&world.token))
        .await;
    assert_eq!(
        (answer.status, answer.json()["contentType"].as_str()),
        (200, Some("audit.general"))
    );
}

#[tokio::test]
async fn a_missing_or_unknown_content_type_is_refused() {
    let world = World::new(World::config()).await;
    assert_eq!(
        world.post("subscriptions/start", "").await.refusal(),
        (400, "AF20001".to_owned())
    );
    assert_eq!(
        world
            .post("subscriptions/start?contentType=Audit.Teams", "")
            .await
            .refusal(),
        (400, "AF20020".to_owned())
    );
    assert_eq!(
        world.get("subscriptions/content").await.refusal(),
        (400, "AF20001".to_owned())
    );
}

#[tokio::test]
async fn an_unknown_parameter_or_method_is_refused_and_recorded() {
    let world = World::new(World::config()).await;
    assert_eq!(
        world.get("subscriptions/list?pageSize=5").await.refusal(),
        (400, "EmulatorUnknownParameter".to_owned())
    );
    assert_eq!(
        world
            .get("subscriptions/start?contentType=Audit.General")
            .await
            .status,
        405
    );
    let bad = format!(
        "{}api/v1.0/{}/activity/feed/subscriptions/list?PublisherIdentifier=x",
        world.microsoft.manage_url(),
        world.tenant
    );
    assert_eq!(
        world.get_url(&bad).await.refusal(),
        (400, "AF20002".to_owned())
    );
    let behaviour: Vec<&str> = world
        .microsoft
        .violations()
        .iter()
        .map(|violation| violation.rule)
        .collect();
    assert_eq!(behaviour, ["unknown_parameter", "wrong_method"]);
}

#[tokio::test]
async fn callers_without_publisher_share_a_rate_limit() {
    let behaviour = Behaviour {
        requests_per_minute_max: Some(2),
        ..Behaviour::default()
    };
    let world = World::new(Config {
        tenants: 2,
        behaviour,
        ..World::config()
    })
    .await;
    world.start(ContentType::General).await;
    let other = world.microsoft.tenants()[1];
    let other_token = world.fresh_token(other).await;
    let bare = |tenant: Uuid| {
        format!(
            "{}api/v1.0/{tenant}/activity/feed/subscriptions/content?contentType=Audit.General",
            world.microsoft.manage_url()
        )
    };
    for _ in 0..2 {
        world.get_url(&bare(world.tenant)).await;
    }
    // Another tenant shares the counter.
    let throttled = world
        .send(world.client.get(bare(other)).bearer_auth(&other_token))
        .await;
    assert_eq!(throttled.refusal(), (403, "AF429".to_owned()));
    let text = throttled.json()["error"]["message"].clone();
    assert_eq!(
        text,
        "Too many requests. Method=GetContents, PublisherId=00000000-0000-0000-0000-000000000000"
    );
    // With a publisher the tenant has a counter of its own.
    assert_eq!(world.content(ContentType::General).await.status, 200);
    assert_eq!(
        world
            .microsoft
            .violations()
            .iter()
            .filter(|violation| violation.rule == "missing_publisher_identifier")
            .count(),
        3
    );
}

#[tokio::test]
async fn throttling_counts_per_tenant_and_ends_after_a_minute() {
    let behaviour = Behaviour {
        requests_per_minute_max: Some(3),
        throttled_status: 429,
        ..Behaviour::default()
    };
    let world = World::new(Config {
        behaviour,
        ..World::config()
    })
    .await;
    world.start(ContentType::General).await;
    let content_id = world.publish(ContentType::General, "a");
    assert_eq!(world.blob(&content_id).await.status, 200);
    assert_eq!(world.blob(&content_id).await.status, 200);
    let throttled = world.blob(&content_id).await;
    assert_eq!(throttled.refusal(), (429, "AF429".to_owned()));
    assert_eq!(
        throttled.json()["error"]["message"],
        format!("Too many requests. Method=GetBlob, PublisherId={PUBLISHER}")
    );
    assert!(
        throttled
            .headers
            .keys()
            .all(|name| !name.as_str().contains("rate") && name != "retry-after")
    );
    world.advance(61);
    assert_eq!(world.blob(&content_id).await.status, 200);
}

#[tokio::test]
async fn throttling_can_be_a_fault_with_either_status() {
    let world = World::new(World::config()).await;
    world.start(ContentType::General).await;
    world.microsoft.fault(Fault {
        operation: Some(Operation::Content),
        times: Some(1),
        ..FaultKind::Throttle {
            status: Some(403),
            retry_after_seconds: None,
        }
        .into()
    });
    world.microsoft.fault(Fault {
        operation: Some(Operation::Content),
        after: 1,
        times: Some(1),
        ..FaultKind::Throttle {
            status: Some(429),
            retry_after_seconds: Some(7),
        }
        .into()
    });
    let first = world.content(ContentType::General).await;
    let second = world.content(ContentType::General).await;
    assert_eq!(
        (first.refusal(), first.headers.get("retry-after")),
        ((403, "AF429".to_owned()), None)
    );
    assert_eq!(
        (
            second.refusal(),
            second.headers["retry-after"].to_str().ok()
        ),
        ((429, "AF429".to_owned()), Some("7"))
    );
    assert_eq!(world.content(ContentType::General).await.status, 200);
}

#[tokio::test]
async fn more_than_two_thousand_requests_a_minute_are_recorded_once() {
    let world = World::new(World::config()).await;
    for _ in 0..2_005 {
        world.get("subscriptions/list").await;
    }
    let behaviour: Vec<&str> = world
        .microsoft
        .violations()
        .iter()
        .map(|violation| violation.rule)
        .collect();
    assert_eq!(behaviour, ["more_than_2000_requests_a_minute"]);
}
