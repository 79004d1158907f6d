//! Microsoft is in trouble for a while: nothing is lost, nothing is condemned, and soon after it is over everything is there.

use std::time::Duration;

use emulator::{Config, Consent, Fault, FaultKind, Operation, TenantState};
use local::verify::{self, LakeRecords};
use tokio::time::{Instant, sleep};

use crate::process::Running;
use crate::world::{LOOK_EVERY, World, seed, tail};

const TENANTS: usize = 2;
const BLOBS_PER_TENANT: usize = 150;
const RECORDS_PER_BLOB: usize = 10;

/// All blobs within fifteen seconds, and the trouble lasts as long.
const BLOBS_PER_SECOND: f64 = 10.0;
const TROUBLE: Duration = Duration::from_secs(16);

/// How likely each fault is, on each occasion.
const PROBABILITY: f64 = 0.05;

/// Time from the end of the trouble until everything is in the lake. Mostly it is seconds; a blob or a tenant that met trouble
/// again and again is tried half a minute apart, and this machine may be busy.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// After the end of what a tenant's administrator had done.
const SERVED_AGAIN_WITHIN: Duration = Duration::from_secs(20);

/// The operations of the feed, and the token endpoint, which must be named.
const OPERATIONS: [Operation; 5] = [
    Operation::List,
    Operation::Content,
    Operation::Blob,
    Operation::Start,
    Operation::Token,
];

fn error(status: u16, code: &str) -> FaultKind {
    FaultKind::Error {
        status,
        code: code.to_owned(),
        message: "It passes.".to_owned(),
    }
}

/// What goes wrong with requests of the feed: each kind that passes by itself.
fn of_requests() -> Vec<FaultKind> {
    let throttle = |status, retry_after_seconds| FaultKind::Throttle {
        status: Some(status),
        retry_after_seconds,
    };
    let redirect = |status| FaultKind::Redirect {
        status,
        location: "https://login.microsoftonline.com/common".to_owned(),
    };
    let mut kinds = vec![
        throttle(403, None),
        throttle(429, Some(2)),
        FaultKind::Internal { in_an_hour: false },
        FaultKind::Internal { in_an_hour: true },
        FaultKind::CutBody { after_bytes: 100 },
        FaultKind::ShortBody { after_bytes: 100 },
        FaultKind::ByteOrderMark,
        FaultKind::Reset,
        FaultKind::Delay { milliseconds: 1000 },
        FaultKind::WrongDate { seconds: 7200 },
        FaultKind::WebhookVanishes,
        FaultKind::ForeignContentUri {
            host: "manage.office.com.example".to_owned(),
        },
        redirect(302),
        redirect(307),
        error(404, "AF20050"),
        error(400, "AF20051"),
        error(400, "AF20052"),
        error(400, "AF20022"),
        error(400, "AF20023"),
        error(503, "AF50005"),
        error(401, "AF10001"),
        error(403, "Forbidden"),
    ];
    kinds.extend([200, 404, 503].map(|status| FaultKind::Html { status }));
    kinds.extend([401, 403, 408, 503].map(|status| FaultKind::Empty { status }));
    kinds
}

/// What goes wrong with publications and notifications.
fn of_content() -> Vec<FaultKind> {
    vec![
        FaultKind::RepeatRecords { count: 3 },
        FaultKind::BlobLate { seconds: 5 },
        FaultKind::BlobEmpty,
        FaultKind::BlobForeign {
            host: "manage.office.com.example".to_owned(),
        },
        FaultKind::NotificationLost,
        FaultKind::NotificationLate { seconds: 5 },
        FaultKind::NotificationTwice { after_seconds: 3 },
        FaultKind::NotificationFirst,
    ]
}

fn dealt(kind: FaultKind, operation: Option<Operation>) -> Fault {
    Fault {
        operation,
        probability: PROBABILITY,
        ..kind.into()
    }
}

