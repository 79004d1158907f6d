//! The real template, built and deployed: API Gateway, the bootstraps, SQS, DynamoDB, S3, with permissions enforced.

mod findings;
mod registration;
mod sign_on;
mod storm;
mod world;

use std::collections::BTreeSet;

use columnar::CLASSES;
use emulator::{Config, ContentType};
use reqwest::StatusCode;
use serde_json::json;
use tests::{Outcome, lake};
use uuid::Uuid;

use self::findings::{
    an_attack_is_told, everybody_receives_each_finding, the_api_handles_findings,
    the_detector_writes_findings,
};
use self::registration::{
    a_consent_link_leads_back_to_a_page, register,
    tenant_is_registered_and_its_webhooks_are_validated,
};
use self::world::{
    World, answer, ensure, lake_holds_what_was_published, ledger, subscriptions, wait_until,
};

const BLOBS: usize = 10;

/// Largest bootstrap of the receiver, in bytes: Microsoft waits for its answer, even during a cold start.
const RECEIVER_BYTES_MAX: u64 = 8_000_000;

/// Largest bootstrap of the other functions, in bytes: a larger one takes longer to start, and that time is billed. The API's has the
/// texts of the built-in rules.
const BOOTSTRAP_BYTES_MAX: u64 = 15_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deployed_template_delivers_records_to_the_lake() {
    let world = World::deploy(Config {
        blobs_per_tenant: BLOBS,
        allow_http_webhooks: true,
        ..Config::default()
    })
    .await;
    let ended = scenario(&world).await;
    world.expect(ended).await;
}

async fn scenario(world: &World) -> Outcome<()> {
    let tenant = world.microsoft.tenants()[0];
    bootstraps_are_small(world)?;
    every_class_has_a_glue_table(world).await?;
    strangers_are_refused(world, tenant).await?;
    sign_on::tokens_of_the_issuer_open_what_their_role_opens(world).await?;
    tenant_is_registered_and_its_webhooks_are_validated(world, tenant).await?;
    a_consent_link_leads_back_to_a_page(world, tenant).await?;
    an_attack_is_told(world, tenant)?;
    everything_published_is_in_the_lake_once(world).await?;
    what_no_notification_announced_is_found_by_the_sweep(world, tenant).await?;
    the_status_tells_all_that(world, tenant).await?;
    the_stream_has_every_event_of_the_lake(world).await?;
    the_detector_writes_findings(world).await?;
    everybody_receives_each_finding(world).await?;
    the_api_handles_findings(world, tenant).await?;
    what_is_gone_is_told_from_what_may_not_be_read(world).await?;
    a_closed_hour_becomes_parquet_once(world).await
}

fn bootstraps_are_small(world: &World) -> Outcome<()> {
    let sizes = world.stack.bootstraps()?;
    ensure(sizes.len() == 8, || {
        format!("eight functions, not {sizes:?}")
    })?;
    let too_large = sizes.iter().find(|(name, bytes)| {
        let max = if *name == "ReceiverFunction" {
            RECEIVER_BYTES_MAX
        } else {
            BOOTSTRAP_BYTES_MAX
        };
        **bytes > max
    });
    ensure(too_large.is_none(), || {
        format!("too large: {too_large:?} of {sizes:?}")
    })
}

/// The nested stack exists and uses the database and the bucket of the main stack.
async fn every_class_has_a_glue_table(world: &World) -> Outcome<()> {
    let (bucket, events) = (
        world.stack.output("LakeBucket")?,
        world.stack.output("LakeTable")?,
    );
    let database = events.split('.').next().unwrap_or_default();
    let mut call = vec!["glue", "get-tables", "--database-name", database];
    call.extend(["--query", "TableList[].StorageDescriptor.Location"]);
    let locations: BTreeSet<String> = serde_json::from_value(world.stack.aws(&call).await?)?;
    let expected = CLASSES
        .iter()
        .map(|class| format!("s3://{bucket}/ext/{}/", class.source))
        .chain([
            format!("s3://{bucket}/ocsf/"),
            format!("s3://{bucket}/findings/ocsf/"),
            format!("s3://{bucket}/certificates/"),
        ])
        .collect();
    ensure(locations == expected, || {
        format!("tables over {locations:?}, not over {expected:?}")
    })
}

