//! The doctor names each broken set-up rightly, and changes nothing.

use std::time::Duration;

use emulator::{Consent, CredentialState, Emulator, Fault, FaultKind, Operation, TenantState};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::{Method, StatusCode};
use office365::ContentType;
use serde_json::{Value, json};
use tests::Outcome;
use tests::flaky::Trouble;
use tests::world::{EXCHANGE, World, quiet};

/// The emulator's own certificate, registered for the application.
const CERTIFICATE: &str = include_str!("../../../emulator/tests/it/certificate.pem");
const KEY: &str = include_str!("../../../emulator/tests/it/certificate.key");

/// Installations that run at once.
const WORLDS_AT_ONCE: usize = 3;

/// What a set-up must be called.
struct Expect {
    /// The first check that failed; empty when none may.
    failed: &'static str,
    verdict: &'static str,
    /// A part of the sentence.
    part: &'static str,
}

const fn expect(failed: &'static str, verdict: &'static str, part: &'static str) -> Expect {
    Expect {
        failed,
        verdict,
        part,
    }
}

/// A way to break an installation with one registered tenant.
#[derive(Clone, Copy, Debug)]
enum Break {
    Nothing,
    Tenant(fn() -> TenantState),
    Credential(CredentialState),
    Certificate(CredentialState),
    Fault(fn() -> Fault),
    WebhookClosed,
    Stuck,
    Store(Store),
    Paused,
    Leaving,
}

#[derive(Clone, Copy, Debug)]
enum Store {
    Registry,
    OpenBlobs,
    Queue,
}

fn at(operation: Operation, kind: FaultKind) -> Fault {
    Fault {
        operation: Some(operation),
        ..Fault::from(kind)
    }
}

fn consent(consent: Consent) -> TenantState {
    TenantState {
        consent: Some(consent),
        ..TenantState::default()
    }
}

/// Every broken set-up that can be made after the registration, with what it must be called.
#[rustfmt::skip]
static SET_UPS: [(&str, Break, Expect); 24] = [
    ("nothing published yet", Break::Nothing, expect("", "quiet", "nothing for us yet")),
    ("no consent", Break::Tenant(|| consent(Consent::Missing)), expect("application", "broken", "not in this tenant")),
    ("consent without permissions", Break::Tenant(|| consent(Consent::Roleless)), expect("consent", "broken", "nobody has consented")),
    ("ReadDlp missing", Break::Tenant(|| TenantState { roles: Some(vec!["ActivityFeed.Read".to_owned()]), ..TenantState::default() }),
        expect("roles", "degraded", "ActivityFeed.ReadDlp")),
    ("app disabled", Break::Tenant(|| TenantState { app_disabled: Some(true), ..TenantState::default() }),
        expect("application", "broken", "disabled")),
    ("wrong cloud", Break::Tenant(|| TenantState { other_cloud: Some(true), ..TenantState::default() }),
        expect("login_host", "broken", "another cloud")),
    ("no Exchange licence", Break::Tenant(|| TenantState { resource_disabled: Some(true), ..TenantState::default() }),
        expect("licence", "broken", "Exchange Online licence")),
    ("secret wrong", Break::Credential(CredentialState::Removed), expect("credential", "broken", "secret is wrong")),
    ("secret expired", Break::Credential(CredentialState::Expired), expect("credential", "broken", "secret has expired")),
    ("certificate wrong", Break::Certificate(CredentialState::Removed), expect("credential", "broken", "certificate")),
    ("certificate expired", Break::Certificate(CredentialState::Expired), expect("credential", "broken", "certificate")),
    ("login host down", Break::Fault(|| at(Operation::Token, FaultKind::Html { status: 503 })),
        expect("login_host", "broken", "cannot be reached")),
    ("webhook unreachable", Break::WebhookClosed, expect("webhook_reachable", "degraded", "cannot be reached")),
    ("webhook null", Break::Fault(|| FaultKind::WebhookVanishes.into()), expect("webhook_configured", "degraded", "null")),
    ("webhook disabled", Break::Fault(|| FaultKind::WebhookDisabled.into()), expect("webhook_configured", "degraded", "disabled our webhook")),
    ("webhook expired", Break::Fault(|| FaultKind::WebhookExpires.into()), expect("webhook_configured", "degraded", "expired")),
    ("subscription disabled", Break::Fault(|| FaultKind::SubscriptionDisabled.into()),
        expect("subscription", "broken", "disabled the subscription")),
    ("AF20023 stuck", Break::Stuck, expect("subscription", "degraded", "stuck")),
    ("throttled", Break::Fault(|| FaultKind::Throttle { status: None, retry_after_seconds: Some(60) }.into()),
        expect("throttling", "degraded", "throttles")),
    ("clock skew", Break::Fault(|| at(Operation::Token, FaultKind::WrongDate { seconds: 1_800 })),
        expect("clock", "degraded", "30 minutes behind")),
    ("DynamoDB failing", Break::Store(Store::Registry), expect("stores", "broken", "DynamoDB")),
    ("SQS failing", Break::Store(Store::Queue), expect("stores", "broken", "SQS")),
    ("paused", Break::Paused, expect("state", "degraded", "paused")),
    ("leaving", Break::Leaving, expect("state", "broken", "being removed")),
];