fn begin_storm(world: &World) {
    for kind in of_requests() {
        for operation in OPERATIONS {
            assert!(world.microsoft.fault(dealt(kind.clone(), Some(operation))));
        }
    }
    for kind in of_content() {
        assert!(world.microsoft.fault(dealt(kind, None)));
    }
}

async fn world(blobs_per_second: f64) -> World {
    World::new(Config {
        seed: seed(),
        tenants: TENANTS,
        blobs_per_tenant: BLOBS_PER_TENANT,
        records_per_blob: RECORDS_PER_BLOB..=RECORDS_PER_BLOB,
        blobs_per_second: Some(blobs_per_second),
        allow_http_webhooks: true,
        ..Config::default()
    })
    .await
}

/// Waits until everything is in the lake, and says how long that took.
async fn settle(world: &World, within: Duration) -> Duration {
    let (begun, mut lake) = (Instant::now(), LakeRecords::default());
    loop {
        lake.refresh(&world.lake()).unwrap();
        if world.microsoft.published().finished && world.missing(&lake) == 0 {
            return begun.elapsed();
        }
        assert!(
            begun.elapsed() < within,
            "{} of {} records missing\n{}",
            world.missing(&lake),
            world.published().len(),
            tail(&world.log())
        );
        sleep(LOOK_EVERY).await;
    }
}

/// Everything is there once, nothing is a loss, no rule of Microsoft's was broken, and the program ends as it should.
async fn check(world: &World, process: Running) {
    for tenant in world.microsoft.tenants() {
        let losses = world.get(&format!("v1/tenants/{tenant}/losses")).await;
        assert_eq!(
            losses["losses"].as_array().map(Vec::len),
            Some(0),
            "{losses}"
        );
    }
    assert_eq!(world.microsoft.violations(), []);
    let (_, ended_well) = process.interrupt();
    assert!(ended_well, "{}", tail(&world.log()));
    let lake = verify::read(&world.lake()).unwrap();
    assert_eq!((lake.duplicates(), lake.unnamed()), (0, 0));
    assert_eq!(lake.written(), world.published().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_of_faults_everything_is_there_within_seconds() {
    let world = world(BLOBS_PER_SECOND).await;
    let process = world.start();
    world.register().await;
    begin_storm(&world);
    sleep(TROUBLE).await;
    world.microsoft.clear_faults();
    let took = settle(&world, SETTLED_WITHIN).await;
    let fetches = world.microsoft.request_count(Operation::Blob);
    println!("settled after {took:?}, with {fetches} fetches");
    assert!(world.published().len() > TENANTS * BLOBS_PER_TENANT * RECORDS_PER_BLOB / 2);
    check(&world, process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_that_waited_for_consent_come_when_it_is_given() {
    let world = world(BLOBS_PER_SECOND * 5.0).await;
    let process = world.start();
    world.register().await;
    // The tokens that were issued before would go on working for an hour.
    let refused = Fault {
        operation: Some(Operation::Blob),
        ..error(401, "AF10001").into()
    };
    assert!(world.microsoft.fault(refused));
    set_consent(&world, Consent::Missing);
    sleep(TROUBLE).await;
    world.microsoft.clear_faults();
    set_consent(&world, Consent::Granted);
    let took = settle(&world, SERVED_AGAIN_WITHIN).await;
    println!("settled {took:?} after consent");
    check(&world, process).await;
}

fn set_consent(world: &World, consent: Consent) {
    let state = TenantState {
        consent: Some(consent),
        ..TenantState::default()
    };
    for tenant in world.microsoft.tenants() {
        world.microsoft.set_tenant(tenant, &state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_door_that_answers_pages_condemns_nothing() {
    let world = world(BLOBS_PER_SECOND).await;
    let process = world.start();
    world.register().await;
    for operation in OPERATIONS {
        world.microsoft.fault(Fault {
            operation: Some(operation),
            ..FaultKind::Html { status: 200 }.into()
        });
    }
    sleep(Duration::from_secs(20)).await;
    world.microsoft.clear_faults();
    let took = settle(&world, SETTLED_WITHIN).await;
    println!("settled {took:?} after the pages");
    check(&world, process).await;
}