/// Compares bytes after the way from S3 through EventBridge, the queue and the deployed forwarder. Duplicates are
/// allowed.
async fn the_stream_has_every_event_of_the_lake(world: &World) -> Outcome<()> {
    let mut events = BTreeSet::new();
    for object in lake::files(&world.stack.lake().await?.join("ocsf"))? {
        let text = lake::unpacked(&object)?;
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        events.extend(lines.map(<[u8]>::to_vec));
    }
    ensure(events.len() > BLOBS, || {
        format!("the lake has {} events only", events.len())
    })?;
    wait_until("the stream has every event of the lake", async || {
        let mut delivered = BTreeSet::new();
        for object in lake::files(&world.stack.delivered().await?)? {
            delivered.insert(std::fs::read(object)?);
        }
        let missing = events.difference(&delivered).count();
        let strange = delivered.difference(&events).count();
        ensure(strange == 0, || {
            format!("{strange} records are not events of the lake")
        })?;
        Ok((missing == 0)
            .then_some(())
            .ok_or_else(|| format!("{missing} of {} are missing", events.len())))
    })
    .await
}

/// With the forwarder's own role: S3 reports a missing object as forbidden unless the role may list the folder.
async fn what_is_gone_is_told_from_what_may_not_be_read(world: &World) -> Outcome<()> {
    let not_packed = world.stack.lake().await?.join("not-packed");
    std::fs::write(&not_packed, "{}\n")?;
    // Not in a folder that the rule announces; the role must not read it.
    world
        .stack
        .put("raw/not-packed.ndjson.gz", &not_packed)
        .await?;
    let bucket = world.stack.output("LakeBucket")?;
    let message = |id: &str, key: &str| {
        let told = json!({"detail-type": "Object Created", "detail": {"bucket": {"name": bucket}, "object": {"key": key}}});
        json!({"messageId": id, "body": told.to_string()})
    };
    let event = json!({"Records": [
        message("gone", "ocsf/content_type=DLP.All/day=2026-03-01/hour=01/tenant_id=t/gone.ndjson.gz"),
        message("not for it", "raw/not-packed.ndjson.gz"),
        {"messageId": "strange", "body": "{}"},
    ]});
    let answer = world.stack.invoke("ForwarderName", &event).await?;
    let failed = answer["batchItemFailures"].as_array();
    let failed = failed.into_iter().flatten();
    let failed: BTreeSet<_> = failed
        .filter_map(|of| of["itemIdentifier"].as_str())
        .collect();
    ensure(failed == BTreeSet::from(["not for it", "strange"]), || {
        format!("the forwarder answers {answer}")
    })
}

/// With the compactor's own role, which may list, read and create what it needs and nothing else.
async fn a_closed_hour_becomes_parquet_once(world: &World) -> Outcome<()> {
    let dir = world.stack.lake().await?;
    let objects = lake::files(&dir.join("ocsf"))?;
    let object = objects.first().ok_or("the lake has no events")?;
    let key = object.strip_prefix(&dir)?.to_string_lossy().into_owned();
    let today = key.split('/').find_map(|part| part.strip_prefix("day="));
    let today: jiff::civil::Date = today.ok_or("a key without a day")?.parse()?;
    let yesterday = today.yesterday()?;
    let earlier = key.replace(&format!("day={today}"), &format!("day={yesterday}"));
    world.stack.put(&earlier, object).await?;
    let lines = lake::unpacked(object)?.split(|byte| *byte == b'\n').count() - 1;

    let first = world.stack.invoke("CompactorName", &json!({})).await?;
    let (events, files) = (first["events"].as_u64(), first["files"].as_u64());
    ensure(events >= Some(lines as u64) && files >= Some(1), || {
        format!("{lines} events of yesterday, but the compactor says {first}")
    })?;
    let second = world.stack.invoke("CompactorName", &json!({})).await?;
    ensure(second["failed"] == 0 && second["damaged"] == 0, || {
        format!("the second run says {second}")
    })?;
    let dir = world.stack.lake().await?;
    // Findings of the last hours lie in other hours.
    let hour = key.split('/').find(|part| part.starts_with("hour="));
    let hour = hour.ok_or("a key without an hour")?;
    let plans = lake::files(&dir.join(format!("compaction/day={yesterday}/{hour}")))?;
    ensure(plans.len() == 2, || {
        format!("one plan and its marker, not {plans:?}")
    })?;
    let written = lake::files(&dir.join("ext"))?.len() as u64;
    ensure(Some(written) >= files, || {
        format!("{written} files in the bucket, the first run wrote {files:?}")
    })
}