/// An installation with one tenant, registered for mail and DLP.
async fn world() -> Outcome<World> {
    let behaviour = emulator::Behaviour {
        stuck_after_restart_seconds: 3 * 3600,
        ..emulator::Behaviour::default()
    };
    let world = World::start(emulator::Config {
        behaviour,
        client_certificates: vec![CERTIFICATE.to_owned()],
        ..quiet()
    })
    .await?;
    world.register(&[EXCHANGE, ContentType::DlpAll]).await?;
    world.sweep().await?;
    Ok(world)
}

async fn break_it(world: &mut World, how: Break) -> Outcome<()> {
    let emulator: &Emulator = &world.emulator;
    let tenant = world.tenant();
    match how {
        Break::Nothing => {}
        Break::Tenant(state) => emulator.set_tenant(tenant, &state()),
        Break::Credential(state) => emulator.set_credential(state),
        Break::Certificate(state) => {
            emulator.set_credential(state);
            world.use_certificate(&format!("{KEY}\n{CERTIFICATE}"))?;
        }
        Break::Fault(fault) => assert!(emulator.fault(fault())),
        Break::WebhookClosed => world.close_the_webhook().await?,
        Break::Stuck => {
            // Taken out and put back by an operator: the one way to a stop and a start.
            for types in [json!(["DLP.All"]), json!(["Audit.Exchange", "DLP.All"])] {
                world.pass(Duration::from_secs(20 * 60));
                patch(world, json!({ "content_types": types })).await;
            }
        }
        Break::Store(Store::Registry) => {
            world
                .flaky_dynamodb
                .next_matching("Query", "tenants#", Trouble::Throttled, 10);
        }
        Break::Store(Store::OpenBlobs) => {
            world
                .flaky_dynamodb
                .next_matching("Query", "open-blobs", Trouble::Throttled, 10);
        }
        Break::Store(Store::Queue) => {
            world
                .flaky_sqs
                .next("GetQueueAttributes", Trouble::Throttled, 10);
        }
        Break::Paused => patch(world, json!({ "paused": true })).await,
        Break::Leaving => {
            assert!(
                world
                    .ledger
                    .mark_leaving(tenant.to_string().parse()?)
                    .await?
            );
        }
    }
    Ok(())
}

async fn patch(world: &World, body: Value) {
    let path = format!("/v1/tenants/{}", world.tenant());
    let (status, answer) = world.operate(Method::PATCH, &path, body).await;
    assert_eq!(status, 200, "{answer}");
}

async fn examine(world: &World) -> (StatusCode, Value) {
    let path = format!("/v1/tenants/{}/check", world.tenant());
    world.operate(Method::GET, &path, Value::Null).await
}

fn checks<'a>(report: &'a Value, result: &str) -> Vec<&'a Value> {
    let all = report["checks"].as_array().unwrap().iter();
    all.filter(|check| check["result"] == result).collect()
}

/// The ids of all checks, each once, in their order.
fn ids(report: &Value) -> Vec<&str> {
    let all = report["checks"].as_array().unwrap().iter();
    let mut ids: Vec<&str> = all.map(|check| check["id"].as_str().unwrap()).collect();
    ids.dedup();
    ids
}

const ORDER: [&str; 19] = [
    "login_host",
    "application",
    "credential",
    "consent",
    "roles",
    "auditing",
    "licence",
    "subscription",
    "webhook_configured",
    "webhook_reachable",
    "last_notification",
    "last_content",
    "lag",
    "throttling",
    "open_blobs",
    "losses",
    "stores",
    "clock",
    "state",
];

fn assert_named(name: &str, report: &Value, expect: &Expect) {
    let failed = checks(report, "failed");
    let first = failed
        .first()
        .map_or("", |check| check["id"].as_str().unwrap());
    assert_eq!(first, expect.failed, "{name}: {report:#}");
    assert_eq!(report["verdict"], expect.verdict, "{name}: {report:#}");
    let sentence = report["sentence"].as_str().unwrap();
    assert!(sentence.contains(expect.part), "{name}: {sentence}");
    assert_eq!(ids(report), ORDER, "{name}");
    for check in failed {
        assert!(check["remedy"].is_string(), "{name}: no dead end: {check}");
    }
}