async fn strangers_are_refused(world: &World, tenant: Uuid) -> Outcome<()> {
    let url = world.stack.url();
    let (status, _) = answer(world.client.get(format!("{url}v1/tenants"))).await?;
    ensure(status == StatusCode::UNAUTHORIZED, || {
        format!("the API without a key answers {status}")
    })?;
    let forged = world
        .client
        .post(format!("{url}v1/notifications/{tenant}/Audit.Exchange"));
    let (status, body) = answer(forged.header("Webhook-AuthID", "v1.forged").body("[]")).await?;
    ensure(
        status == StatusCode::UNAUTHORIZED && body.is_empty(),
        || format!("a forged notification is answered {status}: {body}"),
    )
}

async fn everything_published_is_in_the_lake_once(world: &World) -> Outcome<()> {
    wait_until("every blob of the ledger is done", async || {
        let published = world.microsoft.published();
        let done = ledger(world)
            .await?
            .get("DONE")
            .copied()
            .unwrap_or_default();
        let all_done = published.finished && published.records > 0 && done == published.blobs;
        Ok(all_done
            .then_some(())
            .ok_or_else(|| format!("{done} done of {published:?}")))
    })
    .await?;
    lake_holds_what_was_published(world, &world.microsoft.tenants()).await
}

async fn what_no_notification_announced_is_found_by_the_sweep(
    world: &World,
    tenant: Uuid,
) -> Outcome<()> {
    world.microsoft.set_notify(false);
    let record = json!({
        "CreationTime": "2026-03-01T10:00:00", "Id": Uuid::new_v4(), "Operation": "FileAccessed", "OrganizationId": tenant,
        "RecordType": 6, "UserKey": "u", "UserType": 0, "Version": 1, "Workload": "SharePoint", "UserId": "a@contoso.example",
        "ClientIP": "192.0.2.7", "ObjectId": "https://contoso.example/a.docx",
    });
    let content = world
        .microsoft
        .publish(tenant, ContentType::SharePoint, vec![record]);
    ensure(!content.is_empty(), || {
        "the emulator published nothing".to_owned()
    })?;
    // Whoever is registered again is due at once.
    register(world, &json!({"tenant_id": tenant})).await?;
    world
        .stack
        .invoke("ReconcilerName", &json!({"dispatch": "sweeps"}))
        .await?;
    everything_published_is_in_the_lake_once(world).await
}

async fn the_status_tells_all_that(world: &World, tenant: Uuid) -> Outcome<()> {
    let subscriptions = subscriptions(world, tenant).await?;
    for subscription in &subscriptions {
        let content_type = &subscription["content_type"];
        let seen = !subscription["last_notification_at"].is_null()
            && !subscription["last_content_at"].is_null();
        ensure(seen, || {
            format!("{content_type} shows no notification or no content: {subscription:#}")
        })?;
        ensure(subscription["last_error"].is_null(), || {
            format!("{content_type} shows an error: {subscription:#}")
        })?;
    }
    let violations = world.microsoft.violations();
    ensure(violations.is_empty(), || {
        format!("Microsoft's rules were broken: {violations:#?}")
    })?;
    let queue = world.stack.output("DeadLetterQueueUrl")?;
    let count = [
        "sqs",
        "get-queue-attributes",
        "--attribute-names",
        "ApproximateNumberOfMessages",
        "--queue-url",
        queue,
    ];
    let dead = world.stack.aws(&count).await?;
    ensure(
        dead["Attributes"]["ApproximateNumberOfMessages"] == "0",
        || format!("dead letters: {dead}"),
    )
}