#[tokio::test]
async fn each_broken_set_up_is_named_rightly() -> Outcome<()> {
    let each = SET_UPS.iter().map(|(name, how, expect)| async move {
        let mut world = world().await?;
        break_it(&mut world, *how).await?;
        let starts = world.emulator.starts().len();
        let (status, report) = examine(&world).await;
        assert_eq!(status, 200, "{name}: {report}");
        assert_named(name, &report, expect);
        let emulator = &world.emulator;
        assert_eq!(
            emulator.starts().len(),
            starts,
            "{name}: it changes nothing"
        );
        Outcome::Ok(())
    });
    // Each check has seconds of real time, which too many worlds at once would use up.
    let each: Vec<_> = each.collect();
    stream::iter(each)
        .buffer_unordered(WORLDS_AT_ONCE)
        .try_collect::<()>()
        .await
}

#[tokio::test]
async fn auditing_that_is_off_is_named_though_consent_is_there() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let off = TenantState {
        auditing: Some(false),
        ..TenantState::default()
    };
    world.emulator.set_tenant(world.tenant(), &off);
    world.register(&[EXCHANGE]).await?;
    let (_, report) = examine(&world).await;
    let named = expect("auditing", "broken", "Auditing is off");
    assert_named("auditing off", &report, &named);
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_microsoft_does_not_know_is_named() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let gone = "99999999-2222-4333-8444-555555555555";
    let item = [
        ("pk", "tenants#9"),
        ("sk", gone),
        ("name", "Fabrikam"),
        ("cloud", "enterprise"),
        ("standing", "active"),
    ];
    world.put_item(&item).await?;
    let path = format!("/v1/tenants/{gone}/check");
    // Not readable: it has no content types.
    let (_, report) = world.operate(Method::GET, &path, Value::Null).await;
    assert_eq!(report["verdict"], "broken", "{report}");
    let tenant = pipeline::ledger::registry::Tenant {
        tenant_id: gone.parse()?,
        name: "Fabrikam".to_owned(),
        cloud: office365::Cloud::Enterprise,
        content_types: vec![EXCHANGE],
        state: pipeline::ledger::registry::TenantState::Active,
        created_at: world.now(),
        brake: None,
    };
    world.ledger.put_tenant(&tenant).await?;
    let (_, report) = world.operate(Method::GET, &path, Value::Null).await;
    let named = expect("login_host", "broken", "knows no tenant");
    assert_named("wrong tenant", &report, &named);
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_delivers_is_healthy_at_six_requests() -> Outcome<()> {
    let mut world = world().await?;
    let records = vec![world.record(1)];
    let of = emulator::ContentType::Exchange;
    world.emulator.publish(world.tenant(), of, records);
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.sweep().await?;
    let asked = world.emulator.requests().len();
    let (_, report) = examine(&world).await;
    assert_named("healthy", &report, &expect("", "healthy", "in order"));
    let lag = checks(&report, "ok")
        .into_iter()
        .find(|check| check["id"] == "lag");
    assert!(
        lag.unwrap()["facts"]["until_delivered_seconds"].is_u64(),
        "{report:#}"
    );
    // A token, the listing of subscriptions, and the content of each of two types; and the webhook calls nobody.
    let requests = &world.emulator.requests()[asked..];
    assert_eq!(requests.len(), 4, "{requests:?}");
    // Nothing new comes for a day: then it may be auditing that was turned off.
    world.pass(Duration::from_secs(25 * 3600));
    world.sweep().await?;
    let (_, report) = examine(&world).await;
    assert_eq!(report["verdict"], "quiet", "{report:#}");
    let warned = checks(&report, "warning");
    assert_eq!(warned[0]["id"], "auditing", "{report:#}");
    break_it(&mut world, Break::Store(Store::OpenBlobs)).await?;
    let (_, report) = examine(&world).await;
    assert_named("index", &report, &expect("stores", "broken", "DynamoDB"));
    Ok(())
}

#[tokio::test]
async fn a_removed_tenant_is_nobody() -> Outcome<()> {
    let world = world().await?;
    let path = format!("/v1/tenants/{}", world.tenant());
    assert_eq!(
        world.operate(Method::DELETE, &path, Value::Null).await.0,
        204
    );
    let (status, problem) = examine(&world).await;
    assert_eq!(status, 404, "{problem}");
    Ok(())
}
